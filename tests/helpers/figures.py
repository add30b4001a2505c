"""Reading what a matplotlib figure shows."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def figure_of(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def small_print(figure: Figure) -> str:
    return figure.get_supxlabel()


def lines_of(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """The x and y values of each labelled line."""
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.get_lines()
        if not str(line.get_label()).startswith("_")
    }
