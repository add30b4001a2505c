"""Formats by their first bytes: words that only look like one are text."""

import pytest

from orthoadapters.file_formats import BEGINNING, format_of


@pytest.mark.parametrize(
    "text",
    [
        "PAR1 activates platelets.\n",
        "PAR1\tNOUN\n",
        "ARROW1\tX\n",
        "SQLite format 3 is a format.\n",
        "%PDF-files are read by many.\n",
        "# text mining is a field\n# more of it\n",
        '{"a": he said, and went' + " on" * BEGINNING,
        '["Yes": he said' + " it" * BEGINNING,
    ],
)
def test_words_are_text(text: str) -> None:
    assert format_of(text.encode()[:BEGINNING]) == ""


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"PAR1\x15\x04\x15", "Parquet"),
        (b"ARROW1\0\0\xff\xff", "Arrow"),
        (b"%PDF-1.7\n", "PDF"),
        (b"# sent_id = 1\n# text = A word.\n", "CoNLL-U"),
        (b"# newdoc id = n1\n", "CoNLL-U"),
        (b'{"a": "' + b"long " * BEGINNING, "JSON lines"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON lines"),
    ],
)
def test_formats_are_named(start: bytes, name: str) -> None:
    assert format_of(start[:BEGINNING]) == name
