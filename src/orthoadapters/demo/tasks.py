"""Labelled examples of the three tasks; every label is read off the meaning or the grammar, none is annotated."""

from collections.abc import Iterable
from functools import cache
from random import Random

from orthoadapters.errors import UserError
from orthoadapters.examples import Example, SentencePair, TaggedSentence

from .concepts import CONNECTIVES
from .grammar import Grammar, surface
from .inference import LABELS, hypothesis
from .languages import LANGUAGES, SEED
from .meaning import Sentence, some_clause

SIZES = {"test": 500, "dev": 300, "train": 2000}  # ours: an epoch takes seconds, and 500 put 2 points between ties
TASKS = ("xnli", "wikiann", "udpos")


def demo_examples(task: str, split: str, language: str) -> list[Example]:
    """Makes the examples of a split, with the same meanings in every language; no sentence is in two splits."""
    check_choice("task", task, TASKS)
    check_choice("split", split, SIZES)
    check_choice("language", language, LANGUAGES)
    meanings = _meanings(task)[split]
    grammar = Grammar(language)
    return [_example(task, grammar, sentences, label) for sentences, label in meanings]


def check_choice(what: str, value: str, choices: Iterable[str]) -> None:
    """Raises UserError, with the known values, for one that is none of them."""
    if value not in choices:
        raise UserError(f"the demo world has no {what} {value!r}; choose one of: {', '.join(choices)}")


def _example(task: str, grammar: Grammar, sentences: tuple[Sentence, ...], label: str) -> Example:
    word_lists = [grammar.sentence(sentence) for sentence in sentences]
    if task == "xnli":
        return SentencePair(surface(word_lists[0]), surface(word_lists[1]), label)
    (words,) = word_lists
    tags = tuple(word.entity if task == "wikiann" else word.upos for word in words)
    return TaggedSentence(tuple(word.form for word in words), tags)


@cache
def _meanings(task: str) -> dict[str, list[tuple[tuple[Sentence, ...], str]]]:
    """Draws (sentences, label) for every split. A meaning is left out if a language already used its words for another."""
    rng = Random(f"{SEED}/{task}")
    grammars = [Grammar(code) for code in LANGUAGES]
    former_forms: set[tuple[str, ...]] = set()
    splits: dict[str, list[tuple[tuple[Sentence, ...], str]]] = {}
    for split, size in SIZES.items():
        splits[split] = []
        while len(splits[split]) < size:
            label = LABELS[len(splits[split]) % len(LABELS)] if task == "xnli" else ""
            sentences = _sample(task, label, rng)
            if sentences is None:
                continue
            forms = {tuple(surface(g.sentence(s)) for s in sentences) for g in grammars}
            if former_forms.isdisjoint(forms):
                former_forms |= forms
                splits[split].append((sentences, label))
        rng.shuffle(splits[split])
    return splits


def _sample(task: str, label: str, rng: Random) -> tuple[Sentence, ...] | None:
    if task == "xnli":
        premise = some_clause(rng, names=0.3)
        second = hypothesis(premise, label, rng)
        return None if second is None else (Sentence((premise,)), Sentence((second,)))
    clause = some_clause(rng, names=0.6 if task == "wikiann" else 0.3)
    if rng.random() < 0.25:
        joiner = rng.choice(("and", "but", "because"))
        return (Sentence((clause, some_clause(rng, names=0.3)), joiner=joiner),)
    return (Sentence((clause,), opener=rng.choice((None, None, None, *CONNECTIVES.values()))),)


def sentences(task: str, split: str) -> list[Sentence]:
    """Returns the meanings behind `demo_examples`, of a pair the first one, for those who want to look at them."""
    return [meaning[0] for meaning, _ in _meanings(task)[split]]
