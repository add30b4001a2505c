"""Labels for free text: lines are read as they come, predicted as in evaluation, and written as TSV or JSON lines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Literal

from orthoadapters.config.schema import TaskConfig, TaskKind
from orthoadapters.data.modules import TaskData
from orthoadapters.data.sources.lines import column_error, decoded_line
from orthoadapters.data.windows import join_all_windows
from orthoadapters.errors import UserError
from orthoadapters.evaluation.metrics import spans
from orthoadapters.evaluation.scoring import window_logits
from orthoadapters.examples import Example, SentencePair, TaggedSentence
from orthoadapters.labelling.words import words
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import SentencePairHead, TokenHead

Format = Literal["tsv", "jsonl"]
# ours: bytes per read, a Linux pipe's capacity
BLOCK = 1 << 16
# ours: lines that are sorted by length together; more would pad little less and answer later
CHUNK = 512


@dataclass(frozen=True)
class Prediction:
    """An example and its labels: one per word, or the one of a pair.

    probabilities: those of a pair's labels, in the order of task.labels; none for words.
    """

    example: Example
    labels: list[str]
    probabilities: list[float]


class Predictor:
    """A model with an active stack. It counts truncations and replacements as `Windows` does."""

    def __init__(self, model: AdaptedEncoder, head: SentencePairHead | TokenHead, data: TaskData) -> None:
        self.model, self.head, self.data = model, head, data
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
        for index, logits in window_logits(self.model, self.head, evaluation.loader):
            rows = logits.argmax(-1).reshape(len(index), -1)
            label_ids |= zip(index.tolist(), rows.tolist(), strict=True)
            if self.task.kind is TaskKind.sentence_pair:
                probabilities |= zip(index.tolist(), logits.float().softmax(-1).tolist(), strict=True)
        self.truncations += evaluation.windows.truncations
        self.replacements += evaluation.windows.replacements
        pairs = zip(examples, join_all_windows(evaluation.windows, label_ids), strict=True)
        return [Prediction(example, labels, probabilities.get(n, [])) for n, (example, labels) in enumerate(pairs)]

    def take_remarks(self) -> list[str]:
        """Says in sentences what was cut or replaced since the last call."""
        counts = (
            (self.truncations, f"pairs were cut to {self.task.max_length} subwords"),
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
    """
    task = predictor.task
    by_character = language in task.character_words

    def example(line: str, number: int) -> Example:
        if task.kind is TaskKind.sentence_pair:
            return _pair(line, name, number, task)
        parts = line.replace("\t", " ").split(" ") if by_spaces else words(line, language, by_character)
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
                line = decoded_line(raw, name, number)
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


def _pair(line: str, name: str, number: int, task: TaskConfig) -> SentencePair:
    """Reads `premise TAB hypothesis`; the label is any."""
    columns = [column.strip() for column in line.split("\t")]
    if not line.strip():
        raise UserError(
            f"{name}, line {number}: empty, but {task.name} wants `premise TAB hypothesis`; take that line out"
        )
    if len(columns) != 2:
        raise column_error(name, number, line, "premise TAB hypothesis")
    return SentencePair(columns[0], columns[1], task.labels[0])


def _tsv(result: Prediction, line: str, task: TaskConfig) -> str:
    """Writes XTREME's labelled form: word TAB tag and a blank line, or premise TAB hypothesis TAB label."""
    if isinstance(result.example, SentencePair):
        return f"{result.example.premise}\t{result.example.hypothesis}\t{result.labels[0]}\n"
    pairs = zip(result.example.words, result.labels, strict=True)
    return "".join(f"{word}\t{tag}\n" for word, tag in pairs) + "\n"


def _json_line(result: Prediction, line: str, task: TaskConfig) -> str:
    """Writes one JSON object. Labels that mark entities add `entities`: type, first word, word after the last, and text."""
    example = result.example
    record: dict[str, object]
    if isinstance(example, SentencePair):
        probabilities = {label: round(p, 6) for label, p in zip(task.labels, result.probabilities, strict=True)}
        record = {"premise": example.premise, "hypothesis": example.hypothesis, "label": result.labels[0]}
        record["probabilities"] = probabilities
    else:
        record = {"words": list(example.words), "tags": result.labels}
        if task.marks_entities:
            bounds = _bounds(line, example.words)
            record["entities"] = [
                {"type": name, "start": first, "end": last + 1, "text": line[bounds[first][0] : bounds[last][1]]}
                for name, first, last in sorted(spans(result.labels), key=lambda span: span[1])
            ]
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
