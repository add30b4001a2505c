"""The trackers, which take logged values: metrics.csv and TensorBoard's files in the run directory, Weights & Biases."""

import csv
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TextIO

from orthoadapters.config.schema import Config, LoggerConfig
from orthoadapters.errors import UserError, naming
from orthoadapters.files import check_regular
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.tensorboard import TensorBoardTracker
from orthoadapters.runs.wandb_session import check_wandb, start_error
from orthoadapters.runs.weights_and_biases import WandbTracker

log = logging.getLogger(__name__)
DIGITS = 18  # ours: those of an iteration that 64 bits hold; Python reads no number of thousands
VALUE = r"-?(?:[0-9]+(?:\.[0-9]+)?(?:e[-+][0-9]+)?|inf|nan)"  # as `log` writes it


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

    `resume_from` drops the rows of iterations that a resumed run is going to repeat, puts the others into order, and says
    what is damaged. Until then a file that is there stays as it is.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, ["iteration", *columns]
        check_regular(path)
        self.file, self.writer = self._open(path, "a")

    def resume_from(self, iteration: int) -> None:
        self.file.close()
        content = _read(self.path, self.columns)
        if iteration and (damage := _damage(content, iteration)):
            log.warning("%s was damaged: %s", self.path, "; ".join(damage))
        temporary = self.path.with_name(".metrics.csv.tmp")
        self.file, self.writer = self._open(temporary, "w")
        for place in sorted(place for place in content.rows if place[0] <= iteration):
            row = dict(zip(content.names, content.rows[place].split(","), strict=True))
            self.writer.writerow({name: row.get(name, "") for name in self.columns})
        self.file.flush()
        temporary.replace(self.path)

    def _open(self, path: Path, mode: Literal["a", "w"]) -> tuple[TextIO, "csv.DictWriter[str]"]:
        """Opens a file for rows, with the header if it is empty."""
        file = path.open(mode, newline="", encoding="utf-8")
        writer = csv.DictWriter(file, self.columns, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
            file.flush()
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


class _Content(NamedTuple):
    """The readable content of a metrics.csv.

    names: those of its columns. wrong_name: the first one in its header that was changed, or None. rows: lines by iteration
    and by whether they have scores of a development set alone, which follow the iteration's other values. wrong_lines: the
    iteration and the number of each line that is no row, is there twice or does not come after the line above it.
    """

    names: Sequence[str]
    wrong_name: str | None
    rows: dict[tuple[int, bool], str]
    wrong_lines: list[tuple[int, int]]


def _read(path: Path, columns: Sequence[str]) -> _Content:
    """Reads the rows of a metrics.csv that are whole: a killed process may have left half a row, and a disk anything."""
    try:
        header, *lines = path.read_bytes().decode("utf-8", errors="replace").split("\n")[:-1]
    except (FileNotFoundError, ValueError):
        # Without a line there is no header to unpack.
        return _Content([], None, {}, [])
    names: Sequence[str] = header.split(",")
    # A file of an earlier version may lack columns.
    right = [name for name in columns if name in names]
    wrong_name = next((name for name, column in zip(names, [*right, None], strict=False) if name != column), None)
    if len(names) == len(columns):
        # Values are in the right place, whatever the header calls them.
        names = columns
    rows, wrong_lines, place = dict[tuple[int, bool], str](), list[tuple[int, int]](), (0, False)
    whole = re.compile(rf"[0-9]{{1,{DIGITS}}}(?:,(?:{VALUE})?){{{len(names) - 1}}}")
    beginning = re.compile(rf"([0-9]{{1,{DIGITS}}}),")
    of_step = [i for i, name in enumerate(names) if i > 0 and not name.startswith("dev_")]
    for number, line in enumerate(lines if names[0] == "iteration" else [], 2):
        if not whole.fullmatch(line):
            start = beginning.match(line)
            wrong_lines.append((int(start[1]) if start else place[0], number))
            continue
        values, former = line.split(","), place
        place = int(values[0]), not any(values[i] for i in of_step)
        if place <= former:
            wrong_lines.append((place[0], number))
        rows.setdefault(place, line)
    return _Content(names, wrong_name, rows, wrong_lines)


def _damage(content: _Content, last: int) -> list[str]:
    """Says what is wrong with the header, and with the rows up to iteration `last`; a file as it was written has nothing."""
    damage = []
    if content.wrong_name is not None:
        damage.append(f"its header was changed at {content.wrong_name[:40]!r}")
    if missing := set(range(1, last + 1)) - {iteration for iteration, is_dev in content.rows if not is_dev}:
        which = f"the first of them iteration {min(missing)}"
        damage.append(f"it has no rows of {len(missing)} of the {last} iterations before this start, {which}")
    if numbers := [number for iteration, number in content.wrong_lines if iteration <= last]:
        damage.append(f"line {numbers[0]} is the first of {len(numbers)} that were changed, repeated or moved")
    return damage


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
