"""Where logged values go: metrics.csv in the run directory, and Weights & Biases."""

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
    def resume_from(self, iteration: int) -> None:
        """Training starts after this iteration: what was logged for later ones will be logged again."""

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        """Takes one row of values; the iteration counts batches."""

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Takes the run's closing values."""

    def close(self, exit_code: int) -> None:
        """Ends the run, as failed unless exit_code is 0."""


class CsvTracker:
    """metrics.csv: `iteration` and one column per value, empty where an iteration has none.

    `resume_from` drops the rows of iterations that a resumed run is going to repeat.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, ["iteration", *columns]
        self.file, self.writer = self._rewrite(sys.maxsize)

    def resume_from(self, iteration: int) -> None:
        self.file.close()
        self.file, self.writer = self._rewrite(iteration)

    def _rewrite(self, last: int) -> tuple[TextIO, "csv.DictWriter[str]"]:
        """The file with its rows up to iteration `last`, open for more."""
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
        self.file.flush()  # what a checkpoint continues must be on disk when it is written

    def summarise(self, values: Mapping[str, Any]) -> None:
        """The closing values stand in result.json."""

    def close(self, exit_code: int) -> None:
        self.file.close()


@contextmanager
def trackers(config: Config, run: RunDirectory, columns: Sequence[str]) -> Iterator[list[Tracker]]:
    """The trackers that `logger` asks for; ended as failed if the block raises, whatever it raises."""
    opened: list[Tracker] = []
    exit_code = 1
    try:
        if config.logger.kind is not LoggerKind.none:
            opened.append(CsvTracker(run.path / "metrics.csv", columns))
        if config.logger.kind is LoggerKind.wandb:
            try:
                opened.append(WandbTracker(config, run))
            except Exception as error:  # whatever W&B raises, the reader needs one way out
                raise UserError(
                    f"W&B did not start: {error}; logger=csv or WANDB_MODE=offline goes on without it"
                ) from error
        yield opened
        exit_code = 0
    finally:
        for tracker in opened:
            tracker.close(exit_code)
