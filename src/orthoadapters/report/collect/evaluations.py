"""Evaluations in the report: scores that were made after the training, in rows of their own with a mark.

They select nothing: they join no row of runs, and are in no average, ranking, picture or comparison.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from orthoadapters.config.schema import Under
from orthoadapters.hub.adapters import FILES
from orthoadapters.report.collect.gather import Group, Run
from orthoadapters.report.collect.paper import paper
from orthoadapters.report.collect.settings import table_setting, under_words
from orthoadapters.report.collect.table import MARK, EvaluationRow, Row, Score, Table, point_label
from orthoadapters.runs.evaluations import EvaluationRecord, find_evaluations
from orthoadapters.runs.inputs import folder_sha256
from orthoadapters.runs.selection import Point

Records = Sequence[tuple[Path, EvaluationRecord]]


def gather_evaluations(folder: Path, backbone: str | None, groups: list[Group], problems: list[str]) -> Records:
    """Reads the evaluations below `folder`. Adds a group for each task adapter from elsewhere that fits to no runs."""
    records, sentences = find_evaluations(folder)
    problems += sentences
    records = [(path, record) for path, record in records if backbone in (None, record.backbone)]
    for _, record in records:
        if record.elsewhere is not None and not any(_belongs(record, group) for group in groups):
            inputs = _contents(record.inputs)
            setting = table_setting(record.choices)
            groups.append(Group(record.task, record.backbone, record.source, record.metric, setting, inputs))
    return records


def _belongs(record: EvaluationRecord, place: Group | Table) -> bool:
    """Says whether a task adapter from elsewhere was tested as the runs of a group or table were."""
    names = [(one.task, one.backbone, one.source, one.metric) for one in (record, place)]
    contents = _contents(record.inputs)
    return names[0] == names[1] and all(place.inputs.get(name, digest) == digest for name, digest in contents.items())


def _contents(inputs: Mapping[str, str]) -> dict[str, str]:
    """Returns the SHA-256 of backbone and test sets, which are the same for all that may stand in one table."""
    return {name: digest for name, digest in inputs.items() if name == "backbone" or name.startswith("test-")}


@dataclass
class _Sheet:
    """The scores of one future row: by language, those of each seed."""

    variant: str
    label: str
    subject: str
    point: Point | None
    inputs: dict[str, str] = field(default_factory=dict)
    scores: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)

    def accepts(self, record: EvaluationRecord, seed: int) -> bool:
        """Says whether it read the same test sets and language adapters as this row, and contradicts none of its scores."""
        return all(
            self.inputs.get(name, digest) == digest for name, digest in record.inputs.items() if name != "task-adapter"
        ) and all(self.scores.get(code, {}).get(seed, row) == row for code, row in record.test.items())

    def add(self, path: Path, record: EvaluationRecord, seed: int) -> None:
        self.inputs |= {name: digest for name, digest in record.inputs.items() if name != "task-adapter"}
        self.paths.append(path)
        for code, row in record.test.items():
            self.scores.setdefault(code, {})[seed] = row


def with_evaluations(tables: Sequence[Table], records: Records, problems: list[str]) -> list[Table]:
    """Gives each table the rows of its evaluations, and adds a sentence on each evaluation that belongs to none."""
    runs = {path: (t, row, run) for t, table in enumerate(tables) for row, run, path in _runs(table)}
    sheets: list[dict[tuple[object, ...], list[_Sheet]]] = [{} for _ in tables]
    for path, record in chain.from_iterable(_choices(*one) for one in records):
        if record.elsewhere is not None:
            number = next(n for n, table in enumerate(tables) if _belongs(record, table))
            sheet, seed = _sheet_from_elsewhere(record), 0
        elif (entry := runs.get(path.parents[1])) is not None:
            number, row, run = entry
            if why := _stale(path.parents[1], run, record):
                problems.append(f"{path} is left out: {why}")
                continue
            sheet, seed = _sheet_of_run(row, run, record), run.result.seed
        else:
            problems.append(f"{path} is left out: no table has the run that it belongs to, {path.parents[1]}")
            continue
        same = sheets[number].setdefault((sheet.label, sheet.subject, sheet.point), [])
        own = next((one for one in same if one.accepts(record, seed)), None)
        if own is None:
            same.append(own := sheet)
        own.add(path, record, seed)
    return [
        replace(table, evaluations=tuple(_rows([one for several in by_key.values() for one in several], table.metric)))
        for table, by_key in zip(tables, sheets, strict=True)
    ]


def _choices(path: Path, record: EvaluationRecord) -> Iterator[tuple[Path, EvaluationRecord]]:
    """Yields the record once for each choice of what is under the task adapter."""
    yield path, record
    for name, rows in record.under.items():
        yield path, replace(record, test=rows, test_under=name, under={})


def _runs(table: Table) -> list[tuple[Row, Run, Path]]:
    return [
        (row, run, path) for row in table.rows for run in row.candidates for path in {run.path, *run.paths.values()}
    ]


def _stale(folder: Path, run: Run, record: EvaluationRecord) -> str | None:
    """Says why an evaluation is not one of the run that lies in the folder now; None if it is."""
    if run.path == folder and record.fingerprint != run.result.fingerprint:
        return "it was made of another run than lies there now"
    digest = record.inputs.get("task-adapter")
    if digest is not None and (folder / "adapter").is_dir() and folder_sha256(folder / "adapter", FILES) != digest:
        return "the run's task adapter is another one now; move the evaluation away and give its command again"
    return None


def _sheet_of_run(row: Row, run: Run, record: EvaluationRecord) -> _Sheet:
    label = row.label if run in row.selected_runs else f"{row.label}, {point_label(run.point)}"
    changes = shlex.join(record.changes) if record.changes else "further languages"
    return _Sheet(row.variant, label, changes + under_words(Under(record.test_under)), run.point)


def _sheet_from_elsewhere(record: EvaluationRecord) -> _Sheet:
    adapter = record.elsewhere or {}
    origins = sorted({str(entry.get("source")) for entry in record.adapters.values()})
    below = f", language adapters: {'/'.join(origins)}" if origins else ""
    subject = (
        f"task adapter '{adapter.get('name')}' that was trained elsewhere (SHA-256 {adapter['sha256'][:8]}){below}"
    )
    subject += under_words(Under(record.test_under))
    return _Sheet(record.variant, paper().variants.get(record.variant, record.variant), subject, None)


def _rows(sheets: Sequence[_Sheet], metric: str) -> list[EvaluationRow]:
    """Makes numbered rows: the numbers refer to the notes."""
    rows = []
    for number, sheet in enumerate(sheets, 1):
        scores = {
            code: Score(
                sheet.variant,
                code,
                "evaluated",
                by_seed=tuple(row[metric] for _, row in sorted(by_seed.items())),
                n_sentences=int(next(iter(by_seed.values()))["n"]),
            )
            for code, by_seed in sheet.scores.items()
        }
        # An adapter from elsewhere has no seed that is known here.
        is_run = sheet.point is not None
        seeds = sorted({seed for by_seed in sheet.scores.values() for seed in by_seed}) if is_run else []
        label = f"{sheet.label} {MARK}{number}"
        rows.append(
            EvaluationRow(sheet.variant, label, sheet.subject, sheet.point, tuple(seeds), scores, tuple(sheet.paths))
        )
    return rows
