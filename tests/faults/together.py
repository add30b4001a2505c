"""Several commands on the same folders at once, and clocks that jump; each end is that of the commands one after another."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from orthoadapters.runs.results import read_result
from tests.faults.bytes_of_files import SENTENCE
from tests.faults.world import LONGEST, make_world
from tests.helpers.commands import ROOT, environment
from tests.helpers.short_runs import numbers, overrides

SWEEP = ["-m", "variant=t_noo,lnoo_tnoo", "task=wikiann", "languages=[sw]", "language_adapters.missing=train"]
FIRST = ["variant=t_ort", "task=wikiann", "languages=[sw]"]
# ours: seconds by which a clock jumps or a file's time is wrong: up to ten days
JUMP = 864_000
# Python imports this module at its start, if it finds it.
CLOCK = """
import random, time
moments, true, true_ns = random.Random({seed}), time.time, time.time_ns
def jump():
    return moments.choice((0, 1, -1)) * moments.randrange({jump})
time.time = lambda: true() + jump()
time.time_ns = lambda: true_ns() + jump() * 10**9
"""
DEMO = """
import sys
from pathlib import Path
from orthoadapters.demo.backbone import ensure_backbone
from orthoadapters.demo.recipe import BackboneRecipe
ensure_backbone(Path(sys.argv[1]), BackboneRecipe(hidden=32, layers=1, heads=2, pieces=300, passages=60,
                                                  mixed_passages=60, linked_pairs=40, steps=40, batch=4))
"""


def together(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Runs commands at the same time, and with wrong clocks. A round is one of four cases, which come up in turn."""
    backbone, world = make_world(folder)
    failures: list[str] = []
    expectation = folder / "one-after-another"
    for more in (FIRST, SWEEP):
        failures += _ends([_start(overrides(backbone, world, expectation, *more))], [0])
    cases = rng.sample([_several, _trainings, _clocks, _demo_backbones], 4)
    for number, case in zip(range(rounds), cycle(cases), strict=False):
        name = case.__name__.replace("_", " ").strip()
        problems = case(backbone, world, folder / f"out-{number}", rng, expectation)
        print(f"{name}: {len(problems)} failures", flush=True)
        failures += [f"{name}: {problem}" for problem in problems]
    return failures


def _several(backbone: Path, world: Path, out: Path, rng: random.Random, expectation: Path) -> list[str]:
    """Two sweeps, reports and predictions of a finished run, all on the same folders."""
    first, sweep = overrides(backbone, world, out, *FIRST), overrides(backbone, world, out, *SWEEP)
    problems = _ends([_start(first)], [0])
    (run,) = {result.parent for result in (out / "runs").rglob("result.json")}
    text = out / "text"
    text.write_text(SENTENCE)
    sweeps = []
    for _ in range(2):
        sweeps.append(_start(sweep))
        time.sleep(rng.uniform(0, 3))
    others: list[subprocess.Popen[str]] = []
    while any(one.poll() is None for one in sweeps):
        labels = out / f"labels-{len(others)}"
        predict = [str(run), str(text), "--language", "sw", "--device", "cpu", "--output", str(labels)]
        others += [
            _start(predict, "predict.py"),
            _start([str(out / "runs"), "--out", str(out / "report")], "report.py"),
        ]
        for one in others[-2:]:
            with suppress(subprocess.TimeoutExpired):
                one.wait(LONGEST)
    problems += _ends([*sweeps, *others], [0])
    texts = {file.read_text() for file in out.glob("labels-*")}
    if len(texts) != 1:
        problems.append(f"{len(texts)} different predictions")
    return problems + _compare(out, expectation)


def _trainings(backbone: Path, world: Path, out: Path, rng: random.Random, expectation: Path) -> list[str]:
    """The language adapters of the sweep, each by two commands, on an empty cache; then the sweep."""
    commands = []
    for language in ("en", "sw") * 2:
        stage = ["stage=mlm", "variant=lnoo_tnoo", f"language={language}"]
        commands.append(_start(overrides(backbone, world, out, *stage)))
        time.sleep(rng.uniform(0, 1))
    problems = _ends(commands, [0, 75])
    for more in (FIRST, SWEEP):
        problems += _ends([_start(overrides(backbone, world, out, *more))], [0])
    return problems + _compare(out, expectation)


