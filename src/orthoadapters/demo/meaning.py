"""Meanings: who does what to whom, where and how, before any language has put it into words."""

from dataclasses import dataclass, replace
from random import Random

from .concepts import ADJECTIVES, ADVERBS, CLASS_OF, LANDMARKS, NAMES, NOUNS, NUMERALS, ORGANISATIONS, RELATIONS, VERBS


@dataclass(frozen=True)
class Thing:
    """A thing described by a noun; `plural` also where a numeral counts it."""

    concept: str
    plural: bool = False
    determiner: str = "the"  # the, a, this, or "" for none; languages without articles say only "this"
    adjective: str | None = None
    numeral: str | None = None


@dataclass(frozen=True)
class Name:
    """A named entity: PER, ORG or LOC. `head` is "guild" in "guild of X"; `parts` are given name and surname, or X."""

    kind: str
    parts: tuple[str, ...]
    head: str | None = None


@dataclass(frozen=True)
class Pronoun:
    """Stands for something said before."""

    plural: bool = False


@dataclass(frozen=True)
class Group:
    """Two or more, joined by "and"."""

    members: tuple[Thing | Name, ...]


Phrase = Thing | Name | Pronoun | Group


@dataclass(frozen=True)
class Clause:
    """A clause: `predicate` is a verb, or an adjective or noun said of the agent ("the dog is big", "the dog is an animal")."""

    predicate: str
    agent: Phrase
    patient: Phrase | None = None
    place: tuple[str, Thing | Name] | None = None  # (relation, where)
    manner: str | None = None
    tense: str = "present"  # present, past, future
    is_negated: bool = False
    passive: bool = False


@dataclass(frozen=True)
class Sentence:
    """One or two clauses; `opener` and `joiner` are the concepts of the words that link them."""

    clauses: tuple[Clause, ...]
    opener: str | None = None
    joiner: str | None = None


def is_plural(phrase: Phrase) -> bool:
    return isinstance(phrase, Group) or (isinstance(phrase, Thing | Pronoun) and phrase.plural)


def some_thing(rng: Random, classes: tuple[str, ...], *, plain: bool = False) -> Thing:
    """Draws a noun of one of the classes, one time in eight the class itself; `plain` without adjective and numeral."""
    name = rng.choice(classes)
    concept = name if rng.random() < 1 / 8 else rng.choice(NOUNS[name])  # ours: hypernyms are seen, yet rarer
    thing = Thing(concept, plural=rng.random() < 0.3, determiner=rng.choice(("the", "the", "a", "this", "", "")))
    if plain:
        return thing
    if rng.random() < 0.4:
        thing = replace(thing, adjective=some_adjective(rng, concept))
    if rng.random() < 0.15:
        thing = replace(thing, plural=True, determiner="the", numeral=rng.choice(NUMERALS))
    return thing


def some_adjective(rng: Random, concept: str) -> str:
    """Draws an adjective that can describe the concept, whose class restricts the choice."""
    kind = CLASS_OF.get(concept, concept)
    return rng.choice([word for word, classes in ADJECTIVES.items() if kind in classes])


def some_name(rng: Random, kind: str) -> Name:
    """Draws a name. PER: given name, surname or both; ORG: a head and a town or surname; LOC: a town, some with a landmark."""
    forename, surname, town = (rng.choice(NAMES[k]) for k in ("given", "surname", "town"))
    if kind == "PER":
        return Name("PER", rng.choice(((forename,), (forename, surname), (forename, surname), (surname,))))
    if kind == "ORG":
        return Name("ORG", (rng.choice((town, town, surname)),), head=rng.choice(ORGANISATIONS))
    return Name("LOC", (town,), head=rng.choice((None, None, *LANDMARKS)))


def some_phrase(rng: Random, classes: tuple[str, ...], names: float) -> Phrase:
    """Draws a name with probability `names` where the classes admit one, else a thing; sometimes two things."""
    if "person" in classes and rng.random() < names:
        return some_name(rng, rng.choice(("PER", "PER", "ORG")))
    if classes == ("place",) and rng.random() < names:
        return some_name(rng, "LOC")
    if rng.random() < 0.12:
        first, second = some_thing(rng, classes, plain=True), some_thing(rng, classes, plain=True)
        if first.concept != second.concept:
            return Group((first, second))
    return some_thing(rng, classes)


def some_place(rng: Random, names: float) -> tuple[str, Thing | Name]:
    where = some_name(rng, "LOC") if rng.random() < names else some_thing(rng, ("place",))
    return rng.choice(RELATIONS), where


def some_clause(rng: Random, names: float = 0.4, agent: Phrase | None = None, kind: str = "person") -> Clause:
    """Draws a clause that makes sense; with `agent` given (of class `kind`), one about that agent."""
    if rng.random() < 0.15:
        subject = agent or replace(some_thing(rng, (kind,), plain=True), determiner="the")
        noun = subject.concept if isinstance(subject, Thing) else kind
        predicate = some_adjective(rng, noun)
        return Clause(predicate, subject, tense=rng.choice(("present", "past")), is_negated=rng.random() < 0.2)
    verbs = [verb for verb, (agents, _) in VERBS.items() if agent is None or kind in agents]
    verb = rng.choice(verbs)
    agents, patients = VERBS[verb]
    return Clause(
        verb,
        agent or some_phrase(rng, agents, names),
        some_phrase(rng, patients, names) if patients else None,
        place=some_place(rng, names) if rng.random() < (0.4 if patients else 0.6) else None,
        manner=rng.choice(ADVERBS) if rng.random() < 0.3 else None,
        tense=rng.choice(("present", "past", "past", "future")),
        is_negated=rng.random() < 0.12,
        passive=bool(patients) and rng.random() < 0.12,
    )
