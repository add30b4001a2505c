"""What the campaigns share: a tiny world, the commands of a run in it, and what it must end with."""

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from orthoadapters.runs.results import read_result
from tests import conftest  # noqa: F401  it sets the environment of all processes
from tests.helpers import tiny_world
from tests.helpers.commands import ROOT, environment
from tests.helpers.session import ORACLE
from tests.helpers.short_runs import numbers

STAGES = {
    "mlm": ["stage=mlm", "variant=lort_tnoo", "language=sw", "trainer.max_iterations=80"],
    "task": ["variant=t_ort", "task=udpos", "languages=[tr]", "trainer.max_epochs=8"],
}
LONGEST = 300  # ours: seconds of a tiny run on a busy machine
TOKEN = "FAULT_TOKEN"  # ours: the environment's variable by which all processes of one command are known
LOOK = 0.1  # ours: seconds between two looks at what still runs


def make_world(folder: Path) -> tuple[Path, Path]:
    """Writes the tiny backbone and the tiny data."""
    backbone, world = folder / "models" / "tiny", folder / "world"
    shutil.copytree(ORACLE / "backbone", backbone)
    tiny_world.save_tiny_tokenizer(backbone)
    world.mkdir()
    tiny_world.write(world)
    return backbone, world


def start(script: str, arguments: list[str], folder: Path, token: str) -> "subprocess.Popen[bytes]":
    """Starts a command in a session of its own; what it prints goes to `output` in the folder.

    token: what tells its processes from all others. Its temporary files go to `temporary` in the folder, which is empty then:
    nobody can take away those of a process that was killed.
    """
    temporary = folder / "temporary"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    with (folder / "output").open("wb") as file:
        return subprocess.Popen(
            [sys.executable, str(ROOT / script), *arguments],
            env=environment() | {TOKEN: token, "TMPDIR": str(temporary)},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
        )


def finish(process: "subprocess.Popen[bytes]", folder: Path) -> tuple[int, str]:
    """Waits for a command that `start` began: its exit code, and what it printed."""
    code = process.wait(LONGEST)
    return code, (folder / "output").read_text(errors="replace")


def first_signals(rng: random.Random) -> Iterator[signal.Signals]:
    """Yields SIGKILL and SIGTERM in turn, beginning with either, so that rounds have both in equal parts."""
    kinds = rng.sample([signal.SIGKILL, signal.SIGTERM], 2)
    while True:
        yield from kinds


def processes(token: str, wait: float = 0) -> list[int]:
    """Lists the living processes of a command. wait: the seconds after which they should have ended."""
    end = time.monotonic() + wait
    while left := [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if _has(path, token)]:
        if time.monotonic() > end:
            return left
        time.sleep(LOOK)
    return []


def _has(path: Path, token: str) -> bool:
    try:
        return f"{TOKEN}={token}\0".encode() in path.read_bytes()
    except OSError:
        return False


def left_by(token: str, folder: Path, kind: int = 0) -> str:
    """Names the processes and the temporary files of a command that has ended; empty if there are none.

    kind: the signal that ended it. What SIGKILL ends leaves its temporary files.
    """
    left = [f"process {pid}" for pid in processes(token, LONGEST)]
    files = [] if kind == signal.SIGKILL else sorted((folder / "temporary").iterdir())
    return ", ".join([*left, *map(str, files)])


def state(out: Path) -> dict[str, object]:
    """Collects what a run must end with: its numbers, its weights and predictions, and the names of all its files."""
    (result,) = (out / "runs").rglob("result.json")
    files = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    kept = {name: path for name, path in files.items() if path.suffix in (".safetensors", ".tsv", ".npz", ".npy")}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kept.items()}
    return {"names": sorted(files), "digests": digests, "numbers": numbers(read_result(result))}
