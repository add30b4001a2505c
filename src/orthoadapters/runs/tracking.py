"""The trackers, which take logged values: metrics.csv and TensorBoard's files in the run directory, Weights & Biases."""

import csv
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TextIO

from orthoadapters.config.schema import Config, LoggerConfig
from orthoadapters.errors import UserError, naming
from orthoadapters.files import check_regular
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.tensorboard import TensorBoardTracker
from orthoadapters.runs.wandb_session import check_wandb, start_error
from orthoadapters.runs.weights_and_biases import WandbTracker

log = logging.getLogger(__name__)
DIGITS = 18  # ours: those of an iteration that 64 bits hold; Python reads no number of thousands


class Tracker(Protocol):
    """A place for what a run logs."""

    def resume_from(self, iteration: int) -> None:
        """Prepares for a training that starts after this iteration and logs later ones once more."""

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        """Takes one row of values; the iteration counts batches."""

    def flush(self) -> None:
        """Sees to it that the rows so far outlive this process: a checkpoint may go on from them."""

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Takes the run's closing values."""

    def close(self, exit_code: int) -> None:
        """Ends the run, as failed unless exit_code is 0."""


class CsvTracker:
    """A tracker that writes metrics.csv: `iteration` and one column per value, empty where an iteration has none.

    `resume_from` drops the rows of iterations that a resumed run is going to repeat, and says which rows are missing.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, ["iteration", *columns]
        check_regular(path)
        self.file, self.writer = self._rewrite(sys.maxsize)

    def resume_from(self, iteration: int) -> None:
        self.file.close()
        if missing := set(range(1, iteration + 1)) - {int(row["iteration"]) for row in _read_rows(self.path)}:
            text = "%s was damaged: it has no rows of %d of the %d iterations before this start, of iteration %d and others"
            log.warning(text, self.path, len(missing), iteration, min(missing))
        self.file, self.writer = self._rewrite(iteration)

    def _rewrite(self, last: int) -> tuple[TextIO, "csv.DictWriter[str]"]:
        """Writes the file anew with its whole rows up to iteration `last`, and leaves it open for more."""
        temporary = self.path.with_name(".metrics.csv.tmp")
        file = temporary.open("w", newline="", encoding="utf-8")
        writer = csv.DictWriter(file, self.columns, lineterminator="\n")
        writer.writeheader()
        former = (row for row in _read_rows(self.path) if int(row["iteration"]) <= last)
        # A file of an earlier version may have other columns.
        writer.writerows({name: row.get(name, "") for name in self.columns} for row in former)
        file.flush()
        temporary.replace(self.path)
        return file, writer

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        self.writer.writerow({"iteration": str(iteration)} | {name: f"{value:.7g}" for name, value in row.items()})

    def flush(self) -> None:
        # Rows must be on the disk before a checkpoint that goes on from them.
        with naming(self.path):
            self.file.flush()

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Does nothing: the closing values stand in result.json."""

    def close(self, exit_code: int) -> None:
        self.file.close()


def _read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Yields the rows of a metrics.csv that are whole: a killed process may have left half a row, and a disk anything."""
    try:
        header, *lines = path.read_bytes().decode("utf-8", errors="replace").split("\n")[:-1]
    except (FileNotFoundError, ValueError):
        # Without a line there is no header to unpack.
        return
    names = header.split(",")
    row = re.compile(rf"[0-9]{{1,{DIGITS}}}(?:,[-+.0-9a-z]*){{{len(names) - 1}}}")
    if names[0] == "iteration":
        yield from (dict(zip(names, line.split(","), strict=True)) for line in lines if row.fullmatch(line))


def check_trackers(logger: LoggerConfig) -> None:
    """Raises UserError if a tracker could not be opened later, once everything is read."""
    for name in ("tensorboard", "wandb"):
        if getattr(logger, name) and find_spec(name) is None:
            package = "wandb" if name == "wandb" else f"'orthoadapters[{name}]'"  # wandb is no extra
            raise UserError(f"logger={name} needs a package that is not here: pip install {package}")
    if logger.wandb:
        check_wandb()


@contextmanager
def trackers(config: Config, run: RunDirectory, columns: Sequence[str]) -> Iterator[list[Tracker]]:
    """Opens the trackers that `logger` asks for; ends them as failed if the block raises, whatever it raises."""
    run_trackers: list[Tracker] = []
    exit_code = 1
    try:
        if config.logger.csv:
            run_trackers.append(CsvTracker(run.path / "metrics.csv", columns))
        if config.logger.tensorboard:
            run_trackers.append(TensorBoardTracker(config, run))
        if config.logger.wandb:
            try:
                run_trackers.append(WandbTracker(config, run))
            except Exception as error:
                # W&B raises errors of many types, and each means the same to the reader.
                raise start_error(error) from error
        yield run_trackers
        exit_code = 0
    finally:
        for tracker in run_trackers:
            tracker.close(exit_code)
