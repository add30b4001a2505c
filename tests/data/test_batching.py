"""Loaders: every window once per epoch, little padding, and a position that can be saved and restored exactly."""

import random
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orthoadapters.data.batching import Batch, BatchLoader
from orthoadapters.data.masked_batches import BlockLoader
from orthoadapters.data.masking import Masking
from orthoadapters.data.windows import Windows
from orthoadapters.errors import UserError
from orthoadapters.examples import IGNORE_INDEX

PAD = 1
MASKING = Masking(mask_id=4, vocab_size=1000, special_ids=torch.tensor([0, 1, 2, 3, 4]), probability=0.15)


def make_windows(lengths: Sequence[int], per_word: bool = True) -> Windows:
    """Window i holds i + 10 in every place, and i as every label."""
    ids = [np.full(n, i + 10, dtype=np.int32) for i, n in enumerate(lengths)]
    labels = [np.full(n if per_word else (), i, dtype=np.int64) for i, n in enumerate(lengths)]
    return Windows(ids, labels, np.arange(len(lengths)), len(lengths), ("a", "b"), 0, 0)


def make_blocks(n: int, length: int = 16) -> NDArray[np.int32]:
    return (np.arange(n * length, dtype=np.int32) + 5).reshape(n, length)


def block_loader(n: int = 23, batch_size: int = 4, iterations: int = 17, seed: int = 3, **more: Any) -> BlockLoader:
    return BlockLoader(make_blocks(n), batch_size, iterations, seed, MASKING, **more)


def original(batch: Batch) -> torch.Tensor:
    """The blocks of a batch before they were masked, (B, 16)."""
    return batch["input_ids"].flatten().index_put((batch["positions"],), batch["labels"]).view(-1, 16)


def same(first: Sequence[Batch], second: Sequence[Batch]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        pairs = zip(dict(a).values(), dict(b).values(), strict=True)
        assert all(
            torch.equal(x, y) if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) else x == y
            for x, y in pairs
        )


lengths_and_size = st.tuples(st.lists(st.integers(1, 30), min_size=1, max_size=300), st.integers(1, 5))


