"""A set of labelled examples that is to be predicted."""

from dataclasses import dataclass

from orthoadapters.data.batching import BatchLoader
from orthoadapters.data.windows import Windows
from orthoadapters.examples import Example


@dataclass(frozen=True)
class Evaluation:
    """One split of one language, ready to be predicted: `loader` gives its windows, each once, sorted by length."""

    examples: list[Example]
    windows: Windows
    loader: BatchLoader

    @property
    def gold(self) -> list[list[str]]:
        """The gold labels in the form that `join_windows` gives predictions: one per word, or a single one."""
        return [list(example.labels) for example in self.examples]
