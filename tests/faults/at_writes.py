"""Kills, and a broken disk, at every operation that changes a file: a record, weights, a cache, a name, a folder."""

import random
from collections.abc import Sequence
from pathlib import Path

from tests.faults import layer
from tests.faults.layer import ERRORS, SIGNALS, Fault
from tests.faults.subjects import Outcome, Subject, World, state

NAMES = ("mlm", "ort", "full_ft", "sweep", "task", "demo", "evaluate", "predict", "report", "tidy", "again")


def kills_at_writes(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Kills each command at an operation on files, gives it again, and compares the ends."""
    return _campaign(folder, rounds, rng, [-number for number in SIGNALS])


def faulty_disk(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Lets an operation on files fail: one sentence or the right end, and the right end without the fault afterwards."""
    return _campaign(folder, rounds, rng, list(ERRORS))


def _campaign(folder: Path, rounds: int, rng: random.Random, numbers: Sequence[int]) -> list[str]:
    layer.load()
    world, failures = World(folder.resolve()), []
    for name in NAMES:
        subject = world.subjects[name]
        undisturbed, expectation = world.end(subject)
        for _ in range(rounds):
            number = rng.choice(numbers)
            kinds = ERRORS[number][0] if number > 0 else layer.CHANGES
            if any(operation.kind in kinds for operation in undisturbed.done):
                fault = Fault(layer.choose(undisturbed.done, kinds, rng), number)
                found = [f"{name}, {fault}: {why}" for why in _round(world, subject, fault, expectation)]
                print("".join(f"FAILURE {why}\n" for why in found), end="", flush=True)
                failures += found
    return failures


def _round(world: World, subject: Subject, fault: Fault, expectation: dict[str, object]) -> list[str]:
    world.prepare(subject)
    outcome = subject.run(fault)
    place = outcome.done[fault.at - 1] if fault.at <= len(outcome.done) else None
    line = next((line for line in outcome.error.splitlines() if line.startswith("error: ")), "")
    print(f"{subject.name}, {fault} ({place}): exit code {outcome.code} {line}", flush=True)
    problems = []
    if fault.number > 0 and not outcome.is_sentence and not (outcome.code == 0 and state(world.out) == expectation):
        problems.append(f"{place}: exit code {outcome.code} and no sentence: {_end(outcome)}")
    again = subject.run()
    if again.code != 0:
        problems.append(f"{place}: the command again has exit code {again.code}: {_end(again)}")
    elif (end := state(world.out)) != expectation:
        other = [name for name in sorted({*end, *expectation}) if end.get(name) != expectation.get(name)]
        problems.append(f"{place}: the command again leaves other {', '.join(other)}")
    return problems


def _end(outcome: Outcome) -> str:
    return (outcome.output + outcome.error)[-600:]
