"""The layout of a table that page.js can sort: a <tbody> per row, so that the lines below a row move with it."""

from collections.abc import Sequence
from typing import NamedTuple

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import heading
from orthoadapters.report.page.markup import Markup, tag


class Number(NamedTuple):
    """A number in a table, or a word in its place.

    text: what is shown; value: what the column is sorted by, None for a word; mark: an element around the text, such as
    "strong"; tip: the content of a tooltip; small: what stands below.
    """

    text: str
    value: float | None = None
    mark: str = ""
    tip: Markup | None = None
    small: str = ""


class Line(NamedTuple):
    """A line of text below a row, or in the foot of a table. look: its classes."""

    label: str
    texts: Sequence[str]
    look: str | None = None


class Body(NamedTuple):
    """A row with the lines below it. links: to its run directories, in a last column."""

    label: str
    numbers: Sequence[Number]
    lines: Sequence[Line] = ()
    links: Markup | None = None


def sortable_table(
    ident: str, columns: Sequence[str], bodies: Sequence[Body], foot: Sequence[Line] = (), small: str = ""
) -> Markup:
    """Lays out a table in a box that scrolls.

    ident: its id; an element with the id <ident>-caption must be on the page. columns: their names, that of the labels
    first. small: the class of what stands below numbers.
    """
    average = columns.index(heading(AVERAGE)) if heading(AVERAGE) in columns else None
    heads = [_head(name, number == 0, number == average) for number, name in enumerate(columns)]
    if any(body.links is not None for body in bodies):
        heads.append(tag("th", "runs", scope="col", class_="plain"))
    table = tag(
        "table",
        tag("thead", tag("tr", *heads)),
        *(_body(body, position, ident, small, average) for position, body in enumerate(bodies)),
        tag("tfoot", *(_line(line, average) for line in foot)) if foot else None,
        id=ident,
        aria_labelledby=f"{ident}-caption",
    )
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_labelledby=f"{ident}-caption")


def _head(name: str, first: bool, average: bool) -> Markup:
    """Makes a column's name a button that sorts by it. Rows stand in the order of the first column."""
    button = tag("button", name, type="button")
    order = "ascending" if first else "none"
    return tag("th", button, scope="col", aria_sort=order, class_="average" if average else None)


def _body(body: Body, position: int, ident: str, small: str, average: int | None) -> Markup:
    numbers = [
        _number(number, f"{ident}-{position}-{column}", small, column == average)
        for column, number in enumerate(body.numbers, 1)
    ]
    label = tag("th", body.label, scope="row", data_value=position)
    links = None if body.links is None else tag("td", body.links)
    lines = [_line(line, average) for line in body.lines]
    return tag("tbody", tag("tr", label, *numbers, links), *lines, data_place=position)


def _number(number: Number, ident: str, small: str, average: bool) -> Markup:
    """Makes the <td> of a number. ident: the id of its tooltip."""
    content = [tag(number.mark, number.text) if number.mark else number.text]
    if number.tip is not None:
        button = tag("button", *content, type="button", class_="number", aria_describedby=ident)
        content = [button, tag("div", number.tip, role="tooltip", id=ident, hidden=True)]
    if number.small:
        content.append(tag("small", number.small, class_=small))
    looks = ["average"] * average + ["state"] * (number.value is None)
    value = "" if number.value is None else repr(float(number.value))
    return tag("td", *content, class_=" ".join(looks) or None, data_value=value)


def _line(line: Line, average: int | None) -> Markup:
    texts = [
        tag("td", text, class_="average" if column == average else None) for column, text in enumerate(line.texts, 1)
    ]
    return tag("tr", tag("th", line.label, scope="row"), *texts, class_=line.look)
