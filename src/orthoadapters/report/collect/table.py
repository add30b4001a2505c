"""The report's data: Report > Table > Row > Score, each number with the runs that it comes from.

The printed tables, the statistics, the pictures and the page are made of these. Scores are fractions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from orthoadapters.config.schema import Under
from orthoadapters.report.collect.attempts import Attempt
from orthoadapters.report.collect.gather import Run
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.runs.results import source_codes
from orthoadapters.runs.selection import Point

# It stands at scores that were made after the training, by the command evaluate.
MARK = "†"
EVALUATIONS_NOTE = (
    f"{MARK}: scored afterwards, without training (the command evaluate). Such a score selects nothing, and is in no "
    "average, no ranking, no picture and no significance test."
)


@dataclass(frozen=True)
class Oracle:
    """The score of the grid point that is best on the target language's own development set: it is not zero-shot.

    point: None for an average, as each of its languages has a point of its own; paths: the run directories.
    """

    value: float
    point: Point | None
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Score:
    """The score of one row in one column, which is a language or AVERAGE.

    state: scored, missing, failed or unfinished; runs: the selected runs that were tested on the language, ordered by
    their seeds; by_seed: the score of each of these runs.
    """

    variant: str
    language: str
    state: str
    runs: tuple[Run, ...] = ()
    by_seed: tuple[float, ...] = ()
    n_sentences: int | None = None
    paper: float | None = None
    oracle: Oracle | None = None

    @property
    def value(self) -> float | None:
        """The mean over seeds."""
        return fmean(self.by_seed) if self.by_seed else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation over seeds; None for fewer than two."""
        return stdev(self.by_seed) if len(self.by_seed) > 1 else None

    @property
    def difference(self) -> float | None:
        """The value minus the paper's score; None where one of the two does not exist."""
        return None if self.value is None or self.paper is None else self.value - self.paper

    @property
    def paths(self) -> tuple[Path, ...]:
        """The directories that the score comes from; for an average those of all languages."""
        if self.language == AVERAGE:
            paths = [path for run in self.runs for path in run.paths.values()]
        else:
            paths = [run.paths[self.language] for run in self.runs]
        return tuple(dict.fromkeys(paths))


@dataclass(frozen=True)
class Row:
    """A variant's scores.

    label: the paper's name, and the choices that tell the row from another one of that name; candidates: all runs among
    which the grid point was selected; selected_runs: those of the best grid point, ordered by their seeds; attempts: the
    variant's failed and unfinished runs; scores: by column.
    """

    variant: str
    label: str
    choices: Mapping[str, Any]
    candidates: tuple[Run, ...]
    selected_runs: tuple[Run, ...]
    attempts: tuple[Attempt, ...]
    scores: Mapping[str, Score]

    @property
    def points(self) -> list[Point]:
        """The grid points that have finished runs, in order."""
        points = {run.point for run in self.candidates}
        return sorted(points, key=lambda point: (point[0], point[1] or 0.0))

    @property
    def point(self) -> Point | None:
        """The best grid point; None without a finished run."""
        return self.selected_runs[0].point if self.selected_runs else None

    @property
    def seeds(self) -> list[int]:
        """The seeds of the selected runs."""
        return [run.result.seed for run in self.selected_runs]

    @property
    def epochs(self) -> list[int]:
        """The best epoch of each selected run."""
        return [run.selection.epoch for run in self.selected_runs]

    def count(self, state: str) -> int:
        """Counts the attempts that are failed, or those that are unfinished."""
        return sum(attempt.state == state for attempt in self.attempts)

    @property
    def dev(self) -> float | None:
        """The mean development score on the source language, by which the grid point was selected."""
        return fmean(run.selection.value for run in self.selected_runs) if self.selected_runs else None


