"""The stack of each training batch, where several language adapters are under one task adapter in training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from orthoadapters.data.batching import Batch


class TrainingStacks(Protocol):
    """A rule that says which stack is active for a training batch."""

    def stack(self, iteration: int, batch: Batch) -> Sequence[str]:
        """Returns the names of the stack. iteration: the batch's number in the whole run, from 0."""
        ...


@dataclass(frozen=True)
class Turns:
    """Stacks that take turns (TLR; Parović et al. 2023, arXiv:2306.02767): in each round every one has a batch.

    The order is a function of (seed, round) alone, so that a run that is resumed needs no state of it.
    """

    # ours: the order is drawn anew in each round; the code of the paper's authors has the same one in all of them
    stacks: Sequence[Sequence[str]]
    seed: int

    def stack(self, iteration: int, batch: Batch) -> Sequence[str]:
        number, place = divmod(iteration, len(self.stacks))
        order = np.random.default_rng([self.seed, number]).permutation(len(self.stacks))
        return self.stacks[order[place]]


@dataclass(frozen=True)
class OwnAdapters:
    """The stacks of a run with several source languages: each batch is on its own language's adapter."""

    stacks: Mapping[str, Sequence[str]]

    def stack(self, iteration: int, batch: Batch) -> Sequence[str]:
        return self.stacks[batch["language"]]
