"""Rows of any table as examples: which column an example needs for what, and the values that stand for labels.

A row is a mapping from columns (names, or numbers from 1 on) to values. Readers of tables, of JSON lines and of Parquet
make rows; all examples are made here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orthoadapters.config.file_checks import COLUMNS
from orthoadapters.config.schema import TaskConfig, TaskKind
from orthoadapters.data.sources.lines import DOCUMENT_START, unknown_label
from orthoadapters.errors import UserError
from orthoadapters.examples import Choice, Example, Sentence, SentencePair, TaggedSentence

Column = str | int
Row = Mapping[Column, Any]


@dataclass(frozen=True)
class Columns:
    """The columns of one kind of example: what it needs -> a column, or several for the alternatives of a question."""

    task: TaskConfig
    places: Mapping[str, Column | Sequence[Column]]

    def examples(self, rows: Iterable[tuple[str, Row]]) -> Iterator[Example]:
        """Makes an example of each row. rows: with the place of each, for error sentences."""
        for place, row in rows:
            if (example := self._example(place, row)) is not None:
                yield example

    def require(self, place: str, available: Collection[Column], otherwise: str = "") -> None:
        """Raises UserError for a column that is not among the available ones. otherwise: another fix, for the sentence."""
        for name, column in self._flat():
            if column not in available:
                raise UserError(
                    f"{place}: there is no column {column!r} for task.files.columns.{name}, only "
                    f"{', '.join(map(str, available)) or 'none'}; name the right one: ++task.files.columns.{name}=COLUMN"
                    + otherwise
                )

    def _flat(self) -> Iterator[tuple[str, Column]]:
        for name, columns in self.places.items():
            for column in columns if isinstance(columns, Sequence) and not isinstance(columns, str) else [columns]:
                yield name, column

    def _example(self, place: str, row: Row) -> Example | None:
        """Makes one example; None of a row that only marks the beginning of a document."""
        self.require(place, row)
        kind, label_of = self.task.kind, self._label
        if kind is TaskKind.tagging:
            words, tags = self._list(place, row, "words"), self._list(place, row, "tags")
            if len(words) != len(tags):
                raise UserError(f"{place}: {len(words)} words but {len(tags)} tags; mend that row")
            if words == (DOCUMENT_START,):
                return None
            return TaggedSentence(
                tuple(self._text(place, "words", word) for word in words), tuple(label_of(place, tag) for tag in tags)
            )
        label = label_of(place, row[self._one("label")])
        if kind is TaskKind.sentence_pair:
            return SentencePair(self._of(place, row, "first"), self._of(place, row, "second"), label)
        if kind is TaskKind.sentence:
            return Sentence(self._of(place, row, "text"), label)
        question = self._of(place, row, "question") if "question" in self.places else ""
        return Choice(
            self._of(place, row, "premise"),
            self.task.questions.get(question, question),
            tuple(self._text(place, "alternatives", value) for value in self._alternatives(place, row)),
            label,
        )

    def _one(self, name: str) -> Column:
        """Returns the column of a need that has one alone."""
        column = self.places[name]
        if isinstance(column, Sequence) and not isinstance(column, str):
            raise UserError(
                f"task.files.columns.{name} of {self.task.name} names {len(column)} columns; only alternatives may have several"
            )
        return column

    def _of(self, place: str, row: Row, name: str) -> str:
        return self._text(place, name, row[self._one(name)]).strip()

    def _list(self, place: str, row: Row, name: str) -> tuple[Any, ...]:
        column = self._one(name)
        value = row[column]
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise UserError(
                f"{place}: column {column!r} (task.files.columns.{name}) holds {value!r:.60} and not a list; mend that row, or "
                "name another column"
            )
        return tuple(value)

    def _alternatives(self, place: str, row: Row) -> tuple[Any, ...]:
        columns = self.places["alternatives"]
        if isinstance(columns, Sequence) and not isinstance(columns, str):
            return tuple(row[column] for column in columns)
        return self._list(place, row, "alternatives")

    def _text(self, place: str, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise UserError(
                f"{place}: task.files.columns.{name} holds {value!r:.60} where text belongs; mend that row, or name "
                "another column"
            )
        return value

    def _label(self, place: str, value: Any) -> str:
        return label_name(value, self.task, place)


def columns_of(task: TaskConfig, available: Collection[Column]) -> Columns:
    """Finds the columns of a task's examples: those of task.files.columns, and otherwise those of the same name.

    available: the columns of the first row. A question is looked for only where it is named or there.
    """
    places: dict[str, Column | Sequence[Column]] = {}
    for name in COLUMNS[task.kind]:
        column = task.files.columns.get(name)
        if column is not None:
            places[name] = column
        elif name != "question" or name in available:
            places[name] = name
    return Columns(task, places)


def label_name(value: Any, task: TaskConfig, place: str) -> str:
    """Returns the label that a value stands for. Raises UserError if task.labels does not have it."""
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        # As JSON and YAML write it.
        text = text.lower()
    name = task.label_names.get(text, text)
    if name in task.labels:
        return name
    if not text or value is None:
        raise UserError(f"{place}: no label; add it, or leave that row out")
    raise UserError(unknown_label(place, value, task))
