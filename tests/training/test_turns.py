"""The turns of language adapters in training: each has a batch per round, by the seed, and only the task adapter learns."""

from collections import Counter
from pathlib import Path
from typing import cast

import torch
from hypothesis import given
from hypothesis import strategies as st

from orthoadapters import AdapterConfig
from orthoadapters.data.batching import Batch
from orthoadapters.training.turns import Turns
from tests.training.test_alternating import batches, fresh, train

BATCH = cast(Batch, {})  # turns do not look at it
NAMES = ["en", "sw", "tr", "qu"]


@given(count=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), number=st.integers(0, 10**6))
def test_every_stack_has_one_batch_in_each_round(count: int, seed: int, number: int) -> None:
    turns = Turns([[name, "task"] for name in NAMES[:count]], seed)
    batches_of_round = [tuple(turns.stack(number * count + place, BATCH)) for place in range(count)]
    assert Counter(batches_of_round) == Counter((name, "task") for name in NAMES[:count])


def test_the_seed_decides_the_order() -> None:
    stacks = [[name] for name in NAMES]
    orders = {seed: [Turns(stacks, seed).stack(i, BATCH)[0] for i in range(40)] for seed in (0, 1)}
    assert orders[0] == [Turns(stacks, 0).stack(i, BATCH)[0] for i in range(40)]
    assert orders[0] != orders[1]
    assert len({tuple(orders[0][at : at + 4]) for at in range(0, 40, 4)}) > 1  # it is drawn anew in every round


def test_the_task_adapter_learns_on_each_language_adapter_and_they_stay_as_they_were(backbone: Path) -> None:
    """Both steps of a batch see the stack whose turn it is."""
    module, _ = fresh(backbone, orthogonal=True)
    model = module.model
    model.add_adapter("sw", AdapterConfig(16, invertible=True))
    model.activate("en", "task")
    turns = Turns([["en", "task"], ["sw", "task"]], seed=5)
    module.stacks = turns
    before = {name: parameter.clone() for name, parameter in model.named_parameters() if ".task." not in name}
    stacks, encode = [], module.encode
    module.encode = lambda batch: (stacks.append(model.stack), encode(batch))[1]  # type: ignore[func-returns-value]
    train(module, batches(6))
    assert stacks == [tuple(turns.stack(i, BATCH)) for i in range(6) for _ in range(2)]
    after = dict(model.named_parameters())
    assert all(torch.equal(value, after[name]) for name, value in before.items())
