"""The one exception for a user's mistake, and the failures of the machine: a sentence with the thing, the place and the fix."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a disk says of itself where no file is named: full, over its quota, for reading alone, broken, files too large for it.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
# A file where a folder should be, or a folder where a file should be.
OBSTACLES = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)
# How safetensors and tokenizers, and how PyTorch, put the system's errors into their own.
_NUMBER = re.compile(r"\(os error ([0-9]+)\)")
_MEMORY = re.compile(r"allocate memory|not enough memory|out of memory", re.IGNORECASE)


class UserError(Exception):
    """A user's mistake. Commands print its message alone, without a traceback, and exit with its exit code."""

    exit_code = 1


class MissingSplitError(UserError):
    """A language without such a split in the data: there is no file of it, or no split of that name on the Hub."""


class NotFiniteError(UserError):
    """A NaN or an infinity in training.

    what: the value that is not finite. iteration: the first one that has it. is_before_step: it was computed from the weights
    as they were before that iteration's step.
    """

    def __init__(self, what: str, iteration: int, is_before_step: bool = False) -> None:
        # Before the first step no learning rate has had an effect.
        is_of_start = is_before_step and iteration == 1
        start = "no step was taken yet, so look at the weights that were read (backbone, adapters)"
        self.fix = start if is_of_start else "a lower optim.lr usually mends it"
        super().__init__(f"{what} at iteration {iteration}; {self.fix}")
        self.what, self.iteration = what, iteration


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message without its full stop, to be put into a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


def is_of_memory(error: BaseException) -> bool:
    """Says whether an error means that memory ran out, of which no file that was being read is to blame."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_MEMORY.search(str(error))))


def machine_sentence(error: BaseException, fix: str) -> str | None:
    """Says in one sentence that a disk, a permission or the memory ended a command; None of an error of another kind.

    fix: what to do after a disk was mended.
    """
    if is_of_memory(error):
        return "memory ran out; close other programs, or take smaller batches (task.batch_size=N, mlm.batch_size=N)"
    if not isinstance(error, OSError) or error.errno is None:
        return None
    if "temporary directory" in str(error.strerror):
        return f"{error.strerror}; let TMPDIR name a folder that can be written; {fix}"
    # Of a renaming, the second name is the one that was to be.
    place = error.filename2 or error.filename
    if place is None and error.errno not in DISK_ERRORS:
        return None
    mending = "make room, or mend the disk or its permissions"
    if error.errno in OBSTACLES:
        mending = "move away what lies there"
    elif error.errno in (errno.EMFILE, errno.ENFILE):
        mending = "allow more open files (ulimit -n)"
    return f"{place or 'a file'} cannot be written or read ({os.strerror(error.errno)}); {mending}; {fix}"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Gives the system's errors that name no file the name of the one that is being written.

    Those of safetensors and tokenizers, which are of types of their own, become an OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    except Exception as error:
        if match := _NUMBER.search(str(error)):
            raise OSError(int(match[1]), os.strerror(int(match[1])), str(path)) from error
        raise
