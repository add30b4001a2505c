"""All results as one tidy table: a row for each run, language, split and metric, as a CSV file and as a data frame."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orthoadapters.config.program import shell_command
from orthoadapters.errors import UserError
from orthoadapters.files import user_path, write_text
from orthoadapters.folders import check_new_file
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.settings import own_under
from orthoadapters.report.collect.table import Report
from orthoadapters.report.printed.records import csv_text
from orthoadapters.runs.results import Result, find_results

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)
# The columns, in order.
FIELDS = (
    *("task", "backbone", "variant", "language_adapter", "task_adapter", "seed", "lr", "ort_lr"),
    *("source", "language", "split", "under", "metric", "value", "n"),
    *("epoch", "is_selected", "table", "row"),
    *("stage", "run", "fingerprint", "git_commit", "git_dirty", "seconds", "directory"),
)
# What the table of any version begins with.
BEGINNING = ",".join(FIELDS[:3]).encode()
# pandas' types of the columns in which a value can be missing, so that a missing one makes no fraction of a count.
TYPES = {"n": "Int64", "epoch": "Int64", "is_selected": "boolean", "ort_lr": "float64"}


class Place(NamedTuple):
    """The place of a run in the report. is_selected: whether its grid point is the one whose scores are shown."""

    table: str | None
    row: str | None
    is_selected: bool | None


class Value(NamedTuple):
    """A number of a result. n: the number of sentences, pairs or blocks; None where it is not recorded.

    under: what was under the task adapter; None where there are no language adapters to be there.
    """

    language: str
    split: str
    metric: str
    value: float
    n: float | None
    under: str | None = None


def read_runs(folder: str | Path = "runs") -> "pandas.DataFrame":
    """Reads every finished run below a folder into one data frame, with the rows and columns of report.py --tidy.

    What the report sets apart is named in the log. Raises UserError if there is no such folder, no finished run in it, or
    no pandas.
    """
    try:
        import pandas
    except ImportError:
        command = shell_command("report", ["RUNS_DIR", "--tidy", "FILE"])
        raise UserError(f"read_runs needs pandas; pip install pandas, or let `{command}` write the table") from None
    records, problems = tidy_records(user_path(str(folder)))
    for problem in problems:
        log.warning("%s", problem)
    return pandas.DataFrame(records, columns=list(FIELDS)).astype(TYPES)


def write_tidy(folder: Path, backbone: str | None, path: Path) -> tuple[int, tuple[str, ...]]:
    """Writes the table as CSV; returns the number of its rows, and a sentence for each run that the report sets apart.

    Raises UserError as `read_runs`, or if the file cannot be written.
    """
    check_new_file(path, "--tidy")
    _check_is_table(path)
    records, problems = tidy_records(folder, backbone)
    try:
        write_text(path, csv_text(FIELDS, records))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; name another file with --tidy FILE") from error
    return len(records), problems


def _check_is_table(path: Path) -> None:
    """Raises UserError for a file with content that is no such table, of whatever version: data, a record, own notes."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        start = file.read(len(BEGINNING))
    if start not in (b"", BEGINNING):
        raise UserError(
            f"--tidy {path} is there and is no table that --tidy wrote; name another file, or delete that one"
        )


def tidy_records(folder: Path, backbone: str | None = None) -> tuple[list[list[Any]], tuple[str, ...]]:
    """Returns the values of FIELDS for each run, language, split and metric, and the report's problems."""
    report = build(folder, backbone)
    places = _places(report)
    results = [(path, result) for path, result in find_results(folder)[0] if backbone in (None, result.backbone)]
    if not results:
        raise UserError(f"{folder} holds no finished run; {shell_command('train', ['task=xnli'])} makes one")
    records = [
        _record(path, result, value, places.get(path, Place(None, None, None)))
        for path, result in results
        for value in _values(result)
    ]
    return [[record[field] for field in FIELDS] for record in records], report.problems


def _places(report: Report) -> dict[Path, Place]:
    """Finds where each run directory stands in the report."""
    return {
        path: Place(table.name, row.label, run in row.selected_runs)
        for table in report.tables
        for row in table.rows
        for run in row.candidates
        for path in (run.path, *run.paths.values())
    }


def _values(result: Result) -> Iterator[Value]:
    """Yields the scores on the test sets, on the target languages' development sets, and on the one that selected."""
    has_adapters = result.task is not None and bool(result.adapters)
    own = own_under(result.choices).value if has_adapters else None
    splits = [("test", own, result.test), ("dev", own, result.target_dev)]
    # A mean over the rows of split=test is of the runs' own scores alone.
    for split, under, scores in [*splits, *(("under", under, rows) for under, rows in result.under.items())]:
        for language, row in scores.items():
            for metric, value in row.items():
                if metric != "n":
                    yield Value(language, split, metric, value, row.get("n"), under)
    if (selection := result.selection) is not None:
        epoch = next((row for row in selection.history if row.get("epoch") == selection.epoch), {})
        row = {selection.metric: selection.value} | {name: value for name, value in epoch.items() if name != "epoch"}
        for metric, value in row.items():
            yield Value(selection.language, selection.split, metric, value, None)


def _record(path: Path, result: Result, value: Value, place: Place) -> dict[str, Any]:
    """Makes the values of one row, by column."""
    selection, provenance = result.selection, result.provenance
    return {
        "task": result.task,
        "backbone": result.backbone,
        "variant": result.variant,
        "language_adapter": result.choices.get("variant.language_adapter"),
        "task_adapter": None if result.task is None else result.choices.get("variant.task_adapter"),
        "seed": result.seed,
        "lr": result.lr,
        "ort_lr": result.ort_lr,
        "source": None if selection is None else selection.language,
        "epoch": None if selection is None else selection.epoch,
        "stage": result.stage,
        "run": result.run,
        "fingerprint": result.fingerprint,
        **{name: provenance.get(name) for name in ("git_commit", "git_dirty", "seconds")},
        "directory": str(path),
        **value._asdict(),
        **place._asdict(),
    }
