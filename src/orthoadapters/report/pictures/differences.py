"""The picture of differences to a baseline: a map of variants by languages."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import table_title
from orthoadapters.report.pictures.picture import CaptionedFigure, Picture
from orthoadapters.report.pictures.style import Floats, in_style, label_with_gaps, note, panels, plain, sentence
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import Comparison, few_seeds

LEAST_SPAN = 1.0  # ours: points at which colours saturate at the earliest, or noise would look like news
COLOURS = colormaps["PuOr"].with_extremes(bad="#eeeeee")  # ours: ColorBrewer's, safe for the colour-blind


def draw(analysis: Analysis) -> CaptionedFigure:
    """Draws the differences of a table's rows to its first baseline."""
    if not analysis.baselines:
        return None, ""
    table, baseline = analysis.table, analysis.baselines[0]
    rows = [row for row in table.rows if row is not baseline]
    comparisons = [[analysis.between(row.label, baseline.label, column) for column in table.columns] for row in rows]
    differences = np.array([[np.nan if c is None else c.difference for c in row] for row in comparisons])
    significant = np.array([[c is not None and c.significant for c in row] for row in comparisons])
    columns = ["AVGz" if column == AVERAGE else column for column in table.columns]
    figure = difference_map(differences, significant, [r.label for r in rows], columns, table.metric, baseline.label)
    return figure, (
        f"{table_title(table)}: difference in {table.metric} x 100 to {baseline.label} on test; above 0 is better than it. "
        "Hatched cells show no difference that these data can show, after Holm's correction over a row's languages "
        f"(n = {_sizes(comparisons)} sentences a language)."
        + "".join(f" {caveat}" for caveat in few_seeds(analysis.comparisons))
    )


def _sizes(comparisons: Sequence[Sequence[Comparison | None]]) -> str:
    """Returns the smallest and the largest number of sentences of a language."""
    sizes = [c.n for row in comparisons for c in row if c is not None and c.language != AVERAGE]
    low, high = min(sizes), max(sizes)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


@in_style
def difference_map(
    differences: Floats,
    significant: NDArray[np.bool_],
    variants: Sequence[str],
    languages: Sequence[str],
    metric: str,
    baseline: str,
) -> Figure | None:
    """Draws differences to a baseline by variant and language; those that are not significant are hatched.

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
    mesh = _colour(axes, points, span)
    _label(axes, variants, languages)
    _hatch(axes, ~significant & ~missing)
    _write(axes, points, span)
    bar = figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.05)
    bar.outline.set_visible(False)
    bar.set_label(plain(f"{metric} x 100, difference to {baseline}"))
    legend = ["Hatched: no difference that these data can show."] if (~significant & ~missing).any() else []
    gaps = [
        label_with_gaps(variant, [code for code, gap in zip(languages, row, strict=True) if gap], len(languages))
        for variant, row in zip(variants, missing, strict=True)
        if row.any()
    ]
    note(figure, [*legend, *sentence("–: missing", gaps)])
    return figure


def _colour(axes: Axes, points: Floats, span: float) -> QuadMesh:
    """Colours each place of the map; white is no difference."""
    rows, columns = points.shape
    edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    return axes.pcolormesh(*edges, np.ma.masked_invalid(points), cmap=COLOURS, vmin=-span, vmax=span, zorder=0)


def _label(axes: Axes, variants: Sequence[str], languages: Sequence[str]) -> None:
    """Names rows and columns, the first variant on top, and separates them by white lines."""
    axes.invert_yaxis()
    axes.set_xticks(range(len(languages)), [plain(name) for name in languages])
    axes.set_yticks(range(len(variants)), [plain(name) for name in variants])
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(languages) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(variants) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _hatch(axes: Axes, unclear: NDArray[np.bool_]) -> None:
    """Hatches what is not significant, below the white lines, which are at 0.5."""
    for row, column in np.argwhere(unclear):
        hatching = Rectangle((column - 0.5, row - 0.5), 1, 1, hatch="////", edgecolor="#7f7f7f", facecolor="none")
        hatching.set(linewidth=0, zorder=0.25)
        axes.add_patch(hatching)


def _write(axes: Axes, points: Floats, span: float) -> None:
    """Writes each difference on a ground of its own colour, so that no hatching crosses it; a dash where it is missing."""
    for (row, column), value in np.ndenumerate(points):
        if np.isnan(value):
            axes.text(column, row, "–", ha="center", va="center", color="#595959")
            continue
        ground = COLOURS(0.5 + value / (2 * span))
        # Rec. 601's luma tells whether white is the more legible.
        ink = "white" if np.dot(ground[:3], (0.299, 0.587, 0.114)) < 0.5 else "black"
        box = {"facecolor": ground, "edgecolor": "none", "pad": 1.2}
        # What rounds to zero has no sign.
        text = f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8, bbox=box)


PICTURE = Picture("differences", "differences to a baseline, as no two rows could be compared", draw)
