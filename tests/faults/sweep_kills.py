"""Kills of a sweep at random moments: of its first process, of one that it started, or of all at once."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.subjects import Subject, World, state
from tests.faults.world import LONGEST
from tests.helpers.commands import ROOT, environment

TOKEN = "FAULT_TOKEN"  # the environment's variable by which all processes of one command are known
LOOK = 0.1  # seconds between two looks at what still runs
SMALL = ["trainer.max_iterations=60", "trainer.max_epochs=4", "trainer.checkpoint_every=3"]


def sweep_kills(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Kills sweeps, gives the same command again, and compares the ends; no process may be left."""
    folder = folder.resolve()
    world, failures = World(folder), []
    subject = world.subjects["sweep"]
    world.prepare(subject)
    begin = time.monotonic()
    code, output = _finish(_start(subject, "undisturbed"), folder)
    assert code == 0, output
    duration, expectation = time.monotonic() - begin, state(world.out)
    for number in range(rounds):
        world.prepare(subject)
        moments = []
        for attempt in range(rng.randint(1, 3)):
            token = f"{os.getpid()}-{number}-{attempt}"
            sweep = _start(subject, token)
            at = rng.uniform(0.1, 1) * duration
            victim, kind = rng.choice(["parent", "child", "group"]), rng.choice([signal.SIGKILL, signal.SIGTERM])
            moments.append(f"{kind.name} of {victim} after {at:.1f} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                sweep.wait(at)
            _kill(sweep, token, victim, kind, rng)
            _finish(sweep, folder)
            if left := _processes(token, LONGEST):
                failures.append(f"sweep round {number}, {moments}: processes {left} are left")
        code, output = _finish(_start(subject, "last"), folder)
        what = f"sweep round {number}, {', '.join(moments)}"
        print(what, flush=True)
        if code != 0:
            failures.append(f"{what}: exit code {code}: {output[-600:]}")
        elif (end := state(world.out)) != expectation:
            other = [name for name in sorted({*end, *expectation}) if end.get(name) != expectation.get(name)]
            failures.append(f"{what}: other {', '.join(other)}")
        print("".join(f"FAILURE {one}\n" for one in failures if one.startswith(f"sweep round {number},")), end="")
    shutil.rmtree(world.out)
    return failures


def _start(subject: Subject, token: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(ROOT / subject.script), *subject.arguments, *SMALL]
    with (subject.folder.parent / "output").open("wb") as file:
        return subprocess.Popen(
            command,
            env=environment() | {TOKEN: token},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=subject.folder.parent,
        )


def _finish(sweep: "subprocess.Popen[bytes]", folder: Path) -> tuple[int, str]:
    """Waits for a sweep: its exit code, and what it printed."""
    code = sweep.wait(LONGEST)
    return code, (folder / "output").read_text(errors="replace")


def _kill(sweep: "subprocess.Popen[bytes]", token: str, victim: str, kind: signal.Signals, rng: random.Random) -> None:
    """Sends the signal; to nobody if the victim has ended."""
    with contextlib.suppress(ProcessLookupError):
        if victim == "group":
            os.killpg(sweep.pid, kind)
        elif victim == "parent":
            os.kill(sweep.pid, kind)
        elif children := [pid for pid in _processes(token) if pid != sweep.pid]:
            os.kill(rng.choice(children), kind)


def _processes(token: str, wait: float = 0) -> list[int]:
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
