"""Failures of the machine: one sentence, with the place where there is one."""

import errno
import re
from pathlib import Path
from types import ModuleType

import pytest
from safetensors import SafetensorError

from orthoadapters import fetch
from orthoadapters.commands import evaluate, report
from orthoadapters.errors import machine_sentence, naming

FULL = errno.ENOSPC, "No space left on device"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(*FULL), "a file cannot be written or read .No space left on device.; make room, .*; fix$"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/b"),
            "/a/b cannot be written or read .Permission denied",
        ),
        (
            IsADirectoryError(errno.EISDIR, "", "/a/.b.tmp", None, "/a/b"),
            "/a/b cannot .*; move away what lies there; fix$",
        ),
        (MemoryError(), "memory ran out; close other programs"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "memory ran out"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), None),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/a']"),
            r"No usable temporary directory found in .*; let TMPDIR name a folder that can be written; fix$",
        ),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), None),
        (ValueError("a defect"), None),
    ],
)
def test_what_the_machine_is_to_blame_for(error: Exception, sentence: str | None) -> None:
    answer = machine_sentence(error, "fix")
    assert answer is None if sentence is None else re.match(sentence, str(answer))


@pytest.mark.parametrize("error", [OSError(*FULL), SafetensorError("I/O error: No space left on device (os error 28)")])
def test_an_error_without_a_place_gets_it(error: Exception) -> None:
    with pytest.raises(OSError, match="No space left on device: '/a/weights'"), naming(Path("/a/weights")):
        raise error


@pytest.mark.parametrize(("module", "part"), [(evaluate, "open_subject"), (report, "build"), (fetch, "fetch")])
def test_a_full_disk_ends_a_command_with_a_sentence_and_a_defect_with_a_traceback(
    module: ModuleType,
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*arguments: object) -> None:
        raise errors.pop()

    errors = [KeyError("a defect"), OSError(*FULL)]
    monkeypatch.setattr(module, part, fail)
    monkeypatch.chdir(tmp_path)
    words = ["task=xnli"] if module is fetch else ["runs"]
    assert module.main(words) == 1
    assert capsys.readouterr().err.startswith("error: a file cannot be written or read (No space left on device); ")
    with pytest.raises(KeyError):
        module.main(words)
