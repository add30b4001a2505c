"""Which runs of a folder may stand in one table, and which are set apart.

Numbers are comparable where everything but the variant, the grid point and the seed is equal, by the choices that a
result records and by the contents of what was read (SHA-256 in inputs.json). What cannot be shown to be comparable is
never averaged in: it gets a table of its own, or is left out, and is named in a sentence either way.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from orthoadapters.config.choices import ORT_ONLY
from orthoadapters.errors import UserError
from orthoadapters.files import read_json
from orthoadapters.runs.results import Result, Selection, find_results
from orthoadapters.runs.selection import Point

# What makes the rows and the grid of a table. The rest of a run's choices is the table's setting.
# Of adapters from the Hub, their ids go with the languages: which ones were read is told by contents (see caveats.py).
GRID = {"optim.lr", "optim.ort_lr", "seed", "languages", "language_adapters.hub"}
ROW = {"variant", "language_adapters", *ORT_ONLY}  # choices that only some variants have, so that tables hold them all
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast, and not always built
NAME = re.compile(r"lr[^/]+-seed\d+-[0-9a-f]{8}")  # the last part of runs.RunDirectory.name


@dataclass(frozen=True)
class Run:
    """A finished run of the task stage. paths: where each test language's score stands; inputs: SHA-256 by name."""

    path: Path
    result: Result
    selection: Selection
    task: str
    inputs: Mapping[str, str]
    paths: Mapping[str, Path]

    @property
    def point(self) -> Point:
        """Its grid point."""
        return self.result.lr, self.result.ort_lr

    @property
    def row(self) -> dict[str, Any]:
        """The choices that tell its row from others of the same variant's name."""
        return {key: v for key, v in self.result.choices.items() if below(key, ROW) and not below(key, GRID)}

    @property
    def setting(self) -> dict[str, Any] | None:
        """The choices that all runs of a table share; None where the run recorded none."""
        choices = self.result.choices
        return {key: v for key, v in choices.items() if not below(key, ROW | GRID)} if choices else None


@dataclass(frozen=True)
class Attempt:
    """A run directory without a result. state: failed or unfinished; config: its config.yaml, None if there is none."""

    path: Path
    backbone: str
    task: str
    variant: str
    state: str
    config: Mapping[str, Any] | None


@dataclass
class Group:
    """Runs that may stand in one table. inputs: what all of them read, by name."""

    task: str
    backbone: str
    source: str
    metric: str
    setting: dict[str, Any] | None
    inputs: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    def takes(self, run: Run) -> bool:
        return all(self.inputs.get(name, digest) == digest for name, digest in run.inputs.items())


@dataclass
class Gathered:
    """All that a folder of runs holds. mlm: the MLM stage's; adapters: their results by the SHA-256 of what they trained."""

    groups: list[Group]
    attempts: list[Attempt]
    mlm: list[tuple[Path, Result]]
    adapters: dict[str, Result]
    problems: list[str]


def gather(folder: Path, backbone: str | None = None) -> Gathered:
    """backbone: whose runs alone. Raises UserError if there is no such folder."""
    results, problems = find_results(folder)
    adapters = {
        entry["sha256"]: result
        for _, result in results
        if result.task is None
        for entry in result.adapters.values()
        if "sha256" in entry
    }
    runs: list[Run] = []
    for path, result in results:
        if result.task is None or backbone not in (None, result.backbone):
            continue
        if result.selection is None or result.selection.language not in result.test:
            problems.append(f"{path} is left out: its result.json names no selection; give the run's command again")
        elif (inputs := _inputs(path, result)) is None:
            problems.append(f"{path} is left out: its inputs.json does not say what it was tested on; bring that back")
        else:
            paths = dict.fromkeys(result.test, path)
            runs.append(Run(path, result, result.selection, result.task, inputs, paths))
    groups = _grouped(runs, problems)
    for group in groups:
        group.runs = _once(group.runs, problems)
    attempts = [a for a in _attempts(folder, problems) if backbone in (None, a.backbone)]
    mlm = [(path, r) for path, r in results if r.task is None and backbone in (None, r.backbone)]
    return Gathered([group for group in groups if group.runs], attempts, mlm, adapters, problems)


def canonical(choices: Mapping[str, Any] | None) -> str:
    return json.dumps(choices, sort_keys=True)


