"""The page's table of what was selected for each row, with links to the runs."""

from pathlib import Path

from orthoadapters.report.collect.table import Row, Table
from orthoadapters.report.page.markup import Markup
from orthoadapters.report.page.provenance import seed_links
from orthoadapters.report.page.sortable import Body, Number, sortable_table
from orthoadapters.report.printed.numbers import listing, percent, rate
from orthoadapters.report.printed.tables import selection_header


def selection_table(table: Table, ident: str, out: Path) -> Markup:
    """Lays out what was selected; a list of epochs or seeds is sorted by its first. out: the folder of the page."""
    bodies = [Body(row.label, _numbers(row), links=seed_links(row.selected_runs, out)) for row in table.rows]
    return sortable_table(ident, selection_header(table), bodies)


def _numbers(row: Row) -> list[Number]:
    """Shows the columns of `selection_header`, but for the label."""
    lr, ort_lr = row.point or (None, None)
    counts = [sum(attempt.state == state for attempt in row.attempts) for state in ("failed", "unfinished")]
    return [
        Number(rate(lr), lr),
        Number(rate(ort_lr), ort_lr),
        Number(listing(row.epochs), row.epochs[0] if row.epochs else None),
        Number(percent(row.dev), row.dev),
        Number(str(len(row.points)), len(row.points)),
        Number(listing(row.seeds), row.seeds[0] if row.seeds else None),
        *(Number(str(count), count) for count in counts),
    ]
