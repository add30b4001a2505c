"""result.json: its schema, the one way to write it and the one way to read it."""

import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from orthoadapters.checksums import check_sums
from orthoadapters.config.keys import key_types
from orthoadapters.config.names import name_problem
from orthoadapters.errors import UserError
from orthoadapters.files import read_json, write_text
from orthoadapters.folders import absence, exists, names_in, search
from orthoadapters.runs.record_types import has_type

SCHEMA_VERSION = 1
# The name of the average over target languages, as tables and trackers show it; the paper calls it AVGz.
AVERAGE = "avg_zero_shot"
LARGEST = 2**63 - 1  # ours: the largest whole number of NumPy's and pandas' tables, and more than a run can count
log = logging.getLogger(__name__)


def source_name(codes: Sequence[str]) -> str:
    """Writes source languages as one name, such as en, or en+de for several."""
    return "+".join(codes)


def source_codes(name: str) -> list[str]:
    """Returns the languages of a name that `source_name` wrote."""
    return name.split("+")


@dataclass
class Selection:
    """The epoch that was kept: the best one by `metric` on the source language's development set.

    language: the source's; of several, their codes with + between them, and `metric` is the mean over their sets.
    """

    language: str
    split: str
    metric: str
    value: float
    epoch: int
    history: list[dict[str, float]]

    @property
    def languages(self) -> list[str]:
        """The source languages."""
        return source_codes(self.language)


@dataclass
class Result:
    """One finished run. Scores are fractions in 0..1; `n` counts sentences, pairs or, in the MLM stage, blocks.

    choices: every value that its numbers depend on, by dotted key (`config.choices`). target_dev: like `test`, the selected
    epoch's scores on the target languages' development sets, for the report's oracle column: nothing is selected by them.
    layer_cos2: "before" and "after" training, cos(x_h, x_a)^2 of the trained adapter per layer (Eq. 2, whatever loss it was
    trained with), the mean over all tokens of the source language's development set or, in the MLM stage, of the held-out
    blocks; empty without an adapter.
    under: like `test`, with something else under the task adapter than `test` has, by choice (transfer.under).
    mean_weights: where one of the choices is a mean, by tested language the weights of the language adapters in it.
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
    under: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    mean_weights: dict[str, dict[str, float]] = field(default_factory=dict)
    status: str = "finished"
    schema_version: int = SCHEMA_VERSION


def average_zero_shot(test: Mapping[str, Mapping[str, float]], sources: Sequence[str]) -> dict[str, float]:
    """Computes the paper's AVGz: the mean over target languages, the source languages left out; empty without targets."""
    targets = [scores for language, scores in test.items() if language not in sources]
    names = [name for name in targets[0] if name != "n"] if targets else []
    return {name: sum(scores[name] for scores in targets) / len(targets) for name in names}


