"""Realisation: a meaning becomes the words of one language. A word knows its tag, because it knows why it is there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .concepts import ADJECTIVES, UPOS, VERBS
from .languages import LANGUAGES, attach, lexicon
from .meaning import Clause, Group, Name, Phrase, Pronoun, Sentence, Thing, is_plural


@dataclass(frozen=True)
class Word:
    """A word form, its part of speech, its IOB2 entity tag and its gloss."""

    form: str
    upos: str
    entity: str
    gloss: str


class Grammar:
    """The grammar of one language over a lexicon: its own, or (in code-switched text) one with stems of another."""

    def __init__(self, code: str, stems: Mapping[str, str] | None = None) -> None:
        self.language = LANGUAGES[code]
        self.stems = lexicon(code) if stems is None else stems

    def sentence(self, sentence: Sentence) -> list[Word]:
        words = [self._word(sentence.opener)] if sentence.opener and UPOS[sentence.opener] == "ADV" else []
        if sentence.opener and not words:  # a subordinate clause, then the main one
            first = self._clause(sentence.clauses[0], self.language.order_subordinate)
            second = self._clause(sentence.clauses[1], self.language.order_after_opener)
            mark, comma = self._word(sentence.opener), Word(",", "PUNCT", "O", ",")
            first = [*first, mark] if self.language.subordinator_last else [mark, *first]
            return [*first, comma, *second, Word(".", "PUNCT", "O", ".")]
        for position, clause in enumerate(sentence.clauses):
            if position and sentence.joiner:
                words.append(self._word(sentence.joiner))
            words += self._clause(clause, self._order(sentence, position))
        return [*words, Word(".", "PUNCT", "O", ".")]

    def _word(self, concept: str, *affixes: str) -> Word:
        form = self.stems[concept]
        for affix in affixes:
            form = attach(form, affix)
        gloss = "+".join((concept, *(affix.strip("-") for affix in affixes if affix)))
        return Word(form, UPOS[concept], "O", gloss)

    def _order(self, sentence: Sentence, position: int) -> str:
        if position and sentence.joiner == "because":
            return self.language.order_subordinate
        return self.language.order_after_opener if sentence.opener and not position else self.language.order

    def _clause(self, clause: Clause, order: str) -> list[Word]:
        passive = clause.passive and clause.patient is not None
        subject = self._phrase(clause.patient if passive else clause.agent, "subject")
        verb = self._verb(clause, is_plural(clause.patient if passive and clause.patient else clause.agent), order)
        object_: list[Word] = []
        if clause.patient is not None:
            object_ = self._phrase(clause.agent, "by") if passive else self._phrase(clause.patient, "object")
        place = self._phrase(clause.place[1], clause.place[0]) if clause.place else []
        manner = [self._word(clause.manner)] if clause.manner else []
        if order == "SVO":
            return [*subject, *verb, *object_, *manner, *place]
        if order == "SOV":
            return [*subject, *place, *object_, *manner, *verb]
        return [*verb, *manner, *subject, *object_, *place]

    def _verb(self, clause: Clause, plural: bool, order: str) -> list[Word]:
        """Forms the predicate with what belongs to it: auxiliaries, negation, tense, voice, agreement."""
        language = self.language
        tense = {"present": "", "past": language.past, "future": language.future}[clause.tense]
        agreement = language.plural_verb if plural else ""
        words = []
        if tense == "word":
            words.append(self._word("did" if clause.tense == "past" else "will"))
            tense = ""
        if clause.predicate in VERBS:
            voice = language.passive if clause.passive and clause.patient is not None else ""
            core = [self._word(clause.predicate, voice, tense, agreement)]
        elif clause.predicate in ADJECTIVES:
            copula = language.copula or tense or agreement
            core = [*([self._word("be", tense, agreement)] if copula else []), self._word(clause.predicate)]
        else:
            noun = Thing(clause.predicate, plural=plural, determiner="a")
            core = [*([self._word("be", tense, agreement)] if language.copula else []), *self._phrase(noun, "subject")]
        if order == "SOV" and clause.predicate in ADJECTIVES:
            core.reverse()  # head-final: what is said first, then its copula, then the auxiliary
        words = [*core, *words] if order == "SOV" else [*words, *core]
        if not clause.is_negated:
            return words
        return [*words, self._word("not")] if language.negation_last else [self._word("not"), *words]

    def _phrase(self, phrase: Phrase | None, role: str) -> list[Word]:
        """Forms a noun phrase in a role (subject, object, by, or a relation of place), with its case or adposition."""
        if phrase is None:
            return []
        case = self.language.cases.get(role, "")
        if isinstance(phrase, Group):
            words = [word for n, member in enumerate(phrase.members) for word in self._conjunct(n, member, case)]
        else:
            words = self._simple(phrase, case)
        if case or role in ("subject", "object"):
            return words
        adposition = [self._word(role)]
        return [*words, *adposition] if self.language.postpositions else [*adposition, *words]

    def _conjunct(self, position: int, member: Thing | Name, case: str) -> list[Word]:
        return [*([self._word("and")] if position else []), *self._simple(member, case)]

    def _simple(self, phrase: Thing | Name | Pronoun, case: str) -> list[Word]:
        if isinstance(phrase, Pronoun):
            return [self._word("they" if phrase.plural else "he", case)]
        return self._name(phrase, case) if isinstance(phrase, Name) else self._thing(phrase, case)

    def _thing(self, thing: Thing, case: str) -> list[Word]:
        language = self.language
        number = language.plural if thing.plural else ""
        definite = language.article if thing.determiner == "the" and language.article != "word" else ""
        noun = self._word(thing.concept, number, definite, case)
        before: list[Word] = []
        bare = language.article != "word" or not thing.determiner or (thing.determiner == "a" and thing.plural)
        if thing.determiner == "this" or not bare:
            before.append(self._word(thing.determiner))
        if thing.numeral:
            before.append(self._word(thing.numeral))
        if thing.adjective is None:
            return [*before, noun]
        adjective = self._word(thing.adjective, number if language.adjectives_agree else "")
        return [*before, adjective, noun] if language.adjective_first else [*before, noun, adjective]

    def _name(self, name: Name, case: str) -> list[Word]:
        language = self.language
        concepts = [*reversed(name.parts)] if language.surname_first else [*name.parts]
        if name.head:
            concepts = [name.head, *concepts] if name.head in language.heads_first else [*concepts, name.head]
        last = len(concepts) - 1  # the name takes its case once, at its end
        words = [self._word(concept, case if n == last else "") for n, concept in enumerate(concepts)]
        return [replace(word, entity=f"{'I' if n else 'B'}-{name.kind}") for n, word in enumerate(words)]


def surface(words: list[Word]) -> str:
    """Words as running text: punctuation joins the word before it."""
    return "".join(word.form if word.upos == "PUNCT" or not n else f" {word.form}" for n, word in enumerate(words))
