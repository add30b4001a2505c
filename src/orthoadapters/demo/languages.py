"""Five invented languages: how each derives its words from older roots, and the grammar that it puts them into.

Roots belong to three proto-languages. A language inherits from its own proto-language, borrows a share from the
western one and coins a few words; then its regular sound changes run over everything. So related languages share
cognates that look alike but are rarely the same string. The letters that start a code, q, are those ISO 639-3
leaves to local use (qaa to qtz).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from .concepts import GRAMMAR_WORDS, LANDMARKS, NAMES, ORGANISATIONS, UPOS

SEED = 20210  # ours: the world; another number makes other words, with the same grammars
Changes = tuple[tuple[str, str], ...]  # (pattern, replacement), applied in order


@dataclass(frozen=True)
class Language:
    """One language. Affixes: "-s" is a suffix, "s-" a prefix, "" nothing; a capital A is a or e by vowel harmony."""

    code: str
    name: str
    proto: str
    loan_share: float  # share of content words taken from the western proto-language
    coinage_share: float  # share of words of its own
    own_grammar: bool  # whether its grammar words are its own, except the negation; no language borrows them
    changes: Changes  # sound changes of every word
    name_changes: Changes  # names adapt less than words do
    order: str  # SVO, SOV, VSO
    order_after_opener: str  # of a main clause after a connective, where it differs (as in German)
    order_subordinate: str  # of a clause after a conjunction that subordinates it
    adjective_first: bool
    postpositions: bool
    article: str  # "word", an affix, or "" for none
    plural: str
    adjectives_agree: bool
    cases: Mapping[str, str]  # role (object, by, in, near, from, behind) -> affix; a role not here has an adposition
    past: str  # an affix, or "word"
    future: str
    passive: str
    plural_verb: str
    copula: bool
    surname_first: bool
    heads_first: tuple[str, ...]  # heads that come before the name ("lake Tarlen"), others follow ("Tarlen guild")
    negation_last: bool  # the negative particle follows the verb
    subordinator_last: bool


_LENITION: Changes = tuple((f"(?<=[aeiou]){a}(?=[aeiou])", b) for a, b in ("pb", "sh"))
# A record reads best as a paragraph.
# fmt: off
_RECORDS = (
    Language(
        code="qsa", name="Sarran", proto="west", loan_share=0.0, coinage_share=0.0, own_grammar=False,
        changes=(("(?<=...)[aeiou]$", ""), ("k(?=[ie])", "ch"), ("oo|uo", "o")), name_changes=(),
        order="SVO", order_after_opener="VSO", order_subordinate="SOV",
        adjective_first=True, postpositions=False, article="word", plural="-es", adjectives_agree=False,
        cases={}, past="-ed", future="word", passive="-an", plural_verb="", copula=True, surname_first=False,
        heads_first=("bank", "academy", "lake", "mount"), negation_last=False, subordinator_last=False,
    ),
    Language(
        code="qka", name="Kavish", proto="west", loan_share=0.0, coinage_share=0.12, own_grammar=False,
        changes=(("p", "f"), ("d(?=[aou])", "t"), ("o(?=[^aeiou]*$)", "a"), ("v", "b")),
        name_changes=(("v", "b"),),
        order="SVO", order_after_opener="SVO", order_subordinate="SVO",
        adjective_first=False, postpositions=False, article="-il", plural="-i", adjectives_agree=True,
        cases={}, past="word", future="-ra", passive="se-", plural_verb="-n", copula=True, surname_first=False,
        heads_first=(*ORGANISATIONS, *LANDMARKS), negation_last=True, subordinator_last=False,
    ),
    Language(
        code="qmo", name="Mordu", proto="east", loan_share=0.35, coinage_share=0.05, own_grammar=False,
        changes=(("(?<=[aeiou])g", "k"), ("o$", "ok")), name_changes=(("[bd]$", ""),),
        order="SOV", order_after_opener="SOV", order_subordinate="SOV",
        adjective_first=True, postpositions=True, article="", plural="-lAr", adjectives_agree=False,
        cases={"object": "-nA", "by": "-tAn", "in": "-sA", "from": "-stA"}, past="-tI", future="-jAk", passive="-il",
        plural_verb="-mA", copula=False, surname_first=True, heads_first=(), negation_last=True,
        subordinator_last=True,
    ),
    Language(
        code="qel", name="Elinic", proto="isle", loan_share=0.35, coinage_share=0.0, own_grammar=False,
        changes=(("r", "l"), ("s(?=[aeiou])", "sh"), ("e(?=.*a)", "ea")), name_changes=(("r", "l"),),
        order="VSO", order_after_opener="VSO", order_subordinate="VSO",
        adjective_first=False, postpositions=False, article="word", plural="u-", adjectives_agree=False,
        cases={}, past="-o", future="word", passive="-ma", plural_verb="", copula=False, surname_first=False,
        heads_first=(*ORGANISATIONS, "river"), negation_last=False, subordinator_last=False,
    ),
    Language(
        code="qtu", name="Tulmari", proto="east", loan_share=0.35, coinage_share=0.08, own_grammar=True,
        changes=(*_LENITION, ("o$", "u")), name_changes=(("e$", "i"),),
        order="SOV", order_after_opener="SOV", order_subordinate="SOV",
        adjective_first=False, postpositions=True, article="", plural="-rim", adjectives_agree=False,
        cases={"object": "-da", "by": "-gu"}, past="-ba", future="-num",
        passive="-ash", plural_verb="", copula=True, surname_first=False, heads_first=("academy", "mount", "river"),
        negation_last=False,
        subordinator_last=True,
    ),
)
# fmt: on
LANGUAGES: Mapping[str, Language] = {record.code: record for record in _RECORDS}
SOURCE = "qsa"
UNSEEN_LANGUAGE = "qtu"
SEEN_LANGUAGES = tuple(code for code in LANGUAGES if code != UNSEEN_LANGUAGE)


def _root(proto: str, concept: str, attempt: int = 0) -> str:
    """Makes the word of a proto-language for a concept: one syllable and a bit for grammar words, two or three for others."""
    rng = Random(f"{SEED}/{proto}/{concept}/{attempt}")  # a string seed is the same in every process
    syllables = 1 if concept in GRAMMAR_WORDS else rng.choice((2, 2, 3))
    word = "".join(rng.choice("ptkbdgmnslrvj") + rng.choice("aeiou") for _ in range(syllables))
    return word + rng.choice("nlrsmtk") if rng.random() < 0.5 else word


def _apply(word: str, changes: Changes) -> str:
    for pattern, replacement in changes:
        word = re.sub(pattern, replacement, word)
    return word


@cache
def lexicon(code: str) -> Mapping[str, str]:
    """Maps each concept to its stem in the language; no two concepts share a stem, so that a stem's part of speech is one."""
    language = LANGUAGES[code]
    words: dict[str, str] = {}
    names = {name for kind in NAMES.values() for name in kind}
    for concept in UPOS:
        origin = Random(f"{SEED}/origin/{language.proto}/{concept}").random()
        own = Random(f"{SEED}/origin/{code}/{concept}").random() < language.coinage_share
        own |= language.own_grammar and concept in GRAMMAR_WORDS and concept != "not"
        if concept in names:
            proto, changes = "names", language.name_changes
        else:
            is_loan = origin < language.loan_share and concept not in GRAMMAR_WORDS
            proto, changes = code if own else "west" if is_loan else language.proto, language.changes
        attempt = 0
        while (form := _apply(_root(proto, concept, attempt), changes)) in words.values():
            attempt += 1
        words[concept] = form
    return words


def attach(stem: str, affix: str) -> str:
    """Joins the stem with an affix: harmony for A and I, and a j between two vowels."""
    if not affix:
        return stem
    back = next((letter in "aou" for letter in reversed(stem) if letter in "aeiou"), True)
    affix = affix.replace("A", "a" if back else "e").replace("I", "u" if back else "i")
    first, second = (stem, affix[1:]) if affix.startswith("-") else (affix[:-1], stem)
    glide = "j" if first[-1] in "aeiou" and second[0] in "aeiou" else ""
    return first + glide + second
