"""Kills of a sweep at random moments: of its first process, of one that it started, or of all at once."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.faults.subjects import World, state
from tests.faults.world import finish, first_signals, left_by, processes, start

SMALL = ["trainer.max_iterations=60", "trainer.max_epochs=4", "trainer.checkpoint_every=3"]


def sweep_kills(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Kills sweeps, gives the same command again, and compares the ends; no process may be left."""
    folder = folder.resolve()
    world, failures = World(folder), []
    subject = world.subjects["sweep"]

    def begin(token: str) -> "subprocess.Popen[bytes]":
        return start(subject.script, [*subject.arguments, *SMALL], folder, token)

    world.prepare(subject)
    at_start = time.monotonic()
    code, output = finish(begin("undisturbed"), folder)
    assert code == 0, output
    duration, expectation = time.monotonic() - at_start, state(world.out)
    victims = rng.sample(["parent", "child", "group"], 3)  # in turn, as the signals are: six rounds have each pair once
    for number, first in zip(range(rounds), first_signals(rng), strict=False):
        world.prepare(subject)
        moments = []
        kinds = [first, *rng.choices([signal.SIGKILL, signal.SIGTERM], k=rng.randrange(3))]
        for attempt, kind in enumerate(kinds):
            token = f"{os.getpid()}-{number}-{attempt}"
            sweep = begin(token)
            at, victim = (
                rng.uniform(0.1, 1) * duration,
                rng.choice(victims) if attempt else victims[number % len(victims)],
            )
            moments.append(f"{kind.name} of {victim} after {at:.1f} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                sweep.wait(at)
            _kill(sweep, token, victim, kind, rng)
            finish(sweep, folder)
            if left := left_by(token, folder, kind):
                failures.append(f"sweep round {number}, {moments}: {left} left")
        token = f"{os.getpid()}-{number}-last"
        code, output = finish(begin(token), folder)
        if left := left_by(token, folder):
            failures.append(f"sweep round {number}, {moments}: {left} left at the end")
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


def _kill(sweep: "subprocess.Popen[bytes]", token: str, victim: str, kind: signal.Signals, rng: random.Random) -> None:
    """Sends the signal; to nobody if the victim has ended."""
    with contextlib.suppress(ProcessLookupError):
        if victim == "group":
            os.killpg(sweep.pid, kind)
        elif victim == "parent":
            os.kill(sweep.pid, kind)
        elif children := [pid for pid in processes(token) if pid != sweep.pid]:
            os.kill(rng.choice(children), kind)
