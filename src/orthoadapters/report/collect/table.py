"""The report's data: Report > Table > Row > Score, each number with the runs that it comes from.

Tables, statistics, figures and pages are made of these and read no files of scores themselves. Scores are fractions.
"""

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthoadapters.report.collect.gather import Attempt, Run, canonical
from orthoadapters.report.collect.paper import AVERAGE, paper
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.runs.selection import Point, best_point


@dataclass(frozen=True)
class Oracle:
    """The score of the grid point chosen on the target language's own development set: not zero-shot."""

    value: float
    point: Point | None  # None for an average: its languages have points of their own
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Score:
    """One variant on one language (or AVERAGE). state: scored, missing, failed or unfinished.

    runs: those of the selected grid point that were tested on it, by seed; scores: one of each.
    """

    variant: str
    language: str
    state: str
    runs: tuple[Run, ...] = ()
    scores: tuple[float, ...] = ()
    n_sentences: int | None = None
    paper: float | None = None
    oracle: Oracle | None = None

    @property
    def value(self) -> float | None:
        """The mean over seeds."""
        return statistics.fmean(self.scores) if self.scores else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation over seeds; None for fewer than two."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None

    @property
    def difference(self) -> float | None:
        """From the paper's score."""
        return None if self.value is None or self.paper is None else self.value - self.paper

    @property
    def paths(self) -> tuple[Path, ...]:
        """The run directories; of an average, all that its languages stand in."""
        places = [run.paths.values() if self.language == AVERAGE else [run.paths[self.language]] for run in self.runs]
        return tuple(dict.fromkeys(path for several in places for path in several))


@dataclass(frozen=True)
class Row:
    """A variant. label: the paper's name, and the choices that tell it from another row of that name.

    grid: every run that was selected among; selected: all seeds of the best grid point, by seed.
    """

    variant: str
    label: str
    choices: Mapping[str, Any]
    grid: tuple[Run, ...]
    selected: tuple[Run, ...]
    attempts: tuple[Attempt, ...]
    cells: Mapping[str, Score]

    @property
    def points(self) -> list[Point]:
        """The grid points that have finished runs, in order."""
        found = {(run.result.lr, run.result.ort_lr) for run in self.grid}
        return sorted(found, key=lambda point: (point[0], point[1] or 0.0))

    @property
    def point(self) -> Point | None:
        return (self.selected[0].result.lr, self.selected[0].result.ort_lr) if self.selected else None

    @property
    def seeds(self) -> list[int]:
        return [run.result.seed for run in self.selected]

    @property
    def epochs(self) -> list[int]:
        """The epochs that were kept, by seed."""
        return [run.selection.epoch for run in self.selected]

    @property
    def dev(self) -> float | None:
        """The mean development score on the source language, by which the grid point was selected."""
        return statistics.fmean(run.selection.value for run in self.selected) if self.selected else None


@dataclass(frozen=True)
class Table:
    """One task, backbone and setting. languages: the columns, source first, without AVERAGE.

    averaged: the target languages of AVERAGE, those that any selected run was tested on; setting: the choices that all
    runs share, None where they recorded none; differing: those of them that another table of this task and backbone has
    otherwise; inputs: SHA-256 of what all runs read.
    """

    name: str
    task: str
    backbone: str
    source: str
    metric: str
    languages: tuple[str, ...]
    averaged: tuple[str, ...]
    setting: Mapping[str, Any] | None
    differing: Mapping[str, Any]
    inputs: Mapping[str, str]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.languages, AVERAGE)


@dataclass(frozen=True)
class Report:
    """problems: what was set apart, failed or is unfinished, a sentence each."""

    folder: Path
    tables: tuple[Table, ...]
    problems: tuple[str, ...]
    language_adapters: tuple[TrainedAdapters, ...] = ()


def setting_hash(source: str, metric: str, setting: Mapping[str, Any] | None, inputs: Mapping[str, str]) -> str:
    """Eight hexadecimal digits that tell one setting from another."""
    content = canonical({"source": source, "metric": metric, "setting": setting, "inputs": inputs})
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def cell(
    task: str, metric: str, source: str, variant: str, language: str,
    grid: Sequence[Run], selected: Sequence[Run], otherwise: str,
) -> Score:  # fmt: skip
    """otherwise: the state if no selected run has a score."""
    runs = [run for run in selected if metric in run.result.test.get(language, {})]
    known = paper().score(task, metric, source, variant, language)
    if not runs:
        return Score(variant, language, otherwise, paper=known)
    scores = tuple(run.result.test[language][metric] for run in runs)
    oracle = None if language == source else _oracle(grid, {run.result.seed for run in runs}, language, metric)
    n_sentences = int(runs[0].result.test[language]["n"])
    return Score(variant, language, "scored", tuple(runs), scores, n_sentences, known, oracle)


def average(cells: Sequence[Score], known: float | None, otherwise: str) -> Score:
    """AVGz, of the runs that were tested on all of the targets. cells: a row's, one per target; known: the paper's."""
    variant = cells[0].variant if cells else ""
    full = [run for run in cells[0].runs if all(run in cell.runs for cell in cells)] if cells else []
    if not full:
        return Score(variant, AVERAGE, "missing" if any(cell.runs for cell in cells) else otherwise, paper=known)
    by_run = [[cell.scores[cell.runs.index(run)] for cell in cells] for run in full]
    oracles = [cell.oracle for cell in cells if cell.oracle is not None]
    oracle = None
    if len(oracles) == len(cells) and all(cell.runs == tuple(full) for cell in cells):
        paths = dict.fromkeys(path for one in oracles for path in one.paths)
        oracle = Oracle(statistics.fmean(one.value for one in oracles), None, tuple(paths))
    scores = tuple(statistics.fmean(scores) for scores in by_run)
    return Score(variant, AVERAGE, "scored", tuple(full), scores, None, known, oracle)


def _oracle(grid: Sequence[Run], seeds: set[int], language: str, metric: str) -> Oracle | None:
    """Over the seeds of the score above it. None where a grid point lacks one of them, or its score on dev or test."""
    points: dict[Point, dict[int, Run]] = {(run.result.lr, run.result.ort_lr): {} for run in grid}
    for run in grid:
        result = run.result
        scored = metric in result.target_dev.get(language, {}) and metric in result.test.get(language, {})
        if scored and result.seed in seeds:
            points[result.lr, result.ort_lr][result.seed] = run
    if any(runs.keys() != seeds for runs in points.values()):
        return None
    best = best_point(
        {
            point: {s: run.result.target_dev[language][metric] for s, run in runs.items()}
            for point, runs in points.items()
        }
    )
    chosen = [run for _, run in sorted(points[best].items())]
    value = statistics.fmean(run.result.test[language][metric] for run in chosen)
    return Oracle(value, best, tuple(run.paths[language] for run in chosen))


def table_title(table: Table) -> str:
    """What a table is of, in words."""
    told = ", ".join(f"{key}={value}" for key, value in table.differing.items())
    return f"{table.task}, {table.backbone}" + (f" ({told})" if told else "")


def heading(column: str) -> str:
    """A column in print."""
    return "AVGz" if column == AVERAGE else column.upper()
