"""What the campaigns share: a tiny world, the commands of a run in it, and what it must end with."""

import hashlib
import shutil
import subprocess
import sys
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


def make_world(folder: Path) -> tuple[Path, Path]:
    """Writes the tiny backbone and the tiny data."""
    backbone, world = folder / "models" / "tiny", folder / "world"
    shutil.copytree(ORACLE / "backbone", backbone)
    tiny_world.save_tiny_tokenizer(backbone)
    world.mkdir()
    tiny_world.write(world)
    return backbone, world


def start(arguments: list[str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(ROOT / "train.py"), *arguments, "trainer.checkpoint_every=3"]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def state(out: Path) -> dict[str, object]:
    """Collects what a run must end with: its numbers, its weights and predictions, and the names of all its files."""
    (result,) = (out / "runs").rglob("result.json")
    files = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    kept = {name: path for name, path in files.items() if path.suffix in (".safetensors", ".tsv", ".npz", ".npy")}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kept.items()}
    return {"names": sorted(files), "digests": digests, "numbers": numbers(read_result(result))}
