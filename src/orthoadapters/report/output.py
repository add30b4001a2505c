"""A report's files: per table <name>.md, .tex and .csv, selected-<name>, significance-<name>; figures; problems.md.

CSV has everything, scores as fractions; report.html shows it.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from orthoadapters.errors import UserError
from orthoadapters.files import write_text
from orthoadapters.report.collect.table import Report, Row, Score, Table
from orthoadapters.report.page.page import page
from orthoadapters.report.pictures.gallery import list_missing_pictures
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.pictures.style import save
from orthoadapters.report.printed.significance import COMPARED, significance_markdown, significance_records
from orthoadapters.report.printed.tables import Extras, PrintedTable, latex, markdown, printed_scores, printed_selection
from orthoadapters.report.statistics.analysis import Analysis

PROBLEMS = "problems.md"
PAGE = "report.html"


def write(report: Report, out: Path, show: Extras) -> list[Path]:
    """The files, each whole or not at all. Raises UserError if one cannot be written."""
    texts = {PROBLEMS: problems_markdown(report)}
    for table in report.tables:
        for grid, content in (
            (printed_scores(table, show), scores_csv(table)),
            (printed_selection(table), selected_csv(table)),
        ):
            texts |= {f"{grid.name}.md": markdown(grid), f"{grid.name}.tex": latex(grid), f"{grid.name}.csv": content}
    return _written(texts, out)


def _printed(printed: PrintedTable, content: str) -> dict[str, str]:
    """Returns the texts of a printed table's three files. content: the CSV file's."""
    name = printed.name
    return {f"{name}.md": markdown(printed), f"{name}.tex": latex(printed), f"{name}.csv": content}


def write_analyses(report: Report, analyses: Sequence[Analysis], drawn: Sequence[Drawing], out: Path) -> list[Path]:
    """As `write`, of the comparisons, of the pictures, which are in out/figures as SVG and PDF, and of the page."""
    texts = {"figures.md": figures_markdown(report, drawn), PAGE: page(report, analyses, drawn, out)}
    for analysis in analyses:
        name = f"significance-{analysis.table.name}"
        texts |= {f"{name}.md": significance_markdown(analysis), f"{name}.csv": significance_csv(analysis)}
    with _writing(out):
        figures = [path for drawing in drawn for path in save(drawing.figure, out / "figures", drawing.name)]
    return [*_written(texts, out), *figures]


def left_over(out: Path, written: Iterable[Path]) -> list[Path]:
    """The scores, comparisons and pictures that an earlier report left in `out` and that this one has not."""
    headers = tuple(",".join(fields).encode() for fields in (FIELDS, COMPARED))
    tables = [path for path in {*out.glob("*.csv")} - {*written} if path.read_bytes().startswith(headers)]
    return sorted([*tables, *({*(out / "figures").glob("*.svg")} - {*written})])


def _written(texts: Mapping[str, str], out: Path) -> list[Path]:
    with _writing(out):
        for name, text in texts.items():
            write_text(out / name, text)
    return [out / name for name in texts]


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}; choose another folder with --out DIR") from error


def figures_markdown(report: Report, drawn: Sequence[Drawing]) -> str:
    """The pictures with their captions, then what there is no picture of."""
    shown = [f"![{drawing.name}](figures/{drawing.name}.svg)\n\n{drawing.caption}\n" for drawing in drawn]
    return "\n".join([*shown, *(f"- {note}\n" for note in list_missing_pictures(report, drawn))])


def problems_markdown(report: Report) -> str:
    return "".join(f"- {problem}\n" for problem in report.problems) or "Nothing was set apart.\n"


FIELDS = (
    "task", "backbone", "setting", "metric", "source", "variant", "row", "language", "state", "score", "std", "n_seeds",
    "seeds", "n_sentences", "paper", "difference", "oracle", "oracle_lr", "oracle_ort_lr", "lr", "ort_lr", "epochs", "dev",
    "grid_points", "runs",
)  # fmt: skip


def scores_csv(table: Table) -> str:
    """A line per variant and column; lists (seeds, epochs, run directories) with a semicolon between their parts."""
    return _csv(FIELDS, scores_records(table))


def scores_records(table: Table) -> list[list[object]]:
    """FIELDS of each."""
    return [_record(table, row, row.scores[column]) for row in table.rows for column in table.columns]


def selected_csv(table: Table) -> str:
    header = ("variant", "row", "lr", "ort_lr", "epochs", "dev", "metric", "grid_points", "seeds", "failed", "unfinished",
              "runs")  # fmt: skip
    lines = []
    for row in table.rows:
        lr, ort_lr = row.point or (None, None)
        counts = [sum(attempt.state == state for attempt in row.attempts) for state in ("failed", "unfinished")]
        runs = ";".join(str(run.path) for run in row.selected)
        lines.append([row.variant, row.label, lr, ort_lr, _joined(row.epochs), row.dev, table.metric, len(row.points),
                      _joined(row.seeds), *counts, runs])  # fmt: skip
    return _csv(header, lines)


def significance_csv(analysis: Analysis) -> str:
    """A line per pair of rows and column."""
    return _csv(COMPARED, significance_records(analysis))


def _record(table: Table, row: Row, cell: Score) -> list[object]:
    lr, ort_lr = row.point or (None, None)
    value, point = (None, None) if cell.oracle is None else (cell.oracle.value, cell.oracle.point)
    oracle_lr, oracle_ort_lr = point or (None, None)
    setting = "; ".join(f"{key}={value}" for key, value in table.distinctions.items())
    seeds, epochs = [run.result.seed for run in cell.runs], [run.selection.epoch for run in cell.runs]
    return [
        table.task, table.backbone, setting, table.metric, table.source, row.variant, row.label, cell.language, cell.state,
        cell.value, cell.std, len(cell.runs), _joined(seeds), cell.n_sentences, cell.paper, cell.difference, value, oracle_lr,
        oracle_ort_lr, lr, ort_lr, _joined(epochs), row.dev, len(row.points), _joined(cell.paths),
    ]  # fmt: skip


def _joined(values: Iterable[object]) -> str:
    return ";".join(map(str, values))


def _csv(header: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return file.getvalue()
