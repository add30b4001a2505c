"""A command in a forked process: what it printed, and how it ended, whatever it did."""

import io
import os
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

# The exit codes of a right result, a sentence, an argument that argparse refuses, and a run that another process has.
CODES = (0, 1, 2, 75)
HANGING = -signal.SIGALRM
# What would move the cursor, ring or colour: all control characters but line feeds, tabs, and the return of a progress line.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
LONGER = 5  # ours: processes that share a core with this one
MEMORY = 24 * 2**30  # ours: bytes of addresses, far above what tiny runs need


class End(NamedTuple):
    """How a command ended. code: its exit code, or minus the signal that ended it."""

    code: int
    output: str
    error: str

    def problem(self) -> str:
        """Says what is wrong with such an end; empty if it is a right result or one sentence."""
        sentences = sum(line.startswith("error: ") for line in self.error.splitlines())
        if self.code == HANGING:
            return "it hangs"
        if self.code not in CODES or "Traceback (most recent call last)" in self.error:
            return f"exit code {self.code}"
        if CONTROL.search(self.error):
            return "a control character on the terminal"
        if self.code == 1 and sentences != 1:
            return f"{sentences} sentences"
        return f"{sentences} sentences beside a result" if self.code == 0 and sentences else ""


def run(command: Callable[[Sequence[str]], int], words: Sequence[str], folder: Path, seconds: int) -> End:
    """Runs a command in a copy of this process, in `folder`, where its streams are files.

    seconds: of computing, at most. On a busy machine it may take LONGER times as many; a command that waits ends then.
    """
    paths = [folder / name for name in (".output", ".error")]
    sys.stdout.flush()
    sys.stderr.flush()
    if (pid := os.fork()) == 0:
        code = 70
        try:
            os.chdir(folder)
            for path, number in zip(paths, (1, 2), strict=True):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), "utf-8", line_buffering=True)
            sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), "utf-8", "backslashreplace", line_buffering=True)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            code = command(words)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    status = _wait(pid, LONGER * seconds)
    output, error = (path.read_text("utf-8", "backslashreplace") for path in paths)
    code = HANGING if status is None else os.waitstatus_to_exitcode(status)
    return End(HANGING if code == -signal.SIGXCPU else code, output, error)


def _wait(pid: int, seconds: int) -> int | None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
