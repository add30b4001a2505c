"""What a reader of a table has to know before comparing its rows: a sentence each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orthoadapters.report.gather import differing
from orthoadapters.report.model import Row, Table
from orthoadapters.results import Result
from orthoadapters.runs import ORT_ONLY


def caveats(table: Table, adapters: Mapping[str, Result]) -> Iterator[str]:
    """adapters: results of the MLM stage by the SHA-256 of the adapter that they trained."""
    rows = [row for row in table.rows if row.selected]
    yield from _search(rows)
    yield from _languages(table)
    yield from _adapters(rows, adapters)
    orthogonal = [row for row in rows if row.point is not None and row.point[1] is not None]
    for key in differing([row.choices for row in orthogonal]):
        if any(key == k or key.startswith(k + ".") for k in ORT_ONLY):
            told = ", ".join(f"{row.label} {row.choices.get(key)}" for row in orthogonal)
            yield f"Rows differ in {key}: {told}."
    yield from _code(rows)
    if table.setting is None:
        yield "These runs recorded no choices: whether they were made in the same setting is not known."
    elif (limit := table.setting.get("data.limit_test")) is not None:
        yield f"The scores are of the first {limit} sentences of each test set (data.limit_test)."


def _search(rows: list[Row]) -> Iterator[str]:
    """Grids with an ort lr are larger by design, and are compared among themselves."""
    for orthogonal in (False, True):
        alike = [row for row in rows if row.point is not None and (row.point[1] is not None) is orthogonal]
        if len({len(row.points) for row in alike}) > 1:
            yield f"Selected on different numbers of grid points: {_each(alike, lambda row: len(row.points))}."
    if len({len(row.seeds) for row in rows}) > 1:
        yield f"Means are over different numbers of seeds: {_each(rows, lambda row: len(row.seeds))}."
    for row in rows:
        for state in ("failed", "unfinished"):
            if count := sum(attempt.state == state for attempt in row.attempts):
                yield f"{row.label} was selected while {count} of its runs {'is' if count == 1 else 'are'} {state}."


def _languages(table: Table) -> Iterator[str]:
    untested = [language.upper() for language in table.languages[1:] if language not in table.averaged]
    if untested and table.averaged:
        kept = ", ".join(language.upper() for language in table.averaged)
        yield f"No selected run was tested on {', '.join(untested)}: AVGz is over {kept} and is not the paper's."


def _adapters(rows: list[Row], adapters: Mapping[str, Result]) -> Iterator[str]:
    """Language adapters that are not of one making. Kinds differ by design."""
    with_adapters = [row for row in rows if any(run.result.adapters for run in row.selected)]

    def entries(row: Row, field: str) -> list[str]:
        return sorted({str(e.get(field)) for run in row.selected for e in run.result.adapters.values()})

    def iterations(row: Row) -> list[str]:
        steps = {
            str(adapters[digest].provenance.get("steps")) if digest in adapters else "unknown"
            for digest in entries(row, "sha256")
        }
        return sorted(steps)

    if len({source for row in with_adapters for source in entries(row, "source")}) > 1:
        told = _each(with_adapters, lambda row: "/".join(entries(row, "source")))
        yield f"Language adapters of different provenance are compared: {told}."
    if len({steps for row in with_adapters for steps in iterations(row)}) > 1:
        told = _each(with_adapters, lambda row: "/".join(iterations(row)))
        yield f"Language adapters are not known to be trained for the same number of iterations: {told}."
    contents: dict[tuple[str, str], set[str]] = {}
    for row in with_adapters:
        for run in row.selected:
            for language, entry in run.result.adapters.items():
                contents.setdefault((language, str(entry.get("kind"))), set()).add(str(entry.get("sha256")))
    if several := [f"{language} ({kind})" for (language, kind), found in contents.items() if len(found) > 1]:
        yield f"Not all runs used the same language adapter for {', '.join(several)}."


def _code(rows: list[Row]) -> Iterator[str]:
    runs = [run for row in rows for run in row.selected]
    if dirty := sum(bool(run.result.provenance.get("git_dirty")) for run in runs):
        yield f"{dirty} of {len(runs)} selected runs were made by code with changes that no commit holds."
    commits = dict.fromkeys(str(run.result.provenance.get("git_commit") or "unknown")[:8] for run in runs)
    if len(commits) > 1:
        yield f"The selected runs were made by different commits: {', '.join(commits)}."


def _each(rows: list[Row], told: Callable[[Row], Any]) -> str:
    return ", ".join(f"{row.label} {told(row)}" for row in rows)
