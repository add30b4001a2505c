"""A report's tables in print: Markdown and LaTeX (booktabs).

Scores are printed x 100 with two digits, as in the paper; the best of a column is bold and the second underlined, by what
is printed, and all of several equal ones.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orthoadapters.report.collect.paper import paper
from orthoadapters.report.collect.table import Table, heading, table_title
from orthoadapters.report.printed.numbers import (
    MISSING,
    listing,
    percent,
    rank_marks,
    rate,
    score_text,
    signed,
    size_text,
)


@dataclass(frozen=True)
class Extras:
    """What stands beside each score: the paper's and the difference, std and n over seeds, the oracle, test set sizes."""

    paper: bool = False
    seeds: bool = False
    oracle: bool = False
    sizes: bool = False


class PrintedCell(NamedTuple):
    """mark: best, second, or nothing."""

    text: str
    mark: str = ""


class PrintedRow(NamedTuple):
    """A printed line. beside: it belongs to the variant above it."""

    label: str
    cells: Sequence[PrintedCell]
    beside: bool = False


class PrintedTable(NamedTuple):
    """What a table is in print, whatever the format."""

    name: str
    caption: str
    header: Sequence[str]
    rows: Sequence[PrintedRow]
    notes: Sequence[str]


def printed_scores(table: Table, show: Extras) -> PrintedTable:
    """A row per variant, a column per language, AVGz."""
    ranked = {column: rank_marks([row.scores[column] for row in table.rows]) for column in table.columns}
    lines: list[PrintedRow] = []
    for index, row in enumerate(table.rows):
        cells = [row.scores[column] for column in table.columns]
        entries = [
            PrintedCell(score_text(cell, show.seeds), ranked[column][index])
            for column, cell in zip(table.columns, cells, strict=True)
        ]
        lines.append(PrintedRow(row.label, entries))
        beside: dict[str, list[str]] = {}
        if show.paper:
            beside["paper"] = [percent(cell.paper) for cell in cells]
            beside["difference"] = [signed(cell.difference) for cell in cells]
        if show.oracle:
            beside["oracle"] = [percent(None if cell.oracle is None else cell.oracle.value) for cell in cells]
        for label, texts in beside.items():
            if set(texts) != {MISSING}:
                lines.append(PrintedRow(label, [PrintedCell(text) for text in texts], beside=True))
    if show.sizes:
        lines.append(PrintedRow("test sentences", [PrintedCell(size_text(table, column)) for column in table.columns]))
    published = paper().tables.get(table.task)
    notes = list(table.warnings)
    if show.paper and published is not None and any(cell.paper for row in table.rows for cell in row.scores.values()):
        notes.insert(0, f"paper: {paper().source}, Table {published.number}, backbone {paper().backbone}.")
    if show.oracle:
        notes.insert(
            0,
            "oracle: the score of the grid point that is best on the target language's own development set, over the same "
            "seeds, where all grid points have them. It is not zero-shot; no other number here is chosen by it.",
        )
    if show.seeds:
        notes.insert(0, "mean ± standard deviation over seeds (number of seeds).")
    header = ["variant", *(heading(column) for column in table.columns)]
    return PrintedTable(table.name, scores_caption(table), header, lines, notes)


def printed_selection(table: Table) -> PrintedTable:
    """What was selected for each variant, and among how much."""
    lines = []
    for row in table.rows:
        lr, ort_lr = row.point or (None, None)
        texts = [
            rate(lr), rate(ort_lr), listing(row.epochs), percent(row.dev), str(len(row.points)), listing(row.seeds),
            *(str(sum(attempt.state == state for attempt in row.attempts)) for state in ("failed", "unfinished")),
        ]  # fmt: skip
        lines.append(PrintedRow(row.label, [PrintedCell(text) for text in texts]))
    return PrintedTable(f"selected-{table.name}", selection_caption(table), selection_header(table), lines, [])


def scores_caption(table: Table) -> str:
    """Says what the scores of a table are."""
    chosen = f"grid point and epoch selected on {table.source.upper()} dev"
    return f"{table_title(table)}: {table.metric} x 100 on test, zero-shot from {table.source.upper()}; {chosen}"


def selection_caption(table: Table) -> str:
    """Says by what the grid points and epochs of a table were selected."""
    by = f"{table.metric} x 100 on {table.source.upper()} dev alone (mean over seeds; epochs by seed)"
    return f"{table_title(table)}: what was selected, by {by}"


def selection_header(table: Table) -> list[str]:
    """Names the columns of what was selected."""
    dev = f"{table.source.upper()} dev"
    return ["variant", "lr", "ort lr", "epoch", dev, "grid points", "seeds", "failed", "unfinished"]


def markdown(grid: PrintedTable) -> str:
    rows = [[_cell_markdown(text) for text in grid.header]]
    for line in grid.rows:
        label = _cell_markdown(line.label)
        rows.append([f"↳ {label}" if line.beside else label, *(_marked(entry) for entry in line.cells)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(grid.header))]
    padded = ["| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |" for row in rows]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    notes = ["", *(f"- {note}" for note in grid.notes)] if grid.notes else []
    return "\n".join([f"**{grid.caption}**", "", padded[0], rule, *padded[1:], *notes]) + "\n"


def latex(grid: PrintedTable) -> str:
    r"""A table environment; needs \usepackage{booktabs}."""
    commands = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
    reference = rf"\label{{tab:{re.sub('[^A-Za-z0-9:-]+', '-', grid.name)}}}"  # TeX reads some others as commands
    lines = [f"% {note}" for note in grid.notes]
    lines += [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * (len(grid.header) - 1)}}}", r"\toprule"]
    lines += [" & ".join("AVG$_z$" if text == "AVGz" else _tex(text) for text in grid.header) + r" \\", r"\midrule"]
    for line in grid.rows:
        label = (r"\quad " if line.beside else "") + _tex(line.label)
        lines.append(" & ".join([label, *(commands[mark] % _tex(text) for text, mark in line.cells)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{_tex(grid.caption)}}}", reference]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _cell_markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _marked(entry: PrintedCell) -> str:
    text = _cell_markdown(entry.text)
    return {"best": f"**{text}**", "second": f"<u>{text}</u>", "": text}[entry.mark]


TEX = {character: f"\\{character}" for character in "#$%&_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", MISSING: "---", "±": r"$\pm$",
}  # fmt: skip


def _tex(text: str) -> str:
    if text[:1] in "+-" and text[1:2].isdigit():
        return f"${text}$"
    return "".join(TEX.get(character, character) for character in text)
