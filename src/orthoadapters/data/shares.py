"""One process's share of every batch (trainer=ddp), and the part of the batch's losses that it stands for.

All processes make the same batches with the same masks, and each keeps its rows. The batch's losses are means over
windows, masked positions or real tokens, of which the shares have unequally many. So a share comes with its fractions of
them, counted here on the host: the sum over the processes of fraction * mean of the share is the mean of the batch.
"""

from collections.abc import Iterator
from typing import TypeVar, cast

import pytorch_lightning as pl
import torch
from torch import Tensor

from orthoadapters.data.batching import Batch, Epochs, pin_memory_of
from orthoadapters.data.masked_batches import BlockLoader

AnyLoader = TypeVar("AnyLoader", Epochs, BlockLoader)


def share(batch: Batch, rank: int, processes: int) -> Batch:
    """Takes every `processes`-th window or block of a batch from number `rank` on, as neighbours are of similar length.

    Adds two keys: main_share, the fraction of L_MLM's masked positions or of L_TASK's windows, and token_share, the fraction
    of L_ORT's real tokens. `tokens` stays the whole batch's. Where nothing is left for this process, it gets one window
    (or masked position) that counts 0: every process takes the same steps, and nothing is divided by 0.
    """
    count, length = batch["input_ids"].shape
    # The alternatives of multiple choice are rows of one window, and stay together.
    alternatives = count // len(batch.get("index", batch["input_ids"]))
    windows = torch.arange(count // alternatives)[rank::processes]
    fraction = len(windows) * alternatives / count
    if not len(windows):
        windows = torch.zeros(1, dtype=torch.int64)
    rows = (windows[:, None] * alternatives + torch.arange(alternatives)).flatten()
    by_row = {name: value for name, value in batch.items() if name not in ("positions", "labels", "index")}
    part = cast(Batch, {name: value[rows] if isinstance(value, Tensor) else value for name, value in by_row.items()})
    part["token_share"] = fraction
    if fraction and (mask := batch.get("attention_mask")) is not None:
        part["token_share"] = int(part["attention_mask"].sum()) / int(mask.sum())
    if "index" in batch:
        part["labels"], part["index"], part["main_share"] = batch["labels"][windows], batch["index"][windows], fraction
        return part
    row, column = batch["positions"] // length, batch["positions"] % length
    is_kept = row % processes == rank
    positions, labels = (row // processes * length + column)[is_kept], batch["labels"][is_kept]
    part["main_share"] = len(positions) / len(is_kept)
    if not len(positions):
        positions, labels = torch.zeros(1, dtype=torch.int64), part["input_ids"].flatten()[:1]
    part["positions"], part["labels"] = positions, labels
    return part


class Shares:
    """A loader of this process's share of every batch of another one, whose state is its own, the same in every process."""

    def __init__(self, loader: Epochs | BlockLoader, rank: int, processes: int) -> None:
        self.loader, self.rank, self.processes = loader, rank, processes

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.loader:
            yield pin_memory_of(share(batch, self.rank, self.processes))

    def state_dict(self) -> dict[str, int]:
        return self.loader.state_dict()

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.loader.load_state_dict(state_dict)


def share_of_process(loader: AnyLoader, trainer: pl.Trainer | None) -> AnyLoader | Shares:
    """Returns the loader itself for one process, and this process's shares of its batches for several."""
    if trainer is None or trainer.world_size == 1:
        return loader
    return Shares(loader, trainer.global_rank, trainer.world_size)
