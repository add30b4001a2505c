"""Comparisons in print: those with the baselines for readers, and every pair for CSV."""

from collections.abc import Iterator

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import Row, heading, table_title
from orthoadapters.report.printed.formats import in_markdown, markdown
from orthoadapters.report.printed.numbers import MISSING, interval, p_value, percent, signed_percent
from orthoadapters.report.printed.tables import PrintedCell, PrintedRow, PrintedTable
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import NO_DIFFERENCE, NOTHING_WOULD_SHOW, Comparison, few_seeds

# The columns of the CSV file
COMPARISON_FIELDS = (
    "a",
    "b",
    "language",
    "difference_x100",
    "low_x100",
    "high_x100",
    "p",
    "p_holm",
    "significant",
    "test",
    "n_sentences",
    "n_seeds_a",
    "n_seeds_b",
    "effect",
    "detectable_x100",
)


def printed_significance(analysis: Analysis, baseline: Row) -> PrintedTable:
    """Prints for each variant and language the difference to the baseline with its interval, and p after Holm."""
    table = analysis.table
    rows = []
    for row in (row for row in analysis.compared_rows if row is not baseline):
        comparisons = [analysis.between(row.label, baseline.label, column) for column in table.columns]
        p_values = [PrintedCell(p_value(c.p_holm if c else None)) for c in comparisons]
        rows += [PrintedRow(row.label, [_cell(c) for c in comparisons]), PrintedRow("p", p_values, beside=True)]
    sizes = {c.language: c.n for c in analysis.comparisons}
    rows.append(PrintedRow("n", [PrintedCell(str(sizes.get(column, MISSING))) for column in table.columns]))
    caption = f"{table_title(table)}: difference in {table.metric} x 100 to {baseline.label} on test (95 % interval)"
    header = ["variant", *(heading(column) for column in table.columns)]
    return PrintedTable(f"significance-{table.name}", caption, header, rows, [])


def _cell(c: Comparison | None) -> PrintedCell:
    if c is None:
        return PrintedCell(MISSING)
    return PrintedCell(f"{signed_percent(c.difference)} ({interval(c.low, c.high)})", "best" if c.significant else "")


def significance_markdown(analysis: Analysis) -> str:
    """Writes the comparisons with each baseline, then what a reader has to know of them."""
    tables = [markdown(printed_significance(analysis, baseline)) for baseline in analysis.baselines]
    return "\n".join([*tables, *(f"- {in_markdown(note)}" for note in _notes(analysis))]) + "\n"


def significance_records(analysis: Analysis) -> list[list[object]]:
    """Returns the values of COMPARED for every pair and column, in the table's order."""
    return [
        [
            *(c.a, c.b, c.language),
            *(100 * c.difference, 100 * c.low, 100 * c.high),
            *(c.p, c.p_holm, c.significant, c.test),
            *(c.n, *c.seeds, c.effect, 100 * c.detectable),
        ]
        for c in analysis.comparisons
    ]


def summary(analysis: Analysis) -> str:
    """Says in a line how many differences to the first baseline these data can show; AVGz does not count."""
    if not analysis.baselines:
        return f"{table_title(analysis.table)}: no two rows could be compared"
    baseline = analysis.baselines[0].label
    comparisons = [c for c in _comparisons(analysis, baseline) if c.language != AVERAGE]
    better = [c for c in comparisons if c.significant and c.difference > 0]
    worse = [c for c in comparisons if c.significant and c.difference < 0]
    return (
        f"{table_title(analysis.table)}: against {baseline}, {len(better)} of {len(comparisons)} scores are better and "
        f"{len(worse)} worse by more than chance. {' '.join(few_seeds(comparisons))}"
    ).strip()


def _comparisons(analysis: Analysis, baseline: str) -> Iterator[Comparison]:
    """Yields the comparisons of every other row against the baseline."""
    for c in analysis.comparisons:
        if baseline in (c.a, c.b):
            yield c.reverse() if c.a == baseline else c


def _notes(analysis: Analysis) -> Iterator[str]:
    for baseline in analysis.baselines[:1]:
        for c in _comparisons(analysis, baseline.label):
            if c.language == AVERAGE:
                size = (
                    f"A true difference of {percent(c.detectable)} or more would show in four of five such experiments."
                )
                yield f"AVGz, {c.a} against {c.b}: {c.effect}. {size if c.detectable < 1 else NOTHING_WOULD_SHOW}"
    if analysis.comparisons:
        tests = ", or ".join(dict.fromkeys(c.test for c in analysis.comparisons))
        yield (
            f"Bold: p below 0.05 and an interval without 0; else {NO_DIFFERENCE}. p: {tests}; after Holm's correction over "
            "the languages of a pair, AVGz aside. Interval: paired bootstrap over sentences, and over seeds where there "
            "are several. n: test sentences."
        )
    yield from few_seeds(analysis.comparisons)
    yield from analysis.notes
