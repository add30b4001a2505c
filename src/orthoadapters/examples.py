"""The examples that every source yields: tagged sentences or labelled pairs."""

from dataclasses import dataclass
from typing import Literal

# ours: PyTorch's ignore_index, the label of every subword that is not the first of its word
IGNORE_INDEX = -100


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


Example = TaggedSentence | SentencePair
Split = Literal["train", "dev", "test"]
