"""A report's page as a tree of elements, and what a reader sees in it."""

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder

from orthoadapters.report.collect.table import Report
from orthoadapters.report.page.markup import VOID
from orthoadapters.report.page.page import page
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.statistics.analysis import Analysis


class Reader(HTMLParser):
    """A tree of what it is fed; what is not closed, or closed twice, fails."""

    def __init__(self) -> None:
        super().__init__()
        self.builder = TreeBuilder()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.open.append(tag)
        if tag in VOID:
            self.handle_endtag(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # as SVG has them
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.builder.end(tag)

    def handle_data(self, data: str) -> None:
        self.builder.data(data)


def read(html: str) -> Element:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader.builder.close()


def text(element: Element) -> str:
    return "".join(element.itertext())


def of_class(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def by_id(root: Element, ident: str) -> Element:
    (element,) = (one for one in root.iter() if one.get("id") == ident)
    return element


def rows(root: Element, table: str) -> Iterator[tuple[str, list[Element]]]:
    """The first line of each <tbody>: its label and its cells."""
    for body in by_id(root, table).iter("tbody"):
        first = next(iter(body.iter("tr")))
        yield text(first[0]), first[1:]


def number(cell: Element) -> str:
    """What a reader sees in it, without the tooltip and what stands below."""
    inside = next(cell.iter("button"), None)
    return text(cell if inside is None else inside)


def facts(element: Element) -> dict[str, str]:
    """The texts of a list of definitions by their names."""
    return dict(zip([text(e) for e in element.iter("dt")], [text(e) for e in element.iter("dd")], strict=True))


class ShownPage(NamedTuple):
    report: Report
    analyses: Sequence[Analysis]
    html: str
    root: Element


def shown_page(report: Report, analyses: Sequence[Analysis], drawings: Sequence[Drawing], out: Path) -> ShownPage:
    """out: the folder from which links start."""
    html = page(report, analyses, drawings, out)
    return ShownPage(report, analyses, html, read(html))