@given(lengths_and_size, st.integers(2, 4), st.booleans())
def test_the_alternatives_of_a_question_are_neighbours_in_one_batch(
    lengths_and_size: tuple[list[int], int], alternatives: int, shuffle: bool
) -> None:
    lengths, size = lengths_and_size
    sequences = make_windows([length + n for length in lengths for n in range(alternatives)])
    labels = [np.array(number, dtype=np.int64) for number in range(len(lengths))]
    windows = Windows(
        sequences.input_ids, labels, np.arange(len(lengths)), len(lengths), ("a",) * alternatives, 0, 0,
        sequences.input_ids, alternatives,
    )  # fmt: skip
    loader = BatchLoader(windows, size, PAD, 3, shuffle)
    seen: list[int] = []
    for batch in loader:
        seen += batch["index"].tolist()
        assert batch["labels"].tolist() == batch["index"].tolist()
        first = batch["input_ids"][:, 0].view(-1, alternatives)
        assert first.tolist() == [[i * alternatives + n + 10 for n in range(alternatives)] for i in batch["index"]]
        assert torch.equal(
            batch["token_type_ids"] * batch["attention_mask"], batch["input_ids"] * batch["attention_mask"]
        )
        assert batch["tokens"] == int(batch["attention_mask"].sum())
    assert sorted(seen) == list(range(len(lengths)))
    assert len(loader) == -(-len(lengths) // size)


@given(lengths_and_size, st.booleans(), st.booleans(), st.integers(0, 3), st.integers(1, 5))
def test_an_epoch_is_a_permutation_of_the_data_with_padding_alone_added(
    data: tuple[list[int], int], shuffle: bool, per_word: bool, seed: int, step: int
) -> None:
    lengths, size = data
    loader = BatchLoader(make_windows(lengths, per_word), size, PAD, seed, shuffle, width_step=step)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert sorted(torch.cat([b["index"] for b in batches]).tolist()) == list(range(len(lengths)))
    assert sum(len(b["index"]) == size for b in batches) >= len(batches) - 1
    for batch in batches:
        ids, mask, labels, index = (batch[k] for k in ("input_ids", "attention_mask", "labels", "index"))
        assert (ids.dtype, mask.dtype, labels.dtype, index.dtype) == (torch.int64, torch.bool, torch.int64, torch.int64)
        assert mask.sum(1).tolist() == [lengths[i] for i in index]
        assert ids.shape == mask.shape
        longest = max(lengths[i] for i in index)
        assert ids.shape[1] in (
            next(width for width in range(longest, longest + step) if width % step == 0),
            max(lengths),
        )
        assert longest <= ids.shape[1] <= max(lengths)
        assert (ids == torch.where(mask, index[:, None] + 10, PAD)).all()
        reference = torch.where(mask, index[:, None], IGNORE_INDEX) if per_word else index
        assert torch.equal(labels, reference)
        assert batch["tokens"] == int(mask.sum())
        assert isinstance(batch["tokens"], int)


def test_a_word_counts_once_however_many_subwords_it_has() -> None:
    """L_TASK of tagging is a sum over words, and is compared with another batch's per word."""
    windows = make_windows([9, 4, 7])
    for labels, words in zip(windows.labels, (1, 4, 2), strict=True):
        labels[words:] = IGNORE_INDEX
    (batch,) = BatchLoader(windows, 3, PAD, 0, shuffle=True)
    assert batch.get("labels_per_window") == pytest.approx((1 + 4 + 2) / 3)
    (batch,) = BatchLoader(make_windows([9, 4, 7], per_word=False), 3, PAD, 0, shuffle=True)
    assert "labels_per_window" not in batch  # the loss is the mean over windows


@given(lengths_and_size, st.integers(1, 60))
def test_sorted_batches_fill_so_many_subwords_and_hold_no_fewer_than_their_size(
    data: tuple[list[int], int], subwords: int
) -> None:
    lengths, size = data
    loader = BatchLoader(make_windows(lengths), size, PAD, 0, shuffle=False, subwords=subwords)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert sorted(torch.cat([b["index"] for b in batches]).tolist()) == list(range(len(lengths)))
    rows, widths = zip(*(b["input_ids"].shape for b in batches), strict=True)
    assert all(
        row == size or (row > size and row * width <= subwords)
        for row, width in list(zip(rows, widths, strict=True))[:-1]
    )
    # A batch ends where another window is one too many.
    shortest_of_next = [int(b["attention_mask"].sum(1).min()) for b in batches[1:]]
    assert all((row + 1) * length > subwords for row, length in zip(rows, shortest_of_next, strict=False))


def test_batches_of_similar_length_waste_little_padding_and_still_differ_between_epochs() -> None:
    rng = random.Random(0)
    lengths = [rng.randint(5, 128) for _ in range(5000)]
    loader = BatchLoader(make_windows(lengths), 16, PAD, 0, shuffle=True)
    first, second = list(loader), list(loader)
    area = sum(b["input_ids"].numel() for b in first)
    assert area / sum(lengths) < 1.05  # 1.9 without sorting
    assert [b["index"].tolist() for b in first] != [b["index"].tolist() for b in second]
    widths = [b["input_ids"].shape[1] for b in first[:50]]
    assert widths != sorted(widths)  # batches do not come from short to long


def test_order_depends_on_seed_and_epoch_and_not_on_global_random_state() -> None:
    def order(seed: int) -> list[list[int]]:
        return [b["index"].tolist() for b in BatchLoader(make_windows([3] * 40), 4, PAD, seed, shuffle=True)]

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    first = order(5)
    random.seed(2), np.random.seed(2), torch.manual_seed(2)
    assert order(5) == first != order(6)


def batch_loader() -> BatchLoader:
    rng = random.Random(1)
    return BatchLoader(make_windows([rng.randint(1, 9) for _ in range(101)]), 6, PAD, 3, shuffle=True)


@pytest.mark.parametrize("make", [batch_loader, block_loader], ids=["windows", "blocks"])
@pytest.mark.parametrize("epochs", [0, 1])
def test_resuming_at_any_position_gives_the_batches_that_were_left(
    make: Callable[[], BatchLoader | BlockLoader], epochs: int
) -> None:
    for position in range(len(make()) + 1):
        loader = make()
        for _ in range(epochs):
            list(loader)
        iterator = iter(loader)
        list(islice(iterator, position))
        state = loader.state_dict()
        rest = list(iterator)
        following = list(loader)
        loader_after = make()
        loader_after.load_state_dict(state)
        if rest:  # else the saved epoch was over, and the next one begins
            same(list(loader_after), rest)
        same(list(loader_after), following)


@settings(max_examples=25)
@given(st.integers(1, 16), st.integers(1, 4))
def test_a_state_taken_while_batch_k_is_held_resumes_with_batch_k_plus_one(count: int, copies: int) -> None:
    loader = batch_loader()
    batches = list(batch_loader())
    iterator = iter(loader)
    for _ in range(count):
        next(iterator)
    for _ in range(copies):  # saved and restored several times without a batch in between
        state = loader.state_dict()
        loader = batch_loader()
        loader.load_state_dict(state)
    same(list(loader), batches[count:])


def test_a_pass_that_was_broken_off_is_not_taken_up_again_without_a_restored_state() -> None:
    loader = BatchLoader(make_windows([2, 3, 4, 5]), 1, PAD, 0, shuffle=False)
    next(iter(loader))
    assert [b["index"].item() for b in loader] == [0, 1, 2, 3]


def test_a_state_of_other_data_is_refused() -> None:
    state = block_loader(iterations=5).state_dict()
    with pytest.raises(UserError, match=r"written with 5 batches per epoch and the data now gives 6"):
        block_loader(iterations=6).load_state_dict(state)


def test_lightning_resumes_with_the_batch_after_the_checkpoint(tmp_path: Path) -> None:
    class Model(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))
            self.batch_windows: list[list[int]] = []

        def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
            self.batch_windows.append(batch["index"].tolist())
            return self.weight * 1.0

        def on_train_batch_end(self, *_: object) -> None:
            if self.trainer.global_step == 23 and not (tmp_path / "at23.ckpt").exists():
                self.trainer.save_checkpoint(tmp_path / "at23.ckpt")

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def fit(checkpoint: Path | None = None) -> list[list[int]]:
        model = Model()
        trainer = pl.Trainer(
            max_epochs=3,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(model, batch_loader(), ckpt_path=checkpoint)
        return model.batch_windows

    whole = fit()
    assert len(whole) == 51
    assert fit(tmp_path / "at23.ckpt") == whole[23:]


def test_blocks_are_cycled_through_with_a_new_order_each_time() -> None:
    blocks = make_blocks(10)
    loader = BlockLoader(blocks, 4, 10, 0, MASKING)
    rows = []
    for batch in loader:
        rows += ((original(batch)[:, 0] - 5) // 16).tolist()
        assert batch["tokens"] == 64
    cycles = [rows[start : start + 10] for start in range(0, 40, 10)]
    assert all(sorted(cycle) == list(range(10)) for cycle in cycles)
    assert len({tuple(cycle) for cycle in cycles}) == 4


def test_a_second_epoch_of_blocks_goes_on_in_the_stream_with_new_masks() -> None:
    once = list(block_loader(n=8, batch_size=2, iterations=4))
    loader = block_loader(n=8, batch_size=2, iterations=2)
    halves = list(loader) + list(loader)
    assert all(torch.equal(original(a), original(b)) for a, b in zip(once, halves, strict=True))
    same(once[:2], halves[:2])
    assert once[2]["positions"].tolist() != halves[2]["positions"].tolist()


def test_development_blocks_come_in_order_once_and_always_with_the_same_masks() -> None:
    rows = np.array([7, 2, 5, 1, 3])
    loader = block_loader(batch_size=2, iterations=0, rows=rows, shuffle=False)
    first, second = list(loader), list(loader)
    assert len(loader) == 3
    assert [len(b["input_ids"]) for b in first] == [2, 2, 1]
    same(first, second)
    assert torch.equal(torch.cat([original(batch) for batch in first]), torch.from_numpy(make_blocks(23)[rows]).long())
