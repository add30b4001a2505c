"""Running text for masked language modelling: short stories about one subject, whose sentences bear on each other."""

from collections.abc import Iterator
from random import Random

from .concepts import CONNECTIVES, SUBORDINATORS
from .grammar import Grammar, surface
from .inference import LABELS, hypothesis
from .languages import SEED, SEEN_LANGUAGES, SOURCE, lexicon
from .meaning import Pronoun, Sentence, is_plural, some_clause, some_name, some_thing

N_PASSAGES = 8000  # ours: about 200,000 words a language, several times what a demo adapter reads


def passage(rng: Random) -> list[Sentence]:
    """Draws statements about one subject, many followed by one that follows from, contradicts or adds to them."""
    kind = rng.choice(("person", "person", "animal"))
    hero = some_name(rng, "PER") if kind == "person" and rng.random() < 0.6 else some_thing(rng, (kind,), plain=True)
    sentences: list[Sentence] = []
    for n in range(rng.randint(2, 4)):
        if n and rng.random() < 0.4:
            clause = some_clause(rng, agent=Pronoun(plural=is_plural(hero)), kind=kind)
        elif rng.random() < 0.5:
            clause = some_clause(rng, agent=hero, kind=kind)
        else:
            clause = some_clause(rng)
        label = rng.choice(LABELS)
        sequel = hypothesis(clause, label, rng) if rng.random() < 0.65 else None
        if sequel is None:
            more = (some_clause(rng),) if rng.random() < 0.2 else ()
            sentences.append(Sentence((clause, *more), joiner=rng.choice(("and", "but", "because")) if more else None))
        elif rng.random() < 0.5:
            sentences += [Sentence((clause,)), Sentence((sequel,), opener=CONNECTIVES[label])]
        else:
            sentences.append(Sentence((clause, sequel), opener=SUBORDINATORS[label]))
    return sentences


def _write(grammar: Grammar, sentences: list[Sentence]) -> list[str]:
    return [surface(grammar.sentence(sentence)) for sentence in sentences]


def monolingual(code: str, passages: int = N_PASSAGES) -> Iterator[str]:
    """Yields passages of one language."""
    grammar = Grammar(code)
    for n in range(passages):
        yield " ".join(_write(grammar, passage(Random(f"{SEED}/text/{code}/{n}"))))


def bilingual(codes: tuple[str, ...], passages: int) -> Iterator[str]:
    """Yields passages of bilinguals, who all know the source: with a translation after each sentence, or mixed words."""
    for n in range(passages):
        rng = Random(f"{SEED}/mixed/{n}")
        one, other = rng.sample((SOURCE, rng.choice([code for code in codes if code != SOURCE])), 2)
        story = passage(rng)
        if rng.random() < 0.2:
            pairs = zip(_write(Grammar(one), story), _write(Grammar(other), story), strict=True)
            yield " ".join(text for pair in pairs for text in pair)
        else:
            own, foreign = lexicon(one), lexicon(other)
            stems = {concept: foreign[concept] if rng.random() < 0.5 else own[concept] for concept in own}
            yield " ".join(_write(Grammar(one, stems), story))


def linked_statements(codes: tuple[str, ...], count: int) -> Iterator[tuple[str, str, str]]:
    """Yields two statements with the connective that belongs between them, half of them with words of two languages."""
    for n in range(count):
        rng = Random(f"{SEED}/linked/{n}")
        one, other = rng.sample((SOURCE, rng.choice([code for code in codes if code != SOURCE])), 2)
        own, foreign = lexicon(one), lexicon(other)
        if rng.random() < 0.5:
            own = {concept: foreign[concept] if rng.random() < 0.5 else own[concept] for concept in own}
        label, second = rng.choice(LABELS), None
        while second is None:
            first = some_clause(rng, names=0.3)
            second = hypothesis(first, label, rng)
        before, after = _write(Grammar(one, own), [Sentence((first,)), Sentence((second,))])
        yield before, own[CONNECTIVES[label]], after


def pretraining_text(passages: int, mixed_passages: int) -> list[str]:
    """Makes the text that the backbone reads: passages of each seen language, and passages that mix two of them."""
    texts = [text for code in SEEN_LANGUAGES for text in monolingual(code, passages)]
    return texts + list(bilingual(SEEN_LANGUAGES, mixed_passages))
