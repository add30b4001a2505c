"""The record of every iteration, kept on the device between flushes, so that logging never waits for a GPU."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from orthoadapters.config.schema import OptimConfig
from orthoadapters.data.batching import Batch
from orthoadapters.errors import NotFiniteError
from orthoadapters.runs.tracking import Tracker

# The values of a training step, in the order of metrics.csv. The norms are those before clipping, and tokens per second
# counts real tokens between two flushes.
STEP_COLUMNS = ("loss", "grad_norm", "l_ort", "ort_grad_norm", "lr", "ort_lr", "tokens_per_second")

# Those of them that must be finite, as a sentence names them.
FINITE = {
    "loss": "the loss",
    "grad_norm": "the norm of the gradients",
    "l_ort": "L_ORT",
    "ort_grad_norm": "the norm of its gradients",
}
# Those of them that are always computed before an iteration's first step.
BEFORE_STEP = ("loss", "grad_norm")
# ours: iterations whose mean loss is compared with the beginning, as a batch's own loss is its luck
WINDOW = 20
# ours: a head that guesses has the same loss for every label, so that a window's mean is near the first batch's. Both factors
# are needed: a loss that explodes at once spoils the first window, and one that does so later may stay below three times the
# first loss.
BATCH_FACTOR, WINDOW_FACTOR = 3, 2
# ours: about the loss of guessing between two or three labels; a beginning below it had easy batches
FLOOR = 1.0
log = logging.getLogger(__name__)


def metric_columns(metrics: Sequence[str], layers: int) -> list[str]:
    """Lists the columns of metrics.csv: a step's values, the scores on the development set, and L_ORT per layer."""
    return [*STEP_COLUMNS, *(f"dev_{name}" for name in metrics), *(f"l_ort_layer_{i}" for i in range(layers))]


class Recorder:
    """Collects one row per iteration and hands the rows to the trackers every `log_every` iterations.

    A row has STEP_COLUMNS, without those of a second step that is not taken, and every `layers_every` iterations L_ORT
    per layer.
    """

    def __init__(
        self, trackers: Sequence[Tracker], optim: OptimConfig, orthogonal: bool, log_every: int, layers_every: int
    ) -> None:
        self.trackers, self.log_every, self.layers_every = trackers, log_every, layers_every
        self.rates = {"lr": optim.lr} | ({"ort_lr": optim.ort_lr} if orthogonal else {})
        # Both count the whole run, over all its restarts.
        self.seconds, self.tokens = 0.0, 0
        self._wall, self._start_time = 0.0, time.perf_counter()
        # The progress bar shows the newest values.
        self.last: dict[str, float] = {}
        # The main loss per label of the first batch, before any step, and of the first window.
        self.first_batch: float | None = None
        self.first_window: float | None = None
        # Main loss and labels of the batches since the last whole window. Neither a flush nor a restart cuts it short.
        self.window: list[tuple[float, float]] = []
        self._has_warned = False
        self._rows: list[tuple[int, list[str], float]] = []
        self._values: list[Tensor] = []
        self._interval_start, self._interval_tokens = time.perf_counter(), 0

    def resume_from(self, iteration: int) -> None:
        """Tells the trackers at which iteration training begins, and starts the clock."""
        for tracker in self.trackers:
            tracker.resume_from(iteration)
        self._start_time = time.perf_counter()
        self.start()

    @property
    def wall_seconds(self) -> float:
        """The seconds since the first iteration, over all restarts: training, scoring and saving."""
        return self._wall + time.perf_counter() - self._start_time

    def start(self) -> None:
        """Starts the interval over which tokens per second are counted."""
        self._interval_start, self._interval_tokens = time.perf_counter(), 0

    def wants_layers(self, iteration: int, ort_every: int = 1) -> bool:
        """Says whether the row of this iteration, which has an orthogonality step, has a value per layer.

        ort_every: the iterations between two such steps. Values are those of the first step, and of the first one at or
        after every `layers_every` iterations.
        """
        return iteration <= ort_every or iteration % self.layers_every < ort_every

    def step(self, iteration: int, row: Mapping[str, Tensor], batch: Batch) -> None:
        """Keeps one iteration's values on their device."""
        self._rows.append((iteration, list(row), batch.get("labels_per_window", 1.0)))
        self._values.extend(row.values())
        self._interval_tokens += batch["tokens"]
        if iteration % self.log_every == 0:
            self.flush()

    def flush(self) -> None:
        """Copies the collected values to the host at once. Raises NotFiniteError for the first one that is not finite."""
        if not self._rows:
            return
        values = torch.stack([value.float() for value in self._values]).tolist()
        seconds = time.perf_counter() - self._interval_start
        rate = self._interval_tokens / max(seconds, 1e-9)
        self.seconds += seconds
        self.tokens += self._interval_tokens
        for iteration, names, labels in self._rows:
            row = dict(zip(names, values, strict=False)) | self.rates | {"tokens_per_second": rate}
            values = values[len(names) :]
            for tracker in self.trackers:
                tracker.log(iteration, row)
            self.last |= row
            for column, name in FINITE.items():
                if not math.isfinite(row.get(column, 0.0)):
                    raise NotFiniteError(f"{name} is {row[column]}", iteration, column in BEFORE_STEP)
            self._compare(row["loss"], labels, iteration)
        for tracker in self.trackers:
            tracker.flush()
        self._rows, self._values = [], []
        self.start()

    def _compare(self, loss: float, labels: float, iteration: int) -> None:
        """Says that the main loss diverges, once in a process: its mean over a window is far above that of the beginning.

        labels: what the loss is a sum over, so that long sentences alone do not make it large.
        """
        self.window.append((loss, labels))
        if self.first_batch is None:
            self.first_batch = loss / labels
        if len(self.window) < WINDOW:
            return
        losses, counts = zip(*self.window, strict=True)
        self.window, mean = [], sum(losses) / sum(counts)
        if self.first_window is None:
            self.first_window = mean
        for factor, first in ((BATCH_FACTOR, self.first_batch), (WINDOW_FACTOR, self.first_window)):
            if mean > factor * max(first, FLOOR) and not self._has_warned:
                self._has_warned = True
                log.warning(
                    "the loss diverges: its mean per label is %.4g up to iteration %d and was %.4g at the beginning; a "
                    "lower optim.lr usually mends it",
                    mean,
                    iteration,
                    first,
                )

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        """Logs values that do not come from the training step, such as a score on the development set."""
        self.flush()
        for tracker in self.trackers:
            tracker.log(iteration, row)
            tracker.flush()
        # The seconds of an evaluation are no part of the training's.
        self.start()

    def state_dict(self) -> dict[str, Any]:
        self.flush()
        times = {"seconds": self.seconds, "tokens": self.tokens, "wall_seconds": self.wall_seconds}
        return times | {"per_label": (self.first_batch, self.first_window, list(self.window))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seconds, self.tokens, self._wall = state["seconds"], state["tokens"], state["wall_seconds"]
        # Checkpoints of earlier versions have none of these: the beginning is then where the run goes on.
        self.first_batch, self.first_window, window = state.get("per_label", (None, None, []))
        self.window = list(window)
