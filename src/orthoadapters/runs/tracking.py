"""The trackers, which take logged values: metrics.csv in the run directory, and Weights & Biases."""

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from orthoadapters.config.schema import Config, LoggerKind
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.weights_and_biases import WandbTracker


class Tracker(Protocol):
    """A place for what a run logs."""

    def resume_from(self, iteration: int) -> None:
        """Prepares for a training that starts after this iteration and logs later ones once more."""

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        """Takes one row of values; the iteration counts batches."""

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Takes the run's closing values."""

    def close(self, exit_code: int) -> None:
        """Ends the run, as failed unless exit_code is 0."""


class CsvTracker:
    """A tracker that writes metrics.csv: `iteration` and one column per value, empty where an iteration has none.

    `resume_from` drops the rows of iterations that a resumed run is going to repeat.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, ["iteration", *columns]
        self.file, self.writer = self._rewrite(sys.maxsize)

    def resume_from(self, iteration: int) -> None:
        self.file.close()
        self.file, self.writer = self._rewrite(iteration)

    def _rewrite(self, last: int) -> tuple[TextIO, "csv.DictWriter[str]"]:
        """Writes the file anew with its rows up to iteration `last`, and leaves it open for more."""
        temporary = self.path.with_name(".metrics.csv.tmp")
        file = temporary.open("w", newline="", encoding="utf-8")
        writer = csv.DictWriter(file, self.columns, lineterminator="\n")
        writer.writeheader()
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as former:
                writer.writerows(row for row in csv.DictReader(former) if int(row["iteration"]) <= last)
        file.flush()
        temporary.replace(self.path)
        return file, writer

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        self.writer.writerow({"iteration": str(iteration)} | {name: f"{value:.7g}" for name, value in row.items()})
        # Rows must be on the disk before a checkpoint that goes on from them.
        self.file.flush()

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Does nothing: the closing values stand in result.json."""

    def close(self, exit_code: int) -> None:
        self.file.close()


@contextmanager
def trackers(config: Config, run: RunDirectory, columns: Sequence[str]) -> Iterator[list[Tracker]]:
    """Opens the trackers that `logger` asks for; ends them as failed if the block raises, whatever it raises."""
    run_trackers: list[Tracker] = []
    exit_code = 1
    try:
        if config.logger.kind is not LoggerKind.none:
            run_trackers.append(CsvTracker(run.path / "metrics.csv", columns))
        if config.logger.kind is LoggerKind.wandb:
            try:
                run_trackers.append(WandbTracker(config, run))
            except Exception as error:
                # W&B raises errors of many types, and each means the same to the reader.
                raise UserError(
                    f"W&B did not start: {error}; logger=csv or WANDB_MODE=offline goes on without it"
                ) from error
        yield run_trackers
        exit_code = 0
    finally:
        for tracker in run_trackers:
            tracker.close(exit_code)
