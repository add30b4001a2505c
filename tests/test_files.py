"""Records that are read, and the sentences where one cannot be."""

import json
from pathlib import Path

import pytest

from orthoadapters import UserError
from orthoadapters.files import read_json


def test_a_record_is_the_object_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps({"name": "École", "n": 3}, ensure_ascii=False), encoding="utf-8")
    assert read_json(tmp_path / "record.json") == {"name": "École", "n": 3}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"name": ', r"record.json is not JSON \(.*\); train it anew$"),
        (b"\xff\xfe", r"record.json is not JSON \(.*\); train it anew$"),
        (b"[1, 2]", "record.json is not JSON with fields; train it anew$"),
        (None, "record.json is missing; train it anew$"),
    ],
    ids=["cut off", "not text", "a list", "no file"],
)
def test_a_record_that_cannot_be_read_is_a_sentence_with_the_place_and_the_fix(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_json(path, "train it anew")


def test_a_folder_in_a_records_place_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\); restore it"):
        read_json(tmp_path)
