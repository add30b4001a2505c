"""Which GPU a cell gets when several run at once on one machine: each one of its own."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GPUS = Path("/proc/driver/nvidia/gpus")  # one folder per GPU; asking CUDA would take memory on one of them
VISIBLE = "CUDA_VISIBLE_DEVICES"
WAIT = 1.0  # ours: seconds between two looks for a free GPU


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name, and the machine has."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()]
    return [str(number) for number in range(len(list(GPUS.glob("*"))))]


@contextmanager
def one_gpu(accelerator: str) -> Iterator[dict[str, str]]:
    """The environment that gives a cell a GPU of its own until the block ends; empty if it needs none or there is but one.

    Waits while all of them are taken by other cells of this machine, whichever sweep they belong to.
    """
    names = [] if accelerator == "cpu" else gpus()
    if len(names) < 2:
        yield {}
        return
    folder = Path(tempfile.gettempdir()) / f"orthoadapters-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    while True:
        for name in names:
            with (folder / name.replace("/", "-")).open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield {VISIBLE: name}
                return
        time.sleep(WAIT)
