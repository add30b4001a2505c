"""The runs of a folder: those that may stand in one table, and those that are left out.

Numbers are comparable where everything but the variant, the grid point and the seed is equal, by the choices that a
result records and by the contents of what was read (SHA-256 in inputs.json). A run that is not known to be comparable is
never averaged with others: it gets a table of its own, or is left out, and a sentence names it either way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orthoadapters.errors import UserError
from orthoadapters.report.collect.attempts import Attempt, find_attempts
from orthoadapters.report.collect.paper import PaperTable, paper
from orthoadapters.report.collect.settings import canonical, row_choices, table_setting
from orthoadapters.runs.inputs import read_inputs
from orthoadapters.runs.results import Result, Selection, find_results, source_codes
from orthoadapters.runs.selection import Point


@dataclass(frozen=True)
class Run:
    """A finished run of the task stage.

    inputs: the SHA-256 of what it read, by name; paths: by test language, the directory that the score comes from;
    other_paths: so for the scores with something else under the task adapter, by choice and language.
    """

    path: Path
    result: Result
    selection: Selection
    task: str
    inputs: Mapping[str, str]
    paths: Mapping[str, Path]
    other_paths: Mapping[tuple[str, str], Path] = field(default_factory=dict)

    @property
    def point(self) -> Point:
        """Its grid point."""
        return self.result.lr, self.result.ort_lr

    @property
    def row(self) -> dict[str, Any]:
        """The choices that tell its row from other rows of the same variant."""
        return row_choices(self.result.choices)

    @property
    def setting(self) -> dict[str, Any] | None:
        """The choices that all runs of its table share; None where the run recorded none."""
        return table_setting(self.result.choices)


@dataclass
class Group:
    """Runs that may stand in one table. inputs: the SHA-256 of what all of them read, by name."""

    task: str
    backbone: str
    source: str
    metric: str
    setting: dict[str, Any] | None
    inputs: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    @property
    def sources(self) -> list[str]:
        """The source languages, most often one."""
        return source_codes(self.source)

    @property
    def sizes(self) -> dict[str, int]:
        """The examples of each set, by its name in inputs.json, of runs that recorded how many they were trained on."""
        sizes: dict[str, int] = {}
        for result in (run.result for run in self.runs if "train" in run.result.counts):
            tests = {f"test-{code}": int(row["n"]) for code, row in result.test.items()}
            sizes |= {"train": result.counts["train"]} | tests
        return sizes

    @property
    def paper_table(self) -> PaperTable | None:
        """The paper's table of this task and data, whose order of rows and columns is followed; None if there is none."""
        return paper().table(self.task, self.setting)

    @property
    def paper_scores(self) -> PaperTable | None:
        """The paper's table if these runs had the whole data that it is on, so that its scores may stand beside theirs."""
        table = self.paper_table
        return None if table is None or table.other_sizes(self.setting or {}, self.sizes) else table

    def accepts(self, run: Run) -> bool:
        """Says whether the run read nothing that differs from what the group's runs read under the same name."""
        return all(self.inputs.get(name, digest) == digest for name, digest in run.inputs.items())


@dataclass
class Collection:
    """All that a folder of runs holds.

    mlm: the runs of the MLM stage; adapters: their results, by the SHA-256 of the adapter that the run trained; problems:
    a sentence for each run that is left out, failed or is unfinished.
    """

    groups: list[Group]
    attempts: list[Attempt]
    mlm: list[tuple[Path, Result]]
    adapters: dict[str, Result]
    problems: list[str]


def gather(folder: Path, backbone: str | None = None) -> Collection:
    """Collects the runs below `folder`, of all backbones or of one. Raises UserError if there is no such folder."""
    results, problems = find_results(folder)
    adapters = _adapter_results(results)
    results = [(path, result) for path, result in results if backbone in (None, result.backbone)]
    groups = _group(_task_runs(results, problems), problems)
    for group in groups:
        group.runs = _unique(group.runs, problems)
    attempts = [a for a in find_attempts(folder, problems) if backbone in (None, a.backbone)]
    mlm = [(path, result) for path, result in results if result.task is None]
    return Collection([group for group in groups if group.runs], attempts, mlm, adapters, problems)


def _adapter_results(results: Sequence[tuple[Path, Result]]) -> dict[str, Result]:
    """Returns the results of the MLM stage by the SHA-256 of the adapter that was trained."""
    mlm = [result for _, result in results if result.task is None]
    return {entry["sha256"]: result for result in mlm for entry in result.adapters.values() if "sha256" in entry}


