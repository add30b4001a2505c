"""The GPU of a cell: when several cells run at once on one machine, each gets one of its own."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orthoadapters.files import lock

# It holds one folder per GPU. Asking CUDA would take memory on one of them.
GPUS = Path("/proc/driver/nvidia/gpus")
VISIBLE = "CUDA_VISIBLE_DEVICES"
# ours: seconds between two looks for a free GPU
WAIT = 1.0


def gpus() -> list[str]:
    """Lists this machine's GPUs by the names that CUDA_VISIBLE_DEVICES takes; if it is set, those that it names."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()]
    return [str(number) for number in range(len(list(GPUS.glob("*"))))]


@contextmanager
def one_gpu(accelerator: str) -> Iterator[dict[str, str]]:
    """Yields the environment that gives a cell a GPU of its own until the block ends; empty without a choice of GPUs.

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
            with (folder / name.replace("/", "-")).open("w") as file:
                if not lock(file):
                    continue
                yield {VISIBLE: name}
                return
        time.sleep(WAIT)
