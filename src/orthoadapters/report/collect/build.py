"""The road from runs to tables: rows and columns in the paper's order, selected grid points, AVGz."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orthoadapters.config.names import file_name
from orthoadapters.errors import UserError
from orthoadapters.report.collect.attempts import Attempt
from orthoadapters.report.collect.caveats import caveats
from orthoadapters.report.collect.evaluations import gather_evaluations, with_evaluations
from orthoadapters.report.collect.gather import Collection, Group, Run, gather
from orthoadapters.report.collect.paper import AVERAGE, paper
from orthoadapters.report.collect.scores import average, language_score
from orthoadapters.report.collect.settings import (
    canonical,
    differing_keys,
    domain_words,
    has_no_other_choice,
    is_the_papers,
    label_keys,
    own_under,
    setting_hash,
    train_under_words,
    under_words,
    value_at,
)
from orthoadapters.report.collect.table import Report, Row, Table
from orthoadapters.report.collect.trained_adapters import trained_adapters
from orthoadapters.report.collect.under import with_under
from orthoadapters.runs.selection import candidate, select


def build(folder: Path, backbone: str | None = None) -> Report:
    """Builds the report on the runs below `folder`, of all backbones or of one.

    Raises UserError if there is no such folder, or no finished run of that backbone.
    """
    collection = gather(folder, backbone)
    problems = list(collection.problems)
    records = gather_evaluations(folder, backbone, collection.groups, problems)
    if backbone is not None and not collection.groups:
        names = ", ".join(sorted({group.backbone for group in gather(folder).groups})) or "none"
        raise UserError(f"{folder} holds no finished run of backbone '{backbone}'; it has runs of {names}")
    groups = sorted(collection.groups, key=lambda group: (_task_order(group.task), group.backbone))
    tables = []
    for group in groups:
        siblings = [g for g in groups if (g.task, g.backbone) == (group.task, group.backbone)]
        if group is siblings[0] and len(siblings) > 1:
            problems.append(_why_several_tables(siblings))
        tables.append(_table(group, siblings, collection))
    tables, records = with_under(tables, records)
    tables = with_evaluations(tables, records, problems)
    return Report(folder, tuple(tables), tuple(problems), tuple(trained_adapters(collection.mlm)))


def _task_order(task: str) -> tuple[int, str]:
    order = list(paper().tables)
    return (order.index(task) if task in order else len(order), task)


def _why_several_tables(siblings: Sequence[Group]) -> str:
    """Says why the runs of one task and backbone do not stand in one table."""
    differences = _differences(siblings)
    if 0 < sum(group.setting is None for group in siblings) < len(siblings):
        differences.append("whether they recorded their choices")
    names = ", ".join(differences) if differences else "contents of what was read"
    first = siblings[0]
    return f"{first.task}, {first.backbone}: the runs stand in {len(siblings)} tables, as they differ in {names}"


def _differences(siblings: Sequence[Group]) -> list[str]:
    """Returns the choices in which groups of one task and backbone differ, of those groups that recorded choices."""
    return differing_keys([_all_choices(group) for group in siblings if group.setting is not None])


def _all_choices(group: Group) -> dict[str, Any]:
    return {"source_language": group.source, "metric": group.metric} | (group.setting or {})


def _table(group: Group, siblings: Sequence[Group], collection: Collection) -> Table:
    """Builds a group's table. siblings: all groups of its task and backbone, itself included."""
    attempts = [a for a in collection.attempts if (a.task, a.backbone) == (group.task, group.backbone)]
    attempts = [a for a in attempts if _has_choices(a, group.setting, unknown=len(siblings) == 1)]
    columns = _columns(group, attempts)
    rows = list(_rows(group, columns, attempts))
    test_languages = {language for row in rows for run in row.selected_runs for language in run.result.test}
    targets = tuple(language for language in columns if language in test_languages and language not in group.sources)
    paper_table = group.paper_table
    is_comparable = paper_table is not None and {*targets, *group.sources} == {*paper_table.languages}
    rows = [_with_average(row, group, targets, is_comparable) for row in rows]
    name = file_name(f"{group.task}-{group.backbone}")
    if len(siblings) > 1:
        name += "-" + setting_hash(group.source, group.metric, group.setting, group.inputs)
    distinctions = {key: _all_choices(group).get(key) for key in _differences(siblings)}
    if group.setting is None:
        distinctions = {"setting": "not recorded"}
    table = Table(
        name=name,
        task=group.task,
        backbone=group.backbone,
        source=group.source,
        metric=group.metric,
        languages=columns,
        targets=targets,
        setting=group.setting,
        sizes=group.sizes,
        distinctions=distinctions,
        inputs=group.inputs,
        rows=tuple(rows),
    )
    return replace(table, warnings=tuple(caveats(table, collection.adapters)))