def _task_runs(results: Sequence[tuple[Path, Result]], problems: list[str]) -> list[Run]:
    """Returns the runs of the task stage that say how they were selected and what they read."""
    runs: list[Run] = []
    for path, result in results:
        if result.task is None:
            continue
        if result.selection is None or not {*result.selection.languages} <= result.test.keys():
            problems.append(f"{path} is left out: its result.json names no selection; give the run's command again")
        elif (inputs := _read_inputs(path, result)) is None:
            problems.append(f"{path} is left out: its inputs.json does not say what it was tested on; bring that back")
        else:
            paths = dict.fromkeys(result.test, path)
            other_paths = {(under, code): path for under, rows in result.under.items() for code in rows}
            runs.append(Run(path, result, result.selection, result.task, inputs, paths, other_paths))
    return runs


def _read_inputs(path: Path, result: Result) -> dict[str, str] | None:
    """Reads inputs.json, without the language adapters and their weights, as these differ between variants.

    Returns None if the file cannot be read, or if it lacks the SHA-256 of a test set.
    """
    try:
        inputs = read_inputs(path, "bring it back")
    except UserError:
        return None
    if not inputs.keys() >= {f"test-{language}" for language in result.test}:
        return None
    return {name: digest for name, digest in inputs.items() if not name.startswith(("adapter-", "transfer-"))}


def _group(runs: Sequence[Run], problems: list[str]) -> list[Group]:
    """Puts runs into one group where their choices and the contents of what they read allow it."""
    by_setting: dict[tuple[str, ...], list[Group]] = {}
    for run in runs:
        backbone, selection = run.result.backbone, run.selection
        key = (run.task, backbone, selection.language, selection.metric, canonical(run.setting))
        groups = by_setting.setdefault(key, [])
        group = next((group for group in groups if group.accepts(run)), None)
        if group is None:
            if groups:
                problems.append(_other_contents(run, groups[0]))
            group = Group(run.task, backbone, selection.language, selection.metric, run.setting)
            groups.append(group)
        group.inputs |= run.inputs
        group.runs.append(run)
    return [group for groups in by_setting.values() for group in groups]


def _other_contents(run: Run, group: Group) -> str:
    """Says which contents keep a run out of a group of its own setting."""
    names = [name for name, digest in run.inputs.items() if group.inputs.get(name, digest) != digest]
    return (
        f"{run.path} and {group.runs[0].path} had other contents of {', '.join(sorted(names))}: they stand in "
        "different tables"
    )


def _unique(runs: Sequence[Run], problems: list[str]) -> list[Run]:
    """Leaves one run for each row, grid point and seed: joins runs that agree, drops runs that contradict each other."""
    by_cell: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        key = (run.result.variant, canonical(run.row), *run.point, run.result.seed)
        by_cell.setdefault(key, []).append(run)
    unions = [_join(same, problems) for same in by_cell.values()]
    return [run for run in unions if run is not None]


def _join(runs: Sequence[Run], problems: list[str]) -> Run | None:
    """Joins runs of one cell that were tested on different languages.

    Returns None, and adds a problem, where two runs disagree on anything.
    """
    union = runs[0]
    for run in runs[1:]:
        if not _agree(union, run):
            paths = ", ".join(str(one.path) for one in runs)
            problems.append(
                f"{paths} are of the same cell (variant, lr, ort lr, seed) and have different scores: all are left out; "
                "move away what is not to be counted"
            )
            return None
        a, b = union.result, run.result
        if b.test.keys() <= a.test.keys():
            problems.append(f"{run.path} has the same scores as {union.path}: it is counted once")
        under = {name: b.under.get(name, {}) | a.under.get(name, {}) for name in (*a.under, *b.under)}
        result = replace(a, test=a.test | b.test, target_dev=a.target_dev | b.target_dev, under=under)
        inputs, paths_of = {**run.inputs, **union.inputs}, {**run.paths, **union.paths}
        other_paths = {**run.other_paths, **union.other_paths}
        union = replace(union, result=result, inputs=inputs, paths=paths_of, other_paths=other_paths)
    return union


def _agree(a: Run, b: Run) -> bool:
    """Says whether two runs selected the same epoch, and have the same scores on the languages that both were tested on."""
    return (
        (a.selection.value, a.selection.epoch) == (b.selection.value, b.selection.epoch)
        and _same_scores(a.result.test, b.result.test)
        and _same_scores(a.result.target_dev, b.result.target_dev)
    )


def _same_scores(a: Mapping[str, object], b: Mapping[str, object]) -> bool:
    return all(a[language] == b[language] for language in a.keys() & b.keys())
