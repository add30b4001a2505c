"""Comparisons in print: for readers those with the baselines, and every pair for CSV."""

from collections.abc import Iterator

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import Row, heading, table_title
from orthoadapters.report.printed.numbers import MISSING, interval, p_value, signed
from orthoadapters.report.printed.tables import PrintedCell, PrintedRow, PrintedTable, markdown
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import NO_DIFFERENCE, Comparison, few_seeds

COMPARED = (
    "a", "b", "language", "difference_x100", "low_x100", "high_x100", "p", "p_holm", "significant", "test", "n_sentences",
    "n_seeds_a", "n_seeds_b", "effect",
)  # fmt: skip


def printed_significance(analysis: Analysis, baseline: Row) -> PrintedTable:
    """A row per variant, a column per language: the difference to the baseline with its interval, and p after Holm."""
    table = analysis.table
    lines = []
    for row in (row for row in analysis.compared if row is not baseline):
        found = [analysis.between(row.label, baseline.label, column) for column in table.columns]
        lines.append(PrintedRow(row.label, [_entry(c) for c in found]))
        lines.append(PrintedRow("p", [PrintedCell(p_value(c.p_holm if c else None)) for c in found], beside=True))
    sizes = {c.language: c.n for c in analysis.comparisons}
    lines.append(PrintedRow("n", [PrintedCell(str(sizes.get(column, MISSING))) for column in table.columns]))
    caption = f"{table_title(table)}: difference in {table.metric} x 100 to {baseline.label} on test (95 % interval)"
    header = ["variant", *(heading(column) for column in table.columns)]
    return PrintedTable(f"significance-{table.name}", caption, header, lines, [])


def significance_markdown(analysis: Analysis) -> str:
    grids = [printed_significance(analysis, baseline) for baseline in analysis.baselines]
    return "\n".join([*map(markdown, grids), *(f"- {note}" for note in _notes(analysis))]) + "\n"


def significance_records(analysis: Analysis) -> list[list[object]]:
    """COMPARED of every pair and column, as the table has them in order."""
    return [
        [c.a, c.b, c.language, 100 * c.difference, 100 * c.low, 100 * c.high, c.p, c.p_holm, c.significant, c.test, c.n,
         *c.seeds, c.effect]
        for c in analysis.comparisons
    ]  # fmt: skip


def summary(analysis: Analysis) -> str:
    """A line: how many of the differences to the first baseline, AVGz aside, these data can show."""
    if not analysis.baselines:
        return f"{table_title(analysis.table)}: no two rows could be compared"
    baseline = analysis.baselines[0].label
    found = [c for c in _with(analysis, baseline) if c.language != AVERAGE]
    better = [c for c in found if c.significant and c.difference > 0]
    worse = [c for c in found if c.significant and c.difference < 0]
    return (
        f"{table_title(analysis.table)}: against {baseline}, {len(better)} of {len(found)} scores are better and "
        f"{len(worse)} worse by more than chance. {' '.join(few_seeds(found))}"
    ).strip()


def _with(analysis: Analysis, baseline: str) -> Iterator[Comparison]:
    """Every other row against the baseline."""
    for found in analysis.comparisons:
        if baseline in (found.a, found.b):
            yield found.reversed() if found.a == baseline else found


def _notes(analysis: Analysis) -> Iterator[str]:
    for baseline in analysis.baselines[:1]:
        average = [c for c in _with(analysis, baseline.label) if c.language == AVERAGE]
        for c in average:
            yield f"AVGz, {c.a} against {c.b}: {c.effect}."
    if analysis.comparisons:
        tests = ", or ".join(dict.fromkeys(c.test for c in analysis.comparisons))
        yield (
            f"Bold: p below 0.05 and an interval without 0; else {NO_DIFFERENCE}. p: {tests}; after Holm's correction over "
            "the languages of a pair, AVGz aside. Interval: paired bootstrap over sentences, and over seeds where there "
            "are several. n: test sentences."
        )
    yield from few_seeds(analysis.comparisons)
    yield from analysis.notes


def _entry(c: Comparison | None) -> PrintedCell:
    if c is None:
        return PrintedCell(MISSING)
    return PrintedCell(f"{signed(c.difference)} ({interval(c.low, c.high)})", "best" if c.significant else "")
