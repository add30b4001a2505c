"""The remaining time that the progress bar shows, by a clock of the test's own."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.progress import ProgressBar


def test_the_remaining_time_counts_the_looks_at_the_development_set_from_the_first_minute_on() -> None:
    """Epochs of twenty seconds with four seconds on the development set: 100 epochs of 200 iterations in 2,400 seconds."""
    now = 0.0
    trainer: Any = SimpleNamespace(is_global_zero=True, max_steps=20_000, global_step=0)
    module: Any = Mock(spec=AlternatingTraining, recorder=SimpleNamespace(last={}))
    bar = ProgressBar("run", lambda: now)
    bar.on_train_start(trainer, module)
    errors = []
    for iteration in range(1, 20_000):
        now = iteration * 0.1 + (iteration - 1) // 200 * 4
        trainer.global_step = iteration
        bar.on_train_batch_end(trainer, module, None, None, iteration)
        if iteration % 51 == 0 and 60 < now < 2340:
            remaining = bar.bar.tasks[bar.line].time_remaining
            assert remaining is not None
            errors.append(abs(now + remaining - 2396) / (2396 - now))
    assert max(errors) < 0.1
    assert len(errors) > 300
