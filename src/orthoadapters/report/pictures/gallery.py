"""What is made of a report's tables: comparisons of their rows, sentence by sentence, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from orthoadapters.errors import UserError
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import Report, Row, Table, table_title
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.report.pictures.curves import read_curves
from orthoadapters.report.pictures.figures import (
    Floats,
    dev_scores,
    difference_map,
    layer_cosines,
    scores_by_text,
    training_losses,
)
from orthoadapters.report.pictures.text_sizes import WIKIPEDIA_WORDS
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import few_seeds
from orthoadapters.runs.selection import Point

# Of each kind of picture, by its files' names: what it shows, and why there is none.
LACKING = {
    "differences": "differences to a baseline, as no two rows could be compared",
    "dev": "development scores over epochs, as no run recorded them",
    "losses": "losses over iterations, as no selected run has a metrics.csv that can be read",
    "cos2": "cos^2 by layer, as no selected run recorded it",
    "text": "scores by the size of a language's text, as that is known of none of its target languages",
}


@dataclass(frozen=True)
class Drawing:
    """A figure and what to say below it. name: its files' stem; table: whose numbers it shows, None for language adapters'."""

    name: str
    caption: str
    table: Table | None
    figure: Figure


def drawings(report: Report, analyses: Sequence[Analysis]) -> list[Drawing]:
    """Table by table, then the language adapters'; of what has no data there is none (see `undrawn`)."""
    drawn: list[Drawing] = []
    for analysis in analyses:
        table = analysis.table
        made = {
            "differences": _differences(analysis), "dev": _dev(table), "losses": _losses(table),
            "cos2": _cosines(table), "text": _text(table),
        }  # fmt: skip
        for kind, (figure, caption) in made.items():
            if figure is not None:
                drawn.append(Drawing(f"{kind}-{table.name}", caption, table, figure))
    for adapters in report.language_adapters:
        for kind, (figure, caption) in (("losses", _mlm_losses(adapters)), ("cos2", _mlm_cosines(adapters))):
            if figure is not None:
                drawn.append(Drawing(f"{kind}-{adapters.name}", caption, None, figure))
    return drawn


def undrawn(report: Report, drawn: Sequence[Drawing]) -> list[str]:
    """Which pictures there are none of, and why, a sentence each."""
    names = {drawing.name for drawing in drawn}
    notes = [
        f"{table_title(table)}: there is no picture of {why}."
        for table in report.tables
        for kind, why in LACKING.items()
        if f"{kind}-{table.name}" not in names
    ]
    if not report.language_adapters:
        notes.append("There are no pictures of language adapters, as no run of stage=mlm is finished.")
    return notes


Picture = tuple[Figure | None, str]  # and its caption
NOTHING: Mapping[str, Floats] = {name: np.empty(0) for name in ("iteration", "loss", "l_ort")}


def _differences(analysis: Analysis) -> Picture:
    if not analysis.baselines:
        return None, ""
    table, baseline = analysis.table, analysis.baselines[0]
    rows = [row for row in table.rows if row is not baseline]
    found = [[analysis.between(row.label, baseline.label, column) for column in table.columns] for row in rows]
    differences = np.array([[np.nan if c is None else c.difference for c in row] for row in found])
    significant = np.array([[c is not None and c.significant for c in row] for row in found])
    columns = ["AVGz" if column == AVERAGE else column for column in table.columns]
    figure = difference_map(differences, significant, [r.label for r in rows], columns, table.metric, baseline.label)
    return figure, (
        f"{table_title(table)}: difference in {table.metric} x 100 to {baseline.label} on test; above 0 is better than it. "
        "Hatched cells show no difference that these data can show, after Holm's correction over a row's languages "
        f"(n = {_range([c.n for row in found for c in row if c is not None and c.language != AVERAGE])} sentences a language)."
        + "".join(f" {sentence}" for sentence in few_seeds(analysis.comparisons))
    )


def _dev(table: Table) -> Picture:
    histories = {row.label: _histories(row, table.metric) for row in table.rows}
    selected = {row.label: _named(row.point) for row in table.rows if row.point is not None}
    runs = sum(bool(history) for points in histories.values() for history in points.values())
    return dev_scores(histories, table.metric, selected), (
        f"{table_title(table)}: {table.metric} x 100 on {table.source.upper()} dev after each epoch, for every grid point "
        f"(n = {runs} runs, of each point the first seed). The thick line is the grid point that was selected."
    )


