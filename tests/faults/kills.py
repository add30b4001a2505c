"""Kills at random moments."""

import contextlib
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.faults.world import LONGEST, STAGES, make_world, start, state
from tests.helpers.short_runs import overrides


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
