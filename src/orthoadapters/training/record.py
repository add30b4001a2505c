"""The record of every iteration, kept on the device between flushes, so that logging never waits for a GPU."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from orthoadapters.config.schema import OptimConfig
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
# ours: no batch's luck makes the mean loss of a whole interval twice that of the first one
DIVERGENCE = 2
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
        # The mean main loss of the first rows, which later ones are compared with.
        self.first_mean: float | None = None
        self._has_warned = False
        self._rows: list[tuple[int, list[str]]] = []
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

    def step(self, iteration: int, row: Mapping[str, Tensor], tokens: int) -> None:
        """Keeps one iteration's values on their device. tokens: the batch's real subwords."""
        self._rows.append((iteration, list(row)))
        self._values.extend(row.values())
        self._interval_tokens += tokens
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
        losses: list[float] = []
        for iteration, names in self._rows:
            row = dict(zip(names, values, strict=False)) | self.rates | {"tokens_per_second": rate}
            values = values[len(names) :]
            for tracker in self.trackers:
                tracker.log(iteration, row)
            self.last |= row
            for column, name in FINITE.items():
                if not math.isfinite(row.get(column, 0.0)):
                    raise NotFiniteError(f"{name} is {row[column]}", iteration)
            losses.append(row["loss"])
        if len(losses) >= self.log_every:
            # A checkpoint may have cut an interval short, and a few batches differ by their luck and their sentences' length.
            self._compare(sum(losses) / len(losses), self._rows[-1][0])
        for tracker in self.trackers:
            tracker.flush()
        self._rows, self._values = [], []
        self.start()

    def _compare(self, mean: float, iteration: int) -> None:
        """Says once that the main loss diverges: its mean over the newest rows is far above that over the first ones."""
        self.first_mean = mean if self.first_mean is None else self.first_mean
        if mean > DIVERGENCE * self.first_mean and not self._has_warned:
            self._has_warned = True
            log.warning(
                "the loss diverges: its mean is %.4g up to iteration %d and was %.4g at the beginning; a lower optim.lr "
                "usually mends it",
                mean,
                iteration,
                self.first_mean,
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
        return times | {"first_mean": self.first_mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seconds, self.tokens, self._wall = state["seconds"], state["tokens"], state["wall_seconds"]
        # Checkpoints of earlier versions have none.
        self.first_mean = state.get("first_mean")
