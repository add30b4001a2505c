"""A long run, and a sweep of many cells: what grows, and what becomes slow.

30 rounds are the whole: 20,000 iterations, and 1,000 cells of which one in twenty fails. Fewer rounds are a part of it.
"""

import contextlib
import io
import json
import os
import pty
import random
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from orthoadapters.commands import report
from orthoadapters.config.compose import compose_config
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.sweep.process import run_cell
from orthoadapters.sweep.run import sweep
from tests.faults.world import make_world
from tests.helpers.commands import ROOT, environment
from tests.helpers.short_runs import execute, overrides

WHOLE = 30  # ours: rounds
ITERATIONS, CELLS, FAULTS = 20_000, 1_000, 0.05
# ours: MB that a process may grow by after its first tenth; a leak of 1 kB per iteration would be 20
GROWTH = 12.0
# ours: bytes per iteration; a row of metrics.csv has about 80, and W&B's record of it ten times as many
ROW, RECORD = 130, 1000
# ours: bytes that are there once, whatever the number of iterations
ONCE = 200_000
# ours: seconds of computing that a command over a thousand cells may take
PATIENCE = 60.0
# ours: the part of the remaining time by which the progress bar may be wrong after the first minute
PRECISION = 0.1
LEFT = re.compile(r"left (?:\x1b\[[0-9;]*m)*(\d+):(\d\d):(\d\d)")
COUNT = re.compile(r"(\d+)/\d+")
KINDS = ("kill", "raise", "exit", "disk")
FILE = "faults.json"


