"""Records that are read, and the sentences where one cannot be."""

import gzip
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from orthoadapters import UserError
from orthoadapters.files import check_content, new_folder, read_json, read_safetensors_header
from orthoadapters.temporary_names import temporary_path

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1115567652\n"
PAGE = b"\xef\xbb\xbf\n <!DOCTYPE html>\n<html><head><title>Sign in</title>"


def test_a_record_is_the_object_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps({"name": "École", "n": 3}, ensure_ascii=False), encoding="utf-8")
    assert read_json(tmp_path / "record.json") == {"name": "École", "n": 3}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"name": ', r"record.json is not JSON \(.*\); train it anew$"),
        (b"\xff\xfe", r"record.json is not JSON \(.*\); train it anew$"),
        (b'{"n": 1e400}', r"record.json is not JSON \(the number 1e400 is beyond what a float holds\); train it anew$"),
        (
            b'{"n": [-1%s]}' % (b"0" * 400),
            r"is not JSON \(the number -10{18}\.\.\. is beyond what a float holds\); train",
        ),
        (b'{"n": 1%s}' % (b"0" * 5000), r"is not JSON \(the number 10{19}\.\.\. is beyond what a float holds\); train"),
        (b"[1, 2]", "record.json is not JSON with fields; train it anew$"),
        (None, "record.json is missing; train it anew$"),
    ],
    ids=["cut off", "not text", "no float", "400 digits", "5000 digits", "a list", "no file"],
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


def test_a_byte_order_mark_is_no_part_of_a_record(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"n": 3}', encoding="utf-8-sig")
    assert read_json(tmp_path / "record.json") == {"n": 3}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (POINTER, "is a pointer of Git LFS and not the file itself; `git lfs pull`"),
        (PAGE, "is a web page that a download brought in place of the file; download it again"),
    ],
)
def test_what_lies_in_a_files_place_is_named(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    for read in (read_json, check_content):
        with pytest.raises(UserError, match=f"^{path} {sentence}"):
            read(path)


def test_a_text_in_the_place_of_weights_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"Entry not found")
    check_content(path)
    with pytest.raises(UserError, match="holds no weights but a text, which begins 'Entry not found'; download"):
        check_content(path, is_binary=True)
    for content in (b"PK\x03\x04", b"\x80\x02}"):
        path.with_suffix(".bin").write_bytes(content)
        check_content(path.with_suffix(".bin"), is_binary=True)


def test_weights_that_are_not_whole_are_a_sentence_with_the_place_and_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": np.zeros((2, 3), np.float32)}, path)
    content = path.read_bytes()
    check_content(path, is_binary=True)
    assert read_safetensors_header(path)["a"]["shape"] == [2, 3]
    for start, why in (
        (b"", "it is empty"),
        (content[:-1], f"it may be cut off: its header asks for {len(content)} bytes and it has {len(content) - 1}"),
        (content[:20], "it may be cut off: it does not begin as safetensors do"),
        (gzip.compress(content, mtime=0), "it may be cut off: it does not begin as safetensors do"),
    ):
        path.write_bytes(start)
        with pytest.raises(UserError, match=rf"model.safetensors cannot be read, {why}; copy it again"):
            check_content(path, is_binary=True)


def test_a_new_folder_in_the_place_of_a_link_goes_where_the_link_leads(tmp_path: Path) -> None:
    (tmp_path / "scratch" / "sw").mkdir(parents=True)
    link = tmp_path / "sw"
    link.symlink_to(tmp_path / "scratch" / "sw")
    with new_folder(link) as folder:
        (folder / "file").touch()
    assert link.is_symlink()
    assert (tmp_path / "scratch" / "sw" / "file").exists()
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == ["sw"]


def test_what_killed_processes_left_is_removed_by_the_next_one_that_writes_the_same(tmp_path: Path) -> None:
    """What a living process writes stays, and what is written under another name."""
    process = subprocess.Popen(["true"])
    process.wait()
    alive = temporary_path(tmp_path / "cache")
    dead = alive.with_name(alive.name.replace(f"-{os.getpid()}-", f"-{process.pid}-"))
    former = dead.with_name(f"{dead.name}.former")
    other = dead.with_name(dead.name.replace("cache", "caches"))
    former.mkdir()
    for file in (alive, dead, other, former / "weights"):
        file.touch()
    with new_folder(tmp_path / "cache") as folder:
        assert {path.name for path in tmp_path.iterdir()} == {alive.name, other.name, folder.name}


def test_a_file_in_the_place_of_a_new_folder_stays_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "adapter").write_text("a file")
    with pytest.raises(NotADirectoryError, match=f"{tmp_path}/adapter"), new_folder(tmp_path / "adapter"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_weights_can_be_read_by_those_whom_the_umask_lets(umask: int, mode: int, tmp_path: Path) -> None:
    former = os.umask(umask)
    try:
        with new_folder(tmp_path / "adapter") as folder:
            (folder / "weights").touch(0o600)  # as safetensors does
    finally:
        os.umask(former)
    assert (tmp_path / "adapter" / "weights").stat().st_mode & 0o777 == mode