def _clocks(backbone: Path, world: Path, out: Path, rng: random.Random, expectation: Path) -> list[str]:
    """The sweep under a clock that jumps at every look, killed once, and all files from another time when it goes on."""
    out.mkdir()
    modules = out / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(CLOCK.format(seed=rng.randrange(2**32), jump=JUMP))
    paths = {"PYTHONPATH": f"{modules}:{environment()['PYTHONPATH']}"}
    problems = _ends([_start(overrides(backbone, world, out, *FIRST), more=paths)], [0])
    sweep = _start(overrides(backbone, world, out, *SWEEP), more=paths)
    with suppress(subprocess.TimeoutExpired):
        sweep.wait(rng.uniform(5, 25))
    sweep.send_signal(rng.choice([signal.SIGKILL, signal.SIGTERM]))
    sweep.communicate(timeout=LONGEST)
    for file in [file for file in out.rglob("*") if file.is_file()]:
        # A cell may be at work still, and take its temporary files away.
        with suppress(FileNotFoundError):
            at = time.time() + rng.uniform(-JUMP, JUMP)
            os.utime(file, (at, at))
    for _ in range(2):
        problems += _ends([_start(overrides(backbone, world, out, *SWEEP), more=paths)], [0])
    return problems + _compare(out, expectation)


def _demo_backbones(_: Path, __: Path, out: Path, rng: random.Random, ___: Path) -> list[str]:
    """Makes a small demo backbone by three processes at once, one of which is killed."""
    commands = [_run(["-c", DEMO, str(out / "cache")]) for _ in range(3)]
    time.sleep(rng.uniform(4, 12))
    commands[0].kill()
    problems = _ends(commands[1:], [0])
    commands[0].communicate()
    code = commands[0].returncode
    problems += _ends([_run(["-c", DEMO, str(out / "alone")])], [0])
    here, alone = ({_digest(file) for file in _files(out / name, ".unfinished")} for name in ("cache", "alone"))
    if here != alone:
        problems.append(f"the demo backbone differs in {[name for name, _ in here ^ alone]}")
    left = list((out / "cache").glob(".unfinished-*"))
    if left and code != -signal.SIGKILL:
        problems.append(f"{left} was left")
    return problems


def _run(arguments: Sequence[str], more: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**environment(), **(more or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )


def _start(
    arguments: Sequence[str], script: str = "train.py", more: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    return _run([str(ROOT / script), *arguments], more)


def _ends(commands: Sequence["subprocess.Popen[str]"], codes: Sequence[int]) -> list[str]:
    """Waits for commands; says which of them ended otherwise than by these exit codes, or with a traceback."""
    problems = []
    for command in commands:
        output = command.communicate(timeout=LONGEST)[0]
        if command.returncode not in codes or "Traceback" in output:
            problems.append(f"exit code {command.returncode} of {command.args!s:.120} ...: {output[-600:]}")
    return problems


def _files(folder: Path, without: str = "/multirun/") -> Iterator[Path]:
    """Yields the files below a folder, but for those whose path holds `without`: Hydra's folder is the launcher's own."""
    return (file for file in folder.rglob("*") if file.is_file() and without not in str(file))


def _digest(file: Path) -> tuple[str, str]:
    return file.name, hashlib.sha256(file.read_bytes()).hexdigest()


def _compare(out: Path, expectation: Path) -> list[str]:
    """Compares numbers, weights, predictions and adapters, and the names of all files."""
    problems = []
    ends: list[tuple[Any, Any, Any]] = []
    for folder in (out, expectation):
        files = {
            str(file.relative_to(folder)): file
            for name in ("runs", "adapters", "cache")
            for file in _files(folder / name)
        }
        # Sweeps alone write logs, of what each cell said.
        names = {name for name in files if not name.endswith("log.txt")}
        kept = {name: _digest(files[name]) for name in names if name.endswith((".safetensors", ".tsv", ".npz", ".npy"))}
        results = {name: numbers(read_result(files[name])) for name in names if name.endswith("/result.json")}
        ends.append((names, kept, results))
    for one, other, what in zip(*ends, ("files", "contents", "results"), strict=True):
        if one != other:
            differences = sorted({*one} ^ {*other}) or sorted(name for name in one if one[name] != other[name])
            problems.append(f"other {what}: {', '.join(differences[:5])}")
    return problems
