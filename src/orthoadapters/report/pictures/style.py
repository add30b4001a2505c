"""The style of all pictures: their look, which does not depend on a user's own settings, their small print, their formats."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTH = 6.3  # ours: inches, the text width of A4 with the margins that most venues ask for
STYLE: dict[str, Any] = {
    # ours: the size of captions, at WIDTH
    "font.size": 9,
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
    # ours: long enough for a dash pattern
    "legend.handlelength": 3.2,
    "hatch.linewidth": 0.7,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # ours: without a fixed salt, ids would be random
    "svg.hashsalt": "orthoadapters",
    # ours: TrueType, as venues refuse Type 3
    "pdf.fonttype": 42,
}
# ours: Okabe and Ito's colours (jfly.uni-koeln.de/color) without those that have a neighbour's lightness, or too little
# contrast on white. The ones left differ in grey, too (L* = 0, 46, 54, 61, 70).
COLOURS = ("#000000", "#0072B2", "#D55E00", "#CC79A7", "#56B4E9")
# ours: four dashes and five colours give 20 lines without a repetition.
DASHES = ("solid", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "X", "P")

# A decorator: the function draws in STYLE, on matplotlib's own defaults.
in_style = matplotlib.style.context(["default", STYLE])


class LineStyle(NamedTuple):
    """The look of a line: it can be told from others in colour, in grey, and by its marker."""

    color: str
    linestyle: Any
    marker: str


def line_style(number: int) -> LineStyle:
    """Returns the look of the line with this number, from 0, in the order of its figure."""
    return LineStyle(COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)])


def panels(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Makes a figure of WIDTH x height inches, and its panels row by row. No state of pyplot is touched."""
    figure = Figure((WIDTH, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(grid.flat)


def note(figure: Figure, sentences: Sequence[str]) -> None:
    """Writes small print below the panels: what is missing, and how to read marks."""
    lines = [line for one in sentences for line in textwrap.wrap(one, 105)]
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5)


def sentence(beginning: str, names: Sequence[str]) -> list[str]:
    """Makes a sentence for `note`, such as "Missing: T-NOO, T-ORT."; no sentence if there is nothing to name."""
    return [f"{beginning}: {', '.join(map(plain, names))}."] if names else []


def plain(text: str) -> str:
    """Escapes the dollar signs of a name, between which matplotlib would read mathematics."""
    return text.replace("$", r"\$")


def label_with_gaps(label: str, gaps: Sequence[str], total: int) -> str:
    """Names what a label lacks, such as "T-NOO (ar, sw)"; "T-NOO (all)" if it lacks all of the total."""
    return f"{label} ({', '.join(gaps) if len(gaps) < total else 'all'})"


@in_style
def svg(figure: Figure) -> bytes:
    """Draws the figure as SVG; equal figures give equal bytes. Its layout holds for what is drawn of it later.

    matplotlib would compute the layout anew each time, which takes longer than to draw it.
    """
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    figure.set_layout_engine("none")
    return content.getvalue()


@in_style
def pdf(figure: Figure) -> bytes:
    """Draws the figure as PDF; equal figures give equal bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="pdf", metadata={"CreationDate": None})
    return content.getvalue()


@in_style
def png(figure: Figure) -> bytes:
    """Draws the figure in pixels."""
    content = io.BytesIO()
    # ours: twice as many as screens show at this size
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()