def long_runs(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Runs a long run and a sweep of many cells."""
    backbone, world = make_world(folder)
    part = min(1.0, rounds / WHOLE)
    failures = [f"a long run: {what}" for what in long_run(folder, backbone, world, int(ITERATIONS * part))]
    return failures + [
        f"a sweep: {what}" for what in many_cells(folder / "sweep", backbone, world, int(CELLS * part), rng)
    ]


def long_run(folder: Path, backbone: Path, world: Path, iterations: int) -> list[str]:
    """Looks at a process while it trains on a terminal, and at what it leaves."""
    more = [
        "stage=mlm",
        "variant=lort_tnoo",
        "language=sw",
        "logger=[csv,wandb]",
        f"trainer.max_iterations={iterations}",
    ]
    base = [one for one in overrides(backbone, world, folder) if not one.startswith(("logger=", "trainer.max_it"))]
    command = [sys.executable, str(ROOT / "train.py"), *base, *more, "trainer.checkpoint_every=500"]
    ours, theirs = pty.openpty()
    variables = environment() | {"WANDB_MODE": "offline", "COLUMNS": "160", "TERM": "xterm"}
    process = subprocess.Popen(command, env=variables, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    looks: list[tuple[float, float, int, int]] = []
    texts: list[tuple[float, str]] = []
    with contextlib.suppress(OSError):  # the terminal is closed with the process
        while text := os.read(ours, 65536):
            now = time.monotonic()
            texts.append((now, text.decode(errors="replace")))
            if (look := _look(process.pid)) and "left" in texts[-1][1]:
                looks.append((now, *look))
    os.close(ours)
    code = process.wait()
    if code != 0:
        return [f"exit code {code}: {''.join(text for _, text in texts[-20:])}"]
    return [*_growth(looks), *_sizes(folder, iterations), *_remaining_time(texts)]


def _look(pid: int) -> tuple[float, int, int] | None:
    """Reads a process's memory in MB, open files and threads."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return None
    memory, threads = (re.search(rf"{name}:\s+(\d+)", status) for name in ("VmRSS", "Threads"))
    return (int(memory[1]) / 1024, files, int(threads[1])) if memory and threads else None


def _growth(looks: Sequence[tuple[float, float, int, int]]) -> list[str]:
    if len(looks) < 20:
        return [f"only {len(looks)} looks"]
    tenth = len(looks) // 10
    early, late = looks[tenth : 2 * tenth], looks[-2 * tenth : -tenth]
    says = []
    for number, name in ((1, "MB"), (2, "open files"), (3, "threads")):
        first, last = (statistics.median(look[number] for look in part) for part in (early, late))
        print(f"{name}: {first:.4g} in the second tenth, {last:.4g} in the last but one", flush=True)
        if last - first > (GROWTH if number == 1 else 0):
            says.append(f"{name} grew from {first:.4g} to {last:.4g}")
    return says


def _sizes(folder: Path, iterations: int) -> list[str]:
    (run,) = (file.parent for file in (folder / "runs").rglob("result.json"))
    places = {
        "metrics.csv": (ROW, [run / "metrics.csv"]),
        "log.txt": (0, [run / "log.txt"]),
        "W&B's files": (RECORD, [file for file in run.rglob("*") if file.is_file() and "wandb" in file.parts]),
    }
    says = []
    for name, (each, files) in places.items():
        size = sum(file.stat().st_size for file in files if file.exists())
        print(f"{name}: {size:,} bytes, {size / iterations:.0f} per iteration, in {len(files)} files", flush=True)
        if size > ONCE + each * iterations:
            says.append(f"{name} has {size:,} bytes for {iterations} iterations")
    return says


def _remaining_time(texts: Sequence[tuple[float, str]]) -> list[str]:
    """Compares what the progress bar said was left with what was, from the first minute to the last.

    Nobody foresees what else a machine will do. Where the run's own speed varied, the error is said and not judged.
    """
    said = [
        (at, sum(int(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)))
        for at, text in texts
        for match in LEFT.finditer(text)
    ]
    if not said:
        return ["the progress bar said nothing"]
    first, last = said[0][0], max(at for at, left in said if left > 0)
    errors = sorted(abs(at + left - last) / (last - at) for at, left in said if first + 60 < at < last - 60)
    if not errors:
        print(f"progress bar: the run took {last - first:.0f} s, too short to be measured", flush=True)
        return []
    marks = {int(at - first) // 30: int(match[1]) for at, text in texts for match in COUNT.finditer(text)}
    steps = [marks[mark + 1] - marks[mark] for mark in sorted(marks) if mark + 1 in marks][:-1]
    variation = statistics.pstdev(steps) / statistics.mean(steps)
    middle, most = errors[len(errors) // 2], errors[int(0.9 * len(errors))]
    print(
        f"progress bar: wrong by {100 * middle:.1f} % (median of {len(errors)}), {100 * most:.1f} % (0.9); "
        f"the speed over 30 s varied by {100 * variation:.1f} %",
        flush=True,
    )
    is_wrong = middle > PRECISION and variation < PRECISION
    return [f"the progress bar is wrong by {100 * middle:.0f} %"] if is_wrong else []


class Launcher:
    """A launcher that runs the cells here, as that is quick, and those that are to fail in processes, as all launchers do."""

    def __init__(self, faults: Path) -> None:
        self.faults = faults

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        faults, codes = json.loads(self.faults.read_text()), []
        for own in job_overrides:
            run = RunDirectory(compose_config(own))
            codes.append(run_cell(own, run, train) if run.name in faults else self.train_here(own, run))
        return [SimpleNamespace(return_value=code) for code in codes]

    def train_here(self, own: Sequence[str], run: RunDirectory) -> int:
        execute(own)
        run.failure.unlink(missing_ok=True)
        return 0


def train(arguments: Sequence[str]) -> int:
    """Trains a cell, or fails as the folder's file of faults says: by a signal, an exception, an exit code, a full disk."""
    own = [one for one in arguments if not one.startswith("hydra.")]
    config = compose_config(own)
    fault = json.loads((Path(config.paths.runs).parent / FILE).read_text()).get(RunDirectory(config).name)
    if fault == "raise":
        raise RuntimeError("a fault")
    if fault == "exit":
        return 3
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "disk":
        # A checkpoint is larger, and a log is not.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    execute(own)
    return 0


def many_cells(out: Path, backbone: Path, world: Path, count: int, rng: random.Random) -> list[str]:
    """Runs a sweep of which some cells fail, and what one does with it then."""
    out.mkdir()
    short = [
        "variant=t_noo,t_ort",
        "optim.lr=1e-2,2e-2,3e-2,4e-2,5e-2",
        f"seed={','.join(map(str, range(count // 10)))}",
    ]
    more = ["task=udpos", "languages=[tr]", "trainer.max_epochs=1", "data.limit_train=8"]
    arguments = [one for one in overrides(backbone, world, out, *short, *more) if one != "trainer.max_epochs=2"]
    names = [RunDirectory(compose_config(cell)).name for cell in _cells(arguments)]
    faults = {name: rng.choice(KINDS) for name in rng.sample(names, round(FAULTS * len(names)))}
    (out / FILE).write_text(json.dumps(faults))
    runs, says = out / "runs", []

    def command(what: str, expected: int, call: Callable[[], int]) -> str:
        begin, clock = _computing(), time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()):
            code = call()
        took = _computing() - begin
        print(f"{what}: exit code {code}, {took:.1f} s of computing, {time.monotonic() - clock:.1f} s", flush=True)
        if code != expected:
            says.append(f"{what}: exit code {code}: {said.getvalue()[-300:]}")
        if what in ("plan", "again", "report") and took > PATIENCE:
            says.append(f"{what}: {took:.0f} s of computing over {len(names)} cells")
        return said.getvalue()

    def cells(*last: str) -> int:
        return sweep([*arguments, *last], Launcher(out / FILE), None, [])

    def results() -> dict[str, int]:
        return {str(file.parent.relative_to(runs)): file.stat().st_mtime_ns for file in runs.rglob("result.json")}

    command("plan", 0, lambda: cells("plan=true"))
    command("sweep", 1, cells)
    finished = results()
    if {*names} - finished.keys() != faults.keys():
        says.append(f"{len(finished)} of {len(names)} are finished, and {len(faults)} faults were injected")
    plan = command("plan", 0, lambda: cells("plan=true"))
    if f"{len(names)} cells: {len(finished)} finished, {len(faults)} failed" not in plan:
        says.append(f"the plan says {plan.splitlines()[-1]}")
    command("report", 0, lambda: report.main([str(runs), "--out", str(out / "report"), "--seeds"]))
    (out / FILE).write_text("{}")
    command("rerun=failed", 0, lambda: cells("rerun=failed"))
    if {*names} != results().keys() or not finished.items() <= results().items():
        says.append("rerun=failed did not run those alone that had failed")
    command("again", 0, cells)
    return says


def _cells(arguments: Sequence[str]) -> list[list[str]]:
    from orthoadapters.config.overrides import read_axes
    from orthoadapters.sweep.cells import expand

    return [list(cell.overrides) for cell in expand(read_axes(arguments))]


def _computing() -> float:
    """Reads the seconds of processor that this process and its finished children took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
