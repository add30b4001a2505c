"""A report's files: per table <name>.md, .tex and .csv, and selected-<name>; problems.md. CSV has everything, as fractions."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from orthoadapters.errors import UserError
from orthoadapters.files import write_text
from orthoadapters.report.model import Cell, Report, Row, Table
from orthoadapters.report.tables import Show, latex, markdown, scores, selected

PROBLEMS = "problems.md"


def write(report: Report, out: Path, show: Show) -> list[Path]:
    """The files, each whole or not at all. Raises UserError if one cannot be written."""
    texts = {PROBLEMS: problems_markdown(report)}
    for table in report.tables:
        for grid, content in ((scores(table, show), scores_csv(table)), (selected(table), selected_csv(table))):
            texts |= {f"{grid.name}.md": markdown(grid), f"{grid.name}.tex": latex(grid), f"{grid.name}.csv": content}
    try:
        for name, text in texts.items():
            write_text(out / name, text)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}; choose another folder with --out DIR") from error
    return [out / name for name in texts]


def left_over(out: Path, written: Iterable[Path]) -> list[Path]:
    """The scores of tables that an earlier report left in `out` and that this one has not."""
    others = sorted({*out.glob("*.csv")} - {*written})
    return [path for path in others if path.read_bytes().startswith(",".join(FIELDS).encode())]


def problems_markdown(report: Report) -> str:
    return "".join(f"- {problem}\n" for problem in report.problems) or "Nothing was set apart.\n"


FIELDS = (
    "task", "backbone", "setting", "metric", "source", "variant", "row", "language", "state", "score", "std", "n_seeds",
    "seeds", "n_sentences", "paper", "difference", "oracle", "oracle_lr", "oracle_ort_lr", "lr", "ort_lr", "epochs", "dev",
    "grid_points", "runs",
)  # fmt: skip


def scores_csv(table: Table) -> str:
    """A line per variant and column; lists (seeds, epochs, run directories) with a semicolon between their parts."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(FIELDS)
    for row in table.rows:
        for column in table.columns:
            writer.writerow(_record(table, row, row.cells[column]))
    return file.getvalue()


def selected_csv(table: Table) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["variant", "row", "lr", "ort_lr", "epochs", "dev", "metric", "grid_points", "seeds", "failed",
                     "unfinished", "runs"])  # fmt: skip
    for row in table.rows:
        lr, ort_lr = row.point or (None, None)
        counts = [sum(attempt.state == state for attempt in row.attempts) for state in ("failed", "unfinished")]
        runs = ";".join(str(run.path) for run in row.selected)
        writer.writerow([row.variant, row.label, lr, ort_lr, _joined(row.epochs), row.dev, table.metric, len(row.points),
                         _joined(row.seeds), *counts, runs])  # fmt: skip
    return file.getvalue()


def _record(table: Table, row: Row, cell: Cell) -> list[object]:
    lr, ort_lr = row.point or (None, None)
    value, point = (None, None) if cell.oracle is None else (cell.oracle.value, cell.oracle.point)
    oracle_lr, oracle_ort_lr = point or (None, None)
    setting = "; ".join(f"{key}={value}" for key, value in table.differing.items())
    seeds, epochs = [run.result.seed for run in cell.runs], [run.selection.epoch for run in cell.runs]
    return [
        table.task, table.backbone, setting, table.metric, table.source, row.variant, row.label, cell.language, cell.state,
        cell.value, cell.std, len(cell.runs), _joined(seeds), cell.n_sentences, cell.paper, cell.difference, value, oracle_lr,
        oracle_ort_lr, lr, ort_lr, _joined(epochs), row.dev, len(row.points), _joined(cell.paths),
    ]  # fmt: skip


def _joined(values: Iterable[object]) -> str:
    return ";".join(map(str, values))
