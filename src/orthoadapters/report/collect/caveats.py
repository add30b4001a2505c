"""What a reader of a table has to know before comparing its rows: a sentence each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orthoadapters.config.choices import ORT_ONLY
from orthoadapters.report.collect.gather import below, canonical, differing
from orthoadapters.report.collect.table import Row, Table, heading
from orthoadapters.report.collect.trained_adapters import OF_A_RUN
from orthoadapters.runs.results import Result

PAPER_BACKBONE = "FacebookAI/xlm-roberta-base"  # paper: section 3, XLM-R (Base)
SPLIT_WORDS = ("ar", "tr")  # paper: the languages of Table 3 whose treebanks have multiword tokens
# Of an MLM run's choices, those that differ by design, and the iterations, which are told by the steps that were taken.
OF_AN_ADAPTER = (OF_A_RUN - {"seed"}) | {"trainer.max_iterations"}


def caveats(table: Table, adapters: Mapping[str, Result]) -> Iterator[str]:
    """adapters: results of the MLM stage by the SHA-256 of the adapter that they trained."""
    rows = [row for row in table.rows if row.selected]
    yield from _search(rows)
    yield from _languages(table)
    yield from _adapters(rows, adapters)
    orthogonal = [row for row in rows if row.point is not None and row.point[1] is not None]
    for key in differing([row.choices for row in orthogonal]):
        if below(key, ORT_ONLY):
            told = ", ".join(f"{row.label} {row.choices.get(key)}" for row in orthogonal)
            yield f"Rows differ in {key}: {told}."
    yield from _code(rows)
    yield from _paper(table)
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
    searched = [row for row in rows if row.point is not None]
    orthogonal_rows = [row for row in searched if row.point is not None and row.point[1] is not None]
    for place, name, alike in ((0, "lr", searched), (1, "ort lr", orthogonal_rows)):
        if len({_rates(row, place) for row in alike}) > 1:
            told = ", ".join(f"{row.label} {_rates(row, place)}" for row in alike)
            yield f"Selected among different values of {name}: {told}."
    if len({len(row.seeds) for row in rows}) > 1:
        yield f"Means are over different numbers of seeds: {_each(rows, lambda row: len(row.seeds))}."
    for row in rows:
        counts = {language: len(cell.by_seed) for language, cell in row.scores.items() if cell.by_seed}
        if fewer := [f"{heading(language)} {n}" for language, n in counts.items() if n < len(row.seeds)]:
            yield f"Not all of {row.label} is of its {len(row.seeds)} seeds: {', '.join(fewer)}."
        for state in ("failed", "unfinished"):
            if count := sum(attempt.state == state for attempt in row.attempts):
                yield f"{row.label} was selected while {count} of its runs {'is' if count == 1 else 'are'} {state}."


def _languages(table: Table) -> Iterator[str]:
    untested = [language.upper() for language in table.languages[1:] if language not in table.targets]
    if untested and table.targets:
        kept = ", ".join(language.upper() for language in table.targets)
        yield f"No selected run was tested on {', '.join(untested)}: AVGz is over {kept} and is not the paper's."


def _adapters(rows: list[Row], adapters: Mapping[str, Result]) -> Iterator[str]:
    """Language adapters that are not of one making. Kinds differ by design."""
    with_adapters = [row for row in rows if any(run.result.adapters for run in row.selected)]

    def entries(row: Row, field: str) -> list[str]:
        return sorted({str(e.get(field)) for run in row.selected for e in run.result.adapters.values()})

    if len({source for row in with_adapters for source in entries(row, "source")}) > 1:
        told = _each(with_adapters, lambda row: "/".join(entries(row, "source")))
        yield f"Language adapters of different provenance are compared: {told}."
    making = {row.label: _making(row, adapters) for row in with_adapters}
    everything = [made for several in making.values() for made in several]
    if everything and all(made is None for _, made in everything):
        told = ", ".join(making)
        yield (
            f"How the language adapters of {told} were trained (batch size, iterations, corpus), and whether alike, is not "
            "known: their training is not in RUNS_DIR."
        )
    elif everything:
        yield from _trained_otherwise(making)
    contents: dict[tuple[str, str], set[str]] = {}
    for row in with_adapters:
        for run in row.selected:
            for language, entry in run.result.adapters.items():
                contents.setdefault((language, str(entry.get("kind"))), set()).add(str(entry.get("sha256")))
    if several := [f"{language} ({kind})" for (language, kind), found in contents.items() if len(found) > 1]:
        yield f"Not all runs used the same language adapter for {', '.join(several)}."


def _making(row: Row, adapters: Mapping[str, Result]) -> list[tuple[str, dict[str, Any] | None]]:
    """Each language adapter's language and how it was trained; None where its training is not among the runs."""
    found: dict[tuple[str, str], dict[str, Any] | None] = {}
    for run in row.selected:
        for language, entry in run.result.adapters.items():
            digest = str(entry.get("sha256"))
            made = None
            if (result := adapters.get(digest)) is not None:
                made = {key: v for key, v in result.choices.items() if not below(key, OF_AN_ADAPTER)}
                made["iterations"] = result.provenance.get("steps")
            found[language, digest] = made
    return [(language, made) for (language, _), made in found.items()]


