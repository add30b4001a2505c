"""The turns of language adapters under the task adapter in training (TLR; Parović et al. 2023, arXiv:2306.02767)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Turns:
    """The stacks of a run's training batches: in each round every one has a batch, in an order that the seed decides.

    The order is a function of (seed, round) alone, so that a run that is resumed needs no state of it.
    """

    # ours: the order is drawn anew in each round; the code of its authors has the same order in all of them
    stacks: Sequence[Sequence[str]]
    seed: int

    def stack(self, iteration: int) -> Sequence[str]:
        """Returns the names of the stack of a batch. iteration: its number in the whole run, from 0."""
        number, place = divmod(iteration, len(self.stacks))
        order = np.random.default_rng([self.seed, number]).permutation(len(self.stacks))
        return self.stacks[order[place]]
