"""Batches, from loaders whose position can be saved and restored exactly.

A loader's order is a function of (seed, epoch) and of nothing else, so its whole state is two integers. The position is
counted before a batch is handed out: a state taken while the consumer holds batch k resumes with batch k + 1.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from orthoadapters.data.windows import Windows
from orthoadapters.errors import UserError
from orthoadapters.examples import IGNORE_INDEX

POOL = 50  # ours: batches per pool sorted by length; little padding, and batches still mix the whole data set


class Batch(TypedDict):
    """A batch of windows or of masked blocks.

    B rows of T subwords; M masked positions. Windows are padded and have attention_mask and index; those of pairs have
    token_type_ids too where the backbone has them. Of multiple choice, a window has a row per alternative, one after the
    other, so that labels and index have B / alternatives entries. Blocks are never padded, and have positions. A
    process's share of a batch has main_share and token_share (`shares`).
    """

    input_ids: Tensor  # (B, T) int64
    labels: Tensor  # windows: (B,) or, of words, (B, T), int64; blocks: (M,), the subwords that are hidden
    tokens: int  # real subwords, counted on the host so that nobody waits for a GPU
    language: NotRequired[str]  # of windows from several languages: the one that all of the batch are from
    attention_mask: NotRequired[Tensor]  # (B, T) bool
    token_type_ids: NotRequired[Tensor]  # (B, T) int64
    labels_per_window: NotRequired[float]  # of windows with a label per word, at least one: the mean over windows
    index: NotRequired[Tensor]  # (B,) int64, the numbers of the windows
    positions: NotRequired[Tensor]  # (M,) int64, the masked ones of the flattened (B, T)
    main_share: NotRequired[float]
    token_share: NotRequired[float]


class ResumableLoader(ABC):
    """A loader of batches, one pass per `iter`. After `load_state_dict` the next pass goes on where the saved one stood."""

    def __init__(self) -> None:
        # The position counts the batches of this epoch that were handed out.
        self.epoch, self.position = 0, 0
        self._resuming = False

    @property
    @abstractmethod
    def batch_rows(self) -> int:
        """The rows of a full batch."""

    @abstractmethod
    def __len__(self) -> int:
        """Counts the batches of one epoch."""

    @abstractmethod
    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yields the batches of one epoch from number `first` on."""

    def __iter__(self) -> Iterator[Batch]:
        is_over = self.position >= len(self)
        if is_over or (self.position > 0 and not self._resuming):
            self.epoch, self.position = self.epoch + 1, 0
        self._resuming = False
        for position, batch in enumerate(self.batches(self.epoch, self.position), self.position + 1):
            self.position = position
            yield pin_memory_of(batch)

    def state_dict(self) -> dict[str, int]:
        """Returns the whole state of the loader."""
        return {"epoch": self.epoch, "position": self.position, "batches": len(self)}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Takes a state back. Raises UserError if it is that of a loader with other batches."""
        if state_dict["batches"] != len(self):
            raise UserError(
                f"the checkpoint was written with {state_dict['batches']} batches per epoch and the data now gives "
                f"{len(self)}; restore the data and batch size of that run, or delete its checkpoints"
            )
        self.epoch, self.position = state_dict["epoch"], state_dict["position"]
        self._resuming = True


def pin_memory_of(batch: Batch) -> Batch:
    """Moves the tensors into page-locked memory where there is a GPU to copy them to."""
    if not torch.cuda.is_available():
        return batch
    tensors = {name: value.pin_memory() if isinstance(value, Tensor) else value for name, value in batch.items()}
    return cast(Batch, tensors)


def length_batches(lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Groups windows into batches of similar length: every window once, and one batch may be smaller.

    The windows are shuffled, sorted by length within pools of POOL batches, and the batches are shuffled. Returns the
    windows' indices.
    """
    order, pool, batches = rng.permutation(len(lengths)), POOL * batch_size, list[NDArray[np.int64]]()
    for start in range(0, len(order), pool):
        members = order[start : start + pool]
        members = members[np.argsort(lengths[members], kind="stable")]
        batches += [members[at : at + batch_size] for at in range(0, len(members), batch_size)]
    return [batches[number] for number in rng.permutation(len(batches))]


def sorted_batches(lengths: NDArray[np.int64], batch_size: int, subwords: int) -> list[NDArray[np.int64]]:
    """Groups windows, from short to long, into batches of `batch_size`, or of more that fill `subwords` with padding."""
    order, start, batches = np.argsort(lengths, kind="stable"), 0, list[NDArray[np.int64]]()
    while start < len(order):
        end = min(start + batch_size, len(order))
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= subwords:
            end += 1
        batches.append(order[start:end])
        start = end
    return batches