def result_text(result: Result) -> str:
    """Writes a result as result.json has it. Raises ValueError for a number that is not finite."""
    return json.dumps(asdict(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_result(path: Path, result: Result) -> None:
    """Writes the file whole or not at all, and last: its presence means that the run is finished.

    Raises ValueError as `result_text`.
    """
    write_text(path, result_text(result))


class UnusableResultError(UserError):
    """A result.json that is damaged or of a newer schema. problem: the sentence without the file's name."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.problem = problem


def read_result(path: Path) -> Result:
    """Reads one result.json.

    Raises UnusableResultError if it cannot be read, is damaged, was changed since it was written, or is of a newer schema.
    """
    if exists(path) and not os.access(path, os.R_OK):
        raise UnusableResultError(path, "this account may not read it; mend its permissions")
    try:
        record = read_json(path)
        version = record["schema_version"]
        if version <= SCHEMA_VERSION:
            selection = record.pop("selection")
            result = Result(**record, selection=None if selection is None else Selection(**selection))
            _check_values(result)
            _check_sum(path)
            return result
    except UnusableResultError:
        raise
    except (UserError, ValueError, TypeError, KeyError, AttributeError):
        raise UnusableResultError(
            path, "it is damaged; move its folder away and give the run's command again"
        ) from None
    raise UnusableResultError(path, f"its schema {version} is newer than this project's; update the project")


def _check_sum(path: Path) -> None:
    """Raises UnusableResultError if the file is not what the run wrote, by the checksums in its directory."""
    try:
        check_sums(path.parent, "restore it", (path.name,))
    except UserError as error:
        raise UnusableResultError(path, str(error).replace(f"{path} ", "it ", 1)) from None


def read_results(runs: Path) -> list[tuple[Path, Result]]:
    """Reads like `find_results`, with a warning in the log for each result.json that is left out."""
    results, problems = find_results(runs)
    for problem in problems:
        log.warning("%s", problem)
    return results


def find_results(runs: Path) -> tuple[list[tuple[Path, Result]], list[str]]:
    """Reads every finished run below the folder `runs`: its directory and its result, in order of the paths; and the problems.

    Links to folders are followed. A result.json that is damaged or of a newer schema is left out, and so is a folder that
    cannot be read; each is named in a sentence among the problems. Raises UserError if there is no such folder.
    """
    if not exists(runs) or not runs.is_dir():
        raise UserError(f"{absence(runs, 'folder')}; name the one that paths.runs=DIR named when the runs were made")
    # This raises UserError if the folder itself cannot be read; below it, what cannot be is named and left out.
    names_in(runs)
    results: list[tuple[Path, Result]] = []
    problems: list[str] = []
    for path in search(runs, lambda name: name == "result.json", problems):
        try:
            # It may have vanished since it was listed.
            if exists(path):
                results.append((path.parent, read_result(path)))
        except UnusableResultError as error:
            problems.append(f"{path} is left out: {error.problem}")
        except UserError as error:
            problems.append(f"{error}; it is left out")
    return results, problems


def _check_values(result: Result) -> None:
    """Raises ValueError, TypeError, KeyError or AttributeError unless every value is of its kind, as `Result` has it."""
    if result.status != "finished" or not has_type(result, Result):
        raise ValueError("it is not finished, or a value is of another type")
    hints = key_types()
    if not all(
        has_type(v, hints.get(key, Any)) for key, v in result.choices.items() if not is_dataclass(hints.get(key))
    ):
        raise ValueError("a choice is none")
    codes = [*result.test, *result.target_dev, *result.adapters, *result.under]
    codes += [code for rows in result.under.values() for code in rows]
    if any(name_problem(name, is_part=name in codes) for name in [*codes, *_names(result)]):
        raise ValueError("a name would become a path that leads elsewhere")
    sizes = [row["n"] for rows in (result.test, *result.under.values()) for row in rows.values()]
    if not all(is_count(count) for count in [result.seed, *sizes]) or any(size < 1 for size in sizes):
        raise ValueError("it counts something in fractions, or a test set is empty")
    rates = [result.lr] if result.ort_lr is None else [result.lr, result.ort_lr]
    if not all(_is_number(rate) and rate > 0 for rate in rates):
        raise ValueError("a learning rate is no positive number")
    if not all(_is_number(score) and 0 <= score <= 1 for score in _scores(result)):
        raise ValueError("a score is no fraction")
    before, after = (result.layer_cos2.get(when, []) for when in ("before", "after"))
    others = [*before, *after, *_epochs(result), *_losses(result)]
    others += [result.provenance[name] for name in ("wall_seconds", "steps") if name in result.provenance]
    if len(before) != len(after) or not all(_is_number(value) for value in others):
        raise ValueError("a value is no number, or a layer is missing")


def _names(result: Result) -> list[Any]:
    names = [result.run, result.fingerprint, result.stage, result.variant, result.backbone]
    names += [] if result.task is None else [result.task]
    return names + ([] if result.selection is None else [result.selection.language, result.selection.metric])


def _scores(result: Result) -> list[Any]:
    """Lists all that must lie in 0..1. A run of the MLM stage has losses instead."""
    values = [] if result.selection is None else [result.selection.value]
    if result.task is None:
        return values
    others = [row for rows in result.under.values() for row in rows.values()]
    rows = [*result.test.values(), *result.target_dev.values(), *others, result.avg_zero_shot]
    rows += result.mean_weights.values()
    return values + [value for row in rows for name, value in row.items() if name != "n"]


def _epochs(result: Result) -> list[Any]:
    """Lists the kept epoch, and every value of the history."""
    if (selection := result.selection) is None:
        return []
    return [selection.epoch, *(value for row in selection.history for value in row.values())]


def _losses(result: Result) -> list[Any]:
    """Lists the values of a run of the MLM stage; none of others."""
    return [] if result.task is not None else [value for row in result.test.values() for value in row.values()]


def is_count(value: Any) -> bool:
    """Says whether a value of a record is a whole number that NumPy and pandas have room for."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST


def _is_number(value: Any) -> bool:
    return is_count(value) or (isinstance(value, float) and math.isfinite(value))
