"""A report's tables in print, whatever the format: the scores, and what was selected.

Scores are printed x 100 with two digits, as in the paper. The best score of a column is marked, and the second best; both
are those of the printed numbers, and equal numbers have the same mark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orthoadapters.report.collect.paper import paper
from orthoadapters.report.collect.table import EvaluationRow, Row, Score, Table, table_title
from orthoadapters.report.printed.numbers import (
    MISSING,
    listing,
    percent,
    rank_marks,
    rate,
    score_text,
    signed_percent,
    size_text,
)

ORACLE_NOTE = (
    "oracle: the score of the grid point that is best on the target language's own development set, over the same "
    "seeds, where all grid points have them. It is not zero-shot; no other number here is chosen by it."
)
SEEDS_NOTE = "mean ± standard deviation over seeds (number of seeds)."


@dataclass(frozen=True)
class Extras:
    """The numbers that stand beside each score.

    paper: the paper's score and the difference to it; seeds: standard deviation and number of seeds; sizes: the number of
    test sentences of each language.
    """

    paper: bool = False
    seeds: bool = False
    oracle: bool = False
    sizes: bool = False


class PrintedCell(NamedTuple):
    """One text of a printed table. mark: best, second, or nothing."""

    text: str
    mark: str = ""


class PrintedRow(NamedTuple):
    """One line of a printed table. beside: whether it belongs to the variant above it."""

    label: str
    cells: Sequence[PrintedCell]
    beside: bool = False


class PrintedTable(NamedTuple):
    """The texts of a table in print. name: the stem of its files' names."""

    name: str
    caption: str
    header: Sequence[str]
    rows: Sequence[PrintedRow]
    notes: Sequence[str]


def printed_scores(table: Table, extras: Extras) -> PrintedTable:
    """Prints a row for each variant and a column for each language and AVGz."""
    marks = {column: rank_marks([row.scores[column] for row in table.rows]) for column in table.columns}
    rows: list[PrintedRow] = []
    for index, row in enumerate(table.rows):
        scores = [row.scores[column] for column in table.columns]
        cells = [
            PrintedCell(score_text(score, extras.seeds), marks[column][index])
            for column, score in zip(table.columns, scores, strict=True)
        ]
        rows += [PrintedRow(row.label, cells), *_rows_beside(scores, extras)]
    rows += [_evaluation_row(table, row, extras) for row in table.evaluations]
    if extras.sizes:
        rows.append(PrintedRow("test sentences", [PrintedCell(size_text(table, column)) for column in table.columns]))
    header = ["variant", *table.headings]
    rows = [_pad(row, len(header) - 1) for row in rows]
    return PrintedTable(table.name, scores_caption(table), header, rows, _notes(table, extras))


def _evaluation_row(table: Table, row: EvaluationRow, extras: Extras) -> PrintedRow:
    """Prints the scores of an evaluation, without ranks; it has no average."""
    scores = [row.scores.get(column) for column in (*table.columns, *table.further_languages)]
    texts = [MISSING if score is None else score_text(score, extras.seeds) for score in scores]
    return PrintedRow(row.label, [PrintedCell(text) for text in texts])


def _pad(row: PrintedRow, width: int) -> PrintedRow:
    """Gives a row the columns of further languages, which runs have no scores on."""
    gaps = [PrintedCell("" if row.beside else MISSING)] * (width - len(row.cells))
    return row._replace(cells=[*row.cells, *gaps])


def _rows_beside(scores: Sequence[Score], extras: Extras) -> Iterator[PrintedRow]:
    """Yields the lines that belong to a row of scores, each if it holds any number."""
    texts: dict[str, list[str]] = {}
    if extras.paper:
        texts["paper"] = [percent(score.paper) for score in scores]
        texts["difference"] = [signed_percent(score.difference) for score in scores]
    if extras.oracle:
        texts["oracle"] = [percent(None if score.oracle is None else score.oracle.value) for score in scores]
    for label, line in texts.items():
        if set(line) != {MISSING}:
            yield PrintedRow(label, [PrintedCell(text) for text in line], beside=True)


def _notes(table: Table, extras: Extras) -> list[str]:
    """Explains the extras, then repeats the table's warnings."""
    paper_table = paper().tables.get(table.task)
    has_paper = any(score.paper for row in table.rows for score in row.scores.values())
    notes = [SEEDS_NOTE] if extras.seeds else []
    if extras.oracle:
        notes.append(ORACLE_NOTE)
    if extras.paper and paper_table is not None and has_paper:
        notes.append(f"paper: {paper().source}, Table {paper_table.number}, backbone {paper().backbone}.")
    return [*notes, *table.evaluation_notes, *table.warnings]


def printed_selection(table: Table) -> PrintedTable:
    """Prints the grid point, epochs and seeds that were selected for each variant, and how many runs there were."""
    rows = [PrintedRow(row.label, [PrintedCell(text) for text in _selection(row)]) for row in table.rows]
    return PrintedTable(f"selected-{table.name}", selection_caption(table), selection_header(table), rows, [])


def _selection(row: Row) -> list[str]:
    lr, ort_lr = row.point or (None, None)
    return [
        rate(lr),
        rate(ort_lr),
        listing(row.epochs),
        percent(row.dev),
        str(len(row.points)),
        listing(row.seeds),
        str(row.count("failed")),
        str(row.count("unfinished")),
    ]


def scores_caption(table: Table) -> str:
    """Says what the scores of a table are."""
    basis = f"grid point and epoch selected on {table.source.upper()} dev"
    return f"{table_title(table)}: {table.metric} x 100 on test, zero-shot from {table.source.upper()}; {basis}"


def selection_caption(table: Table) -> str:
    """Says by what the grid points and epochs of a table were selected."""
    by = f"{table.metric} x 100 on {table.source.upper()} dev alone (mean over seeds; epochs by seed)"
    return f"{table_title(table)}: what was selected, by {by}"


def selection_header(table: Table) -> list[str]:
    """Names the columns of what was selected."""
    dev = f"{table.source.upper()} dev"
    return ["variant", "lr", "ort lr", "epoch", dev, "grid points", "seeds", "failed", "unfinished"]