def _columns(group: Group, attempts: Sequence[Attempt]) -> tuple[str, ...]:
    """Returns the source language, then what any run or attempt tests: the paper's languages in its order, then others."""
    languages = [language for run in group.runs for language in run.result.test]
    languages += [language for attempt in attempts for language in _test_languages(attempt) or ()]
    paper_table = group.paper_table
    first = [language for language in paper_table.languages if language in languages] if paper_table is not None else []
    return tuple(dict.fromkeys([*group.sources, *first, *languages]))


def _rows(group: Group, columns: Sequence[str], attempts: Sequence[Attempt]) -> Iterator[Row]:
    """Yields the rows in the paper's order: one for each variant and each set of choices that it was run with.

    A variant without any run has a row only where a language that the paper transferred to was tested.
    """
    names, paper_table = paper().variants, group.paper_table
    is_papers = paper_table is not None and not {*paper_table.languages}.isdisjoint(columns[1:])
    variants = [run.result.variant for run in group.runs] + [attempt.variant for attempt in attempts]
    order = dict.fromkeys([*names, *variants])
    for variant in order if is_papers else (one for one in order if one in variants):
        by_choices: dict[str, list[Run]] = {}
        for run in (run for run in group.runs if run.result.variant == variant):
            by_choices.setdefault(canonical(run.row), []).append(run)
        # The row without choices beyond the paper comes first.
        rows = sorted(by_choices.values(), key=lambda runs: not is_the_papers(runs[0].row)) or [[]]
        choices = [runs[0].row if runs else {} for runs in rows]
        keys = label_keys(choices)
        for runs, of_row in zip(rows, choices, strict=True):
            distinctions = ", ".join(f"{key}={of_row[key]}" for key in keys if key in of_row)
            words = domain_words(of_row) + train_under_words(of_row) + under_words(own_under(of_row))
            label = names.get(variant, variant) + words
            label += f" [{distinctions}]" if distinctions else ""
            row_attempts = [
                a
                for a in attempts
                if a.variant == variant
                and _has_choices(a, of_row, unknown=len(rows) == 1)
                and (a.config is None or has_no_other_choice(a.config, of_row))
            ]
            selected_runs = _select(runs)
            scores = {
                language: language_score(
                    group, variant, language, runs, selected_runs, _state(selected_runs, row_attempts, language)
                )
                for language in columns
            }
            if not is_the_papers(of_row):
                scores = {language: replace(score, paper=None) for language, score in scores.items()}
            yield Row(variant, label, of_row, tuple(runs), tuple(selected_runs), tuple(row_attempts), scores)


def _select(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs of the best grid point, ordered by their seeds."""
    if not runs:
        return []
    best = {(c.lr, c.ort_lr, c.seed) for c in select([candidate(run.result) for run in runs])}
    selected_runs = [run for run in runs if (*run.point, run.result.seed) in best]
    return sorted(selected_runs, key=lambda run: run.result.seed)


def _state(selected_runs: Sequence[Run], attempts: Sequence[Attempt], language: str | None = None) -> str:
    """Says why a row has no score: failed, unfinished or missing. language: attempts that do not test it do not count."""
    if selected_runs:
        return "missing"
    states = {attempt.state for attempt in attempts if language is None or _tests(attempt, language)}
    return next((state for state in ("failed", "unfinished") if state in states), "missing")


def _tests(attempt: Attempt, language: str) -> bool:
    """Says whether its configuration tests the language; True where that is not known."""
    languages = _test_languages(attempt)
    return languages is None or language in languages


def _test_languages(attempt: Attempt) -> list[str] | None:
    """Returns the languages that an attempt's configuration tests; None where that is not known."""
    targets = value_at(attempt.config, "languages") or value_at(attempt.config, "task.languages")
    source = value_at(attempt.config, "source_language")
    sources = source if isinstance(source, list) else [source]
    return [*map(str, sources), *map(str, targets)] if isinstance(targets, list) else None


def _with_average(row: Row, group: Group, targets: Sequence[str], is_comparable: bool) -> Row:
    """Adds AVERAGE to a row. is_comparable: whether it is over the same languages as the paper's."""
    is_comparable = is_comparable and is_the_papers(row.choices)
    paper_score = (
        paper().score(group.paper_scores, group.metric, group.source, row.variant, AVERAGE) if is_comparable else None
    )
    state = _state(row.selected_runs, row.attempts)
    mean = average(row.variant, [row.scores[language] for language in targets], paper_score, state)
    return replace(row, scores={**row.scores, AVERAGE: mean})


def _has_choices(attempt: Attempt, choices: Mapping[str, Any] | None, unknown: bool) -> bool:
    """Says whether an attempt's configuration has these choices. unknown: the answer where one of the two is not known."""
    if attempt.config is None or choices is None:
        return unknown
    return all(value_at(attempt.config, key) == value for key, value in choices.items())
