"""The sentences of losses that diverge or are not finite, and the noise, short sentences and easy batches that have none."""

import random
from collections.abc import Iterable
from typing import Any

import pytest
import torch

from orthoadapters import UserError
from orthoadapters.config.schema import OptimConfig
from orthoadapters.training.record import WINDOW, Recorder

OPTIM = OptimConfig(lr=1e-2, ort_lr=3e-3, eps=1e-8, ort_eps=1e-8, clip_norm=1.0)


def batch_of(labels: float) -> Any:
    return {"tokens": 300, "labels_per_window": labels}


def record(batches: Iterable[tuple[float, float]], log_every: int = WINDOW, restart_every: int = 1000) -> None:
    """Records batches with these losses and labels per window, and goes on from a checkpoint every so many iterations."""
    recorder = Recorder([], OPTIM, False, log_every, 1)
    for iteration, (loss, labels) in enumerate(batches, 1):
        recorder.step(iteration, {"loss": torch.tensor(loss)}, batch_of(labels))
        if iteration % restart_every == 0:
            state = recorder.state_dict()
            recorder = Recorder([], OPTIM, False, log_every, 1)
            recorder.load_state_dict(state)
    recorder.flush()


@pytest.mark.parametrize("log_every", [1, 7, WINDOW, 1000])
@pytest.mark.parametrize("restart_every", [3, 1000])
@pytest.mark.parametrize(("later", "is_said"), [(1.9, False), (2.1, True)])
def test_a_loss_that_diverges_is_said_whatever_cuts_its_rows(
    log_every: int, restart_every: int, later: float, is_said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither checkpoints, restarts nor `log_every` move what is compared with what."""
    record([(1.0, 1)] * WINDOW + [(later, 1)] * WINDOW, log_every, restart_every)
    sentence = (
        "the loss diverges: its mean per label is 2.1 up to iteration 40 and was 1 at the beginning; a lower optim.lr"
    )
    assert (sentence in caplog.text) == is_said == bool(caplog.text)


def test_a_loss_that_explodes_in_the_first_iterations_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """The first window is then no beginning to compare with."""
    record([(17.6, 8)] + [(1e6, 8)] * 60)
    assert caplog.text.count("the loss diverges") == 1
    assert "up to iteration 20 and was 2.2 at the beginning" in caplog.text


def test_a_loss_far_above_that_of_guessing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Three labels, from the second batch on."""
    record([(1.09, 1)] + [(3.7, 1)] * 19 + [(2.1, 1)] * 180)
    assert "its mean per label is 3.57 up to iteration 20 and was 1.09 at the beginning" in caplog.text


def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    record([(1.0, 1)] * WINDOW + [(3.0, 1)] * 5 * WINDOW)
    assert caplog.text.count("the loss diverges") == 1


@pytest.mark.parametrize(
    "batches",
    [
        # A real run's first batches: sentences of one word first, and a loss that is summed over words and 17 tags.
        [(3.2, 1.1), *[(52.0, 18.4)] * 19],
        # Batches with few masked subwords each, of which the first was easy.
        [(2.5, 1), *[(6.0, 1)] * 19],
        # Losses near zero.
        [*[(0.001, 1)] * 20, *[(0.01, 1)] * 39, (15.0, 1)],
        # Short sentences in the first window.
        [*[(10.0, 4.0)] * 20, *[(30.0, 12.0)] * 20],
    ],
    ids=["short", "easy", "zero", "lengths"],
)
def test_luck_and_lengths_say_nothing_of_divergence(
    batches: list[tuple[float, float]], caplog: pytest.LogCaptureFixture
) -> None:
    record(batches)
    assert not caplog.text


def test_noisy_losses_say_nothing_of_divergence(caplog: pytest.LogCaptureFixture) -> None:
    """Each batch is one sentence of 1 to 40 words, whose losses scatter as much as they are large, and training is slow."""
    luck = random.Random(0)
    for _ in range(20):
        lengths = [luck.randint(1, 40) for _ in range(10 * WINDOW)]
        words = [[luck.expovariate(1 / (2.5 - n / 200)) for _ in range(length)] for n, length in enumerate(lengths)]
        record([(sum(losses), len(losses)) for losses in words])
    assert not caplog.text


@pytest.mark.parametrize(
    ("name", "iteration", "fix"),
    [
        ("loss", 1, r"no step was taken yet, so look at the weights that were read \(backbone, adapters\)"),
        ("grad_norm", 1, "no step was taken yet, so look at the weights"),
        ("l_ort", 1, "a lower optim.lr usually mends it"),
        ("loss", 2, "a lower optim.lr usually mends it"),
    ],
)
def test_what_is_not_finite_before_the_first_step_is_not_put_down_to_a_learning_rate(
    name: str, iteration: int, fix: str
) -> None:
    """L_ORT is usually computed after the main step of its iteration."""
    recorder = Recorder([], OPTIM, True, 1, 1)
    row = {"loss": torch.ones(()), "l_ort": torch.ones(())} | {name: torch.tensor(torch.nan)}
    with pytest.raises(UserError, match=f"is nan at iteration {iteration}; {fix}"):
        recorder.step(iteration, row, batch_of(1))
