"""A page's tables: what tables.py and significance.py print, sortable, with what is known of each number in a tooltip."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from orthoadapters.report.collect.paper import AVERAGE, paper
from orthoadapters.report.collect.table import Row, Score, Table, heading
from orthoadapters.report.page.markup import Markup, joined, tag
from orthoadapters.report.page.runs import definitions
from orthoadapters.report.printed.significance import printed_significance
from orthoadapters.report.printed.tables import (
    MISSING,
    Extras,
    PrintedCell,
    PrintedRow,
    PrintedTable,
    printed_scores,
    printed_selection,
)
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import Comparison

HYPHEN = re.compile(r"(?<![\w.])-(?=\d)")
MARKS = {"best": "strong", "second": "u"}


class Known(NamedTuple):
    """Of a printed number. value: what it is sorted by; tip: what its tooltip says; small: what stands below it."""

    value: float | None = None
    tip: Markup | None = None
    small: str = ""


def scores_table(table: Table, analysis: Analysis, ident: str) -> Markup:
    """With lines for the paper's scores and the oracle's, and the seeds, that page.css shows on demand."""
    plain, full = printed_scores(table, Extras()), printed_scores(table, Extras(paper=True, oracle=True, sizes=True))
    seeds = printed_scores(table, Extras(seeds=True))
    known = [
        [
            Known(row.scores[column].value, _score_tip(table, analysis, row, row.scores[column]),
                  with_seeds.text.removeprefix(without.text).strip())
            for column, with_seeds, without in zip(table.columns, spread.cells, line.cells, strict=True)
        ]
        for row, line, spread in zip(table.rows, plain.rows, seeds.rows, strict=True)
    ]  # fmt: skip
    return _html(full, ident, known, "seeds")


def significance_table(analysis: Analysis, baseline: Row, ident: str) -> Markup:
    grid = printed_significance(analysis, baseline)
    lines, known = [], []
    for line in grid.rows:
        parts = [entry.text.partition(" (") for entry in line.cells]
        entries = [PrintedCell(text, e.mark) for (text, *_), e in zip(parts, line.cells, strict=True)]
        lines.append(PrintedRow(line.label, entries, line.beside))
        if line.label in {row.label for row in analysis.compared} and not line.beside:
            found = [analysis.between(line.label, baseline.label, column) for column in analysis.table.columns]
            known.append([
                _compared(c, brace[1:] + rest)
                for c, (_, brace, rest) in zip(found, parts, strict=True)
            ])  # fmt: skip
    return _html(grid._replace(rows=lines), ident, known, "interval")


def selected_table(table: Table, ident: str, links: Sequence[Markup]) -> Markup:
    """links: to the run directories of each row."""
    grid = printed_selection(table)
    known = [[Known(_leading(entry.text)) for entry in line.cells] for line in grid.rows]
    return _html(grid, ident, known, "", links)


def _html(
    grid: PrintedTable, ident: str, known: Sequence[Sequence[Known]], small: str, links: Sequence[Markup] = ()
) -> Markup:
    """A <tbody> per row with the lines beside it, so that they are sorted together; lines of no row are the foot.

    small: the class of what stands below numbers.
    """
    groups: list[list[PrintedRow]] = []
    for line in grid.rows:
        groups[-1].append(line) if line.beside else groups.append([line])
    average = grid.header.index(heading(AVERAGE)) if heading(AVERAGE) in grid.header else None
    heads = [
        tag("th", tag("button", text, type="button"), scope="col", aria_sort="ascending" if column == 0 else "none",
            class_="average" if column == average else None)
        for column, text in enumerate(grid.header)
    ]  # fmt: skip
    heads += [tag("th", "runs", scope="col", class_="plain")] if links else []
    bodies = []
    for place, (group, of_row) in enumerate(zip(groups, known, strict=False)):
        first = [
            _cell(entry, of, f"{ident}-{place}-{column}", small, column == average)
            for column, (entry, of) in enumerate(zip(group[0].cells, of_row, strict=True), 1)
        ]
        lines = [tag("tr", tag("th", group[0].label, scope="row", data_value=place), *first,
                     tag("td", links[place]) if links else None)]  # fmt: skip
        lines += [_beside(line, average, f"beside {line.label}{' always' * (line.label == 'p')}") for line in group[1:]]
        bodies.append(tag("tbody", *lines, data_place=place))
    foot = [_beside(line, average, None) for (line, *_) in groups[len(known) :]]
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", *heads)), *bodies, tag("tfoot", *foot) if foot else None,
            id=ident, aria_labelledby=f"{ident}-caption"),
        class_="scroll", tabindex=0, role="region", aria_labelledby=f"{ident}-caption",
    )  # fmt: skip


def _cell(entry: PrintedCell, known: Known, ident: str, small: str, average: bool) -> Markup:
    text = tag(MARKS[entry.mark], _minus(entry.text)) if entry.mark else _minus(entry.text)
    look = ["average"] * average + ["state"] * (known.value is None)
    content = [text]
    if known.tip is not None:
        content = [tag("button", text, type="button", class_="number", aria_describedby=ident),
                   tag("div", known.tip, role="tooltip", id=ident, hidden=True)]  # fmt: skip
    if known.small:
        content.append(tag("small", _minus(known.small), class_=small))
    value = "" if known.value is None else repr(known.value)
    return tag("td", *content, class_=" ".join(look) or None, data_value=value)


def _beside(line: PrintedRow, average: int | None, look: str | None) -> Markup:
    cells = [
        tag("td", _minus(entry.text), class_="average" if column == average else None)
        for column, entry in enumerate(line.cells, 1)
    ]
    return tag("tr", tag("th", line.label, scope="row"), *cells, class_=look)


def _score_tip(table: Table, analysis: Analysis, row: Row, cell: Score) -> Markup | None:
    if cell.value is None:
        return None
    runs = "run" if len(cell.paths) == 1 else "runs"
    lr, ort_lr = row.point or (None, None)
    published = oracle = None
    if cell.paper is not None:
        published = f"{100 * cell.paper:.2f} ({paper().backbone}); this is {_signed(cell.difference)} to it"
    if cell.oracle is not None:
        where = "each language's" if cell.language == AVERAGE else heading(cell.language)
        oracle = f"{100 * cell.oracle.value:.2f}, chosen on {where} dev: not zero-shot"
    facts: list[tuple[str, str | None]] = [
        (table.metric, f"{100 * cell.value:.2f}"),
        ("seeds", _seeds(cell)),
        ("sentences", f"{cell.n_sentences} in the test set" if cell.n_sentences is not None else None),
        *((f"to {other.label}", _told(analysis.between(row.label, other.label, cell.language)))
          for other in analysis.baselines if other is not row),
        ("paper", published),
        ("oracle", oracle),
        ("selected", f"lr {lr:g}" + (f", ort lr {ort_lr:g}" if ort_lr is not None else "")),
        (runs, ", ".join(path.name for path in cell.paths)),
    ]  # fmt: skip
    return joined(tag("strong", f"{row.label}, {heading(cell.language)}"), definitions(facts))


def _comparison_tip(c: Comparison) -> Markup:
    facts = [
        ("difference", _signed(c.difference)),
        ("95 % interval", f"{_signed(c.low)} to {_signed(c.high)}"),
        ("p", f"{c.p:.2g}; after Holm {c.p_holm:.2g}" if c.language != AVERAGE else f"{c.p:.2g}"),
        ("test", c.test),
        ("n", f"{c.n} sentences; seeds: {c.seeds[0]} of {c.a}, {c.seeds[1]} of {c.b}"),
        ("in words", c.effect),
    ]
    return joined(tag("strong", f"{c.a} against {c.b}, {heading(c.language)}"), definitions(facts))


def _seeds(cell: Score) -> str:
    seeds = ", ".join(str(run.result.seed) for run in cell.runs)
    return (
        seeds if cell.std is None else f"{seeds}: a mean of {len(cell.runs)}, standard deviation {100 * cell.std:.2f}"
    )


def _compared(c: Comparison | None, interval: str) -> Known:
    return Known() if c is None else Known(c.difference, _comparison_tip(c), interval)


def _told(c: Comparison | None) -> str | None:
    return (
        None
        if c is None
        else f"{_signed(c.difference)} (95 % interval {_signed(c.low)} to {_signed(c.high)}); {c.effect}"
    )


def _signed(value: float | None) -> str:
    return MISSING if value is None else _minus(f"{100 * value:+.2f}")


def _minus(text: str) -> str:
    """With the sign that is as wide as a plus; not in a rate such as 1e-05."""
    return HYPHEN.sub("−", text)


def _leading(text: str) -> float | None:
    """The number that a list of numbers begins with."""
    return None if text == MISSING else float(text.partition(",")[0])
