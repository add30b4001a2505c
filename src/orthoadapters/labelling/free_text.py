"""Free text in, labels out: lines are read as they come, predicted as in evaluation, and written as TSV or JSON lines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Literal

import torch

from orthoadapters.config.schema import TaskConfig, TaskKind
from orthoadapters.data.modules import TaskData
from orthoadapters.data.sources.lines import decoded_line, malformed
from orthoadapters.errors import UserError
from orthoadapters.evaluation.metrics import WindowScore, spans
from orthoadapters.evaluation.scoring import window_logits
from orthoadapters.examples import Example, SentencePair, TaggedSentence
from orthoadapters.labelling.words import words
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import SentencePairHead, TokenHead

Format = Literal["tsv", "jsonl"]
BLOCK = 1 << 16  # ours: bytes per read, a Linux pipe's capacity
CHUNK = 512  # ours: lines that are sorted by length together; more would pad little less and answer later


@dataclass(frozen=True)
class Labelled:
    """labels: one per word, or the one of a pair. probabilities: of a pair's labels, in their order; none for words."""

    example: Example
    labels: list[str]
    probabilities: list[float]


class Predictor:
    """A model with an active stack. cut, replaced: as `Windows` counts them, over all that was predicted."""

    def __init__(self, model: AdaptedEncoder, head: SentencePairHead | TokenHead, data: TaskData) -> None:
        self.model, self.head, self.data = model, head, data
        self.cut = self.replaced = 0

    @property
    def task(self) -> TaskConfig:
        return self.data.task

    def __call__(self, examples: list[Example]) -> list[Labelled]:
        """Predicts examples as `evaluate` does; the labels that they bring are not looked at."""
        prepared = self.data.prepared(examples)
        score = WindowScore([], prepared.windows, [])
        order: list[torch.Tensor] = []
        pairs: list[torch.Tensor] = []
        for index, logits in window_logits(self.model, self.head, prepared.loader):
            score.update(index, logits.argmax(-1))
            if self.task.kind is TaskKind.sentence_pair:
                order.append(index)
                pairs.append(logits.float().softmax(-1))
        self.cut += prepared.windows.cut
        self.replaced += prepared.windows.replaced
        probabilities: dict[int, list[float]] = {}
        if pairs:
            probabilities = dict(zip(torch.cat(order).tolist(), torch.cat(pairs).tolist(), strict=True))
        joined = zip(examples, score.predictions(), strict=True)
        return [Labelled(example, labels, probabilities.get(n, [])) for n, (example, labels) in enumerate(joined)]


def label_text(
    predictor: Predictor, source: BufferedIOBase, name: str, language: str, form: Format, pretokenized: bool = False
) -> Iterator[tuple[int, str]]:
    """Yields, chunk by chunk, how many lines were read from `source` and what is to be written for them, in order.

    A pipe or a terminal is answered with what it has given so far, without waiting for more. Raises UserError for a line
    that cannot be read, naming `name` and the line, once all before it is yielded.
    """
    task = predictor.task

    def example(line: str, number: int) -> Example:
        if task.kind is TaskKind.sentence_pair:
            return _pair(line, name, number, task)
        found = line.replace("\t", " ").split(" ") if pretokenized else words(line, language, task.name)
        found = [word for word in found if word]
        return TaggedSentence(tuple(found), (task.labels[0],) * len(found))  # any label: it marks where words begin

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
        labelled = zip(predictor(examples), lines, strict=True)
        yield len(lines), "".join(write(result, line, task) for result, line in labelled)
        if wrong is not None:
            raise wrong


def _lines(source: BufferedIOBase) -> Iterator[list[bytes]]:
    """The whole lines that each read completes, at most CHUNK together; at the end, what has no line feed."""
    begun: list[bytes] = []
    while block := source.read1(BLOCK):
        *ended, rest = block.split(b"\n")
        if ended:
            ended[0] = b"".join([*begun, ended[0]])
            begun = []
        for start in range(0, len(ended), CHUNK):
            yield ended[start : start + CHUNK]
        if rest:
            begun.append(rest)
    if begun:
        yield [b"".join(begun)]


def _pair(line: str, name: str, number: int, task: TaskConfig) -> SentencePair:
    columns = [column.strip() for column in line.split("\t")]
    if not line.strip():
        raise UserError(
            f"{name}, line {number}: empty, but {task.name} wants `premise TAB hypothesis`; take that line out"
        )
    if len(columns) != 2:
        raise malformed(name, number, line, "premise TAB hypothesis")
    return SentencePair(columns[0], columns[1], task.labels[0])


def _tsv(result: Labelled, line: str, task: TaskConfig) -> str:
    """XTREME's labelled form, which data=xtreme reads: word TAB tag and a blank line, or premise TAB hypothesis TAB label."""
    if isinstance(result.example, SentencePair):
        return f"{result.example.premise}\t{result.example.hypothesis}\t{result.labels[0]}\n"
    pairs = zip(result.example.words, result.labels, strict=True)
    return "".join(f"{word}\t{tag}\n" for word, tag in pairs) + "\n"


def _json_line(result: Labelled, line: str, task: TaskConfig) -> str:
    """One JSON object; wikiann's has `entities` too: type, first word, the word after the last, and the text of `line`."""
    example = result.example
    held: dict[str, object]
    if isinstance(example, SentencePair):
        probabilities = {label: round(p, 6) for label, p in zip(task.labels, result.probabilities, strict=True)}
        held = {"premise": example.premise, "hypothesis": example.hypothesis, "label": result.labels[0]}
        held["probabilities"] = probabilities
    else:
        held = {"words": list(example.words), "tags": result.labels}
        if task.name == "wikiann":
            places = _places(line, example.words)
            held["entities"] = [
                {"type": kind, "start": first, "end": last + 1, "text": line[places[first][0] : places[last][1]]}
                for kind, first, last in sorted(spans(result.labels), key=lambda span: span[1])
            ]
    return json.dumps(held, ensure_ascii=False) + "\n"


def _places(line: str, found: Sequence[str]) -> list[tuple[int, int]]:
    """Where each word stands in its line, in characters."""
    places: list[tuple[int, int]] = []
    end = 0
    for word in found:
        start = line.index(word, end)
        end = start + len(word)
        places.append((start, end))
    return places
