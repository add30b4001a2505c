"""A printed table as Markdown and as LaTeX (booktabs)."""

import re

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import MARK, heading
from orthoadapters.report.printed.numbers import MISSING
from orthoadapters.report.printed.tables import PrintedCell, PrintedTable

MARKDOWN_MARKS = {"best": "**%s**", "second": "<u>%s</u>", "": "%s"}
LATEX_MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
LATEX_CHARACTERS = {character: f"\\{character}" for character in "#$%&_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    MISSING: "---",
    "±": r"$\pm$",
    MARK: r"\textdagger{}",
}


def markdown(table: PrintedTable) -> str:
    """Writes a table whose columns are padded to equal width, with its caption above and its notes below."""
    rows = [[_escape_markdown(text) for text in table.header]]
    for row in table.rows:
        label = _escape_markdown(row.label)
        rows.append([f"↳ {label}" if row.beside else label, *(_markdown_cell(cell) for cell in row.cells)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    lines = ["| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |" for row in rows]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    notes = ["", *(f"- {in_markdown(note)}" for note in table.notes)] if table.notes else []
    return "\n".join([f"**{in_markdown(table.caption)}**", "", lines[0], rule, *lines[1:], *notes]) + "\n"


def _markdown_cell(cell: PrintedCell) -> str:
    return MARKDOWN_MARKS[cell.mark] % _escape_markdown(cell.text)


def _escape_markdown(text: str) -> str:
    return in_markdown(text.replace("\\", "\\\\")).replace("|", "\\|")


def in_markdown(text: str) -> str:
    """Writes a text as one line of Markdown, which makes no tags, links or pictures of it."""
    return one_line(text).replace("<", "\\<").replace("](", "]\\(")


def latex(table: PrintedTable) -> str:
    r"""Writes a table environment; it needs \usepackage{booktabs}."""
    # TeX reads some other characters of a label as commands.
    label = re.sub("[^A-Za-z0-9:-]+", "-", table.name)
    header = ["AVG$_z$" if text == heading(AVERAGE) else _escape_latex(text) for text in table.header]
    rows = [
        [(r"\quad " if row.beside else "") + _escape_latex(row.label), *map(_latex_cell, row.cells)]
        for row in table.rows
    ]
    lines = [
        *(f"% {one_line(note)}" for note in table.notes),
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{_escape_latex(table.caption)}}}",
        rf"\label{{tab:{label}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: PrintedCell) -> str:
    return LATEX_MARKS[cell.mark] % _escape_latex(cell.text)


def _escape_latex(text: str) -> str:
    # A signed number, with what may stand behind it. Text from data that begins like one holds other characters.
    if re.fullmatch(r"[+-]\d[\d.,() ]*", text):
        return f"${text}$"
    return "".join(LATEX_CHARACTERS.get(character, character) for character in one_line(text))


def one_line(text: str) -> str:
    """Puts a space for line breaks and other control characters, which would end a comment, a row or a label."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+", " ", text)
