"""Reads records, and writes files and folders that are there whole or not at all."""

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
        record = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {fix}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {fix}") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); {fix}") from None
    if not isinstance(record, dict):
        raise UserError(f"{path} is not JSON with fields; {fix}")
    return record


def user_path(text: str) -> Path:
    """Reads a path that a user wrote: a ~ at its beginning is a home folder. Raises UserError if there is no such home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"{text}: there is no home folder {text.partition('/')[0]}; write the whole path") from None


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


def lock(file: TextIO, wait: bool = False, share: bool = False) -> bool:
    """Locks an open file for this process alone, or with others that share it; says whether it could.

    The lock falls when the file is closed, and the system closes the files of a dead process, however it died. Raises
    OSError where the file system has no locks.
    """
    try:
        # This import stands here, as Windows has no fcntl.
        import fcntl
    except ModuleNotFoundError:
        from filelock import lock_descriptor

        return lock_descriptor(file.fileno(), blocking=wait)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if share else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Waits until no other process is in a block of the same lock file; a dead process holds no lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        lock(file, wait=True)
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
