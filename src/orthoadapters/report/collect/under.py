"""The runs of a table once more, with something else under the task adapter: beside their own scores, or by evaluate.

An evaluation that changed nothing else, on sets that its run was tested on, stands here and not among the evaluations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from orthoadapters.config.schema import Under
from orthoadapters.report.collect.gather import Run
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.scores import average
from orthoadapters.report.collect.settings import own_under, under_words
from orthoadapters.report.collect.table import Row, Score, Table, UnderRow
from orthoadapters.runs.evaluations import EvaluationRecord

Records = Sequence[tuple[Path, EvaluationRecord]]


class _Part(NamedTuple):
    """The scores of one run with one choice, and where its counts are: the directory, and the choice in it if not its own."""

    run: Run
    scores: Mapping[str, Mapping[str, float]]
    folders: Mapping[str, tuple[Path, Under | None]]


@dataclass(frozen=True)
class _Kind:
    """One choice of what is under the task adapter. weights: those of a mean, in words."""

    under: Under
    weights: str


def with_under(tables: Sequence[Table], records: Records) -> tuple[list[Table], Records]:
    """Gives each table the rows of what else was under the task adapter, and returns the evaluations that are not in them."""
    places: set[Path] = set()
    new_tables = []
    for table in tables:
        rows: list[UnderRow] = []
        for row in table.rows:
            parts: dict[_Kind, list[_Part]] = {}
            for run in row.selected_runs:
                for kind, part in _parts(run, records, places):
                    parts.setdefault(kind, []).append(part)
            rows += _number([_under_row(table, row, kind, of_kind) for kind, of_kind in parts.items()])
        new_tables.append(replace(table, under=tuple(rows)))
    return new_tables, [(path, record) for path, record in records if path not in places]


def _number(rows: Sequence[UnderRow]) -> list[UnderRow]:
    """Tells means of different weights apart by numbers; the notes say what each is of."""
    labels = [row.label for row in rows]
    return [
        replace(row, label=f"{row.label} {labels[: index + 1].count(row.label)}")
        if labels.count(row.label) > 1
        else row
        for index, row in enumerate(rows)
    ]


def _parts(run: Run, records: Records, places: set[Path]) -> Iterator[tuple[_Kind, _Part]]:
    """Yields what a run was scored with beside its own choice, each kind once. places: takes the evaluations that are read."""
    own = _Kind(own_under(run.result.choices), _in_words(run.result.mean_weights))
    own = replace(own, weights=own.weights if own.under is Under.mean else "")
    former = {own}
    for name, rows in run.result.under.items():
        kind = _kind(Under(name), run.result.mean_weights)
        former.add(kind)
        yield kind, _Part(run, rows, {code: (run.other_paths[name, code], kind.under) for code in rows})
    for path, record in records:
        if not _is_the_run_itself(path, record, run):
            continue
        places.add(path)
        for name, rows in {record.test_under: record.test, **record.under}.items():
            kind = _kind(Under(name), record.mean_weights)
            place = None if name == record.test_under else kind.under
            if kind not in former:
                former.add(kind)
                yield kind, _Part(run, rows, dict.fromkeys(rows, (path, place)))


def _kind(under: Under, weights: Mapping[str, Mapping[str, float]]) -> _Kind:
    return _Kind(under, _in_words(weights) if under is Under.mean else "")


def _in_words(weights: Mapping[str, Mapping[str, float]]) -> str:
    rows = (
        f"{code}: " + ", ".join(f"{other} {weight:.2g}" for other, weight in row.items())
        for code, row in weights.items()
    )
    return "; ".join(rows)


def _is_the_run_itself(path: Path, record: EvaluationRecord, run: Run) -> bool:
    """Says whether an evaluation changed nothing of a run but what is under the task adapter, if that."""
    is_of_run = path.parents[1] in {run.path, *run.paths.values()} and record.fingerprint == run.result.fingerprint
    is_changed = any(not text.startswith("transfer.") for text in record.changes)
    changes_under = any(text.startswith("transfer.") for text in record.changes)
    is_tested = all(run.inputs.get(f"test-{code}") == record.inputs.get(f"test-{code}") for code in record.test)
    return is_of_run and changes_under and not is_changed and is_tested and record.test.keys() <= run.result.test.keys()


def _under_row(table: Table, row: Row, kind: _Kind, parts: Sequence[_Part]) -> UnderRow:
    scores: dict[str, Score] = {}
    folders: dict[str, tuple[tuple[Path, Under | None], ...]] = {}
    for language in table.languages:
        present = [part for part in parts if table.metric in part.scores.get(language, {})]
        by_seed = tuple(part.scores[language][table.metric] for part in present)
        runs = tuple(part.run for part in present)
        n = int(present[0].scores[language]["n"]) if present else None
        scores[language] = Score(row.variant, language, "scored" if present else "missing", runs, by_seed, n)
        folders[language] = tuple(part.folders[language] for part in present)
    scores[AVERAGE] = average(row.variant, [scores[code] for code in table.targets], None, "missing")
    name = row.label.removesuffix(under_words(own_under(row.choices)))
    label = name + (under_words(kind.under) or ", adapter swapped")
    return UnderRow(row, label, scores, folders, kind.weights)
