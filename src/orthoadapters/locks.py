"""Locks between processes, by files; a dead process holds none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


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
