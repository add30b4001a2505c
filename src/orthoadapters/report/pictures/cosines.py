"""The picture of the squared cosines of Eq. 2 by layer, before and after training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from orthoadapters.report.collect.table import Table, table_title
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.report.pictures.picture import CaptionedFigure, Picture
from orthoadapters.report.pictures.style import in_style, line_style, note, panels, plain, sentence
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.runs.results import Result

# A result's `layer_cos2`: "before" and "after" training, one value per layer; and "layers", their numbers, else 1, 2, ....
Cosines = Mapping[str, Sequence[float]]
TASK_PANELS = {"none": "task adapters, alone", "noo": "on NOO language adapters", "ort": "on ORT language adapters"}


def draw(analysis: Analysis) -> CaptionedFigure:
    """Draws the task adapters of a table, apart by the language adapter below them."""
    return layer_cosines(_by_panel(analysis.table)), (
        f"{table_title(analysis.table)}: mean cos^2 between what a task adapter adds and what it was given, by layer, "
        "before and after training, on the source language's development set; 0 is orthogonal. n counts seeds, and the "
        "shade is their range."
    )


def cosines_of(result: Result) -> Cosines:
    """Returns a result's cosines and, as "layers", the numbers of their layers from 1 on: variant.leave_out has none."""
    gaps = result.choices.get("variant.leave_out", [])
    numbers = range(len(result.layer_cos2.get("after", [])) + len(gaps))
    return result.layer_cos2 | {"layers": [float(number + 1) for number in numbers if number not in gaps]}


def _by_panel(table: Table) -> dict[str, dict[str, list[Cosines]]]:
    """Sorts the selected runs by the language adapter below the task adapter, then by the task adapter's kind."""
    panels: dict[str, dict[str, list[Cosines]]] = {name: {"NOO": [], "ORT": []} for name in TASK_PANELS.values()}
    for row in table.rows:
        language_adapter = str(row.choices.get("variant.language_adapter"))
        task_adapter = str(row.choices.get("variant.task_adapter"))
        if language_adapter in TASK_PANELS and task_adapter != "none":
            # The part in brackets tells two rows of one variant apart.
            label = task_adapter.upper() + "".join(row.label.partition(" [")[1:])
            runs = [cosines_of(run.result) for run in row.selected_runs if run.result.layer_cos2]
            panels[TASK_PANELS[language_adapter]][label] = [*runs]
    return panels


def draw_adapters(adapters: TrainedAdapters) -> CaptionedFigure:
    """Draws language adapters, a line for each kind."""
    kinds = {kind: [cosines_of(r) for r in results if r.layer_cos2] for kind, results in adapters.kinds.items()}
    return layer_cosines({"language adapters": kinds}), (
        f"{adapters.title}: mean cos^2 between what a language adapter adds and what it was given, by layer, before and "
        "after training, on held-out text; 0 is orthogonal. n counts adapters, and the shade is their range."
    )


@in_style
def layer_cosines(by_panel: Mapping[str, Mapping[str, Sequence[Cosines]]]) -> Figure | None:
    """Draws the mean cos(x_h, x_a)^2 by layer before and after training: a line per kind of adapter, the mean over its runs.

    by_panel: a panel's title, as "language adapters" -> kind, as "ORT" -> cosines of each run, all of as many layers. The
    range over several runs after training is shaded: give runs that differ by chance alone.
    """
    full_panels = {
        title: {k: [run for run in runs if run] for k, runs in kinds.items()} for title, kinds in by_panel.items()
    }
    full_panels = {title: kinds for title, kinds in full_panels.items() if any(kinds.values())}
    if not full_panels:
        return None
    # Two columns of a legend are as wide as a panel that is half of the figure.
    columns = 2 if len(full_panels) < 3 else 1
    figure, grid = panels(1, len(full_panels), 4.2 - 0.3 * columns, sharey=True)
    for axes, (title, kinds) in zip(grid, full_panels.items(), strict=True):
        for number, (kind, runs) in enumerate(kinds.items()):
            if runs:
                _draw_kind(axes, number, kind, runs)
        axes.set_title(plain(title), loc="left")
        axes.set_xlabel("layer")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=columns, fontsize=7, columnspacing=1.0)
    # The limit comes last, as it ends the scaling of the axis that the panels share.
    grid[0].set_ylim(bottom=0)
    grid[0].set_ylabel(r"mean $\cos^2(x_h, x_a)$")
    gaps = [f"{kind} {title}" for title, kinds in by_panel.items() for kind, runs in kinds.items() if not any(runs)]
    note(figure, sentence("Missing", gaps))
    return figure


def _draw_kind(axes: Axes, number: int, kind: str, runs: Sequence[Cosines]) -> None:
    """Draws the means before (dotted) and after training; shades the range of several runs after it."""
    style = line_style(2 * number)
    for when, dash, face in (("before", "dotted", "white"), ("after", "solid", style.color)):
        values = np.array([run[when] for run in runs], dtype=np.float64)
        layers = np.array(runs[0].get("layers", range(1, values.shape[1] + 1)))
        look: dict[str, Any] = {
            "color": style.color,
            "linestyle": dash,
            "marker": style.marker,
            "markerfacecolor": face,
        }
        axes.plot(layers, values.mean(0), **look, label=f"{plain(kind)} {when} (n = {len(runs)})")
        if when == "after" and len(runs) > 1:
            axes.fill_between(layers, values.min(0), values.max(0), color=style.color, alpha=0.15, linewidth=0)


PICTURE = Picture("cos2", "cos^2 by layer, as no selected run recorded it", draw, draw_adapters)
