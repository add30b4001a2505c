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
    """One table of the paper.

    kind, labels, data: the task and its data, by the names that this project gives them; data: a data source -> the key
    and the value that it has for the paper's data. train, test: the examples of the English training set, and of each
    language's test set. scores: fractions by variant and column; AVERAGE is one of the columns. split_words: the languages
    whose treebanks have multiword tokens.
    """

    number: int
    metric: str
    kind: str
    labels: Sequence[str]
    data: Mapping[str, Mapping[str, str]]
    train: int
    test: Mapping[str, int]
    languages: Sequence[str]
    scores: Mapping[str, Mapping[str, float]]
    split_words: Sequence[str] = ()

    def differences(self, setting: Mapping[str, Any]) -> list[str]:
        """Names the choices of runs that make their task or their data another one than the table's.

        setting: choices by dotted key. What runs of earlier versions did not record is taken for the paper's.
        """
        keys = [key for key in setting if key.startswith("task.label_names.")]
        if setting.get("task.kind", self.kind) != self.kind:
            keys.append("task.kind")
        if {*setting.get("task.labels", self.labels)} != {*self.labels}:
            keys.append("task.labels")
        source = setting.get("data.source")
        if source is not None and source not in self.data:
            return [*keys, "data.source"]
        places = self.data[source] if source is not None else {}
        return keys + [key for key, value in places.items() if setting.get(key, value) != value]

    def other_sizes(self, setting: Mapping[str, Any], sizes: Mapping[str, int]) -> list[str]:
        """Names the limits of runs, and the sets, that make their data others than the table's or a part of them.

        sizes: the examples of each set, by its name in inputs.json; empty where they were not recorded. A limit that is
        higher than the set is long cuts nothing.
        """
        own = {"train": self.train} | {f"test-{code}": size for code, size in self.test.items()}
        others = {name for name, size in sizes.items() if own.get(name, size) != size}
        cuts: dict[str, set[str]] = {"data.limit_train": {"train"}, "data.limit_test": own.keys() - {"train"}}
        keys = [key for key, names in cuts.items() if setting.get(key) is not None and (not sizes or names & others)]
        others = others.difference(*(cuts[key] for key in keys))
        keys += ["data.limit_dev"] if setting.get("data.limit_dev") is not None else []
        # An own set differs in all of its sizes, and one of them says so.
        names = ["train"] if "train" in others else [name for name in own if name in others]
        return keys + [f"{name} ({sizes[name]} examples and not {own[name]})" for name in names]


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

    def table(self, task: str, setting: Mapping[str, Any] | None) -> PaperTable | None:
        """Finds the table of a task; None where the paper has none of that name, or of other labels or data."""
        table = self.tables.get(task)
        return None if table is None or table.differences(setting or {}) else table

    def score(self, table: PaperTable | None, metric: str, source: str, variant: str, column: str) -> float | None:
        """Returns one score of a table; None where it has no such number."""
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