def _trained_otherwise(making: Mapping[str, list[tuple[str, dict[str, Any] | None]]]) -> Iterator[str]:
    """Language by language, as a language may have a number of iterations of its own. making: by the rows' labels."""
    by_language: dict[str, list[dict[str, Any]]] = {}
    for language, made in (one for several in making.values() for one in several):
        if made is not None:
            by_language.setdefault(language, []).append(made)
    for key in sorted({key for several in by_language.values() for key in differing(several)}):
        told = ", ".join(
            f"{label} {'/'.join(values)}"
            for label, several in making.items()
            if (values := sorted({_told(made.get(key)) for _, made in several if made is not None}))
        )
        yield f"Language adapters were trained with different {key}: {told}."
    if unknown := [label for label, several in making.items() if any(made is None for _, made in several)]:
        yield (
            f"Language adapters of {', '.join(unknown)} are not known to be trained as the others were (batch size, "
            "iterations, corpus): their training is not in RUNS_DIR."
        )


def _told(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)


def _code(rows: list[Row]) -> Iterator[str]:
    runs = [run for row in rows for run in row.selected]
    if dirty := sum(bool(run.result.provenance.get("git_dirty")) for run in runs):
        yield f"{dirty} of {len(runs)} selected runs were made by code with changes that no commit holds."
    codes = [(run.result.provenance.get("git_commit"), run.result.provenance.get("git_dirty")) for run in runs]
    if unknown := sum(commit is None or changed is None for commit, changed in codes):
        yield f"{unknown} of {len(runs)} selected runs do not tell by what code they were made, a commit's or a changed one."
    commits = dict.fromkeys(str(commit)[:8] for commit, _ in codes if commit is not None)
    if len(commits) > 1:
        yield f"The selected runs were made by different commits: {', '.join(commits)}."


def _paper(table: Table) -> Iterator[str]:
    """What keeps scores that have the paper's beside them from being compared with it."""
    setting = table.setting or {}
    beside = {language for row in table.rows for language, cell in row.scores.items() if cell.difference is not None}
    if not beside:
        return
    source = setting.get("data.source")
    split = source == "hub" or (source == "conllu" and setting.get("data.fuse_multiword") is False)
    if table.task == "udpos" and split and (other := [code.upper() for code in SPLIT_WORDS if code in beside]):
        yield (
            f"These test sets keep split syntactic words, as the Hub's copy does: {' and '.join(other)} differ from the "
            "paper's, and so do their scores and AVGz."
        )
    backbone = setting.get("backbone.path", PAPER_BACKBONE)
    if backbone != PAPER_BACKBONE:
        yield (
            f"The backbone is {backbone}, the paper's is {PAPER_BACKBONE}: differences to the paper are not a replication."
        )


def _rates(row: Row, place: int) -> str:
    """The values of lr (place 0) or ort lr (1) that a row was selected among."""
    return "/".join(f"{rate:g}" for rate in sorted({point[place] or 0.0 for point in row.points}))


def _each(rows: list[Row], told: Callable[[Row], Any]) -> str:
    return ", ".join(f"{row.label} {told(row)}" for row in rows)
