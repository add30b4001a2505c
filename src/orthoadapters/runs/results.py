"""result.json: its schema, and the tables at the end of a command."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from orthoadapters.errors import UserError
from orthoadapters.files import write_text

SCHEMA_VERSION = 1
log = logging.getLogger(__name__)


@dataclass
class Selection:
    """The epoch that was kept: the best one by `metric` on the source language's development set."""

    language: str
    split: str
    metric: str
    value: float
    epoch: int
    history: list[dict[str, float]]


@dataclass
class Result:
    """One finished run. Scores are fractions in 0..1; `n` counts sentences, pairs or, in the MLM stage, blocks.

    choices: every value that its numbers depend on, by dotted key (`runs.choices`). target_dev: like `test`, the selected
    epoch's scores on the target languages' development sets, for the report's oracle column: nothing is selected by them.
    layer_cos2: "before" and "after" training, cos(x_h, x_a)^2 of the trained adapter per layer, the mean over all tokens of
    the source language's development set or, in the MLM stage, of the held-out blocks; empty without an adapter.
    """

    run: str
    fingerprint: str
    stage: str
    task: str | None
    variant: str
    backbone: str
    seed: int
    lr: float
    ort_lr: float | None
    test: dict[str, dict[str, float]]
    adapters: dict[str, dict[str, str]]
    provenance: dict[str, Any]
    selection: Selection | None = None
    counts: dict[str, int] = field(default_factory=dict)
    avg_zero_shot: dict[str, float] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=dict)
    target_dev: dict[str, dict[str, float]] = field(default_factory=dict)
    layer_cos2: dict[str, list[float]] = field(default_factory=dict)
    status: str = "finished"
    schema_version: int = SCHEMA_VERSION


def average_zero_shot(test: Mapping[str, Mapping[str, float]], source: str) -> dict[str, float]:
    """The paper's AVGz: the mean over target languages, the source language left out; empty without targets."""
    targets = [scores for language, scores in test.items() if language != source]
    names = [name for name in targets[0] if name != "n"] if targets else []
    return {name: sum(scores[name] for scores in targets) / len(targets) for name in names}


def write_result(path: Path, result: Result) -> None:
    """Written last and atomically: its presence means that the run is finished."""
    write_text(path, json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n")


def read_results(runs: Path) -> list[tuple[Path, Result]]:
    """As `find_results`, with a warning in the log for each result.json that is left out."""
    results, problems = find_results(runs)
    for problem in problems:
        log.warning("%s", problem)
    return results


def find_results(runs: Path) -> tuple[list[tuple[Path, Result]], list[str]]:
    """Every finished run below the folder `runs`, its directory and its result, in order of the paths; and the problems.

    A result.json that is damaged or of a newer schema is left out, and named in a sentence among the problems. Raises
    UserError if there is no such folder.
    """
    if not runs.is_dir():
        raise UserError(f"there is no folder {runs}; name the one that paths.runs=DIR named when the runs were made")
    results, problems = [], []
    for path in sorted(runs.rglob("result.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if (version := found["schema_version"]) > SCHEMA_VERSION:
                problems.append(
                    f"{path} is left out: its schema {version} is newer than this project's; update the project"
                )
                continue
            selection = found.pop("selection")
            result = Result(**found, selection=None if selection is None else Selection(**selection))
            _check_values(result)
        except (ValueError, TypeError, KeyError, AttributeError, OSError):
            problems.append(f"{path} is left out: it is damaged; move its folder away and give the run's command again")
            continue
        results.append((path.parent, result))
    return results, problems


def _check_values(result: Result) -> None:
    """Raises ValueError, TypeError or AttributeError unless every value is of its kind, as `Result` has it."""
    counted = [result.seed, *(row["n"] for row in result.test.values())]
    if result.status != "finished" or not all(isinstance(n, int) and not isinstance(n, bool) for n in counted):
        raise ValueError("it is not finished, or counts something in fractions")
    if any(n < 1 for n in counted[1:]):
        raise ValueError("a test set is empty")
    learning: list[Any] = [result.lr] + ([] if result.ort_lr is None else [result.ort_lr])
    if not all(_is_number(rate) and math.isfinite(rate) and rate > 0 for rate in learning):
        raise ValueError("a learning rate is no positive number")
    names: list[Any] = [result.run, result.fingerprint, result.stage, result.variant, result.backbone]
    rates: list[Any] = []
    tests = [*result.test.values(), *result.target_dev.values()]
    if result.task is None:
        scores: list[Any] = []
    else:
        names.append(result.task)
        scores = [value for row in [*tests, result.avg_zero_shot] for name, value in row.items() if name != "n"]
    if result.selection is not None:
        names += [result.selection.language, result.selection.metric]
        rates.append(result.selection.epoch)
        scores.append(result.selection.value)
        rates += [value for row in result.selection.history for value in row.values()]
    before, after = (result.layer_cos2.get(when, []) for when in ("before", "after"))
    rates += [*before, *after]
    if len(before) != len(after):
        raise ValueError("layers are missing")
    right = all(isinstance(name, str) for name in names) and all(_is_number(value) for value in rates + scores)
    if not right or not all(0 <= score <= 1 for score in scores):
        raise ValueError("a value is of the wrong kind")
    if not all(isinstance(entry, dict) for entry in (result.provenance, result.choices, *result.adapters.values())):
        raise TypeError("a value is of the wrong kind")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
