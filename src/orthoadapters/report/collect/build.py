"""From runs to tables: rows and columns in the paper's order, selected grid points, AVGz."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orthoadapters.errors import UserError
from orthoadapters.report.collect.caveats import caveats
from orthoadapters.report.collect.gather import Attempt, Gathered, Group, Run, canonical, differing, gather, value_at
from orthoadapters.report.collect.paper import AVERAGE, paper
from orthoadapters.report.collect.scores import average, language_score
from orthoadapters.report.collect.table import Report, Row, Table, setting_hash
from orthoadapters.report.collect.trained_adapters import trained_adapters
from orthoadapters.runs.selection import candidate, select


def build(folder: Path, backbone: str | None = None) -> Report:
    """The report on the runs below `folder`, of all backbones or of one.

    Raises UserError if there is no such folder, or no finished run of that backbone.
    """
    found = gather(folder, backbone)
    if backbone is not None and not found.groups:
        names = ", ".join(sorted({group.backbone for group in gather(folder).groups})) or "none"
        raise UserError(f"{folder} holds no finished run of backbone {backbone}; it has runs of {names}")
    groups = sorted(found.groups, key=lambda group: (_task_order(group.task), group.backbone))
    problems = list(found.problems)
    tables = []
    for group in groups:
        alike = [g for g in groups if (g.task, g.backbone) == (group.task, group.backbone)]
        mine = [a for a in found.attempts if (a.task, a.backbone) == (group.task, group.backbone)]
        attempts = [a for a in mine if _is_of(a, group.setting, lone=len(alike) == 1)]
        if group is alike[0] and len(alike) > 1:
            problems.append(_apart(alike))
        tables.append(_table(group, alike, attempts, found))
    return Report(folder, tuple(tables), tuple(problems), tuple(trained_adapters(found.mlm)))


def _task_order(task: str) -> tuple[int, str]:
    order = list(paper().tables)
    return (order.index(task) if task in order else len(order), task)


def _apart(alike: Sequence[Group]) -> str:
    first = alike[0]
    what = _differing(alike)
    if 0 < sum(group.setting is None for group in alike) < len(alike):
        what.append("whether they recorded their choices")
    named = ", ".join(what) if what else "contents of what was read"
    return f"{first.task}, {first.backbone}: the runs stand in {len(alike)} tables, as they differ in {named}"


def _differing(alike: Sequence[Group]) -> list[str]:
    """What tells the groups of a task and backbone apart, but for what they read; those without choices aside."""
    return differing([_described(group) for group in alike if group.setting is not None])


def _described(group: Group) -> dict[str, Any]:
    return {"source_language": group.source, "metric": group.metric} | (group.setting or {})


def _table(group: Group, alike: Sequence[Group], attempts: Sequence[Attempt], found: Gathered) -> Table:
    columns = _columns(group)
    rows = list(_rows(group, columns, attempts))
    tested = {language for row in rows for run in row.selected for language in run.result.test}
    averaged = tuple(language for language in columns if language in tested and language != group.source)
    published = paper().tables.get(group.task)
    comparable = published is not None and {*averaged, group.source} == {*published.languages}
    rows = [_with_average(row, group, averaged, comparable) for row in rows]
    name = f"{group.task}-{group.backbone}"
    if len(alike) > 1:
        name += "-" + setting_hash(group.source, group.metric, group.setting, group.inputs)
    what = {key: _described(group).get(key) for key in _differing(alike)}
    if group.setting is None:
        what = {"setting": "not recorded"}
    table = Table(
        name, group.task, group.backbone, group.source, group.metric, columns, averaged, group.setting, what,
        group.inputs, tuple(rows),
    )  # fmt: skip
    return replace(table, warnings=tuple(caveats(table, found.adapters)))


def _columns(group: Group) -> tuple[str, ...]:
    """The source, then the paper's languages if any of them is among the results, then others in the results' order."""
    tested = dict.fromkeys(language for run in group.runs for language in run.result.test)
    published = paper().tables.get(group.task)
    first = published.languages if published is not None and tested.keys() & {*published.languages} else ()
    return tuple(dict.fromkeys([group.source, *first, *tested]))


def _rows(group: Group, columns: Sequence[str], attempts: Sequence[Attempt]) -> Iterator[Row]:
    names = paper().variants
    seen = [run.result.variant for run in group.runs] + [attempt.variant for attempt in attempts]
    for variant in dict.fromkeys([*names, *seen]):
        by_choices: dict[str, list[Run]] = {}
        for run in (run for run in group.runs if run.result.variant == variant):
            by_choices.setdefault(canonical(run.row), []).append(run)
        grids = list(by_choices.values()) or [[]]
        choices = [grid[0].row if grid else {} for grid in grids]
        own = differing(choices)
        for grid, chosen in zip(grids, choices, strict=True):
            told = ", ".join(f"{key}={chosen[key]}" for key in own if key in chosen)
            label = names.get(variant, variant) + (f" [{told}]" if told else "")
            mine = [a for a in attempts if a.variant == variant and _is_of(a, chosen, lone=len(grids) == 1)]
            yield _row(group, columns, variant, label, chosen, grid, mine)


def _row(
    group: Group, columns: Sequence[str], variant: str, label: str, choices: Mapping[str, Any],
    grid: Sequence[Run], attempts: Sequence[Attempt],
) -> Row:  # fmt: skip
    taken = {(c.lr, c.ort_lr, c.seed) for c in select([candidate(run.result) for run in grid])} if grid else set()
    selected = [run for run in grid if (run.result.lr, run.result.ort_lr, run.result.seed) in taken]
    selected.sort(key=lambda run: run.result.seed)
    scores = {}
    for language in columns:
        mine = [attempt for attempt in attempts if _was_to_test(attempt, language)]
        otherwise = "missing" if selected else _state(mine)
        scores[language] = language_score(group, variant, language, grid, selected, otherwise)
    return Row(variant, label, choices, tuple(grid), tuple(selected), tuple(attempts), scores)


def _was_to_test(attempt: Attempt, language: str) -> bool:
    """By its configuration; True where that is not known."""
    targets = value_at(attempt.config, "languages") or value_at(attempt.config, "task.languages")
    return not isinstance(targets, list) or language in (value_at(attempt.config, "source_language"), *targets)


def _state(attempts: Sequence[Attempt]) -> str:
    """Of a variant without a result."""
    states = {attempt.state for attempt in attempts}
    return next((state for state in ("failed", "unfinished") if state in states), "missing")


def _with_average(row: Row, group: Group, averaged: Sequence[str], comparable: bool) -> Row:
    known = paper().score(group.task, group.metric, group.source, row.variant, AVERAGE) if comparable else None
    otherwise = "missing" if row.selected else _state(row.attempts)
    mean = average(row.variant, [row.scores[language] for language in averaged], known, otherwise)
    return replace(row, scores={**row.scores, AVERAGE: mean})


def _is_of(attempt: Attempt, choices: Mapping[str, Any] | None, lone: bool) -> bool:
    """Whether its configuration has these choices; lone: what is assumed where either is not known."""
    if attempt.config is None or choices is None:
        return lone
    return all(value_at(attempt.config, key) == value for key, value in choices.items())
