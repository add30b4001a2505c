"""What happens between iterations: selection on the source language's development set, checkpoints, the progress bar."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from orthoadapters.data.modules import Evaluation
from orthoadapters.evaluation.scoring import evaluate
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.task import TaskTraining


class SelectOnDev(Callback):
    """Scores the source language's development set after every epoch and keeps the weights of the best one.

    It is given that one set and nothing else, so that no target language can take part in the selection. Ties go to the
    earlier epoch. Its state travels in the checkpoint.
    """

    def __init__(self, dev: Evaluation, metrics: list[str], batches_per_epoch: int) -> None:
        self.dev, self.metrics, self.batches_per_epoch = dev, metrics, batches_per_epoch
        self.epoch, self.value = 0, -1.0
        self.history: list[dict[str, float]] = []  # one entry per epoch
        self.best: dict[str, Tensor] = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % self.batches_per_epoch != 0:
            return
        assert isinstance(pl_module, TaskTraining)
        epoch = trainer.global_step // self.batches_per_epoch
        pl_module.recorder.flush()
        scores = evaluate(pl_module.model, pl_module.head, self.dev, self.metrics).scores
        pl_module.recorder.log(trainer.global_step, {f"dev_{name}": value for name, value in scores.items()})
        self.history.append({"epoch": epoch} | scores)
        if scores[self.metrics[0]] > self.value:
            self.epoch, self.value = epoch, scores[self.metrics[0]]
            self.best = {name: value.cpu().clone() for name, value in pl_module.trained_state().items()}

    def restore(self, module: TaskTraining) -> None:
        """Puts the best epoch's weights back."""
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(self.best[name])

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "value": self.value, "history": self.history, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epoch, self.value = state_dict["epoch"], state_dict["value"]
        self.history, self.best = state_dict["history"], state_dict["best"]


class KeepLast(Checkpoint):
    """Writes `last.ckpt` every `every` iterations or `minutes`, after the last one and on SIGTERM; temporary name first.

    Lightning runs callbacks of this kind after all others, so a checkpoint of an epoch's end holds its dev score.
    Of several processes (trainer=ddp) all must save or stop at the same iteration, whatever their clocks and signals say:
    each one's wishes travel with the gradients, and all look at the sum, on a GPU every `log_every` iterations.
    """

    def __init__(self, path: Path, every: int, minutes: float, log_every: int) -> None:
        self.path, self.every, self.seconds, self.log_every = path, every, 60 * minutes, log_every
        self.saved = time.monotonic()
        self.stopping = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.world_size > 1:  # Lightning's handler waits for the other processes wherever it finds this one
            signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, AlternatingTraining)
        late, stop = (self._late, False) if trainer.world_size == 1 else self._agreed(trainer, pl_module)
        if late or trainer.global_step % self.every == 0 or trainer.global_step == trainer.max_steps:
            self._save(trainer)
        if trainer.world_size > 1:
            pl_module.wishes = (float(self._late), float(self.stopping))
        if stop:
            raise SIGTERMException

    @property
    def _late(self) -> bool:
        return time.monotonic() - self.saved > self.seconds

    def _agreed(self, trainer: pl.Trainer, pl_module: AlternatingTraining) -> tuple[bool, bool]:
        """Whether any process wanted to save, and to stop, when this iteration began; the same in all of them."""
        if pl_module.device.type != "cpu" and trainer.global_step % self.log_every != 0:
            return False, False  # to look would make the GPU wait
        save, stop = pl_module.agreed.tolist()
        return save > 0, stop > 0

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, SIGTERMException):  # Lightning raises it between two iterations: nothing is half done
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        temporary = self.path.with_name(".last.ckpt.tmp")
        try:
            trainer.save_checkpoint(temporary)  # every process takes part, and the first one writes
            if trainer.is_global_zero:
                with temporary.open("rb") as file:
                    os.fsync(
                        file.fileno()
                    )  # before the rename, or a power cut could leave an empty file under the name
                temporary.replace(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)  # of a full disk it would take the rest
            raise
        self.saved = time.monotonic()


class ProgressBar(Callback):
    """One line with the remaining time and the newest logged losses; nothing when standard error is no terminal."""

    def __init__(self, title: str) -> None:
        self.title = title

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
            TimeRemainingColumn(), TextColumn("{task.fields[news]}"),
            disable=not (sys.stderr.isatty() and trainer.is_global_zero), console=Console(stderr=True),
        )  # fmt: skip
        self.line = self.bar.add_task(self.title, total=trainer.max_steps, completed=trainer.global_step, news="")
        self.bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, AlternatingTraining)
        last = pl_module.recorder.last
        news = "  ".join(f"{name} {last[name]:.4g}" for name in ("loss", "l_ort") if name in last)
        self.bar.update(self.line, completed=trainer.global_step, news=news)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if hasattr(self, "bar"):  # or the terminal would stay without its cursor
            self.bar.stop()
