"""Labels for free text: lines are read as they come, predicted as in evaluation, and written as TSV or JSON lines."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from io import BufferedIOBase
from typing import Literal

from orthoadapters.config.kinds import KINDS
from orthoadapters.config.schema import TaskConfig, TaskKind, WordSplitter
from orthoadapters.data.modules import TaskData
from orthoadapters.data.sources.lines import column_error, decoded_line
from orthoadapters.data.windows import join_all_windows
from orthoadapters.errors import UserError
from orthoadapters.evaluation.metrics import spans
from orthoadapters.evaluation.scoring import forward_precision, window_logits
from orthoadapters.examples import Choice, Example, LabelledExample, Sentence, SentencePair, TaggedSentence
from orthoadapters.labelling.words import words
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import TaskHead

Format = Literal["tsv", "jsonl"]
# ours: bytes per read, a Linux pipe's capacity
BLOCK = 1 << 16
# ours: lines that are sorted by length together; more would pad little less and answer later
CHUNK = 512


@dataclass(frozen=True)
class Prediction:
    """An example and its labels: one per word, or a single one.

    probabilities: those of all labels where an example has a single one, in the order of task.labels; none for words.
    """

    example: Example
    labels: list[str]
    probabilities: list[float]


class Predictor:
    """A model with an active stack. It counts truncations and replacements as `Windows` does.

    precision: the trainer.precision of the run.
    """

    def __init__(
        self,
        model: AdaptedEncoder,
        head: TaskHead,
        data: TaskData,
        splitter: WordSplitter = WordSplitter.spacy,
        precision: str = "32-true",
    ) -> None:
        self.model, self.head, self.data, self.splitter, self.precision = model, head, data, splitter, precision
        self.truncations = self.replacements = 0

    @property
    def task(self) -> TaskConfig:
        """The task that the head was trained for."""
        return self.data.task

    def __call__(self, examples: list[Example]) -> list[Prediction]:
        """Predicts examples as `evaluate` does; their own labels are ignored."""
        evaluation = self.data.as_evaluation(examples)
        label_ids: dict[int, list[int]] = {}
        probabilities: dict[int, list[float]] = {}
        with forward_precision(self.precision, self.model.backbone.device):
            for index, logits in window_logits(self.model, self.head, evaluation.loader):
                rows = logits.argmax(-1).reshape(len(index), -1)
                label_ids |= zip(index.tolist(), rows.tolist(), strict=True)
                if not KINDS[self.task.kind].per_word:
                    probabilities |= zip(index.tolist(), logits.float().softmax(-1).tolist(), strict=True)
        self.truncations += evaluation.windows.truncations
        self.replacements += evaluation.windows.replacements
        pairs = zip(examples, join_all_windows(evaluation.windows, label_ids), strict=True)
        return [Prediction(example, labels, probabilities.get(n, [])) for n, (example, labels) in enumerate(pairs)]

    def take_remarks(self) -> list[str]:
        """Says in sentences what was cut or replaced since the last call."""
        counts = (
            (self.truncations, f"{KINDS[self.task.kind].plural} were cut to {self.task.max_length} subwords"),
            (self.replacements, "words had no subwords, or too many for a window, and were read as <unk>"),
        )
        self.truncations = self.replacements = 0
        return [f"{number} {what}" for number, what in counts if number]


def label_text(
    predictor: Predictor, source: BufferedIOBase, name: str, language: str, form: Format, by_spaces: bool = False
) -> Iterator[tuple[int, str]]:
    """Yields, chunk by chunk, the number of lines that were read from `source` and the text to write for them.

    A pipe or a terminal gets the labels of the lines so far, without waiting for more. Raises UserError for a line that
    cannot be read, naming `name` and the line, after all lines before it were yielded.

    name: the file's; empty for a list of texts, which are counted in place of lines.
    """
    task = predictor.task
    by_character = language in task.character_words

    def example(line: str, number: int) -> Example:
        if not KINDS[task.kind].per_word:
            return _from_columns(
                line, f"{name}, line {number}" if name else f"text {number}", "line" if name else "text", task
            )
        parts = (
            line.replace("\t", " ").split(" ") if by_spaces else words(line, language, by_character, predictor.splitter)
        )
        tokens = tuple(word for word in parts if word)
        # Any label will do, as it only marks where words begin.
        return TaggedSentence(tokens, (task.labels[0],) * len(tokens))

    write = _tsv if form == "tsv" else _json_line
    number = 0
    for raw_lines in _lines(source):
        lines: list[str] = []
        examples: list[Example] = []
        wrong: UserError | None = None
        for raw in raw_lines:
            number += 1
            try:
                line = decoded_line(raw, name, number) if name else raw.decode()
                examples.append(example(line, number))
                lines.append(line)
            except UserError as error:
                wrong = error
                break
        pairs = zip(predictor(examples), lines, strict=True)
        yield len(lines), "".join(write(result, line, task) for result, line in pairs)
        if wrong is not None:
            raise wrong


def _lines(source: BufferedIOBase) -> Iterator[list[bytes]]:
    """Yields the whole lines that each read completes, at most CHUNK together; at the end, what has no line feed."""
    first_parts: list[bytes] = []
    while block := source.read1(BLOCK):
        *lines, rest = block.split(b"\n")
        if lines:
            lines[0] = b"".join([*first_parts, lines[0]])
            first_parts = []
        for start in range(0, len(lines), CHUNK):
            yield lines[start : start + CHUNK]
        if rest:
            first_parts.append(rest)
    if first_parts:
        yield [b"".join(first_parts)]


# How the columns of a line become an example, whose label is any.
_READ: dict[TaskKind, Callable[[list[str], str], LabelledExample]] = {
    TaskKind.sentence_pair: lambda columns, label: SentencePair(columns[0], columns[1], label),
    TaskKind.sentence: lambda columns, label: Sentence(columns[0], label),
    TaskKind.multiple_choice: lambda columns, label: Choice(columns[0], columns[1], tuple(columns[2:]), label),
}


def line_form(task: TaskConfig) -> str:
    """Names the columns of a line: `premise TAB hypothesis`, `text`, or `premise TAB question TAB alternative TAB ...`."""
    names = list(_parts(KINDS[task.kind].example))
    if task.kind is TaskKind.multiple_choice:
        names[-1:] = ["alternative"] * len(task.labels)
    return " TAB ".join(names)


def _parts(example: Example | type[Example]) -> list[str]:
    """Returns the names of an example's parts, without its label."""
    return [field.name for field in fields(example) if field.name != "label"]


