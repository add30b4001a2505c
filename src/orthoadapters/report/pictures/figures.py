"""The report's figures: each function takes plain numbers and gives a matplotlib Figure, or None if there is nothing to draw.

Scores are fractions in 0..1 and are drawn times 100. What is missing is NaN or left out, and is named below the panels. In
a mapping from labels the order decides the looks, and a label without numbers keeps its place: give all variants, always.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from orthoadapters.report.pictures.style import line_style, note, panels, styled

Floats = NDArray[np.float64]
LEAST_SPAN = 1.0  # ours: points at which colours saturate at the earliest, or noise would look like news


@styled
def difference_map(
    differences: Floats,
    significant: NDArray[np.bool_],
    variants: Sequence[str],
    languages: Sequence[str],
    metric: str,
    baseline: str,
) -> Figure | None:
    """Differences to a baseline by variant and language; those that are not significant are hatched.

    differences: (variants, languages), NaN where missing. significant: the same shape, without meaning where missing.
    """
    if differences.shape != significant.shape or differences.shape != (len(variants), len(languages)):
        raise ValueError(f"{differences.shape} differences, {significant.shape} signs for other numbers of labels")
    missing = np.isnan(differences)
    if missing.all():
        return None
    points = 100 * differences
    span = max(float(np.nanmax(np.abs(points))), LEAST_SPAN)
    figure, (axes,) = panels(1, 1, 1.6 + 0.34 * len(variants))
    colours = colormaps["PuOr"].with_extremes(bad="#eeeeee")  # ColorBrewer's, safe for the colour-blind
    edges = [np.arange(len(labels) + 1) - 0.5 for labels in (languages, variants)]
    cells = axes.pcolormesh(*edges, np.ma.masked_invalid(points), cmap=colours, vmin=-span, vmax=span, zorder=0)
    axes.invert_yaxis()
    axes.set_xticks(range(len(languages)), languages)
    axes.set_yticks(range(len(variants)), variants)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(points):
        if missing[row, column]:
            axes.text(column, row, "–", ha="center", va="center", color="#595959")
            continue
        if not significant[row, column]:
            hatching = Rectangle((column - 0.5, row - 0.5), 1, 1, hatch="////", edgecolor="#7f7f7f", facecolor="none")
            hatching.set(linewidth=0, zorder=0.25)  # below the grid, which is at 0.5
            axes.add_patch(hatching)
        colour = colours(0.5 + value / (2 * span))
        dark = np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.5  # Rec. 601's luma: whether white is the more legible
        box = {"facecolor": colour, "edgecolor": "none", "pad": 1.2}  # so that no hatching crosses a number
        shown = f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"  # and never "−0.0"
        axes.text(
            column, row, shown, ha="center", va="center", color="white" if dark else "black", fontsize=8, bbox=box
        )
    axes.set_xticks(np.arange(len(languages) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(variants) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(cells, ax=axes, pad=0.02, fraction=0.05)
    bar.outline.set_visible(False)
    bar.set_label(f"{metric} x 100, difference to {baseline}")
    hatched = ["Hatched: no difference that these data can show."] if (~significant & ~missing).any() else []
    lacking = [
        _named(variant, [code for code, gone in zip(languages, row, strict=True) if gone], len(languages))
        for variant, row in zip(variants, missing, strict=True)
        if row.any()
    ]
    note(figure, [*hatched, *_sentence("–: missing", lacking)])
    return figure


@styled
def dev_scores(
    histories: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]],
    metric: str,
    selected: Mapping[str, str] | None = None,
) -> Figure | None:
    """Development scores over epochs of a grid: a panel per variant, a line per grid point, its best epoch marked.

    histories: variant -> grid point -> (epoch, score) in order of the epochs. A grid point looks the same in every panel.
    selected: variant -> the grid point whose line is thick.
    """
    drawn = [variant for variant, runs in histories.items() if any(runs.values())]
    if not drawn:
        return None
    grid_points = list(dict.fromkeys(point for runs in histories.values() for point in runs))
    rows, columns = -(-len(drawn) // 3), min(len(drawn), 3)
    figure, grid = panels(rows, columns, 1.0 + 1.75 * rows, sharex=True, sharey=True)
    lines = {}
    for axes, variant in zip(grid, drawn, strict=False):
        for point, history in histories[variant].items():
            if history:
                epochs, values = np.array(history).T
                best = [int(values.argmax())]  # the first of equal ones, as in the selection
                style = line_style(grid_points.index(point))._asdict()
                width = 2.4 if selected is not None and selected.get(variant) == point else 0.9
                (lines[point],) = axes.plot(epochs, 100 * values, **style, markevery=best, linewidth=width)
        axes.set_title(variant, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
        axes.tick_params(labelbottom=True)
    for axes in grid[len(drawn) :]:
        axes.remove()
    for axes in grid[: len(drawn) : columns]:
        axes.set_ylabel(f"{metric} x 100, dev")
    for axes in grid[max(len(drawn) - columns, 0) : len(drawn)]:
        axes.set_xlabel("epoch")
    points = [point for point in grid_points if point in lines]
    figure.legend([lines[point] for point in points], points, loc="outside upper center", ncols=3)
    lacking = {variant: [point for point in runs if not runs[point]] for variant, runs in histories.items()}
    missing = [
        _named(variant, lacking[variant], len(runs))
        for variant, runs in histories.items()
        if lacking[variant] or not runs
    ]
    note(figure, ["Marked: the best epoch of each line.", *_sentence("Missing", missing)])
    return figure


@styled
def training_losses(curves: Mapping[str, Mapping[str, Floats]], main_loss: str = "main loss") -> Figure | None:
    """Main loss and, where a run takes the second step, L_ORT over iterations; a line per run.

    curves: label -> "iteration", "loss" and "l_ort", (n,) each, as `curves.read_curves` gives them.
    """
    drawn = [
        (column, name)
        for column, name in (("loss", main_loss), ("l_ort", r"$L_{ORT}$"))
        if any(np.isfinite(curve[column]).any() for curve in curves.values())
    ]
    if not drawn:
        return None
    figure, grid = panels(len(drawn), 1, 0.9 + 2.2 * len(drawn), sharex=True)
    sentences = []
    for axes, (column, name) in zip(grid, drawn, strict=True):
        lacking = [label for label, curve in curves.items() if not np.isfinite(curve[column]).any()]
        sentences += _sentence(f"No {name}", lacking)
        for place, (label, curve) in enumerate(curves.items()):
            there = np.isfinite(curve[column])
            if label in lacking:
                continue
            shift = (place + 1) / (len(curves) + 1)  # so that the marks of two lines are not in one place
            marked = ((np.arange(5) + shift) / 5 * (there.sum() - 1)).astype(int).tolist()
            iteration, values = curve["iteration"][there], curve[column][there]
            axes.plot(iteration, values, **line_style(place)._asdict(), label=label, markevery=marked, linewidth=1.0)
        axes.set_ylabel(name)
        axes.grid(axis="y")
    grid[-1].set_xlabel("iteration")
    grid[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    note(figure, sentences)
    return figure


@styled
def layer_cosines(kinds: Mapping[str, Mapping[str, Sequence[Mapping[str, Sequence[float]]]]]) -> Figure | None:
    """Mean cos(x_h, x_a)^2 by layer before and after training: a panel per kind of adapter, the mean over its runs.

    kinds: "language adapters", "task adapters" -> "NOO", "ORT" -> `layer_cos2` of each run, all of as many layers. The
    range over several runs after training is shaded: give runs of one kind, as task adapters on one kind of language adapter.
    """
    drawn = {panel: {k: [run for run in runs if run] for k, runs in kind.items()} for panel, kind in kinds.items()}
    drawn = {panel: kind for panel, kind in drawn.items() if any(kind.values())}
    if not drawn:
        return None
    columns = 2 if len(drawn) < 3 else 1  # of legends, which are as wide as their panels
    figure, grid = panels(1, len(drawn), 4.2 - 0.3 * columns, sharey=True)
    for axes, (panel, kind) in zip(grid, drawn.items(), strict=True):
        for place, (label, runs) in enumerate(kind.items()):
            style = line_style(2 * place)
            for when, dash, face in (("before", "dotted", "white"), ("after", "solid", style.color)):
                if not runs:
                    continue
                values = np.array([run[when] for run in runs], dtype=np.float64)
                layers = np.arange(1, values.shape[1] + 1)
                named = f"{label} {when} (n = {len(runs)})"
                axes.plot(layers, values.mean(0), color=style.color, linestyle=dash, marker=style.marker,
                          markerfacecolor=face, label=named)  # fmt: skip
                if when == "after" and len(runs) > 1:
                    axes.fill_between(layers, values.min(0), values.max(0), color=style.color, alpha=0.15, linewidth=0)
        axes.set_title(panel, loc="left")
        axes.set_xlabel("layer")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=columns, fontsize=7, columnspacing=1.0)
    grid[0].set_ylim(bottom=0)  # last, as it ends the scaling of the axis that the panels share
    grid[0].set_ylabel(r"mean $\cos^2(x_h, x_a)$")
    lacking = [f"{label} {panel}" for panel, kind in kinds.items() for label, runs in kind.items() if not any(runs)]
    note(figure, _sentence("Missing", lacking))
    return figure


@styled
def scores_by_text(
    scores: Mapping[str, Mapping[str, float]], words: Mapping[str, int], metric: str, source: str
) -> Figure | None:
    """Scores against how much text a language has, on a logarithmic axis; a line per variant.

    scores: variant -> language -> score. words: language -> running words (`text_sizes.WIKIPEDIA_WORDS`), of which `source`
    says where. A language that it does not have is left out and named.
    """
    found = {code for row in scores.values() for code, value in row.items() if np.isfinite(value)}
    languages = sorted(found & words.keys(), key=lambda code: words[code])
    if not languages:
        return None
    figure, (axes,) = panels(1, 1, 4.2)
    for place, (variant, row) in enumerate(scores.items()):
        there = [code for code in languages if np.isfinite(row.get(code, np.nan))]
        if there:
            values = [100 * row[code] for code in there]
            axes.plot([words[code] for code in there], values, **line_style(place)._asdict(), label=variant)
    axes.set_xscale("log")
    axes.set_xlabel(f"running words, {source}")
    axes.set_ylabel(f"{metric} x 100")
    axes.grid(axis="y")
    for place, code in enumerate(languages):
        axes.axvline(words[code], color="#d9d9d9", linewidth=0.6, zorder=0)
        height = 1.01 + 0.045 * (place % 2)  # two rows, as Hindi and Estonian have nearly as much
        axes.text(words[code], height, code, transform=axes.get_xaxis_transform(), ha="center", fontsize=8)
    figure.legend(loc="outside upper center", ncols=4)
    missing = {
        variant: [code for code in languages if not np.isfinite(row.get(code, np.nan))]
        for variant, row in scores.items()
    }
    lacking = [_named(variant, codes, len(languages)) for variant, codes in missing.items() if codes]
    unknown = sorted(found - words.keys())
    left_out = _sentence("Left out, as how much text they have is not known", unknown)
    note(figure, [*_sentence("Missing", lacking), *left_out])
    return figure


def _named(label: str, lacking: Sequence[str], everything: int) -> str:
    return f"{label} ({', '.join(lacking) if len(lacking) < everything else 'all'})"


def _sentence(beginning: str, parts: Sequence[str]) -> list[str]:
    """A sentence for `note`, or none if there is nothing to name."""
    return [f"{beginning}: {', '.join(parts)}."] if parts else []
