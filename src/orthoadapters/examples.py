"""The examples that every source yields, one type per kind of task.

`labels` are an example's gold labels. `sequences` are what the backbone reads for an example with a single label: one
sequence or, where there are alternatives, one for each. A sequence is one text, or two that the tokenizer joins.
"""

from dataclasses import dataclass
from typing import Literal

# ours: PyTorch's ignore_index, the label of every subword that is not the first of its word
IGNORE_INDEX = -100

Texts = tuple[str] | tuple[str, str]


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence with one tag per word, such as UPOS or IOB2."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return self.tags


@dataclass(frozen=True)
class SentencePair:
    """Two sentences with one label, such as XNLI's entailment, neutral or contradiction."""

    premise: str
    hypothesis: str
    label: str

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    @property
    def sequences(self) -> tuple[Texts, ...]:
        return ((self.premise, self.hypothesis),)


@dataclass(frozen=True)
class Sentence:
    """A sentence with one label, such as the topic of one in SIB-200."""

    text: str
    label: str

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    @property
    def sequences(self) -> tuple[Texts, ...]:
        return ((self.text,),)


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

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    @property
    def sequences(self) -> tuple[Texts, ...]:
        """One sequence per alternative: the premise with the question after it, and the alternative."""
        first = " ".join(part for part in (self.premise, self.question) if part)
        return tuple((first, alternative) for alternative in self.alternatives)


# The examples that have one label as a whole.
LabelledExample = SentencePair | Sentence | Choice
Example = TaggedSentence | LabelledExample
Split = Literal["train", "dev", "test"]
