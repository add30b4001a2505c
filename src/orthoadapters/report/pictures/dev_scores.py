"""The picture of development scores over epochs: a panel per variant, a line per grid point."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from orthoadapters.report.collect.table import Row, point_label, table_title
from orthoadapters.report.pictures.picture import CaptionedFigure, Picture
from orthoadapters.report.pictures.style import in_style, label_with_gaps, line_style, note, panels, plain, sentence
from orthoadapters.report.statistics.analysis import Analysis

History = Sequence[tuple[int, float]]  # (epoch, score), in order of the epochs


def draw(analysis: Analysis) -> CaptionedFigure:
    """Draws what the grid points of a table's rows scored after each epoch."""
    table = analysis.table
    histories = {row.label: _histories(row, table.metric) for row in table.rows}
    selected_points = {row.label: point_label(row.point) for row in table.rows if row.point is not None}
    runs = sum(bool(history) for points in histories.values() for history in points.values())
    return dev_scores(histories, table.metric, selected_points), (
        f"{table_title(table)}: {table.metric} x 100 on {table.source.upper()} dev after each epoch, for every grid point "
        f"(n = {runs} runs, of each point the first seed). The thick line is the grid point that was selected."
    )


def _histories(row: Row, metric: str) -> dict[str, History]:
    """Reads the history of each grid point's first seed, in order of the grid points."""
    histories: dict[str, History] = {}
    for point in row.points:
        first = min((run for run in row.candidates if run.point == point), key=lambda run: run.result.seed)
        epochs = [entry for entry in first.selection.history if entry.keys() >= {"epoch", metric}]
        histories[point_label(point)] = [(int(entry["epoch"]), entry[metric]) for entry in epochs]
    return histories


@in_style
def dev_scores(
    histories: Mapping[str, Mapping[str, History]], metric: str, selected_points: Mapping[str, str] | None = None
) -> Figure | None:
    """Draws development scores over epochs of a grid: a panel per variant, a line per grid point, its best epoch marked.

    histories: variant -> grid point -> history. A grid point looks the same in every panel.
    selected_points: variant -> the grid point whose line is thick.
    """
    variants = [variant for variant, by_point in histories.items() if any(by_point.values())]
    if not variants:
        return None
    points = list(dict.fromkeys(point for by_point in histories.values() for point in by_point))
    rows, columns = -(-len(variants) // 3), min(len(variants), 3)
    figure, grid = panels(rows, columns, 1.0 + 1.75 * rows, sharex=True, sharey=True)
    lines: dict[str, Line2D] = {}
    for axes, variant in zip(grid, variants, strict=False):
        thick = None if selected_points is None else selected_points.get(variant)
        lines |= _draw_panel(axes, variant, histories[variant], points, thick)
    for axes in grid[len(variants) :]:
        axes.remove()
    for axes in grid[: len(variants) : columns]:
        axes.set_ylabel(f"{plain(metric)} x 100, dev")
    for axes in grid[max(len(variants) - columns, 0) : len(variants)]:
        axes.set_xlabel("epoch")
    legend = [point for point in points if point in lines]
    figure.legend([lines[point] for point in legend], legend, loc="outside upper center", ncols=3)
    note(figure, ["Marked: the best epoch of each line.", *sentence("Missing", _gaps(histories))])
    return figure


def _draw_panel(
    axes: Axes, variant: str, by_point: Mapping[str, History], points: Sequence[str], thick: str | None
) -> dict[str, Line2D]:
    """Returns the line of each grid point that has a history. points: all grid points, in order of their looks."""
    lines: dict[str, Line2D] = {}
    for point, history in by_point.items():
        if history:
            epochs, values = np.array(history).T
            # The first of equal ones, as in the selection.
            best = [int(values.argmax())]
            style = line_style(points.index(point))._asdict()
            width = 2.4 if point == thick else 0.9
            (lines[point],) = axes.plot(epochs, 100 * values, **style, markevery=best, linewidth=width)
    axes.set_title(plain(variant), loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(axis="y")
    axes.tick_params(labelbottom=True)
    return lines


def _gaps(histories: Mapping[str, Mapping[str, History]]) -> list[str]:
    """Names each variant that lacks the history of a grid point, or has no grid point."""
    gaps = {variant: [point for point, history in runs.items() if not history] for variant, runs in histories.items()}
    return [
        label_with_gaps(variant, gaps[variant], len(by_point))
        for variant, by_point in histories.items()
        if gaps[variant] or not by_point
    ]


PICTURE = Picture("dev", "development scores over epochs, as no run recorded them", draw)
