"""Faults that are injected for real, from a printed seed, and the end compared with an undisturbed run.

python -m tests.faults.campaign --rounds 20 --seed 7 kills bytes
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.at_writes import faulty_disk, kills_at_writes
from tests.faults.bytes_of_files import bytes_of_files
from tests.faults.damaged_files import damaged_files, obstacles
from tests.faults.kills import kills
from tests.faults.long_runs import long_runs
from tests.faults.sweep_kills import sweep_kills
from tests.faults.together import together

CAMPAIGNS: dict[str, Callable[[Path, int, random.Random], list[str]]] = {
    "kills": kills,
    "sweep_kills": sweep_kills,
    "kills_at_writes": kills_at_writes,
    "faulty_disk": faulty_disk,
    "damaged_files": damaged_files,
    "obstacles": obstacles,
    "bytes": bytes_of_files,
    "long_runs": long_runs,
    "together": together,
}


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
