"""What is compared: every pair of rows of a table that have sentence counts, on each of their languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import Row, Table
from orthoadapters.report.statistics.compare import DRAWS, Comparison, compare
from orthoadapters.report.statistics.counts import table_counts
from orthoadapters.report.statistics.resampling import Counts

BASELINES = ("lnoo_tnoo", "t_noo")  # paper: MAD-X is its baseline; ours: then what a language adapter adds to


@dataclass(frozen=True)
class Analysis:
    """Every pair of a table's rows, by label, that could be compared; notes: what could not, and why, a sentence each."""

    table: Table
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    def between(self, a: str, b: str, language: str) -> Comparison | None:
        """Of the row labelled a against b's, whichever stands first in the table; None if they were not compared."""
        for found in self.comparisons:
            if found.language == language and {found.a, found.b} == {a, b}:
                return found if found.a == a else found.reversed()
        return None

    @property
    def compared(self) -> list[Row]:
        labels = {label for found in self.comparisons for label in (found.a, found.b)}
        return [row for row in self.table.rows if row.label in labels]

    @property
    def baselines(self) -> list[Row]:
        """What a reader wants the others compared with: the rows of MAD-X and of T-NOO, or else the first one."""
        named = [row for variant in BASELINES for row in self.compared if row.variant == variant]
        return named or self.compared[:1]


def analyse(table: Table, resamples: int = DRAWS, seed: int = 0) -> Analysis:
    """Compares every pair of rows on each language and on AVERAGE, over all seeds of the selected grid points."""
    counts, notes = table_counts(table)
    # compare() averages over the languages that it is given; AVGz is over all of them, and over the same runs.
    averaged = {row.label for row in table.rows if _has_average(table, row, counts.get(row.label, {}))}
    for row in table.rows:
        if row.scores[AVERAGE].runs and row.label not in averaged:
            notes.append(
                f"{row.label} is not compared on AVGz: that is not of the same runs and languages as the above."
            )
    found = compare({label: of for label, of in counts.items() if of}, table.source, resamples, seed)
    order = [row.label for row in table.rows]
    kept = [c for c in found if c.language != AVERAGE or {c.a, c.b} <= averaged]
    kept.sort(key=lambda c: (order.index(c.a), order.index(c.b), table.columns.index(c.language)))
    return Analysis(table, tuple(kept), tuple(notes))


def _has_average(table: Table, row: Row, counts: Mapping[str, Counts]) -> bool:
    """Whether its AVGz is of exactly the runs and languages that there are counts of."""
    mean = row.scores[AVERAGE]
    return bool(table.targets) and all(
        language in counts and row.scores[language].runs == mean.runs for language in table.targets
    )
