"""TensorBoard's event files, by the writer of the `tensorboard` package itself.

It writes a row of values as one event. Lightning's TensorBoardLogger writes an event for each value, which takes six times
as long, and none at all where SLURM has given this process another rank than 0, although it may be a run of its own.
"""

import time
from collections.abc import Mapping
from typing import Any

from orthoadapters.config.choices import choices
from orthoadapters.config.schema import Config
from orthoadapters.runs.directory import RunDirectory

FOLDER = "tensorboard"


class TensorBoardTracker:
    """A tracker that writes into tensorboard/ of the run directory; each training that goes on adds a file there."""

    def __init__(self, config: Config, run: RunDirectory) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.choices = choices(config) | {"stage": config.stage.value, "variant": config.variant.name}
        self.writer = EventFileWriter(str(run.path / FOLDER))

    def resume_from(self, iteration: int) -> None:
        """Tells TensorBoard to forget the values of later iterations: it reads a start at step N so."""
        from tensorboard.compat.proto.event_pb2 import SessionLog

        self._write(iteration + 1, session_log=SessionLog(status=SessionLog.START))

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in row.items()]
        self._write(iteration, summary=Summary(value=values))

    def flush(self) -> None:
        self.writer.flush()

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Writes the run's line in TensorBoard's table of hyperparameters: its choices, and the closing values."""
        from torch.utils.tensorboard.summary import hparams

        scores = {name: value for name, value in values.items() if isinstance(value, int | float)}
        plain = {key: v if isinstance(v, bool | int | float | str) else str(v) for key, v in self.choices.items()}
        for summary in hparams(plain, scores):
            self._write(0, summary=summary)
        self.log(0, scores)

    def close(self, exit_code: int) -> None:
        self.writer.close()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self.writer.add_event(Event(step=step, wall_time=time.time(), **content))
