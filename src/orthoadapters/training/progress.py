"""The progress bar of a training."""

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from orthoadapters.training.alternating import AlternatingTraining

# ours: seconds of training that the bar's remaining time is computed from, as far as they have come: several epochs with their
# looks at the development set, and short enough to notice a machine that becomes faster
SPEED_SECONDS = 900
# ours: rich keeps 1,000 updates of the bar, whatever seconds it computes from
UPDATE_SECONDS = 1.0


class ProgressBar(Callback):
    """A line with the remaining time and the newest logged losses; without a terminal it shows nothing."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.title, self.clock = title, clock
        self.update_time = -math.inf

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        rest = (TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[losses]}"))
        is_hidden = not (sys.stderr.isatty() and trainer.is_global_zero)
        self.bar = Progress(
            *columns,
            *rest,
            disable=is_hidden,
            console=Console(stderr=True),
            get_time=self.clock,
            speed_estimate_period=SPEED_SECONDS,
        )
        self.line = self.bar.add_task(self.title, total=trainer.max_steps, completed=trainer.global_step, losses="")
        self.bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, AlternatingTraining)
        if self.clock() - self.update_time < UPDATE_SECONDS and trainer.global_step < trainer.max_steps:
            return
        self.update_time = self.clock()
        last = pl_module.recorder.last
        losses = "  ".join(f"{name} {last[name]:.4g}" for name in ("loss", "l_ort") if name in last)
        self.bar.update(self.line, completed=trainer.global_step, losses=losses)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if hasattr(self, "bar"):
            # Otherwise the terminal stays without its cursor.
            self.bar.stop()