def _histories(row: Row, metric: str) -> dict[str, list[tuple[int, float]]]:
    """By grid point in order, of its first seed."""
    found: dict[str, list[tuple[int, float]]] = {}
    for point in row.points:
        runs = [run for run in row.candidates if (run.result.lr, run.result.ort_lr) == point]
        first = min(runs, key=lambda run: run.result.seed)
        found[_named(point)] = [
            (int(e["epoch"]), e[metric]) for e in first.selection.history if e.keys() >= {"epoch", metric}
        ]
    return found


def _losses(table: Table) -> Picture:
    curves, problems = _curves({row.label: run.path for row in table.rows for run in row.selected[:1]})
    curves = {row.label: curves.get(row.label, NOTHING) for row in table.rows}
    return training_losses(curves, r"$L_{TASK}$"), " ".join([
        f"{table_title(table)}: training loss and L_ORT over iterations, each point a mean over a stretch of them, "
        f"of the first seed of each row's selected grid point. L_ORT is there for orthogonal task adapters only.", *problems,
    ])  # fmt: skip


def _cosines(table: Table) -> Picture:
    panels = {"none": "task adapters, alone", "noo": "on NOO language adapters", "ort": "on ORT language adapters"}
    kinds: dict[str, dict[str, list[Mapping[str, Sequence[float]]]]] = {
        panel: {"NOO": [], "ORT": []} for panel in panels.values()
    }
    for row in table.rows:
        below, kind = (str(row.choices.get(f"variant.{which}_adapter")) for which in ("language", "task"))
        if below in panels and kind != "none":
            label = kind.upper() + "".join(row.label.partition(" [")[1:])  # with what tells two rows of a variant apart
            kinds[panels[below]][label] = [run.result.layer_cos2 for run in row.selected if run.result.layer_cos2]
    return layer_cosines(kinds), (
        f"{table_title(table)}: mean cos^2 between what a task adapter adds and what it was given, by layer, before and after "
        "training, on the source language's development set; 0 is orthogonal. n counts seeds, and the shade is their range."
    )


def _text(table: Table) -> Picture:
    scores = {row.label: {c: v for c in table.targets if (v := row.scores[c].value) is not None} for row in table.rows}
    return scores_by_text(scores, WIKIPEDIA_WORDS, table.metric, "Wikipedia of October 2020"), (
        f"{table_title(table)}: {table.metric} x 100 on test of each target language against how much text it has (running "
        "words of its Wikipedia, logarithmic). Languages differ in more than that: their test sets, and how far they are "
        f"from {table.source.upper()}."
    )


def _mlm_losses(adapters: TrainedAdapters) -> Picture:
    curves, problems = _curves({label: path for label, (path, _) in adapters.runs.items()})
    return training_losses(curves, r"$L_{MLM}$"), " ".join([
        f"{adapters.title}: training loss and L_ORT over iterations, of {len(curves)} language adapters; each point is a "
        "mean over a stretch of iterations. L_ORT is there for orthogonal ones only.", *problems,
    ])  # fmt: skip


def _mlm_cosines(adapters: TrainedAdapters) -> Picture:
    kinds = {kind: [r.layer_cos2 for r in results if r.layer_cos2] for kind, results in adapters.kinds.items()}
    return layer_cosines({"language adapters": kinds}), (
        f"{adapters.title}: mean cos^2 between what a language adapter adds and what it was given, by layer, before and "
        "after training, on held-out text; 0 is orthogonal. n counts adapters, and the shade is their range."
    )


def _curves(runs: Mapping[str, Path]) -> tuple[dict[str, Mapping[str, Floats]], list[str]]:
    """Of each label, with nothing in it where metrics.csv cannot be read; and a sentence for each such."""
    curves: dict[str, Mapping[str, Floats]] = {}
    problems = []
    for label, path in runs.items():
        try:
            curves[label] = read_curves(path / "metrics.csv")
        except UserError as error:
            problems.append(f"Without {label}: {error}.")
            curves[label] = NOTHING
    return curves, problems


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _named(point: Point) -> str:
    lr, ort_lr = point
    return f"lr {lr:g}" + ("" if ort_lr is None else f", ort lr {ort_lr:g}")