@dataclass(frozen=True)
class EvaluationRow:
    """The scores of evaluations of one kind: runs of one grid point, or a task adapter that was trained elsewhere.

    label: that of the row of its runs, with MARK and a number; subject: what was scored or on what, in words; point, seeds:
    those of its runs; scores: by language; paths: the folders of the evaluations.
    """

    variant: str
    label: str
    subject: str
    point: Point | None
    seeds: tuple[int, ...]
    scores: Mapping[str, Score]
    paths: tuple[Path, ...]

    @property
    def note(self) -> str:
        """The number's meaning."""
        seeds = f" (seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))})" if self.seeds else ""
        return f"{self.label}{seeds}: {self.subject}."


@dataclass(frozen=True)
class UnderRow:
    """The scores of a row's runs with something else under the task adapter than its own scores have.

    label: the row's, with what is there; scores: by column; folders: by language, for each run of the score the directory
    of its counts and the choice in it, None for the directory's own; weights: those of a mean, in words.
    """

    row: Row
    label: str
    scores: Mapping[str, Score]
    folders: Mapping[str, tuple[tuple[Path, Under | None], ...]]
    weights: str = ""


@dataclass(frozen=True)
class Table:
    """The scores of one task, backbone and setting.

    languages: the columns without AVERAGE, the source language first; targets: the languages that AVERAGE is over, which
    are the target languages that any selected run was tested on; setting: the choices that all runs share, None where
    they recorded none; distinctions: the choices whose value is another one in a further table of this task and backbone;
    inputs: the SHA-256 of what all runs read; sizes: the examples of each set; evaluations: what was scored afterwards;
    under: what was scored with something else under the task adapter.
    """

    name: str
    task: str
    backbone: str
    source: str
    metric: str
    languages: tuple[str, ...]
    targets: tuple[str, ...]
    setting: Mapping[str, Any] | None
    distinctions: Mapping[str, Any]
    inputs: Mapping[str, str]
    rows: tuple[Row, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    evaluations: tuple[EvaluationRow, ...] = ()
    under: tuple[UnderRow, ...] = ()

    @property
    def sources(self) -> list[str]:
        """The source languages, most often one."""
        return source_codes(self.source)

    @property
    def columns(self) -> tuple[str, ...]:
        """The languages, then AVERAGE."""
        return (*self.languages, AVERAGE)

    @property
    def further_languages(self) -> tuple[str, ...]:
        """The languages that evaluations alone have scores on; their columns stand behind AVERAGE."""
        languages = dict.fromkeys(language for row in self.evaluations for language in row.scores)
        return tuple(language for language in languages if language not in self.languages)

    @property
    def headings(self) -> list[str]:
        """The printed names of all columns of scores."""
        return [*map(heading, self.columns), *(f"{heading(code)} {MARK}" for code in self.further_languages)]

    @property
    def evaluation_notes(self) -> list[str]:
        """The mark's meaning, and that of each number behind it."""
        return [EVALUATIONS_NOTE, *(row.note for row in self.evaluations)] if self.evaluations else []


@dataclass(frozen=True)
class Report:
    """All tables of a folder of runs. problems: a sentence for each run that was left out, failed or is unfinished."""

    folder: Path
    tables: tuple[Table, ...]
    problems: tuple[str, ...]
    language_adapters: tuple[TrainedAdapters, ...] = ()


def table_title(table: Table) -> str:
    """Says in words what a table is about."""
    values = {key: f"[{','.join(map(str, v))}]" if isinstance(v, list) else v for key, v in table.distinctions.items()}
    distinctions = ", ".join(f"{key}={value}" for key, value in values.items())
    return f"{table.task}, {table.backbone}" + (f" ({distinctions})" if distinctions else "")


def heading(column: str) -> str:
    """Returns the printed name of a column."""
    return "AVGz" if column == AVERAGE else column.upper()


def point_label(point: Point) -> str:
    """Names a grid point, such as "lr 0.0001, ort lr 1e-07"."""
    lr, ort_lr = point
    return f"lr {lr:g}" + ("" if ort_lr is None else f", ort lr {ort_lr:g}")
