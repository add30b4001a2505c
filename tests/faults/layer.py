"""The layer between a command and the disk (layer.c), which kills the command or fails at its n-th operation."""

import atexit
import errno
import os
import random
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.helpers import warm_python

RECORD = 1024  # as in layer.c
# What each error keeps from being done, by the letters of layer.c, and whether it stays: a broken disk may be well again.
ERRORS = {
    errno.ENOSPC: ("OWSMT", True),
    errno.EDQUOT: ("OWSMT", True),
    errno.EIO: ("IOWSRMUTC", False),
    errno.EROFS: ("OWSRMUTC", True),
    errno.EACCES: ("IORMUC", True),
}
CHANGES = "OWSRMUTC"
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


@dataclass(frozen=True)
class Fault:
    """What happens at an operation. at: its number from 1; 0: nothing. number: the error's, or minus the signal's."""

    at: int = 0
    number: int = 0

    def __str__(self) -> str:
        name = signal.Signals(-self.number).name if self.number < 0 else errno.errorcode[self.number]
        return f"{name} at operation {self.at}"


@dataclass(frozen=True)
class Operation:
    """An operation on what lies in the folder. kind: a letter of layer.c. place: the path in the folder."""

    kind: str
    place: str

    @property
    def sort(self) -> tuple[str, str]:
        """The kind, and the name without what is new in every process: operations that are alike have the same."""
        return self.kind, Path(self.place).name.split(".tmp")[0].rpartition(".")[0] or Path(self.place).name


@cache
def load() -> None:
    """Compiles the layer, and lets all processes that are started from here on have it."""
    folder = Path(tempfile.mkdtemp(prefix="layer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "the campaigns at every write need a C compiler (cc)"
    library = folder / "layer.so"
    source = Path(__file__).with_name("layer.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    os.environ["LD_PRELOAD"] = str(library)
    warm_python.renew_server()


def fault_environment(root: Path, trace: Path, fault: Fault) -> dict[str, str]:
    """Returns the variables that layer.c reads. root: the folder that it watches. trace: the file of operations."""
    kinds, stays = ERRORS.get(fault.number, (CHANGES, False))
    return {
        "FAULT_ROOT": str(root),
        "FAULT_TRACE": str(trace),
        "FAULT_AT": str(fault.at),
        "FAULT_ERROR": str(int(fault.number)),
        "FAULT_STICKY": str(int(stays)),
        "FAULT_KINDS": kinds,
    }


def operations(trace: Path) -> list[Operation]:
    """Reads what a command did, in order."""
    text = trace.read_text(errors="replace") if trace.exists() else ""
    records = [text[start : start + RECORD].rstrip() for start in range(0, len(text), RECORD)]
    return [Operation(record[0], record[2:]) for record in records]


def choose(done: list[Operation], kinds: str, rng: random.Random) -> int:
    """Chooses the number of an operation of these kinds, each sort with the same chance."""
    sorts: dict[tuple[str, str], list[int]] = {}
    for number, operation in enumerate(done, start=1):
        if operation.kind in kinds:
            sorts.setdefault(operation.sort, []).append(number)
    return rng.choice(sorts[rng.choice(sorted(sorts))])
