"""The sentence counts of a table's selected runs, as far as they are what its scores are made of.

What is not there, or makes another score than the table's, is left out and named: nothing is compared on a guess.
"""

from collections.abc import Mapping

import numpy as np

from orthoadapters.errors import UserError
from orthoadapters.report.collect.gather import Run
from orthoadapters.report.collect.table import Row, Score, Table
from orthoadapters.report.statistics.resampling import Counts, of_same_sentences, parts, ratio, with_seeds
from orthoadapters.runs.predictions import sentence_counts

ROUNDING = 1e-9  # ours: a score and the ratio of its sums are the same number up to a division's last digits


def table_counts(table: Table) -> tuple[dict[str, dict[str, Counts]], list[str]]:
    """(seeds, n, k) by row label and language, of all seeds of each row; and a sentence for whatever has none."""
    notes: list[str] = []
    counts = {row.label: _of_row(table, row, notes) for row in table.rows if row.selected}
    for language in table.languages:
        there = {label: with_seeds(of[language], label) for label, of in counts.items() if language in of}
        try:
            if there:
                of_same_sentences(there, language)
        except ValueError as error:  # of which row is right nothing is known
            notes.append(f"{language.upper()} is compared for no pair: {error}.")
            for of in counts.values():
                of.pop(language, None)
    return counts, notes


def _of_row(table: Table, row: Row, notes: list[str]) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    problems: dict[str, str] = {}
    for language in (language for language in table.languages if row.scores[language].runs):
        try:
            found[language] = _of_cell(row.scores[language], table.metric)
        except UserError as error:
            problems[language] = str(error)
    expected = (table.source, *table.targets)
    if untested := [language for language in expected if not row.scores[language].runs]:
        notes.append(f"{row.label} is not compared on {_listed(untested)}: it has no score there.")
    if problems:
        also = ", and similarly for the others" if len(problems) > 1 else ""
        notes.append(f"{row.label} is not compared on {_listed(problems)}: {next(iter(problems.values()))}{also}.")
    return found


def _of_cell(cell: Score, metric: str) -> Counts:
    """(seeds, n, k). Raises UserError if one run's are not there, or not what its score is made of."""
    of_seeds = [_of_run(run, cell.language, metric, score) for run, score in zip(cell.runs, cell.by_seed, strict=True)]
    if len({counts.shape for counts in of_seeds}) > 1:
        sizes = ", ".join(str(len(counts)) for counts in of_seeds)
        raise UserError(f"its seeds were tested on different numbers of sentences ({sizes}); move what is wrong away")
    return np.stack(of_seeds)


def _of_run(run: Run, language: str, metric: str, score: float) -> Counts:
    path, n = run.paths[language], run.result.test[language]["n"]
    mend = f"move {path} away and give its command again"
    counts = sentence_counts(path, language).get(metric)
    if counts is None:
        raise UserError(f"{path} has no sentence counts of {metric}; {mend}")
    try:
        made = float(ratio(parts(with_seeds(counts, "its sentence counts")).sum(axis=1))[0])
    except ValueError as error:
        raise UserError(f"{error}; {mend}") from None
    if len(counts) != n or abs(made - score) > ROUNDING:
        raise UserError(
            f"the sentence counts of {path} make {metric} {made:.4f} of {len(counts)} sentences, and its result.json says "
            f"{score:.4f} of {n:g}; {mend}"
        )
    return counts


def _listed(languages: Mapping[str, str] | list[str]) -> str:
    return ", ".join(language.upper() for language in languages)
