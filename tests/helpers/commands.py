"""`python train.py` and `python report.py` as a user would type them, for tests."""

import io
import logging
import os
import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

from orthoadapters.commands import report as report_command
from tests.helpers.warm_python import Command, launch

ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80"}


def train(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs train.py to its end."""
    process = launch(ROOT / "train.py", arguments, environment(), cwd)
    out, err = process.communicate()
    return subprocess.CompletedProcess([*arguments], process.returncode or 0, out, err)


def start(*arguments: str, one_stream: bool = True, file_limit: int | None = None) -> Command:
    """Starts train.py in a session of its own. one_stream: both streams in one. file_limit: the largest file, in bytes."""
    return launch(ROOT / "train.py", arguments, environment(), ROOT, one_stream, file_limit)


def demo(backbone: Path, out: Path) -> list[str]:
    """Writes sweep=demo on a tiny backbone and little data: nine cells of seconds."""
    paths = [f"paths.{name}={out / name}" for name in ("runs", "adapters", "cache")]
    limits = [f"data.limit_{split}={count}" for split, count in (("train", 60), ("dev", 30), ("test", 30))]
    return [
        "sweep=demo",
        "backbone=local",
        f"backbone.path={backbone}",
        *paths,
        *limits,
        "task.max_length=64",
        "mlm.block_length=16",
        "mlm.dev_blocks=8",
        "trainer.max_iterations=30",
        "trainer.checkpoint_every=5",
    ]


def report(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Does in this process what report.py does with these arguments; starting one would take most of the time."""
    out, err = io.StringIO(), io.StringIO()
    handlers = list(logging.root.handlers)
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        code = report_command.main([str(argument) for argument in arguments])
    logging.root.handlers[:] = handlers
    return subprocess.CompletedProcess([*map(str, arguments)], code, out.getvalue(), err.getvalue())
