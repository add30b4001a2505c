"""Files that are cut, or hold one byte that changed, where a command reads them; and what lies where something else should."""

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tests.faults import layer
from tests.faults.bytes_of_files import damage
from tests.faults.subjects import Outcome, Subject, World, state

# Data that a command reads and nobody has read before, so that nothing can tell a change from what was meant: any end but a
# traceback is right.
FRESH = {"task": ("world/",), "sweep": ("world/",), "evaluate": ("world/",), "predict": ("text",)}
# Commands that read a backbone which nobody has read before. A changed byte makes it another one, and a cut makes it none.
FIRST_READERS = ("task", "sweep")
MODELS = "models/"
# Damages a file, and says how.
Damage = Callable[[Path], str]
NAMES = ("task", "again", "resume-mlm", "resume-task", "evaluate", "report", "tidy", "predict", "sweep")


def damaged_files(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Damages a file that a command reads: one sentence, or the right end; and the right end once the file is back."""

    def damages(name: str, places: Sequence[str]) -> Iterator[tuple[str, Damage]]:
        for place in islice(walk(places, rng), rounds):
            must_be_cut = name in FIRST_READERS and place.startswith(MODELS)
            yield place, partial(_cut, share=rng.random()) if must_be_cut else partial(damage, rng=rng)

    return _campaign(folder, damages)


def cut_files(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Cuts one file of each name that a command reads at a length in each of `rounds` equal parts; the same holds.

    Of data that nobody has read before, one file in each round.
    """

    def damages(name: str, places: Sequence[str]) -> Iterator[tuple[str, Damage]]:
        fresh = [place for place in places if place.startswith(FRESH.get(name, "/"))]
        for same in _by_name([place for place in places if place not in fresh]).values():
            place = rng.choice(same)
            yield from ((place, partial(_cut, share=(number + rng.random()) / rounds)) for number in range(rounds))
        for place in islice(walk(fresh, rng), rounds):
            yield place, partial(_cut, share=rng.random())

    return _campaign(folder, damages)


def walk(places: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Yields files without end: one of each name before a second of any, and each one before any comes again."""
    while by_name := _by_name(rng.sample(places, len(places))):
        while left := [name for name, same in by_name.items() if same]:
            yield from (by_name[name].pop() for name in rng.sample(left, len(left)))


def _cut(path: Path, share: float) -> str:
    """Leaves this share of a file's bytes, which is below 1."""
    content = path.read_bytes()
    length = int(share * len(content))
    path.write_bytes(content[:length])
    return f"cut at {length} of {len(content)}"


def _by_name(places: Sequence[str]) -> dict[str, list[str]]:
    by_name: dict[str, list[str]] = {}
    for place in places:
        by_name.setdefault(Path(place).name, []).append(place)
    return by_name


def _campaign(folder: Path, damages: Callable[[str, Sequence[str]], Iterator[tuple[str, Damage]]]) -> list[str]:
    """Runs each command with each of the damages, which are chosen from the files that it reads."""
    layer.load()
    world, failures = World(folder.resolve()), []
    for name in NAMES:
        subject = world.subjects[name]
        undisturbed, expectation = world.end(subject)
        world.prepare(subject)
        places = {operation.place.removeprefix("/") for operation in undisturbed.done if operation.kind == "I"}
        files = sorted(place for place in places if (path := world.out / place).is_file() and path.stat().st_size)
        for place, change in damages(name, files):
            world.prepare(subject)
            problems = _round(world, subject, place, expectation, change)
            print("".join(f"FAILURE {name}: {why}\n" for why in problems), end="", flush=True)
            failures += [f"{name}: {why}" for why in problems]
    return failures


def obstacles(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Puts a file where a command makes a folder, or a folder where it writes a file: one sentence, and the right end after."""
    layer.load()
    world, failures = World(folder.resolve()), []
    for name in ("mlm", "ort", "task", "evaluate", "report", "tidy", "predict", "sweep"):
        subject = world.subjects[name]
        undisturbed, expectation = world.end(subject)
        world.prepare(subject)
        targets = {one.place for one in undisturbed.done if one.kind in "MR" and "/." not in one.place}
        places = sorted(
            place.removeprefix("/") for place in targets if not (world.out / place.removeprefix("/")).exists()
        )
        for _ in range(rounds):
            place = rng.choice(places)
            world.prepare(subject)
            path, is_folder = world.out / place, isinstance(expectation.get(place, 0), str | dict | list)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if is_folder else path.write_text("x")
            outcome = subject.run()
            what = f"{name}: a {'folder' if is_folder else 'file'} at {place}"
            print(f"{what}: exit code {outcome.code} {_sentence(outcome)}", flush=True)
            problems = [] if outcome.is_sentence else _differences(world, place, expectation, outcome)
            if path.is_dir() and is_folder:
                shutil.rmtree(path)
            elif not is_folder:
                path.unlink(missing_ok=True) if not path.is_dir() else None
            problems += _again(world, subject, expectation)
            print("".join(f"FAILURE {what}: {why}\n" for why in problems), end="", flush=True)
            failures += [f"{what}: {why}" for why in problems]
    return failures


def _round(world: World, subject: Subject, place: str, expectation: dict[str, Any], change: Damage) -> list[str]:
    path = world.out / place
    content = path.read_bytes()
    what = change(path)
    outcome = subject.run()
    print(f"{subject.name}, {place}, {what}: exit code {outcome.code} {_sentence(outcome)}", flush=True)
    if outcome.is_sentence:
        path.write_bytes(content)
        return [f"{place}, {what}: {why}" for why in _again(world, subject, expectation)]
    if outcome.code == 0 and place.startswith(FRESH.get(subject.name, "/")):
        return []
    return [f"{place}, {what}: {why}" for why in _differences(world, place, expectation, outcome)]


def _differences(world: World, place: str, expectation: dict[str, Any], outcome: Outcome) -> list[str]:
    """Says what is wrong with an end that is no sentence. What a warning names may be left out."""
    if outcome.code != 0:
        return [f"exit code {outcome.code} and no sentence: {(outcome.output + outcome.error)[-600:]}"]
    end = _end_state(world)
    other = [name for name in sorted({*end, *expectation} - {place}) if end.get(name) != expectation.get(name)]
    # A changed text has a place of its own in the cache, even if the blocks that a run reads of it are the same.
    other = [name for name in other if name in expectation or not name.startswith("cache/")]
    # A warning may name the folder, or the run, that the file belongs to.
    is_said = any(str(path) in outcome.error for path in (world.out / place, *list((world.out / place).parents)[:2]))
    return [] if not other or is_said else [f"silently other {', '.join(other)}"]


def _end_state(world: World) -> dict[str, Any]:
    """Collects what lies in the folder; of records that cannot be read, nothing."""
    try:
        return state(world.out)
    except Exception as error:
        return {"": f"{type(error).__name__}: {error}"}


def _again(world: World, subject: Subject, expectation: dict[str, Any]) -> list[str]:
    again = subject.run()
    if again.code != 0:
        return [f"the command again has exit code {again.code}: {(again.output + again.error)[-600:]}"]
    end = _end_state(world)
    other = [name for name in sorted({*end, *expectation}) if end.get(name) != expectation.get(name)]
    return [f"the command again leaves other {', '.join(other)}"] if other else []


def _sentence(outcome: Outcome) -> str:
    return next((line for line in outcome.error.splitlines() if line.startswith("error: ")), "")
