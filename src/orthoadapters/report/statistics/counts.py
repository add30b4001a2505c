"""The counts by sentence of a table's selected runs, where the table's scores can be computed from them.

Counts that are missing, or that make another score than the table's, are left out, and a sentence names them: nothing is
compared on a guess.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from orthoadapters.config.schema import Under
from orthoadapters.errors import UserError
from orthoadapters.report.collect.table import Row, Score, Table
from orthoadapters.report.statistics.resampling import Counts, check_same_sentences, parts, ratio, with_seeds
from orthoadapters.runs.predictions import sentence_counts

ROUNDING = 1e-9  # ours: a score and the ratio of its sums are equal but for the last digits of a division


def table_counts(table: Table) -> tuple[dict[str, dict[str, Counts]], list[str]]:
    """Returns (seeds, n, k) counts by row label and language, and a sentence for all that has none."""
    notes: list[str] = []
    counts = {row.label: _row_counts(table, row, notes) for row in table.rows if row.selected_runs}
    for language in table.languages:
        seed_counts = {
            label: with_seeds(by_language[language], label)
            for label, by_language in counts.items()
            if language in by_language
        }
        try:
            if seed_counts:
                check_same_sentences(seed_counts, language)
        except ValueError as error:
            # Nothing says which row is right, so that none is compared.
            notes.append(f"{language.upper()} is compared for no pair: {error}.")
            for by_language in counts.values():
                by_language.pop(language, None)
    return counts, notes


def _row_counts(table: Table, row: Row, notes: list[str]) -> dict[str, Counts]:
    """Returns a row's counts by language, and adds to the notes what the row is not compared on."""
    counts: dict[str, Counts] = {}
    problems: dict[str, str] = {}
    for language in (language for language in table.languages if row.scores[language].runs):
        try:
            counts[language] = _score_counts(row.scores[language], table.metric)
        except UserError as error:
            problems[language] = str(error)
    languages = (*table.sources, *table.targets)
    if gaps := [language for language in languages if not row.scores[language].runs]:
        notes.append(f"{row.label} is not compared on {_list_languages(gaps)}: it has no score there.")
    if problems:
        others = ", and similarly for the others" if len(problems) > 1 else ""
        notes.append(
            f"{row.label} is not compared on {_list_languages(problems)}: {next(iter(problems.values()))}{others}."
        )
    return counts


def _score_counts(score: Score, metric: str) -> Counts:
    """Reads the (seeds, n, k) counts of a score. Raises UserError if a run's are missing or make another score."""
    places = [(run.paths[score.language], None) for run in score.runs]
    sizes = [run.result.test[score.language]["n"] for run in score.runs]
    return read_counts(score, metric, places, sizes)


def read_counts(
    score: Score, metric: str, places: Sequence[tuple[Path, Under | None]], sizes: Sequence[float]
) -> Counts:
    """Reads the (seeds, n, k) counts of a score, and checks that they make it.

    places: for each seed the directory, and the choice of what is under the task adapter; sizes: its sentences.
    """
    counts = [
        _run_counts(*place, score.language, metric, value, n)
        for place, value, n in zip(places, score.by_seed, sizes, strict=True)
    ]
    if len({one.shape for one in counts}) > 1:
        numbers = ", ".join(str(len(one)) for one in counts)
        raise UserError(f"its seeds were tested on different numbers of sentences ({numbers}); move what is wrong away")
    return np.stack(counts)


def _run_counts(path: Path, under: Under | None, language: str, metric: str, score: float, n: float) -> Counts:
    """Reads the (n, k) counts of one run, and checks that they make its score."""
    mend = f"move {path} away and give its command again"
    counts = sentence_counts(path, language, under).get(metric)
    if counts is None:
        raise UserError(f"{path} has no sentence counts of {metric}; {mend}")
    try:
        value = float(ratio(parts(with_seeds(counts, "its sentence counts")).sum(axis=1))[0])
    except ValueError as error:
        raise UserError(f"{error}; {mend}") from None
    if len(counts) != n or abs(value - score) > ROUNDING:
        raise UserError(
            f"the sentence counts of {path} make {metric} {value:.4f} of {len(counts)} sentences, and its result.json "
            f"says {score:.4f} of {n:g}; {mend}"
        )
    return counts


def _list_languages(languages: Iterable[str]) -> str:
    return ", ".join(language.upper() for language in languages)
