"""The examples that every source yields, one type per kind of task."""

from dataclasses import dataclass
from typing import Literal

# ours: PyTorch's ignore_index, the label of every subword that is not the first of its word
IGNORED = -100


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence with one tag per word, such as UPOS or IOB2."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class SentencePair:
    """Two sentences with one label, such as XNLI's entailment, neutral or contradiction."""

    premise: str
    hypothesis: str
    label: str


@dataclass(frozen=True)
class Sentence:
    """A sentence with one label, such as the topic of one in SIB-200."""

    text: str
    label: str


@dataclass(frozen=True)
class Choice:
    """A premise and the alternatives to choose from, such as COPA's two causes or effects.

    The question ("What was the cause?") may be empty. The label is the name of the right alternative: the task's labels
    name the alternatives in order.
    """

    premise: str
    question: str
    alternatives: tuple[str, ...]
    label: str


Example = TaggedSentence | SentencePair | Sentence | Choice
Split = Literal["train", "dev", "test"]
