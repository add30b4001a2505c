"""The paper's Tables 2, 3 and 4, as paper_tables.yaml has them: the order of rows and columns, and the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orthoadapters.runs.results import AVERAGE as AVERAGE

FILE = Path(__file__).with_name("paper_tables.yaml")


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper. scores: fractions by variant and column; AVERAGE is one of the columns."""

    number: int
    metric: str
    languages: Sequence[str]
    scores: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Paper:
    """The paper's results.

    variants: the paper's names by this project's, in the order of the paper's rows; tables: by task.
    """

    source: str
    backbone: str
    source_language: str
    variants: Mapping[str, str]
    tables: Mapping[str, PaperTable]

    def score(self, task: str, metric: str, source: str, variant: str, column: str) -> float | None:
        """Returns one score; None where the paper has no such number."""
        table = self.tables.get(task)
        if table is None or (metric, source) != (table.metric, self.source_language):
            return None
        return table.scores.get(variant, {}).get(column)


@cache
def paper() -> Paper:
    """Reads paper_tables.yaml."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    tables = {task: _table(table) for task, table in content.pop("tables").items()}
    return Paper(**content, tables=tables)


def _table(content: dict[str, Any]) -> PaperTable:
    columns = [*content["languages"], AVERAGE]
    scores = {
        variant: {column: round(percent / 100, 4) for column, percent in zip(columns, row, strict=True)}
        for variant, row in content.pop("scores").items()
    }
    return PaperTable(**content, scores=scores)
