"""Faults that are injected for real, from a printed seed, and the end compared with an undisturbed run.

python -m tests.faults.campaign --rounds 20 --seed 7 kills bytes
"""

import argparse
import contextlib
import hashlib
import io
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from orthoadapters.commands import predict
from orthoadapters.runs.results import read_result
from tests.conftest import ORACLE
from tests.helpers import tiny_world
from tests.helpers.commands import ROOT, environment
from tests.helpers.short_runs import execute, numbers, overrides

STAGES = {
    "mlm": ["stage=mlm", "variant=lort_tnoo", "language=sw", "trainer.max_iterations=80"],
    "task": ["variant=t_ort", "task=udpos", "languages=[tr]", "trainer.max_epochs=8"],
}
LONGEST = 300  # ours: seconds of a tiny run on a busy machine
SENTENCE = "anna sees dog\nberta likes river\n"


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


def kills(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Kills runs at random moments, gives the same command again, and compares the ends."""
    backbone, world = make_world(folder)
    failures = []
    for stage, more in STAGES.items():
        begin = time.monotonic()
        undisturbed = start(overrides(backbone, world, folder / stage, *more))
        output = undisturbed.communicate(timeout=LONGEST)[0].decode()
        assert undisturbed.returncode == 0, output
        duration, expectation = time.monotonic() - begin, state(folder / stage)
        for number in range(rounds):
            out, moments = folder / f"{stage}-{number}", []
            arguments = overrides(backbone, world, out, *more)
            for _ in range(rng.randint(1, 3)):
                process = start(arguments)
                moments.append((rng.choice([signal.SIGKILL, signal.SIGTERM]), rng.uniform(0.2, 1) * duration))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(moments[-1][1])
                process.send_signal(moments[-1][0])
                process.communicate(timeout=LONGEST)
            last = start(arguments)
            output = last.communicate(timeout=LONGEST)[0].decode()
            what = f"{stage} round {number}, {[(one.name, round(at, 2)) for one, at in moments]}"
            if last.returncode != 0:
                failures.append(f"{what}: exit code {last.returncode}: {output[-300:]}")
            elif (end := state(out)) != expectation:
                failures.append(f"{what}: other {[key for key in end if end[key] != expectation[key]]}")
            shutil.rmtree(out)
            print(what, flush=True)
    return failures


def label(run: Path) -> tuple[int, str, str]:
    """Labels with a run as predict.py does: exit code, standard output, standard error."""
    text = run.parent / "text"
    text.write_text(SENTENCE)
    output, error = run.parent / "labels", io.StringIO()
    output.unlink(missing_ok=True)
    with contextlib.redirect_stderr(error):
        code = predict.main([str(run), str(text), "--language", "sw", "--device", "cpu", "--output", str(output)])
    return code, output.read_text() if output.exists() else "", error.getvalue()


def damage(path: Path, rng: random.Random) -> str:
    """Cuts a file, or changes one bit of it, and says where."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    if rng.random() < 0.5:
        path.write_bytes(content[:at])
        return f"{path.name} cut at {at}"
    content[at] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return f"{path.name} changed at {at}"


def bytes_of_files(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Damages each file that predict.py reads: the same labels come out, or one sentence."""
    backbone, world = make_world(folder)
    common = ["variant=lnoo_tnoo", "language=en", "trainer.max_iterations=3", "trainer.max_epochs=1"]
    for language in ("en", "sw"):
        execute(overrides(backbone, world, folder, *common, "stage=mlm", f"language={language}"))
    run = folder / "runs" / execute(overrides(backbone, world, folder, *common, "task=wikiann", "languages=[sw]")).run
    expectation, failures = label(run), []
    assert expectation[0] == 0, expectation
    roots = (run, folder / "adapters" / "tiny" / "sw-noo", backbone)
    parts = ("checkpoints", "sentences", "predictions")
    files = [path for root in roots for path in sorted(root.rglob("*")) if path.is_file() and path.stat().st_size]
    files = [path for path in files if path.parent.name not in parts]
    for number in range(rounds):
        path = rng.choice(files)
        content = path.read_bytes()
        what = f"bytes round {number}, {damage(path, rng)}"
        try:
            code, labels, error = label(run)
            is_sentence = code == 1 and error.startswith("error: ") and error.count("\n") == 1
            if not is_sentence and (code, labels) != expectation[:2]:
                failures.append(
                    f"{what}: exit code {code}, {'the same' if labels == expectation[1] else 'other'} labels: {error}"
                )
        except Exception as error:
            failures.append(f"{what}: {type(error).__name__}: {error}")
        path.write_bytes(content)
        print(what, flush=True)
    return failures


CAMPAIGNS: dict[str, Callable[[Path, int, random.Random], list[str]]] = {"kills": kills, "bytes": bytes_of_files}


def main() -> int:
    parser = argparse.ArgumentParser(description="Injects faults, and compares the end with an undisturbed run.")
    parser.add_argument("campaigns", nargs="*", metavar="NAME", help=f"of {', '.join(CAMPAIGNS)}; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    failures = []
    for name in options.campaigns or CAMPAIGNS:
        with tempfile.TemporaryDirectory() as folder:
            failures += CAMPAIGNS[name](Path(folder), options.rounds, random.Random(f"{name} {options.seed}"))
    print("\n".join([f"{len(failures)} failures", *failures]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
