"""Reads records, and writes files and folders that are there whole or not at all."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from orthoadapters.errors import UserError


def read_json(path: Path, fix: str = "restore it") -> dict[str, Any]:
    """Reads a file of one JSON object. Raises UserError with the file and the `fix` if it is missing, broken or another."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {fix}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {fix}") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); {fix}") from None
    if not isinstance(record, dict):
        raise UserError(f"{path} is not JSON with fields; {fix}")
    return record


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 file that is there whole or not at all."""
    with new_file(path) as file:
        file.write(text)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file that is there whole or not at all."""
    with _temporary_name(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Waits until no other process is in a block of the same lock file; a dead process holds no lock."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Yields a UTF-8 file under a temporary name; when the block ends well, flushes it to disk and renames it to `path`."""
    with _temporary_name(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _temporary_name(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`, which becomes `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder that takes the name `folder`, in place of a former one, when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield temporary
        # mkdtemp makes folders that only their owner can read; these are to be shared.
        temporary.chmod(0o755)
        if folder.exists():
            former = temporary.with_name(f"{temporary.name}.former")
            folder.replace(former)
            temporary.replace(folder)
            shutil.rmtree(former)
        else:
            temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
