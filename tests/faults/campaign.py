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
from typing import NamedTuple

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


class Campaign(NamedTuple):
    """A kind of faults. rounds: those of `make test-faults`, which has 25 minutes of two cores for all campaigns together."""

    run: Callable[[Path, int, random.Random], list[str]]
    rounds: int


# ours: the rounds, by the seconds that one takes. A day of `of_day` has one of the first three with one of the last three.
CAMPAIGNS = {
    "kills": Campaign(kills, 2),
    "sweep_kills": Campaign(sweep_kills, 2),
    "kills_at_writes": Campaign(kills_at_writes, 2),
    "cut_files": Campaign(cut_files, 1),
    "together": Campaign(together, 4),
    "long_runs": Campaign(long_runs, 1),
    "damaged_files": Campaign(damaged_files, 2),
    "faulty_disk": Campaign(faulty_disk, 2),
    "mutations": Campaign(mutations, 3),
    "obstacles": Campaign(obstacles, 2),
    "moved": Campaign(moved, 3),
    "bytes": Campaign(bytes_of_files, 6),
    "fuzz": Campaign(fuzz, 2),
}


PARTS = 10  # ours: a tenth of 25 minutes is what every change can wait for


def of_day(day: int) -> list[str]:
    """Names the campaigns of a day, counted from any one: each comes up once in PARTS days."""
    return [*CAMPAIGNS][day % PARTS :: PARTS]


def run(name: str, rounds: int | None, seed: int) -> list[str]:
    """Runs a campaign in a folder of its own, and returns its failures. rounds: by default its own number."""
    rounds = CAMPAIGNS[name].rounds if rounds is None else rounds
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        failures = CAMPAIGNS[name].run(Path(folder), rounds, random.Random(f"{name} {seed}"))
    print(f"{name}: {len(failures)} failures in {time.monotonic() - begin:.0f} s", flush=True)
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description="Injects faults, and compares the end with an undisturbed run.")
    parser.add_argument("campaigns", nargs="*", metavar="NAME", help=f"of {', '.join(CAMPAIGNS)}; default: all")
    parser.add_argument("--rounds", type=int, help="of each campaign; by default its own number")
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
