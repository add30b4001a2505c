"""Mutations of all that a user or another program gives: each ends in a right result or in one sentence."""

import random
import shutil
from pathlib import Path

from tests.faults.child import End, run
from tests.faults.mutate import mutate_words, mutator
from tests.faults.mutated_inputs import LONGEST, cases

MUTATIONS = 100  # ours: a round takes less than two minutes on one core


def mutations(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Changes one thing at a time, gives a command that reads it, and looks how it ends."""
    failures = []
    kinds = cases(folder)
    names = set(folder.rglob("*"))
    for number in range(rounds * MUTATIONS):
        case = kinds[number % len(kinds)]
        command, words = rng.choice(list(case.commands))
        what = f"mutations round {number}, {case.kind}"
        if case.files:
            path = rng.choice(list(case.files))
            content = path.read_bytes()
            path.write_bytes(changed := mutator(path.name)(content, rng))
            what += f" {path.relative_to(folder)}"
        else:
            words = mutate_words(words, rng)
            what += f" {words}"
        end = run(command, words, folder, LONGEST)
        if problem := end.problem() or wrong_numbers(folder, end) or leftovers(folder):
            failures.append(f"{what}: {problem}: {end.error[-1500:]}")
            if case.files:
                failures.append(f"  with {changed[:3000]!r}, by {command.__module__} {words}")
            print(f"FAILURE {what}: {problem}", flush=True)
        if case.files:
            path.write_bytes(content)
        for other in sorted({*folder.rglob("*")} - names, reverse=True):
            other.unlink() if other.is_file() or other.is_symlink() else shutil.rmtree(other, ignore_errors=True)
        print(what[:200], end.code, end.error.strip().splitlines()[-1:] if end.code else "", flush=True)
    return failures


def wrong_numbers(folder: Path, end: End) -> str:
    """Says whether a command ended well with a number that is none."""
    texts = [path.read_text() for path in (folder / "new").rglob("*.json")] if end.code == 0 else []
    return (
        "a number that is none in a record"
        if any(word in text for text in texts for word in ("NaN", "Infinity"))
        else ""
    )


def leftovers(folder: Path) -> str:
    """Names what a command left under a temporary name."""
    return ", ".join(str(path) for path in folder.rglob(".*.tmp*"))
