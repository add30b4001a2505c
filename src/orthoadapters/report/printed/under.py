"""The scores with something else under the task adapter, in print: side by side, and the worth of the swap."""

from collections.abc import Iterator

from orthoadapters.report.collect.table import Table, heading, table_title
from orthoadapters.report.printed.numbers import MISSING, interval, p_value, score_text, signed_percent
from orthoadapters.report.printed.tables import PrintedCell, PrintedRow, PrintedTable
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import NO_DIFFERENCE, Comparison, few_seeds
from orthoadapters.report.statistics.under import Worth

DIFFERENCE = "own minus this"
# The columns of the CSV file
UNDER_FIELDS = (
    *("row", "under", "weights", "language", "score", "n_seeds", "n_sentences"),
    *("difference_x100", "low_x100", "high_x100", "p", "p_holm", "significant", "test"),
)


def printed_under(analysis: Analysis) -> PrintedTable:
    """Prints for each row its own scores, those with something else under the task adapter, and the difference."""
    table = analysis.table
    rows = []
    for row in dict.fromkeys(worth.under.row.label for worth in analysis.under):
        worths = [worth for worth in analysis.under if worth.under.row.label == row]
        scores = worths[0].under.row.scores
        rows.append(PrintedRow(row, [PrintedCell(score_text(scores[column])) for column in table.columns]))
        for worth in worths:
            rows += _rows(worth, table)
    header = ["under the task adapter", *map(heading, table.columns)]
    return PrintedTable(f"under-{table.name}", under_caption(table), header, rows, under_notes(analysis))


def _rows(worth: Worth, table: Table) -> Iterator[PrintedRow]:
    comparisons = [worth.comparisons.get(column) for column in table.columns]
    scores = [PrintedCell(score_text(worth.under.scores[column])) for column in table.columns]
    yield PrintedRow(worth.under.label, scores)
    yield PrintedRow(DIFFERENCE, [_cell(c) for c in comparisons], beside=True)
    yield PrintedRow("p", [PrintedCell(p_value(c.p_holm if c else None)) for c in comparisons], beside=True)


def _cell(c: Comparison | None) -> PrintedCell:
    if c is None:
        return PrintedCell(MISSING)
    return PrintedCell(f"{signed_percent(c.difference)} ({interval(c.low, c.high)})", "best" if c.significant else "")


def under_caption(table: Table) -> str:
    """Says what the scores and differences are."""
    return (
        f"{table_title(table)}: {table.metric} x 100 on test with another adapter, or none, under the same task adapter; "
        f"{DIFFERENCE}: the worth of the row's own choice (95 % interval)"
    )


def under_notes(analysis: Analysis) -> list[str]:
    """Says what the marks mean, what the means are of, and what so few seeds cannot show."""
    weights = {f"{worth.under.label}: {worth.under.weights}." for worth in analysis.under if worth.under.weights}
    comparisons = [c for worth in analysis.under for c in worth.comparisons.values()]
    marks = (
        f"Bold: p below 0.05 after Holm's correction over the languages, and an interval without 0; else {NO_DIFFERENCE}. The "
        "same runs and sentences on both sides. Nothing is selected by these scores."
    )
    return [marks, *sorted(weights), *few_seeds(comparisons)]


def under_records(analysis: Analysis) -> Iterator[list[object]]:
    """Yields the values of UNDER_FIELDS for each row and column that has a score."""
    for worth in analysis.under:
        under = worth.under
        for column in analysis.table.columns:
            if (score := under.scores[column]).value is None:
                continue
            c = worth.comparisons.get(column)
            numbers = [None] * 7 if c is None else [
                *(100 * c.difference, 100 * c.low, 100 * c.high),
                *(c.p, c.p_holm, c.significant, c.test),
            ]  # fmt: skip
            yield [
                *(under.row.label, under.label, under.weights, column),
                *(score.value, len(score.by_seed), score.n_sentences),
                *numbers,
            ]
