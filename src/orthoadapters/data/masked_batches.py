"""Batches of masked blocks, for L_MLM."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from orthoadapters.data.batching import Batch, ResumableLoader
from orthoadapters.data.masking import Masking, mask_generator, mask_tokens


class BlockLoader(ResumableLoader):
    """A loader of `iterations` masked batches of equally long blocks, in a new order whenever the blocks come again.

    rows: the numbers of the blocks that are read; None reads all. With shuffle=False every block comes once, in order
    and always with the same masks, for the development set.
    """

    def __init__(
        self,
        blocks: NDArray[np.int32],
        batch_size: int,
        iterations: int,
        seed: int,
        masking: Masking,
        rows: NDArray[np.int64] | None = None,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        self.blocks, self.batch_size, self.seed, self.masking, self.shuffle = blocks, batch_size, seed, masking, shuffle
        self.rows = np.arange(len(blocks)) if rows is None else rows
        self.iterations = iterations if shuffle else -(-len(self.rows) // batch_size)
        self._cycle, self._order = -1, self.rows

    @property
    def batch_rows(self) -> int:
        return self.batch_size

    def __len__(self) -> int:
        return self.iterations

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        if not self.shuffle:
            epoch = 0
        for batch in range(first, self.iterations):
            block_BT = torch.from_numpy(self.blocks[self.members(epoch, batch)].astype(np.int64))
            m = self.masking
            generator = mask_generator(self.seed, epoch, batch)
            ids, positions, labels = mask_tokens(
                block_BT, generator, m.mask_id, m.vocab_size, m.special_ids, m.probability
            )
            yield {"input_ids": ids, "positions": positions, "labels": labels, "tokens": block_BT.numel()}

    def members(self, epoch: int, batch: int) -> NDArray[np.int64]:
        """Finds the blocks of one batch: a stretch of the endless sequence permutation 0, permutation 1, ..."""
        start, n = (epoch * self.iterations + batch) * self.batch_size, len(self.rows)
        if not self.shuffle:
            return self.rows[start : start + self.batch_size]
        members: list[NDArray[np.int64]] = []
        end = start + self.batch_size
        while start < end:
            cycle, first = divmod(start, n)
            part = self._permutation(cycle)[first : first + end - start]
            members.append(part)
            start += len(part)
        return np.concatenate(members)

    def _permutation(self, cycle: int) -> NDArray[np.int64]:
        # The current one is kept, as a pass over Wikipedia has two million blocks.
        if self._cycle != cycle:
            self._cycle, self._order = cycle, np.random.default_rng([self.seed, cycle]).permutation(self.rows)
        return self._order
