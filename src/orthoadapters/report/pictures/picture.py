"""A picture is what the report can draw of a table; a drawing is what it has drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from matplotlib.figure import Figure

from orthoadapters.report.collect.table import Table
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.report.pictures.style import pdf, svg
from orthoadapters.report.statistics.analysis import Analysis

# A figure with its caption. The figure is None where there is nothing to draw.
CaptionedFigure = tuple[Figure | None, str]


@dataclass(frozen=True)
class Picture:
    """A picture that the report draws of every table, and perhaps of the language adapters too.

    name: the beginning of its files' names. of_table, of_adapters: functions that draw it.
    absence: ends the sentence "There is no picture of ..." for a table that it cannot be drawn of, and says why.
    """

    name: str
    absence: str
    of_table: Callable[[Analysis], CaptionedFigure]
    of_adapters: Callable[[TrainedAdapters], CaptionedFigure] | None = None


@dataclass(frozen=True)
class Drawing:
    """A figure and its caption.

    name: the stem of its files. table: the table whose numbers it shows, or None if it shows language adapters.
    """

    name: str
    caption: str
    table: Table | None
    figure: Figure

    @cached_property
    def svg(self) -> bytes:
        """The figure as SVG, drawn once for its file and for the page."""
        return svg(self.figure)

    def files(self) -> dict[str, bytes]:
        """Draws <name>.svg and <name>.pdf, and returns their contents."""
        return {f"{self.name}.svg": self.svg, f"{self.name}.pdf": pdf(self.figure)}
