"""The callbacks between iterations: selection on the source language's development set, and checkpoints."""

import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor

from orthoadapters.data.evaluation_set import Evaluation
from orthoadapters.errors import NotFiniteError
from orthoadapters.evaluation.scoring import evaluate
from orthoadapters.model.finite import first_not_finite
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.task import TaskTraining


class SelectOnDev(Callback):
    """Scores the source language's development set after every epoch and keeps the weights of the best one.

    It gets the sets of source languages and nothing else, so that no target language can take part in the selection. Of
    several, the mean score counts. Of equal scores the earlier epoch's counts. Its state is part of the checkpoint.

    devs: each set with its stack. patience: the epochs without a higher score after which training ends; None: never.
    """

    def __init__(
        self,
        devs: Sequence[tuple[Sequence[str], Evaluation]],
        metrics: list[str],
        batches_per_epoch: int,
        patience: int | None = None,
    ) -> None:
        self.devs, self.metrics, self.batches_per_epoch, self.patience = devs, metrics, batches_per_epoch, patience
        self.epoch, self.value = 0, -1.0
        self.history: list[dict[str, float]] = []  # an entry per epoch
        self.best: dict[str, Tensor] = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % self.batches_per_epoch != 0:
            return
        assert isinstance(pl_module, TaskTraining)
        epoch = trainer.global_step // self.batches_per_epoch
        pl_module.recorder.flush()
        with trainer.precision_plugin.forward_context():
            scores = self._score(pl_module)
        pl_module.recorder.log(trainer.global_step, {f"dev_{name}": value for name, value in scores.items()})
        self.history.append({"epoch": epoch} | scores)
        if scores[self.metrics[0]] > self.value:
            self.epoch, self.value = epoch, scores[self.metrics[0]]
            self.best = {name: value.cpu().clone() for name, value in pl_module.trained_state().items()}
        self._stop_if_over(trainer)

    def _score(self, module: TaskTraining) -> dict[str, float]:
        own, rows = module.model.stack, []
        for stack, dev in self.devs:
            module.model.activate(*stack)
            rows.append(evaluate(module.model, module.head, dev, self.metrics).scores)
        module.model.activate(*own)
        return {name: math.fsum(row[name] for row in rows) / len(rows) for name in rows[0]}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # A run may have been stopped between its last epoch and its result.
        self._stop_if_over(trainer)

    def _stop_if_over(self, trainer: pl.Trainer) -> None:
        """Ends the training after `patience` epochs without a higher score. Several processes follow the first one."""
        if self.patience is not None:
            is_over = len(self.history) - self.epoch >= self.patience
            trainer.should_stop = bool(trainer.strategy.broadcast(is_over))

    def restore(self, module: TaskTraining) -> None:
        """Puts the best epoch's weights back."""
        with torch.no_grad():
            for name, parameter in module.trained_state().items():
                parameter.copy_(self.best[name])

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "value": self.value, "history": self.history, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epoch, self.value = state_dict["epoch"], state_dict["value"]
        self.history, self.best = state_dict["history"], state_dict["best"]


class CtrlCException(SIGTERMException):
    """The end of a training that Ctrl-C asked for: between two iterations, as SIGTERM's."""


class KeepLast(Checkpoint):
    """Writes `last.ckpt` every `every` iterations or `minutes`, after the last iteration, on SIGTERM and on Ctrl-C.

    It writes under a temporary name first, and nothing that is not finite: then it raises NotFiniteError. Lightning runs
    callbacks of this kind after all others, so that a checkpoint at an epoch's end holds that epoch's score on the
    development set.

    Several processes (trainer=ddp) must save or stop at the same iteration, although their clocks and signals differ. So
    each process adds its requests (to save, to stop) to the tensor of gradients, and all of them act on the sum. On a GPU
    they look at the sum every `log_every` iterations only.

    run: what tells the run from others, which is part of the checkpoint.
    """

    def __init__(self, path: Path, run: Mapping[str, str], every: int, minutes: float, log_every: int) -> None:
        self.path, self.run, self.every, self.seconds, self.log_every = path, run, every, 60 * minutes, log_every
        self.save_time = time.monotonic()
        self.is_stopping = False
        self.is_interrupted = False
        # The iteration of the checkpoint that is there; 0 stands for none.
        self.iteration = 0

    def state_dict(self) -> dict[str, Any]:
        return {"run": dict(self.run)}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.iteration = trainer.global_step
        if trainer.world_size > 1:
            # Lightning's own handler would wait for the other processes at any point of this one's work.
            signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        self.is_stopping = True

    @contextmanager
    def stopping_on_ctrl_c(self) -> Iterator[None]:
        """Lets Ctrl-C end the training between two iterations, with a checkpoint; a second one ends it at once."""
        former = signal.getsignal(signal.SIGINT)
        is_free = former is signal.default_int_handler and threading.current_thread() is threading.main_thread()

        def interrupt(number: int, frame: object) -> None:
            signal.signal(signal.SIGINT, former)
            self.is_interrupted = self.is_stopping = True
            print("stopping with a checkpoint; Ctrl-C again stops at once, without one", file=sys.stderr)

        if is_free:  # otherwise somebody else answers it, as a sweep does for its cells
            signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            if is_free:
                signal.signal(signal.SIGINT, former)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, AlternatingTraining)
        save, stop = (self._is_late, False) if trainer.world_size == 1 else self._common_requests(trainer, pl_module)
        is_last = trainer.global_step == trainer.max_steps or trainer.should_stop
        if save or is_last or trainer.global_step % self.every == 0:
            self._save(trainer, pl_module)
        if trainer.world_size > 1:
            pl_module.requests = (float(self._is_late), float(self.is_stopping))
        if stop or (self.is_interrupted and trainer.world_size == 1):
            raise self.stop_exception()

    def stop_exception(self) -> SIGTERMException:
        """Returns what ends the training: Ctrl-C's exception in the process that got it, and SIGTERM's in the others."""
        return CtrlCException() if self.is_interrupted else SIGTERMException()

    @property
    def _is_late(self) -> bool:
        return time.monotonic() - self.save_time > self.seconds

    def _common_requests(self, trainer: pl.Trainer, pl_module: AlternatingTraining) -> tuple[bool, bool]:
        """Says whether any process asked to save, and to stop, before this iteration; every process gets the same answer."""
        if pl_module.device.type != "cpu" and trainer.global_step % self.log_every != 0:
            # Reading the sum makes the GPU wait.
            return False, False
        save, stop = pl_module.request_sums.tolist()
        return save > 0, stop > 0

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, SIGTERMException):
            # It is raised between two iterations, so that no step is half done.
            assert isinstance(pl_module, AlternatingTraining)
            self._save(trainer, pl_module)

    def _save(self, trainer: pl.Trainer, pl_module: AlternatingTraining) -> None:
        # What is not finite never takes the place of a checkpoint that is.
        pl_module.recorder.flush()
        if name := first_not_finite(pl_module.trained_state()):
            raise NotFiniteError(f"{name} has weights that are NaN or infinite", trainer.global_step)
        temporary = self.path.with_name(".last.ckpt.tmp")
        try:
            # Every process takes part, and the first one writes.
            trainer.save_checkpoint(temporary)
            if trainer.is_global_zero:
                temporary.replace(self.path)
        except OSError:
            # On a full disk the unfinished file would occupy the space that is left.
            temporary.unlink(missing_ok=True)
            raise
        self.save_time, self.iteration = time.monotonic(), trainer.global_step
