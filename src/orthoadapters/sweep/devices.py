"""The GPU of a cell: when several cells run at once on one machine, each gets one of its own, or a part of one."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orthoadapters.config.schema import Config
from orthoadapters.locks import lock

# It holds one folder per GPU. Asking CUDA would take memory on one of them.
GPUS = Path("/proc/driver/nvidia/gpus")
VISIBLE = "CUDA_VISIBLE_DEVICES"
# ours: seconds between two looks for a free GPU
WAIT = 1.0
# ours: the part of a GPU's memory that its cells share; the rest is for CUDA itself, which takes some of it per process
SHARED_MEMORY = 0.95


def gpus() -> list[str]:
    """Lists this machine's GPUs by the names that CUDA_VISIBLE_DEVICES takes; if it is set, those that it names."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()]
    return [str(number) for number in range(len(list(GPUS.glob("*"))))]


def cells_at_once(jobs: int, config: Config) -> int:
    """Counts the cells that run at the same time. jobs: how many the launcher starts; -1 is one per core, as in joblib."""
    jobs = jobs if jobs > 0 else os.cpu_count() or 1
    names = [] if config.trainer.accelerator == "cpu" else gpus()
    return min(jobs, len(names) * config.sweep.cells_per_gpu) if names else jobs


@contextmanager
def one_gpu(accelerator: str, cells_per_gpu: int = 1) -> Iterator[dict[str, str]]:
    """Yields the environment that gives a cell a GPU until the block ends; empty where there is none.

    Waits while as many cells as may share a GPU have each of them, whichever sweep of this account they belong to.
    """
    names = [] if accelerator == "cpu" else gpus()
    if not names:
        yield {}
        return
    # Two jobs of a cluster may know different GPUs by the same number.
    job = os.environ.get("SLURM_JOB_ID", "here")
    folder = Path(tempfile.gettempdir()) / f"orthoadapters-gpus-{os.getuid()}-{job}"
    folder.mkdir(exist_ok=True)
    places = [(name, f"{name.replace('/', '-')}-{place}") for place in range(cells_per_gpu) for name in names]
    has_said = False
    while True:
        for name, place in places:
            with (folder / place).open("w") as file:
                if not lock(file):
                    continue
                yield {VISIBLE: name}
                return
        if not has_said:
            print(
                f"waiting for a GPU: {cells_per_gpu} of these cells on each of {len(names)} (sweep.cells_per_gpu)",
                file=sys.stderr,
            )
            has_said = True
        time.sleep(WAIT)


def bound_memory(cells_per_gpu: int) -> None:
    """Bounds what this process takes of its GPU's memory to its part, so that a cell that wants more fails alone."""
    if cells_per_gpu > 1:
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(SHARED_MEMORY / cells_per_gpu)