def differing(choices: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys that do not have the same value in all, in order."""
    keys = sorted({key for found in choices for key in found})
    return [key for key in keys if len({canonical({"": found.get(key)}) for found in choices}) > 1]


def value_at(config: Any, key: str) -> Any:
    """The value at a dotted key, None if there is none."""
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def below(key: str, keys: Iterable[str]) -> bool:
    """Whether a dotted key is one of the keys, or within one."""
    return any(key == k or key.startswith(k + ".") for k in keys)


def _inputs(path: Path, result: Result) -> dict[str, str] | None:
    """Language adapters are left out, as they differ between variants. None if a test set's SHA-256 is not there."""
    try:
        found = read_json(path / "inputs.json")
    except UserError:
        return None
    if not found.keys() >= {f"test-{language}" for language in result.test}:
        return None
    return {name: digest for name, digest in found.items() if not name.startswith("adapter-")}


def _grouped(runs: Sequence[Run], problems: list[str]) -> list[Group]:
    groups: dict[tuple[str, ...], list[Group]] = {}
    for run in runs:
        result, chosen = run.result, run.selection
        key = (run.task, result.backbone, chosen.language, chosen.metric, canonical(run.setting))
        alike = groups.setdefault(key, [])
        group = next((group for group in alike if group.takes(run)), None)
        if group is None:
            group = Group(run.task, result.backbone, chosen.language, chosen.metric, run.setting)
            for other in alike[:1]:
                what = [n for n, digest in run.inputs.items() if other.inputs.get(n, digest) != digest]
                problems.append(
                    f"{run.path} and {other.runs[0].path} had other contents of {', '.join(sorted(what))}: they stand in "
                    "different tables"
                )
            alike.append(group)
        group.inputs |= run.inputs
        group.runs.append(run)
    return [group for alike in groups.values() for group in alike]


def _once(runs: Sequence[Run], problems: list[str]) -> list[Run]:
    """One run per row, grid point and seed: equal ones together, contradicting ones none."""
    same: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        result = run.result
        key = (result.variant, canonical(run.row), result.lr, result.ort_lr, result.seed)
        same.setdefault(key, []).append(run)
    joined = [_joined(alike, problems) for alike in same.values()]
    return [run for run in joined if run is not None]


def _joined(alike: Sequence[Run], problems: list[str]) -> Run | None:
    """Runs of the same cell on other languages make one; None, and a problem, where two disagree on anything."""
    joined = alike[0]
    for run in alike[1:]:
        a, b = joined.result, run.result
        chosen = [(one.selection.value, one.selection.epoch) for one in (joined, run)]
        if chosen[0] != chosen[1] or not (_agree(a.test, b.test) and _agree(a.target_dev, b.target_dev)):
            places = ", ".join(str(one.path) for one in alike)
            problems.append(
                f"{places} are of the same cell (variant, lr, ort lr, seed) and have different scores: all are left out; "
                "move away what is not to be counted"
            )
            return None
        if b.test.keys() <= a.test.keys():
            problems.append(f"{run.path} has the same scores as {joined.path}: it is counted once")
        both = replace(a, test=a.test | b.test, target_dev=a.target_dev | b.target_dev)
        joined = replace(
            joined, result=both, inputs={**run.inputs, **joined.inputs}, paths={**run.paths, **joined.paths}
        )
    return joined


def _agree(a: Mapping[str, object], b: Mapping[str, object]) -> bool:
    return all(a[language] == b[language] for language in a.keys() & b.keys())


def _attempts(folder: Path, problems: list[str]) -> list[Attempt]:
    places = {path.parent for name in ("failed.txt", "checkpoints") for path in folder.rglob(name)}
    found = []
    for path in sorted(place for place in places if not (place / "result.json").exists()):
        state = "failed" if (path / "failed.txt").exists() else "unfinished"
        parts = path.absolute().parts[-4:]
        if len(parts) < 4 or not NAME.fullmatch(parts[-1]):
            problems.append(f"{path} is {state}, and its name does not say of which cell: it is in no table")
            continue
        why = "failed; its failed.txt says why" if state == "failed" else "is unfinished, or under way"
        problems.append(f"{path} {why}")
        backbone, task, variant, _ = parts
        found.append(Attempt(path, backbone, task, variant, state, configuration(path)))
    return found


def configuration(path: Path) -> Mapping[str, Any] | None:
    """A run's config.yaml; None if there is none, or it is damaged."""
    try:
        found = yaml.load((path / "config.yaml").read_text(encoding="utf-8"), Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None
