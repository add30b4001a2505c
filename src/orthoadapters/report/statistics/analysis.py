"""The comparisons of a table: every pair of rows of a table that have sentence counts, on each of their languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.table import Row, Table
from orthoadapters.report.statistics.compare import DRAWS, Comparison, compare
from orthoadapters.report.statistics.counts import table_counts
from orthoadapters.report.statistics.resampling import Counts
from orthoadapters.report.statistics.under import Worth, analyse_under

# paper: L-NOO+T-NOO (MAD-X) is its baseline; ours: then T-NOO, which shows what a language adapter adds
BASELINES = ("lnoo_tnoo", "t_noo")


@dataclass(frozen=True)
class Analysis:
    """The comparisons of every pair of a table's rows, by label. notes: a sentence for all that could not be compared.

    under: the comparisons with what else was under the task adapter.
    """

    table: Table
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    under: tuple[Worth, ...] = ()

    def between(self, a: str, b: str, language: str) -> Comparison | None:
        """Returns the comparison of row a against row b, in either order of the table; None if there is none."""
        for comparison in self.comparisons:
            if comparison.language == language and {comparison.a, comparison.b} == {a, b}:
                return comparison if comparison.a == a else comparison.reverse()
        return None

    @property
    def compared_rows(self) -> list[Row]:
        """The rows that any comparison is about."""
        labels = {label for comparison in self.comparisons for label in (comparison.a, comparison.b)}
        return [row for row in self.table.rows if row.label in labels]

    @property
    def baselines(self) -> list[Row]:
        """The rows that a reader wants the others compared with: MAD-X and T-NOO, or else the first one."""
        rows = [row for variant in BASELINES for row in self.compared_rows if row.variant == variant]
        return rows or self.compared_rows[:1]


def analyse(table: Table, resamples: int = DRAWS, seed: int = 0) -> Analysis:
    """Compares every pair of rows on each language and on AVERAGE, over all seeds of the selected grid points."""
    counts, notes = table_counts(table)
    # compare() averages over the languages that have counts. The table's AVGz must be over the same languages and runs.
    labels_with_average = {row.label for row in table.rows if _has_average(table, row, counts.get(row.label, {}))}
    for row in table.rows:
        if row.scores[AVERAGE].runs and row.label not in labels_with_average:
            notes.append(
                f"{row.label} is not compared on AVGz: that is not of the same runs and languages as the above."
            )
    counts = {label: by_language for label, by_language in counts.items() if by_language}
    comparisons = compare(counts, table.source, resamples, seed)
    comparisons = [c for c in comparisons if c.language != AVERAGE or {c.a, c.b} <= labels_with_average]
    order = [row.label for row in table.rows]
    comparisons.sort(key=lambda c: (order.index(c.a), order.index(c.b), table.columns.index(c.language)))
    under = analyse_under(table, resamples, seed)
    notes += [note for worth in under for note in worth.notes]
    return Analysis(table, tuple(comparisons), tuple(notes), under)


def _has_average(table: Table, row: Row, counts: Mapping[str, Counts]) -> bool:
    """Says whether the row's AVGz is over exactly the runs and languages that have counts."""
    mean = row.scores[AVERAGE]
    return bool(table.targets) and all(
        language in counts and row.scores[language].runs == mean.runs for language in table.targets
    )
