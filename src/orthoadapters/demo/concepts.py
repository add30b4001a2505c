"""The things that can be said in the demo world, in no language in particular.

A concept is named by its English gloss. Which verbs take which agents and patients is the same for every
language: that shared structure is what lets a model trained on one language be of use in another.
"""

from collections.abc import Mapping

# A class, which is itself a noun (the hypernym) -> its members.
NOUNS: Mapping[str, tuple[str, ...]] = {
    "person": ("teacher", "farmer", "child", "king"),
    "animal": ("dog", "cat", "horse", "wolf"),
    "food": ("bread", "apple", "soup"),
    "tool": ("knife", "rope", "lamp"),
    "writing": ("book", "letter", "song"),
    "place": ("house", "market", "forest", "garden"),
}
CLASS_OF: Mapping[str, str] = {member: name for name, members in NOUNS.items() for member in members}

_LIVING = ("person", "animal")
_GOODS = ("food", "tool", "writing")
# A verb -> the classes of its agent, and those of its patient.
VERBS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "eat": (_LIVING, ("food",)),
    "buy": (("person",), _GOODS),
    "sell": (("person",), _GOODS),
    "find": (_LIVING, (*_GOODS, "animal")),
    "lose": (("person",), _GOODS),
    "read": (("person",), ("writing",)),
    "write": (("person",), ("writing",)),
    "see": (_LIVING, (*_LIVING, "place")),
    "follow": (_LIVING, _LIVING),
    "love": (_LIVING, _LIVING),
    "hate": (_LIVING, _LIVING),
    "help": (("person",), _LIVING),
    "harm": (("person",), _LIVING),
    "sleep": (_LIVING, ()),
    "wake": (_LIVING, ()),
    "arrive": (_LIVING, ()),
    "leave": (_LIVING, ()),
}
# An adjective -> the classes that it can describe.
ADJECTIVES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("big", "small", "old", "young", "good", "bad"), tuple(NOUNS)),
    **dict.fromkeys(("happy", "sad"), _LIVING),
    **dict.fromkeys(("clean", "dirty"), (*_GOODS, "place")),
}
ADVERBS = ("quickly", "slowly", "quietly", "loudly")
NUMERALS = ("two", "three", "five")
# They stand between an event and its place.
RELATIONS = ("in", "near", "from", "behind")

_OPPOSITES = (
    "buy sell|find lose|love hate|help harm|sleep wake|arrive leave|"
    "big small|old young|good bad|happy sad|clean dirty|quickly slowly|quietly loudly"
)
OPPOSITE: Mapping[str, str] = {
    one: other for pair in _OPPOSITES.split("|") for one, other in (pair.split(), reversed(pair.split()))
}

# How a sentence relates to the one before it; real text says this too ("hence", "wrongly", "moreover").
CONNECTIVES: Mapping[str, str] = {"entailment": "hence", "contradiction": "wrongly", "neutral": "moreover"}
SUBORDINATORS: Mapping[str, str] = {"entailment": "since", "contradiction": "although", "neutral": "while"}

# A function word -> its part of speech (UPOS).
GRAMMAR_WORDS: Mapping[str, str] = {
    **{"the": "DET", "a": "DET", "this": "DET", "he": "PRON", "they": "PRON", "and": "CCONJ", "but": "CCONJ"},
    **{"not": "PART", "be": "AUX", "become": "AUX", "did": "AUX", "will": "AUX", "by": "ADP", "because": "SCONJ"},
    **dict.fromkeys(RELATIONS, "ADP"),
    **dict.fromkeys(CONNECTIVES.values(), "ADV"),
    **dict.fromkeys(SUBORDINATORS.values(), "SCONJ"),
}
# One of these is the head of an organisation's name.
ORGANISATIONS = ("guild", "bank", "academy", "company")
# One of these is the head of some places' names.
LANDMARKS = ("lake", "mount", "river")
# ours: of each kind below; enough that the type must be read from context too, few enough to be learnt
N_NAMES = 10
NAMES: Mapping[str, tuple[str, ...]] = {
    kind: tuple(f"{kind}{i}" for i in range(N_NAMES)) for kind in ("given", "surname", "town")
}

# A concept that has a word of its own -> its part of speech.
UPOS: Mapping[str, str] = {
    **dict.fromkeys((*NOUNS, *CLASS_OF), "NOUN"),
    **dict.fromkeys(VERBS, "VERB"),
    **dict.fromkeys(ADJECTIVES, "ADJ"),
    **dict.fromkeys(ADVERBS, "ADV"),
    **dict.fromkeys(NUMERALS, "NUM"),
    **dict.fromkeys((*ORGANISATIONS, *LANDMARKS, *(n for kind in NAMES.values() for n in kind)), "PROPN"),
    **GRAMMAR_WORDS,
}
