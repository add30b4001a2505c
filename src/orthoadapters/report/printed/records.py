"""A report's numbers as CSV, in full precision: scores as fractions, and lists with a semicolon between their parts."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from orthoadapters.report.collect.table import EvaluationRow, Row, Score, Table
from orthoadapters.report.printed.significance import COMPARISON_FIELDS, significance_records
from orthoadapters.report.statistics.analysis import Analysis

# The characters that formulas of spreadsheets begin with, and those that lead to another cell before one
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
JUMP = ("\t", "\r", "\n")
# The columns of a table's scores
FIELDS = (
    *("task", "backbone", "setting", "metric", "source"),
    *("variant", "row", "language", "state"),
    *("score", "std", "n_seeds", "seeds", "n_sentences"),
    *("paper", "difference", "oracle", "oracle_lr", "oracle_ort_lr"),
    *("lr", "ort_lr", "epochs", "dev", "grid_points", "runs"),
)
# The columns of what was selected
SELECTION_FIELDS = (
    *("variant", "row", "lr", "ort_lr", "epochs", "dev", "metric"),
    *("grid_points", "seeds", "failed", "unfinished", "runs"),
)


def scores_csv(table: Table) -> str:
    """Writes a line for each row and column."""
    return csv_text(FIELDS, scores_records(table))


def scores_records(table: Table) -> list[list[object]]:
    """Returns the values of FIELDS for each row and column, then for each evaluation and its languages."""
    records = [_score_record(table, row, row.scores[column]) for row in table.rows for column in table.columns]
    records += [_evaluation_record(table, row, score) for row in table.evaluations for score in row.scores.values()]
    return [[record[field] for field in FIELDS] for record in records]


def _score_record(table: Table, row: Row, score: Score) -> Mapping[str, object]:
    oracle, point = (None, None) if score.oracle is None else (score.oracle.value, score.oracle.point)
    oracle_lr, oracle_ort_lr = point or (None, None)
    return _common_record(table, row, score) | {
        "setting": "; ".join(f"{key}={value}" for key, value in table.distinctions.items()),
        "n_seeds": len(score.runs),
        "seeds": _join(run.result.seed for run in score.runs),
        "paper": score.paper,
        "difference": score.difference,
        "oracle": oracle,
        "oracle_lr": oracle_lr,
        "oracle_ort_lr": oracle_ort_lr,
        "epochs": _join(run.selection.epoch for run in score.runs),
        "dev": row.dev,
        "grid_points": len(row.points),
        "runs": _join(score.paths),
    }


def _evaluation_record(table: Table, row: EvaluationRow, score: Score) -> Mapping[str, object]:
    """Describes a score that was made afterwards, in state "evaluated"; what is selected or compared stays empty."""
    return _common_record(table, row, score) | {
        "setting": row.subject,
        "n_seeds": len(score.by_seed),
        "seeds": _join(row.seeds),
        "runs": _join(row.paths),
    }


def _common_record(table: Table, row: Row | EvaluationRow, score: Score) -> dict[str, object]:
    """Describes what every score has; the other fields are empty."""
    lr, ort_lr = row.point or (None, None)
    return dict.fromkeys(FIELDS) | {
        "task": table.task,
        "backbone": table.backbone,
        "metric": table.metric,
        "source": table.source,
        "variant": row.variant,
        "row": row.label,
        "language": score.language,
        "state": score.state,
        "score": score.value,
        "std": score.std,
        "n_sentences": score.n_sentences,
        "lr": lr,
        "ort_lr": ort_lr,
    }


def selection_csv(table: Table) -> str:
    """Writes for each row what was selected, and its failed and unfinished runs."""
    records = [_selection_record(table, row) for row in table.rows]
    # A table of adapters from elsewhere alone has no row of runs.
    return csv_text(SELECTION_FIELDS, [[record[field] for field in SELECTION_FIELDS] for record in records])


def _selection_record(table: Table, row: Row) -> Mapping[str, object]:
    lr, ort_lr = row.point or (None, None)
    return {
        "variant": row.variant,
        "row": row.label,
        "lr": lr,
        "ort_lr": ort_lr,
        "epochs": _join(row.epochs),
        "dev": row.dev,
        "metric": table.metric,
        "grid_points": len(row.points),
        "seeds": _join(row.seeds),
        "failed": row.count("failed"),
        "unfinished": row.count("unfinished"),
        "runs": _join(run.path for run in row.selected_runs),
    }


def significance_csv(analysis: Analysis) -> str:
    """Writes a line for each pair of rows and column."""
    return csv_text(COMPARISON_FIELDS, significance_records(analysis))


def _join(values: Iterable[object]) -> str:
    return ";".join(map(str, values))


def _harmless(value: object) -> object:
    """Puts an apostrophe before text that a spreadsheet would compute.

    Spreadsheets pass over spaces, and over characters of no width, before a formula.
    """
    if not isinstance(value, str):
        return value
    # Unicode's categories C and Z hold controls, characters of no width, and spaces.
    visible = next((character for character in value if unicodedata.category(character)[0] not in "CZ"), "")
    return f"'{value}" if visible in FORMULA or value.startswith(JUMP) else value


def csv_text(header: Sequence[str], records: Iterable[Sequence[object]]) -> str:
    """Writes a line of names, then a line for each record."""
    return "".join([_line(header), *(_line([_harmless(value) for value in record]) for record in records)])


def _line(values: Sequence[object]) -> str:
    """Writes one record. Python puts quotes around the ends of lines that it writes itself alone, which are both here."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerow(values)
    return file.getvalue().removesuffix("\r\n") + "\n"