class BatchLoader(ResumableLoader):
    """A loader of padded batches of windows.

    subwords: without shuffle, batches are larger than batch_size where they have fewer subwords than this. width_step: a
    batch is padded to a multiple of this, or to the longest window of all, so that batches have few widths. parts:
    the windows of each of several languages by its code; a training batch is then of one language.
    """

    def __init__(
        self,
        windows: Windows,
        batch_size: int,
        pad_id: int,
        seed: int,
        shuffle: bool,
        subwords: int = 0,
        width_step: int = 1,
        parts: Mapping[str, range] | None = None,
    ) -> None:
        super().__init__()
        self.subwords, self.width_step = subwords, width_step
        self.windows, self.batch_size, self.pad_id, self.seed, self.shuffle = windows, batch_size, pad_id, seed, shuffle
        self.parts = parts or {}
        self.lengths = np.array([len(ids) for ids in windows.input_ids], dtype=np.int64)  # of each sequence
        self.longest = int(self.lengths.max(initial=0))

    @property
    def batch_rows(self) -> int:
        return self.batch_size * self.windows.alternatives

    def __len__(self) -> int:
        if not self.shuffle:
            return len(self._groups(0))
        counts = [len(part) for part in self.parts.values()] or [len(self.windows)]
        return sum(-(-count // self.batch_size) for count in counts)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        for members in self._groups(epoch)[first:]:
            batch = self.collate(members)
            if self.parts:
                batch["language"] = next(code for code, part in self.parts.items() if members[0] in part)
            yield batch

    def _groups(self, epoch: int) -> list[NDArray[np.int64]]:
        longest = self.lengths.reshape(-1, self.windows.alternatives).max(axis=1)
        if self.shuffle:
            rng = np.random.default_rng([self.seed, epoch])
            if not self.parts:
                return length_batches(longest, self.batch_size, rng)
            groups = [
                members + part.start
                for part in self.parts.values()
                for members in length_batches(longest[part.start : part.stop], self.batch_size, rng)
            ]
            return [groups[number] for number in rng.permutation(len(groups))]
        return sorted_batches(longest * self.windows.alternatives, self.batch_size, self.subwords)

    def collate(self, members: NDArray[np.int64]) -> Batch:
        """Pads windows to the longest of them, or a little further, as one batch."""
        alternatives, per_word = self.windows.alternatives, self.windows.per_word
        sequences = (members[:, None] * alternatives + np.arange(alternatives)).ravel()
        lengths = self.lengths[sequences]
        width = -(-int(lengths.max()) // self.width_step) * self.width_step
        shape = (len(sequences), min(width, self.longest))
        ids = np.full(shape, self.pad_id, dtype=np.int64)
        for row, (sequence, length) in enumerate(zip(sequences.tolist(), lengths.tolist(), strict=True)):
            ids[row, :length] = self.windows.input_ids[sequence]
        labels = np.full(shape if per_word else len(members), IGNORE_INDEX, dtype=np.int64)
        for row, window in enumerate(members.tolist()):
            labels[(row, slice(lengths[row])) if per_word else row] = self.windows.labels[window]
        batch: Batch = {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(np.arange(shape[1]) < lengths[:, None]),
            "labels": torch.from_numpy(labels),
            "index": torch.from_numpy(members.astype(np.int64)),
            "tokens": int(lengths.sum()),
        }
        if per_word:
            batch["labels_per_window"] = float((labels != IGNORE_INDEX).sum() / len(members))
        if self.windows.segments is not None:
            types = np.zeros(shape, dtype=np.int64)
            for row, sequence in enumerate(sequences.tolist()):
                types[row, : lengths[row]] = self.windows.segments[sequence]
            batch["token_type_ids"] = torch.from_numpy(types)
        return batch


class Epochs:
    """The passes over a loader as one sequence of batches: a run is counted in iterations and resumes anywhere."""

    def __init__(self, loader: ResumableLoader, epochs: int) -> None:
        self.loader, self.epochs = loader, epochs

    @property
    def batch_rows(self) -> int:
        """The rows of a full batch."""
        return self.loader.batch_rows

    def __len__(self) -> int:
        return self.epochs * len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        while self.loader.epoch * len(self.loader) + self.loader.position < len(self):
            yield from self.loader

    def state_dict(self) -> dict[str, int]:
        return self.loader.state_dict()

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.loader.load_state_dict(state_dict)
