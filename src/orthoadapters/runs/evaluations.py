"""evaluation.json: the scores of a finished run, or of a task adapter from elsewhere, that were made without training.

It lies in evaluations/NAME/ of the run's directory, with predictions and counts per sentence as a run has them. A run's
result.json never holds these scores, so that nothing can be selected by them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from orthoadapters.checksums import check_sums, write_sums
from orthoadapters.config.names import name_problem
from orthoadapters.config.schema import Under
from orthoadapters.errors import UserError
from orthoadapters.files import read_json, write_text
from orthoadapters.folders import search
from orthoadapters.runs.record_types import has_type
from orthoadapters.runs.results import is_count

SCHEMA_VERSION = 1
FILE = "evaluation.json"
FOLDER = "evaluations"
LANGUAGES_IN_NAME = 6  # ours: enough to tell folders apart by eye; the hash tells the rest
# What overrides begin with that say which languages are scored, and where, but not what on.
_NO_CHANGES = ("languages=", "plan=", "trainer.", "paths.cache=", "paths.runs=", "backbone.path=")


@dataclass
class EvaluationRecord:
    """The scores of one evaluation. Scores are fractions in 0..1; `n` counts examples.

    run, fingerprint: the finished run's; of a task adapter that was trained elsewhere None and "". elsewhere: the name and
    the SHA-256 of such an adapter's files; None for a run. source: the language that was trained on. test, target_dev:
    language -> scores. adapters: as in result.json. inputs: the SHA-256 of all that was read, by name. choices: of an
    adapter from elsewhere, as result.json has them; empty for a run. provenance: as in result.json. test_under: what was
    under the task adapter for `test` (transfer.under). under, mean_weights: as in result.json.
    """

    run: str | None
    fingerprint: str
    elsewhere: dict[str, str] | None
    task: str
    variant: str
    backbone: str
    source: str
    metric: str
    test: dict[str, dict[str, float]]
    target_dev: dict[str, dict[str, float]]
    adapters: dict[str, dict[str, str]]
    inputs: dict[str, str]
    provenance: dict[str, Any]
    choices: dict[str, Any] = field(default_factory=dict)
    test_under: str = Under.target.value
    under: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    mean_weights: dict[str, dict[str, float]] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def changes(self) -> list[str]:
        """The overrides that say on what it was scored: other data, other language adapters."""
        return [text for text in self.provenance.get("overrides", []) if not text.startswith(_NO_CHANGES)]


def evaluation_name(languages: Sequence[str], contents: Mapping[str, Any]) -> str:
    """Names an evaluation after its languages and a hash of all that decides its scores."""
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:8]
    more = [] if len(languages) <= LANGUAGES_IN_NAME else ["and-more"]
    return "-".join([*languages[:LANGUAGES_IN_NAME], *more, digest])


def write_evaluation(folder: Path, record: EvaluationRecord) -> None:
    """Writes the record beside what was scored, and the checksums of all of it."""
    text = json.dumps(asdict(record), indent=2, ensure_ascii=False) + "\n"
    write_sums(folder, [path for path in folder.rglob("*") if path.is_file()], {FILE: text})
    write_text(folder / FILE, text)


def read_evaluation(folder: Path) -> EvaluationRecord:
    """Reads the record in an evaluation's folder. Raises UserError if it is damaged or of a newer schema."""
    path = folder / FILE
    fix = "move its folder away and give the evaluation's command again"
    values = read_json(path, fix)
    version = values.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UserError(f"{path}: its schema {version} is newer than this project's; update the project")
    try:
        record = EvaluationRecord(**values)
        _check_values(record)
    except (TypeError, ValueError, KeyError, AttributeError):
        raise UserError(f"{path}: it is damaged; {fix}") from None
    check_sums(folder, fix, (FILE,))
    return record


def find_evaluations(runs: Path) -> tuple[list[tuple[Path, EvaluationRecord]], list[str]]:
    """Reads every evaluation below a folder, in order of the paths; and a sentence for each that cannot be read."""
    records: list[tuple[Path, EvaluationRecord]] = []
    problems: list[str] = []
    # What cannot be searched is named by `find_results` already.
    for path in search(runs, lambda name: name == FILE, []):
        # A folder that begins with a dot is one that a killed command did not finish.
        if path.parent.name.startswith("."):
            continue
        try:
            records.append((path.parent, read_evaluation(path.parent)))
        except UserError as error:
            problems.append(f"{path.parent} is left out: {error}")
    return records, problems


def _check_values(record: EvaluationRecord) -> None:
    """Raises ValueError, TypeError, KeyError or AttributeError unless every value is of its kind."""
    names = [record.fingerprint, record.task, record.variant, record.backbone, record.source, record.metric]
    if not has_type(record, EvaluationRecord) or not has_type(record.changes, list[str]):
        raise ValueError("a value is of another type")
    others = [row for rows in record.under.values() for row in rows.values()]
    codes = [*record.test, *record.target_dev, *(code for rows in record.under.values() for code in rows)]
    if {record.test_under, *record.under} - {choice.value for choice in Under}:
        raise ValueError("it says of nothing that is known what was under the task adapter")
    if any(name_problem(name, is_part=name in codes) for name in [*codes, *names[1:]]):
        raise ValueError("a name would become a path that leads elsewhere")
    if record.run is None and not {*(record.elsewhere or {})} >= {"name", "sha256"}:
        raise ValueError("it says of nothing what was scored")
    if any(record.metric not in row for row in record.test.values()):
        raise ValueError("a language has no score")
    for row in [*record.test.values(), *record.target_dev.values(), *others]:
        scores = [value for name, value in row.items() if name != "n"]
        if not is_count(row["n"]) or row["n"] < 1 or not all(0 <= score <= 1 for score in scores):
            raise ValueError("a score is no fraction, or a test set is empty")