def _from_columns(line: str, place: str, unit: str, task: TaskConfig) -> Example:
    """Reads an example from the columns of a line. Raises UserError for an empty line, or other columns."""
    form = line_form(task)
    if not line.strip():
        raise UserError(f"{place}: empty, but {task.name} wants `{form}`; take that {unit} out")
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) != form.count(" TAB ") + 1:
        raise column_error(place, line, form, unit)
    return _READ[task.kind](columns, task.labels[0])


def _tsv(result: Prediction, line: str, task: TaskConfig) -> str:
    """Writes XTREME's labelled form: word TAB tag and a blank line, or the columns that were read TAB label."""
    example = result.example
    if isinstance(example, TaggedSentence):
        pairs = zip(example.words, result.labels, strict=True)
        return "".join(f"{word}\t{tag}\n" for word, tag in pairs) + "\n"
    parts = [getattr(example, name) for name in _parts(example)]
    columns = [column for part in parts for column in (part if isinstance(part, tuple) else (part,))]
    return "\t".join([*columns, result.labels[0]]) + "\n"


def _json_line(result: Prediction, line: str, task: TaskConfig) -> str:
    """Writes one JSON object. Labels that mark entities add `entities`: type, first word, word after the last, and text."""
    example = result.example
    record: dict[str, object]
    if isinstance(example, TaggedSentence):
        record = {"words": list(example.words), "tags": result.labels}
        if task.marks_entities:
            bounds = _bounds(line, example.words)
            record["entities"] = [
                {"type": name, "start": first, "end": last + 1, "text": line[bounds[first][0] : bounds[last][1]]}
                for name, first, last in sorted(spans(result.labels), key=lambda span: span[1])
            ]
    else:
        probabilities = {label: round(p, 6) for label, p in zip(task.labels, result.probabilities, strict=True)}
        record = {name: getattr(example, name) for name in _parts(example)}
        record |= {"label": result.labels[0], "probabilities": probabilities}
    return json.dumps(record, ensure_ascii=False) + "\n"


def _bounds(line: str, parts: Sequence[str]) -> list[tuple[int, int]]:
    """Finds where each word begins and ends in its line, in characters."""
    bounds: list[tuple[int, int]] = []
    end = 0
    for word in parts:
        start = line.index(word, end)
        end = start + len(word)
        bounds.append((start, end))
    return bounds
