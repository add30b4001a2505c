"""The page's part on what else was under the task adapter."""

from collections.abc import Iterator

from orthoadapters.report.collect.table import Score, heading
from orthoadapters.report.page.markup import Markup, bullets, tag
from orthoadapters.report.page.significance import comparison_number
from orthoadapters.report.page.sortable import Body, Line, Number, sortable_table
from orthoadapters.report.printed.numbers import p_value, score_text, seeds_text
from orthoadapters.report.printed.under import under_caption, under_notes
from orthoadapters.report.statistics.analysis import Analysis


def under_section(analysis: Analysis, ident: str) -> Iterator[Markup]:
    """Yields the scores with something else under the task adapter beside the row's own, and the worth of the swap."""
    if not analysis.under:
        return
    table, name = analysis.table, f"{ident}-under"
    bodies = []
    for label in dict.fromkeys(worth.under.row.label for worth in analysis.under):
        worths = [worth for worth in analysis.under if worth.under.row.label == label]
        own = worths[0].under.row.scores
        bodies.append(Body(label, [_number(own[column]) for column in table.columns]))
        for worth in worths:
            comparisons = [worth.comparisons.get(column) for column in table.columns]
            bodies.append(Body(worth.under.label, [_number(worth.under.scores[column]) for column in table.columns]))
            p_line = Line("p", [p_value(c.p_holm if c else None) for c in comparisons], "beside p always")
            # Whoever sorts the table takes rows apart, so that each says by itself what it is.
            difference = f"{label} minus {worth.under.label.rpartition(', ')[2]}"
            bodies.append(Body(difference, [comparison_number(c) for c in comparisons], [p_line]))
    yield tag("h3", "What is under the task adapter")
    yield tag("p", f"{under_caption(table)}.", id=f"{name}-caption")
    yield sortable_table(name, ["variant", *map(heading, table.columns)], bodies, small="interval")
    yield bullets(under_notes(analysis))


def _number(score: Score) -> Number:
    return Number(score_text(score), score.value, "", None, seeds_text(score))
