"""`python train.py` as a user would type it, for tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80"}


def train(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300)


def start(*arguments: str, preexec_fn: Callable[[], object] | None = None) -> subprocess.Popen[str]:
    """Starts train.py in a process group of its own, as a shell would; both streams in one."""
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=preexec_fn,
    )  # fmt: skip


def demo(backbone: Path, out: Path) -> list[str]:
    """Writes sweep=demo on a tiny backbone and little data: nine cells of seconds."""
    paths = [f"paths.{name}={out / name}" for name in ("runs", "adapters", "cache")]
    limits = [f"data.limit_{split}={count}" for split, count in (("train", 60), ("dev", 30), ("test", 30))]
    return [
        "sweep=demo", "backbone=local", f"backbone.path={backbone}", *paths, *limits, "task.max_length=64",
        "mlm.block_length=16", "mlm.dev_blocks=8", "trainer.max_iterations=30", "trainer.checkpoint_every=5",
    ]  # fmt: skip
