"""Faults that are injected for real, from a printed seed, and the end compared with an undisturbed run.

python -m tests.faults.campaign --rounds 20 --seed 7 kills bytes
python -m tests.faults.campaign --tenth 2026-11-26
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from tests.faults.at_writes import faulty_disk, kills_at_writes
from tests.faults.bytes_of_files import bytes_of_files
from tests.faults.damaged_files import cut_files, damaged_files, obstacles
from tests.faults.fuzz import fuzz
from tests.faults.kills import kills
from tests.faults.long_runs import long_runs
from tests.faults.moved import moved
from tests.faults.mutations import mutations
from tests.faults.sweep_kills import sweep_kills
from tests.faults.together import together

CAMPAIGNS: dict[str, Callable[[Path, int, random.Random], list[str]]] = {
    "kills": kills,
    "sweep_kills": sweep_kills,
    "kills_at_writes": kills_at_writes,
    "faulty_disk": faulty_disk,
    "damaged_files": damaged_files,
    "cut_files": cut_files,
    "obstacles": obstacles,
    "moved": moved,
    "bytes": bytes_of_files,
    "mutations": mutations,
    "fuzz": fuzz,
    "long_runs": long_runs,
    "together": together,
}


PARTS = 10  # ours: a tenth of a half-hour is what every change can wait for
# ours: a round of these takes many minutes, so that they are run by hand and on no day
BY_HAND = ("long_runs", "together")


def of_day(day: int) -> list[str]:
    """Names the campaigns of a day, counted from any one: each comes up once in PARTS days, or more often."""
    names = [name for name in CAMPAIGNS if name not in BY_HAND]
    parts = min(PARTS, len(names))
    return names[day % parts :: parts]


def run(name: str, rounds: int, seed: int) -> list[str]:
    """Runs a campaign in a folder of its own, and returns its failures."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        failures = CAMPAIGNS[name](Path(folder), rounds, random.Random(f"{name} {seed}"))
    print(f"{name}: {len(failures)} failures in {time.monotonic() - begin:.0f} s", flush=True)
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description="Injects faults, and compares the end with an undisturbed run.")
    parser.add_argument("campaigns", nargs="*", metavar="NAME", help=f"of {', '.join(CAMPAIGNS)}; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--jobs", type=int, default=1, help="as many campaigns at a time, each in a process of its own")
    parser.add_argument(
        "--tenth", type=date.fromisoformat, metavar="DATE", help="one round of that day's campaigns, by the day's seed"
    )
    options = parser.parse_args()
    names = options.campaigns or list(CAMPAIGNS)
    if options.tenth is not None:
        options.seed, options.rounds = options.tenth.toordinal(), 1
        names = options.campaigns or of_day(options.seed)
    print(f"seed {options.seed}: {' '.join(names)}", flush=True)
    if options.jobs == 1:
        failures = [failure for name in names for failure in run(name, options.rounds, options.seed)]
    else:
        # A new process each: a fork would have the threads of the campaign before it.
        with ProcessPoolExecutor(options.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
            tasks = [pool.submit(run, name, options.rounds, options.seed) for name in names]
            failures = [failure for task in tasks for failure in task.result()]
    print("\n".join([f"{len(failures)} failures", *failures]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
