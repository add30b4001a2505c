"""What every source yields, whatever it read: a tagged sentence or a labelled pair."""

from dataclasses import dataclass
from typing import Literal

# ours: PyTorch's ignore_index, the label of every subword that is not the first of its word
IGNORED = -100


@dataclass(frozen=True)
class TaggedSentence:
    """One sentence, one tag per word (UPOS or IOB2)."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class SentencePair:
    """One XNLI pair; `label` is entailment, neutral or contradiction."""

    premise: str
    hypothesis: str
    label: str


Example = TaggedSentence | SentencePair


Split = Literal["train", "dev", "test"]
