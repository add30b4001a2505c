"""The picture of training losses over iterations: of a table's selected runs, and of the language adapters."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from orthoadapters.errors import UserError
from orthoadapters.report.collect.table import table_title
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.report.pictures.curves import Curves, read_curves
from orthoadapters.report.pictures.picture import CaptionedFigure, Picture
from orthoadapters.report.pictures.style import in_style, line_style, note, panels, plain, sentence
from orthoadapters.report.statistics.analysis import Analysis

log = logging.getLogger(__name__)
NO_CURVES: Curves = {name: np.empty(0) for name in ("iteration", "loss", "l_ort")}


def draw(analysis: Analysis) -> CaptionedFigure:
    """Draws the losses of the first seed of each row's selected grid point."""
    table = analysis.table
    curves, problems = _read({row.label: run.path for row in table.rows for run in row.selected_runs[:1]})
    # A row without a selected run keeps its place, and with it its look.
    curves = {row.label: curves.get(row.label, NO_CURVES) for row in table.rows}
    caption = (
        f"{table_title(table)}: training loss and L_ORT over iterations, each point a mean over a stretch of them, "
        "of the first seed of each row's selected grid point. L_ORT is there for orthogonal task adapters only, and is the "
        "loss that each trained (orthogonality.loss)."
    )
    return training_losses(curves, r"$L_{TASK}$"), " ".join([caption, *problems])


def draw_adapters(adapters: TrainedAdapters) -> CaptionedFigure:
    """Draws the losses of language adapters."""
    curves, problems = _read({label: path for label, (path, _) in adapters.runs.items()})
    caption = (
        f"{adapters.title}: training loss and L_ORT over iterations, of {len(curves)} language adapters; each point is a "
        "mean over a stretch of iterations. L_ORT is there for orthogonal ones only, and is the loss that each trained "
        "(orthogonality.loss)."
    )
    return training_losses(curves, r"$L_{MLM}$"), " ".join([caption, *problems])


def _read(folders: Mapping[str, Path]) -> tuple[dict[str, Curves], list[str]]:
    """Reads the curves of run directories by their labels; NO_CURVES, and a sentence, for each that cannot be read."""
    curves: dict[str, Curves] = {}
    problems = []
    for label, path in folders.items():
        try:
            curves[label] = read_curves(path / "metrics.csv")
        except UserError as error:
            if (path / "metrics.csv").exists():  # a run with logger=none has none
                log.warning("without the curves of %s: %s", label, error)
            problems.append(f"Without {label}: {error}.")
            curves[label] = NO_CURVES
    return curves, problems


@in_style
def training_losses(curves: Mapping[str, Curves], main_loss: str = "main loss") -> Figure | None:
    """Draws the main loss and, where a run takes the second step, L_ORT over iterations; a line per run.

    curves: label -> "iteration", "loss" and "l_ort", (n,) each, as `curves.read_curves` gives them.
    """
    names = {"loss": main_loss, "l_ort": r"$L_{ORT}$"}
    columns = [name for name in names if any(np.isfinite(curve[name]).any() for curve in curves.values())]
    if not columns:
        return None
    figure, grid = panels(len(columns), 1, 0.9 + 2.2 * len(columns), sharex=True)
    sentences = []
    for axes, column in zip(grid, columns, strict=True):
        gaps = _draw_panel(axes, column, curves)
        sentences += sentence(f"No {names[column]}", gaps)
        axes.set_ylabel(names[column])
        axes.grid(axis="y")
    grid[-1].set_xlabel("iteration")
    grid[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    note(figure, sentences)
    return figure


def _draw_panel(axes: Axes, column: str, curves: Mapping[str, Curves]) -> list[str]:
    """Draws a line per label; returns the labels that have no value in the column."""
    gaps = []
    for number, (label, curve) in enumerate(curves.items()):
        is_logged = np.isfinite(curve[column])
        if not is_logged.any():
            gaps.append(label)
            continue
        # The marks of two lines are shifted against each other, or they would hide each other.
        shift = (number + 1) / (len(curves) + 1)
        marks = ((np.arange(5) + shift) / 5 * (is_logged.sum() - 1)).astype(int).tolist()
        style = line_style(number)._asdict()
        iteration, values = curve["iteration"][is_logged], curve[column][is_logged]
        axes.plot(iteration, values, **style, label=plain(label), markevery=marks, linewidth=1.0)
    return gaps


PICTURE = Picture(
    "losses", "losses over iterations, as no selected run has a metrics.csv that can be read", draw, draw_adapters
)
