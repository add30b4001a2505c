"""The worth of the swap: a row's own scores against those with something else under the task adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from orthoadapters.errors import UserError
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import Table, UnderRow
from orthoadapters.report.statistics.compare import DRAWS, Comparison, compare
from orthoadapters.report.statistics.counts import read_counts
from orthoadapters.report.statistics.resampling import Counts


@dataclass(frozen=True)
class Worth:
    """The comparisons of a row with itself, something else being under the task adapter, by column: own minus other."""

    under: UnderRow
    comparisons: Mapping[str, Comparison]
    notes: tuple[str, ...] = ()


def analyse_under(table: Table, resamples: int = DRAWS, seed: int = 0) -> tuple[Worth, ...]:
    """Compares each row of what else was under the task adapter with the row's own scores, of the same runs.

    The source language is left out where nothing differs there, as where its own adapter is under both.
    """
    worths = []
    for under in table.under:
        own: dict[str, Counts] = {}
        other: dict[str, Counts] = {}
        notes = []
        for language in table.languages:
            if not under.scores[language].runs:
                continue
            try:
                a, b = _pair(table, under, language)
            except UserError as error:
                notes.append(f"{under.label} is not compared on {language.upper()}: {error}.")
                continue
            if language not in table.sources or not np.array_equal(a, b):
                own[language], other[language] = a, b
        comparisons = compare({under.row.label: own, under.label: other}, table.source, resamples, seed) if own else []
        # An average is of all target languages, or none.
        runs = under.scores[AVERAGE].runs
        is_whole = all(language in own and under.scores[language].runs == runs for language in table.targets)
        by_column = {c.language: c for c in comparisons if c.language in own or is_whole}
        worths.append(Worth(under, by_column, tuple(notes)))
    return tuple(worths)


def _pair(table: Table, under: UnderRow, language: str) -> tuple[Counts, Counts]:
    """Reads the counts of the same runs with the row's own choice, and with the other."""
    other, mine = under.scores[language], under.row.scores[language]
    own_by_seed = tuple(value for run, value in zip(mine.runs, mine.by_seed, strict=True) if run in other.runs)
    runs = [run for run in mine.runs if run in other.runs]
    sizes = [run.result.test[language]["n"] for run in runs]
    own = replace(mine, runs=tuple(runs), by_seed=own_by_seed)
    return (
        read_counts(own, table.metric, [(run.paths[language], None) for run in runs], sizes),
        read_counts(other, table.metric, under.folders[language], sizes),
    )
