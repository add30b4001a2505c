"""Kills at random moments."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.faults.world import STAGES, finish, first_signals, left_by, make_world, start, state
from tests.helpers.short_runs import overrides


def kills(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Kills runs at random moments, gives the same command again, and compares the ends; nothing may be left."""
    backbone, world = make_world(folder)
    failures = []
    for stage, more in STAGES.items():

        def begin(out: Path, token: str, more: list[str] = more) -> "subprocess.Popen[bytes]":
            return start(
                "train.py", [*overrides(backbone, world, out, *more), "trainer.checkpoint_every=3"], folder, token
            )

        at_start = time.monotonic()
        code, output = finish(begin(folder / stage, stage), folder)
        assert code == 0, output
        duration, expectation = time.monotonic() - at_start, state(folder / stage)
        for number, kind in zip(range(rounds), first_signals(rng), strict=False):
            out, token = folder / f"{stage}-{number}", f"{os.getpid()}-{stage}-{number}"
            kinds = [kind, *rng.choices([signal.SIGKILL, signal.SIGTERM], k=rng.randrange(3))]
            moments = [(one, rng.uniform(0.2, 1) * duration) for one in kinds]
            what = f"{stage} round {number}, {[(one.name, round(at, 2)) for one, at in moments]}"
            problems = []
            for one, at in moments:
                process = begin(out, token)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(at)
                process.send_signal(one)
                finish(process, folder)
                if left := left_by(token, folder, one):
                    problems.append(f"{left} left after {one.name}")
            code, output = finish(begin(out, token), folder)
            if left := left_by(token, folder):
                problems.append(f"{left} left at the end")
            if code != 0:
                problems.append(f"exit code {code}: {output[-300:]}")
            elif (end := state(out)) != expectation:
                problems.append(f"other {[key for key in end if end[key] != expectation[key]]}")
            failures += [f"{what}: {problem}" for problem in problems]
            shutil.rmtree(out)
            print(what, flush=True)
    return failures
