"""The caveats of a table: what a reader has to know before its rows are compared, a sentence each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from orthoadapters.config.choices import NEWER, ORT_ONLY
from orthoadapters.report.collect.adapter_caveats import adapter_caveats
from orthoadapters.report.collect.paper import paper
from orthoadapters.report.collect.settings import differing_keys, is_within
from orthoadapters.report.collect.table import Row, Table, heading
from orthoadapters.runs.results import Result

PAPER_BACKBONE = "FacebookAI/xlm-roberta-base"  # paper: section 3, XLM-R (Base)


def caveats(table: Table, adapters: Mapping[str, Result]) -> Iterator[str]:
    """Yields the sentences. adapters: results of the MLM stage by the SHA-256 of the adapter that was trained."""
    rows = [row for row in table.rows if row.selected_runs]
    yield from _search(rows)
    yield from _completeness(rows)
    yield from _languages(table)
    yield from adapter_caveats(rows, adapters)
    yield from _orthogonality(rows)
    yield from _code(rows)
    yield from _paper(table)
    yield from _setting(table)


def _is_orthogonal(row: Row) -> bool:
    """Says whether a row was selected among values of ort lr."""
    return row.point is not None and row.point[1] is not None


def _search(rows: Sequence[Row]) -> Iterator[str]:
    """Compares the grids. Those with an ort lr are larger by design, and are compared among themselves."""
    orthogonal = [row for row in rows if _is_orthogonal(row)]
    for group in ([row for row in rows if not _is_orthogonal(row)], orthogonal):
        if len({len(row.points) for row in group}) > 1:
            yield f"Selected on different numbers of grid points: {_each(group, lambda row: len(row.points))}."
    for index, name, group in ((0, "lr", [*rows]), (1, "ort lr", orthogonal)):
        values = {row.label: _rates(row, index) for row in group}
        if len({*values.values()}) > 1:
            listing = ", ".join(f"{label} {rates}" for label, rates in values.items())
            yield f"Selected among different values of {name}: {listing}."


def _rates(row: Row, index: int) -> str:
    """Lists the values of lr (index 0) or ort lr (index 1) that a row was selected among."""
    return "/".join(f"{rate:g}" for rate in sorted({point[index] or 0.0 for point in row.points}))


def _each(rows: Sequence[Row], fact: Callable[[Row], Any]) -> str:
    return ", ".join(f"{row.label} {fact(row)}" for row in rows)


def _completeness(rows: Sequence[Row]) -> Iterator[str]:
    """Compares the numbers of seeds, between rows and between a row's languages, and counts the runs that have no score."""
    if len({len(row.seeds) for row in rows}) > 1:
        yield f"Means are over different numbers of seeds: {_each(rows, lambda row: len(row.seeds))}."
    for row in rows:
        counts = {column: len(score.by_seed) for column, score in row.scores.items() if score.by_seed}
        if fewer := [f"{heading(column)} {count}" for column, count in counts.items() if count < len(row.seeds)]:
            yield f"Not all of {row.label} is of its {len(row.seeds)} seeds: {', '.join(fewer)}."
        for state in ("failed", "unfinished"):
            if count := row.count(state):
                yield f"{row.label} was selected while {count} of its runs {'is' if count == 1 else 'are'} {state}."


def _languages(table: Table) -> Iterator[str]:
    """Names the languages that AVGz is not over: the paper's, where it is over any of them, and the table's."""
    paper_table = paper().table(table.task, table.setting)
    order = paper_table.languages if paper_table is not None and {*paper_table.languages} & {*table.targets} else ()
    languages = dict.fromkeys([*order, *table.languages])
    gaps = [code.upper() for code in languages if code not in (*table.sources, *table.targets)]
    if gaps and table.targets:
        targets = ", ".join(language.upper() for language in table.targets)
        yield f"No selected run was tested on {', '.join(gaps)}: AVGz is over {targets} and is not the paper's."


def _orthogonality(rows: Sequence[Row]) -> Iterator[str]:
    """Compares the choices of the orthogonality loss. A row with ort.joint has no ort lr."""
    orthogonal = [row for row in rows if _is_orthogonal(row) or "ort.joint" in row.choices]
    for key in differing_keys([row.choices for row in orthogonal]):
        if is_within(key, ORT_ONLY):
            values = ", ".join(f"{row.label} {row.choices.get(key, NEWER.get(key))}" for row in orthogonal)
            yield f"Rows differ in {key}: {values}."


def _code(rows: Sequence[Row]) -> Iterator[str]:
    """Names code that no commit holds, that is not known, and that differs between the selected runs."""
    runs = [run for row in rows for run in row.selected_runs]
    code = [(run.result.provenance.get("git_commit"), run.result.provenance.get("git_dirty")) for run in runs]
    if dirty := sum(bool(is_dirty) for _, is_dirty in code):
        yield f"{dirty} of {len(runs)} selected runs were made by code with changes that no commit holds."
    if unknown := sum(commit is None or is_dirty is None for commit, is_dirty in code):
        yield f"{unknown} of {len(runs)} selected runs do not tell by what code they were made, a commit's or a changed one."
    commits = dict.fromkeys(str(commit)[:8] for commit, _ in code if commit is not None)
    if len(commits) > 1:
        yield f"The selected runs were made by different commits: {', '.join(commits)}."


def _paper(table: Table) -> Iterator[str]:
    """Says what keeps scores from being compared with the paper's, and why the table does not show these."""
    setting = table.setting or {}
    paper_table = paper().tables.get(table.task)
    if paper_table is None:
        return
    differences = paper_table.differences(setting) or paper_table.other_sizes(setting, table.sizes)
    if differences and {*table.languages} & {*paper_table.languages}:
        yield (
            f"Not set against the paper's Table {paper_table.number}: this {table.task} differs in {', '.join(differences)}."
        )
    columns = {column for row in table.rows for column, score in row.scores.items() if score.difference is not None}
    if not columns:
        return
    source = setting.get("data.source")
    is_split = source == "hub" or (source == "conllu" and setting.get("data.fuse_multiword") is False)
    if is_split and (others := [code.upper() for code in paper_table.split_words if code in columns]):
        yield (
            f"These test sets keep split syntactic words, as the Hub's copy does: {' and '.join(others)} differ from the "
            "paper's, and so do their scores and AVGz."
        )
    backbone = setting.get("backbone.path", PAPER_BACKBONE)
    if backbone != PAPER_BACKBONE:
        yield (
            f"The backbone is {backbone}, the paper's is {PAPER_BACKBONE}: differences to the paper are not a replication."
        )


def _setting(table: Table) -> Iterator[str]:
    if table.setting is None:
        yield "These runs recorded no choices: whether they were made in the same setting is not known."
    elif (limit := table.setting.get("data.limit_test")) is not None:
        yield f"The scores are of the first {limit} sentences of each test set (data.limit_test)."
