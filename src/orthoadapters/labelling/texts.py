"""Texts in, records out: what `FinishedRun.label` returns, by the same road as a file of predict.py."""

import json
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from orthoadapters.errors import UserError
from orthoadapters.labelling.free_text import Predictor, label_text

# A text as one string, or in its parts, such as premise and hypothesis.
Text = str | Sequence[str]


def label_texts(predictor: Predictor, texts: Iterable[Text], language: str, by_spaces: bool) -> list[dict[str, Any]]:
    """Returns a record for each text: the object that predict.py --format jsonl writes for its line.

    Raises UserError for what is no text of one line, or has other parts than the task's.
    """
    lines = "".join(_line(text, number) + "\n" for number, text in enumerate(texts, 1))
    chunks = label_text(predictor, BytesIO(lines.encode()), "", language, "jsonl", by_spaces)
    return [json.loads(line) for _, chunk in chunks for line in chunk.split("\n") if line]


def _line(text: Text, number: int) -> str:
    """Writes a text as the line that predict.py would read: its parts with tabs between them."""
    parts = [text] if isinstance(text, str) else list(text) if isinstance(text, Sequence) else [text]
    if not parts or not all(isinstance(part, str) for part in parts):
        raise UserError(f"text {number} is no text: {text!r}; give a string, or a tuple of them for a pair")
    if any("\n" in part for part in parts) or (text is not parts[0] and any("\t" in part for part in parts)):
        raise UserError(f"text {number} holds a line break, or a tab in one of its parts; put a space there: {text!r}")
    line = "\t".join(parts)
    try:
        line.encode()
    except UnicodeEncodeError:
        raise UserError(f"text {number} holds half of a character; write the character itself: {text!r}") from None
    return line
