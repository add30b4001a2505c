"""Checksums: what sha256sum writes and reads, what is noticed, and folders that have none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orthoadapters import UserError
from orthoadapters.checksums import FILE, check_sums, write_sums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter").mkdir()
    for name in ("adapter/weights", "a b ü"):
        (tmp_path / name).write_text(name)
    write_sums(tmp_path, [tmp_path / "adapter/weights", tmp_path / "a b ü"])
    return tmp_path


def test_they_are_what_sha256sum_checks(folder: Path) -> None:
    check_sums(folder, "fix")
    if sha256sum := shutil.which("sha256sum"):
        assert subprocess.run([sha256sum, "--check", "--strict", FILE], cwd=folder, capture_output=True).returncode == 0


def test_a_file_that_was_changed_or_is_gone_is_named(folder: Path) -> None:
    (folder / "adapter/weights").write_text("adapter/weightS")
    check_sums(folder, "fix", ("a b",))
    with pytest.raises(UserError, match=r"adapter/weights is damaged, or was changed .*; fix, or delete SHA256SUMS"):
        check_sums(folder, "fix", ("adapter/",))
    (folder / "adapter/weights").unlink()
    with pytest.raises(UserError, match=r"adapter/weights cannot be read .No such file or directory., which .*; fix"):
        check_sums(folder, "fix")


def test_a_file_that_was_replaced_by_one_of_the_same_time_and_size_is_noticed(folder: Path) -> None:
    check_sums(folder, "fix")
    file = folder / "adapter/weights"
    before = file.stat()
    (folder / "copy").write_text("adapter/weightS")
    (folder / "copy").replace(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(UserError, match="adapter/weights is damaged"):
        check_sums(folder, "fix")


@pytest.mark.parametrize("content", [b"", b"\xff", b"0123  a\n", b"\0" * 80])
def test_checksums_that_are_damaged_themselves_are_a_sentence(content: bytes, folder: Path) -> None:
    (folder / FILE).write_bytes(content)
    with pytest.raises(UserError, match="SHA256SUMS"):
        check_sums(folder, "fix")


def test_a_folder_without_them_is_read_as_it_is(tmp_path: Path) -> None:
    check_sums(tmp_path, "fix")
