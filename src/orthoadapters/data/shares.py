"""One process's share of every batch (trainer=ddp), and what part of the batch's losses it stands for.

All processes make the same batches with the same masks and each keeps its rows. The batch's losses are means over what
the shares hold unequally much of (windows, masked places, real tokens), so that a share comes with its fractions of
them, counted here on the host: the sum over the processes of fraction * mean of the share is the mean of the batch.
"""

from collections.abc import Iterator
from typing import TypeVar

import pytorch_lightning as pl
import torch

from orthoadapters.data.batching import Batch, BlockLoader, Epochs, pinned

AnyLoader = TypeVar("AnyLoader", Epochs, BlockLoader)


def share(batch: Batch, rank: int, processes: int) -> Batch:
    """Every `processes`-th row of a batch from row `rank` on: neighbours in a batch are of similar length.

    With two keys more: main_share, the fraction of L_MLM's masked places or of L_TASK's windows, and token_share, the
    fraction of L_ORT's real tokens. `tokens` stays the whole batch's. Where nothing is left for this process, one row
    (or masked place) is there all the same and counts 0: every process takes the same steps, and nothing is divided by 0.
    """
    count, length = batch["input_ids"].shape
    rows = torch.arange(count)[rank::processes]
    fraction = len(rows) / count
    if not len(rows):
        rows = torch.zeros(1, dtype=torch.int64)
    part = {
        name: value[rows] if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
        if name not in ("positions", "labels")
    }
    part["token_share"] = fraction
    if fraction and (mask := batch.get("attention_mask")) is not None:
        part["token_share"] = int(part["attention_mask"].sum()) / int(mask.sum())
    if "positions" not in batch:
        return part | {"labels": batch["labels"][rows], "main_share": fraction}
    row, place = batch["positions"] // length, batch["positions"] % length
    mine = row % processes == rank
    positions, labels = (row // processes * length + place)[mine], batch["labels"][mine]
    part["main_share"] = len(positions) / len(mine)
    if not len(positions):
        positions, labels = torch.zeros(1, dtype=torch.int64), part["input_ids"].flatten()[:1]
    return part | {"positions": positions, "labels": labels}


class Shares:
    """A loader's batches, of each this process's share. Its state is the loader's, the same in every process."""

    def __init__(self, loader: Epochs | BlockLoader, rank: int, processes: int) -> None:
        self.loader, self.rank, self.processes = loader, rank, processes

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.loader:
            yield pinned(share(batch, self.rank, self.processes))

    def state_dict(self) -> dict[str, int]:
        return self.loader.state_dict()

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.loader.load_state_dict(state_dict)


def share_of_process(loader: AnyLoader, trainer: pl.Trainer | None) -> AnyLoader | Shares:
    """Returns the loader itself for one process, and this process's shares of its batches for several."""
    if trainer is None or trainer.world_size == 1:
        return loader
    return Shares(loader, trainer.global_rank, trainer.world_size)
