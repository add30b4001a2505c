"""The statements that follow from another one, contradict it or leave it open, by the logic of its meaning."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from .concepts import ADVERBS, CLASS_OF, NOUNS, OPPOSITE, VERBS
from .meaning import Clause, Group, Phrase, Thing, some_adjective, some_place

_ROLES = ("agent", "patient")
LABELS = ("entailment", "neutral", "contradiction")


def hypothesis(premise: Clause, label: str, rng: Random) -> Clause | None:
    """Draws a clause that stands in the relation `label` to the premise; None where this premise offers none."""
    changes = {"entailment": _ENTAILMENTS, "neutral": _NEUTRALS, "contradiction": _CONTRADICTIONS}[label]
    for change in rng.sample(changes, len(changes)):
        result = change(premise, rng)
        if result is not None:
            break
    else:
        return None
    if label != "entailment" and not premise.is_negated and rng.random() < 0.1:  # leaving more out keeps these labels
        result = _less(result, rng, keep=_difference(premise, result)) or result
    if result.patient is not None and rng.random() < 0.15:
        result = replace(result, passive=not result.passive)
    return result


def _put(clause: Clause, role: str, phrase: Phrase) -> Clause:
    return replace(clause, agent=phrase) if role == "agent" else replace(clause, patient=phrase)


def _difference(one: Clause, other: Clause) -> str:
    """Names the field in which a changed clause differs from its premise."""
    return next(name for name in one.__dataclass_fields__ if getattr(one, name) != getattr(other, name))


def _less(clause: Clause, rng: Random, keep: str = "") -> Clause | None:
    """Leaves one modifier or conjunct out. Under negation that would not follow, so None there."""
    if clause.is_negated:
        return None
    options: list[Clause] = []
    if clause.place is not None and keep != "place":
        options.append(replace(clause, place=None))
    if clause.manner is not None and keep != "manner":
        options.append(replace(clause, manner=None))
    for name in _ROLES:
        phrase = getattr(clause, name)
        if isinstance(phrase, Thing) and phrase.adjective and name != keep:
            options.append(_put(clause, name, replace(phrase, adjective=None)))
        if isinstance(phrase, Group) and name != keep:
            options += [_put(clause, name, member) for member in phrase.members]
    return rng.choice(options) if options else None


def _general(clause: Clause, rng: Random) -> Clause | None:
    """Says "an animal" for "the dog"."""
    if clause.is_negated:
        return None
    names = [name for name in _ROLES if _specific(getattr(clause, name))]
    if not names:
        return None
    name = rng.choice(names)
    thing = getattr(clause, name)
    return _put(clause, name, replace(thing, concept=CLASS_OF[thing.concept], determiner="a", numeral=None))


def _specific(phrase: Phrase | None) -> bool:
    return isinstance(phrase, Thing) and phrase.concept in CLASS_OF


def _voice(clause: Clause, rng: Random) -> Clause | None:
    return replace(clause, passive=not clause.passive) if clause.patient is not None else None


def _opposite(clause: Clause, rng: Random) -> Clause | None:
    """Chooses another predicate or manner, which excludes the one that was stated."""
    if clause.is_negated:
        return None
    options: list[Clause] = []
    if clause.predicate in OPPOSITE:
        options.append(replace(clause, predicate=OPPOSITE[clause.predicate]))
    if clause.manner is not None:
        options.append(replace(clause, manner=OPPOSITE[clause.manner]))
    return rng.choice(options) if options else None


def _negation(clause: Clause, rng: Random) -> Clause | None:
    return replace(clause, is_negated=not clause.is_negated)


def _more(clause: Clause, rng: Random) -> Clause | None:
    """Adds a place, a manner or an adjective that nothing was said about."""
    if clause.is_negated or clause.predicate not in VERBS:
        return None
    options: list[Clause] = []
    if clause.place is None:
        options.append(replace(clause, place=some_place(rng, 0.4)))
    if clause.manner is None:
        options.append(replace(clause, manner=rng.choice(ADVERBS)))
    for name in _ROLES:
        thing = getattr(clause, name)
        if isinstance(thing, Thing) and thing.adjective is None:
            options.append(_put(clause, name, replace(thing, adjective=some_adjective(rng, thing.concept))))
    return rng.choice(options) if options else None


def _other(clause: Clause, rng: Random) -> Clause | None:
    """Chooses another agent or patient of the same class: it may have done the same, or not."""
    names = [name for name in _ROLES if _specific(getattr(clause, name))]
    if not names:
        return None
    name = rng.choice(names)
    thing = getattr(clause, name)
    others = [concept for concept in NOUNS[CLASS_OF[thing.concept]] if concept != thing.concept]
    return _put(clause, name, replace(thing, concept=rng.choice(others)))


Change = Callable[[Clause, Random], Clause | None]
# ours: shares as in crowd-sourced pairs, where a negation mostly marks a contradiction and leaving out an entailment
# (Gururangan et al. 2018); a model this small learns little but such marks, in two thousand pairs.
_ENTAILMENTS: tuple[Change, ...] = (_less, _less, _less, _less, _general, _voice)
_CONTRADICTIONS: tuple[Change, ...] = (_negation, _negation, _negation, _opposite)
_NEUTRALS: tuple[Change, ...] = (_more, _more, _more, _other)
