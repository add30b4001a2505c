"""What all figures share: their look, which does not depend on a user's own settings, and their files."""

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orthoadapters.files import write_bytes

WIDTH = 6.3  # ours: inches, the text width of A4 with the margins that most venues ask for
STYLE: dict[str, Any] = {
    "font.size": 9,  # ours: what captions have, at WIDTH
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 3.2,  # long enough for a dash pattern
    "hatch.linewidth": 0.7,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "orthoadapters",  # or ids would be random
    "pdf.fonttype": 42,  # ours: TrueType, as venues refuse Type 3
}
# Okabe and Ito's colours (jfly.uni-koeln.de/color) without those that have a neighbour's lightness, or too little contrast on
# white: what is left differs in grey, too (L* = 0, 46, 54, 61, 70).
COLOURS = ("#000000", "#0072B2", "#D55E00", "#CC79A7", "#56B4E9")
DASHES = (
    "solid",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1.2, 1.5)),
)  # four and five: 20 lines without a repetition
MARKERS = ("o", "s", "^", "D", "v", "X", "P")


class LineStyle(NamedTuple):
    color: str
    linestyle: Any
    marker: str


def line_style(place: int) -> LineStyle:
    """The look of the line at a place of its figure's order: in colour, in grey, and by its marker."""
    return LineStyle(COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)], MARKERS[place % len(MARKERS)])


styled = matplotlib.style.context(["default", STYLE])  # a decorator: draws in STYLE, on matplotlib's own defaults


def panels(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of WIDTH x height inches with its panels row by row. No state of pyplot is touched."""
    figure = Figure((WIDTH, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(grid.flat)


def note(figure: Figure, sentences: Sequence[str]) -> None:
    """Small print below the panels: what is missing, and how to read marks."""
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, 105)]
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5)


@styled
def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Writes <name>.svg and <name>.pdf, each whole or not at all; equal figures give equal bytes."""
    contents = {}
    for ending, date in (("svg", "Date"), ("pdf", "CreationDate")):
        content = io.BytesIO()
        figure.savefig(content, format=ending, metadata={date: None})
        contents[folder / f"{name}.{ending}"] = content.getvalue()
    for path, written in contents.items():
        write_bytes(path, written)
    return list(contents)


@styled
def png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)  # ours: twice what screens show at this size
    return content.getvalue()
