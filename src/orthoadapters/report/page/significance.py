"""The page's part on differences: a table per baseline, and each row's differences in words."""

from collections.abc import Iterator

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import Row, heading
from orthoadapters.report.page.markup import Markup, bullets, definitions, join, tag, with_minus
from orthoadapters.report.page.sortable import Body, Line, Number, sortable_table
from orthoadapters.report.printed.numbers import MISSING, interval, p_value, percent, signed_percent
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import NO_DIFFERENCE, NOTHING_WOULD_SHOW, Comparison, few_seeds

CAPTION = (
    "Difference to {}, below it its 95 % interval, and p after Holm's correction over the languages. Bold: p below 0.05 and "
    f"an interval without 0; otherwise {NO_DIFFERENCE}."
)


def significance(analysis: Analysis, ident: str) -> Iterator[Markup]:
    """Yields the comparisons with the first baseline, with the others folded away, and what limits them."""
    yield tag("h3", "Differences that these data can show")
    for number, baseline in enumerate(analysis.baselines, 1):
        name = f"{ident}-differences-{number}"
        against_baseline = join(
            tag("p", CAPTION.format(baseline.label), id=f"{name}-caption"),
            significance_table(analysis, baseline, name),
            bullets(_in_words(analysis, row, baseline) for row in analysis.compared_rows if row is not baseline),
        )
        if number == 1:
            yield against_baseline
        else:
            yield tag("details", tag("summary", f"The same against {baseline.label}"), against_baseline)
    if not analysis.baselines:
        yield tag("p", "No two rows could be compared.")
    if notes := [*few_seeds(analysis.comparisons), *analysis.notes]:
        yield bullets(notes)


def significance_table(analysis: Analysis, baseline: Row, ident: str) -> Markup:
    """Lays out the differences of all other rows to the baseline."""
    columns = analysis.table.columns
    bodies = []
    for row in analysis.compared_rows:
        if row is not baseline:
            comparisons = [analysis.between(row.label, baseline.label, column) for column in columns]
            p_line = Line("p", [p_value(c.p_holm if c else None) for c in comparisons], "beside p always")
            bodies.append(Body(row.label, [comparison_number(c) for c in comparisons], [p_line]))
    sizes = {c.language: c.n for c in analysis.comparisons}
    foot = [Line("n", [str(sizes.get(column, MISSING)) for column in columns])]
    return sortable_table(ident, ["variant", *map(heading, columns)], bodies, foot, small="interval")


def comparison_number(c: Comparison | None) -> Number:
    """Lays out a difference with its interval and a tooltip."""
    if c is None:
        return Number(MISSING)
    difference, ends = with_minus(signed_percent(c.difference)), with_minus(interval(c.low, c.high))
    return Number(difference, c.difference, "strong" if c.significant else "", _tip(c), f"({ends})")


def _tip(c: Comparison) -> Markup:
    """Tells all numbers of a comparison, and the test that they are from."""
    size = f"a true difference of {percent(c.detectable)}, in four of five such experiments"
    facts = [
        ("difference", with_minus(signed_percent(c.difference))),
        ("95 % interval", with_minus(interval(c.low, c.high))),
        ("p", f"{c.p:.2g}" if c.language == AVERAGE else f"{c.p:.2g}; after Holm {c.p_holm:.2g}"),
        ("test", c.test),
        ("n", f"{c.n} sentences; seeds: {c.seeds[0]} of {c.a}, {c.seeds[1]} of {c.b}"),
        ("in words", c.effect),
        ("would show", size if c.detectable < 1 else NOTHING_WOULD_SHOW),
    ]
    return join(tag("strong", f"{c.a} against {c.b}, {heading(c.language)}"), definitions(facts))


def _in_words(analysis: Analysis, row: Row, baseline: Row) -> str:
    """Says in a sentence on which languages a row differs from the baseline."""
    columns = analysis.table.columns
    comparisons = [c for column in columns if (c := analysis.between(row.label, baseline.label, column)) is not None]
    parts = [f"{heading(c.language)}: {c.effect}" for c in comparisons if c.significant]
    if unclear := [heading(c.language) for c in comparisons if not c.significant]:
        parts.append(f"{', '.join(unclear)}: {NO_DIFFERENCE}")
    return f"{row.label} against {baseline.label}. {'; '.join(parts)}."
