"""What `moved` does with a run's directory, a checkpoint, an adapter or a cache before it gives a command."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

CODES = ("en", "sw", "ar")
ALL, STOPPED = ("predict", "evaluate", "report", "train"), ("report", "train")


@dataclass
class Place:
    """What lies where. own: the run's directory; other: that of a run with another seed.

    donors: copies of the other run, `finished` and `stopped`. what: what was chosen by chance.
    """

    out: Path
    own: Path
    other: Path
    donors: Path
    rng: random.Random
    what: str = ""

    @property
    def runs(self) -> Path:
        return self.out / "runs"

    def with_run(self, run: Path) -> "Moved":
        return Moved(run, self.runs, self.out)


class Moved(NamedTuple):
    """What lies where afterwards. run: the run; runs: the root of all runs; root: all that commands name."""

    run: Path
    runs: Path
    root: Path


class Case(NamedTuple):
    """A change. is_stopped: whether the run was killed before it; commands: those that come after it, one each time."""

    move: Callable[[Place], Moved]
    commands: tuple[str, ...] = ALL
    is_stopped: bool = False

    @property
    def name(self) -> str:
        return ("a stopped run: " if self.is_stopped else "") + self.move.__name__.replace("_", " ").strip()


def move(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(source, target))


def copy(source: Path, target: Path) -> Path:
    """Copies a file or a folder, over what lies there: what has the same name is replaced, and the rest stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        return Path(shutil.copytree(source, target, dirs_exist_ok=True))
    return Path(shutil.copy2(source, target))


def put(source: Path, target: Path) -> Path:
    """Copies a folder to where nothing of the former one stays."""
    shutil.rmtree(target, ignore_errors=True)
    return copy(source, target)


def renamed(place: Place) -> Moved:
    return place.with_run(move(place.own, place.own.with_name("renamed")))


def moved_out_of_runs(place: Place) -> Moved:
    return place.with_run(move(place.own, place.out / "elsewhere" / "run"))


def copied_beside(place: Place) -> Moved:
    return place.with_run(copy(place.own, place.own.with_name("copy")))


def copied_below_another_task(place: Place) -> Moved:
    return place.with_run(copy(place.own, place.runs / "tiny" / "udpos" / "t_ort" / place.own.name))


def another_run_in_its_folder(place: Place) -> Moved:
    return place.with_run(put(place.donors / "finished", place.own))


def another_run_copied_over_it(place: Place) -> Moved:
    return place.with_run(copy(place.donors / "finished", place.own))


def another_stopped_run_in_its_folder(place: Place) -> Moved:
    return place.with_run(put(place.donors / "stopped", place.own))


def another_stopped_run_copied_over_it(place: Place) -> Moved:
    return place.with_run(copy(place.donors / "stopped", place.own))


def checkpoints_of_another_stopped_run(place: Place) -> Moved:
    copy(place.donors / "stopped" / "checkpoints", place.own / "checkpoints")
    return place.with_run(place.own)


def parts_of_another_run(place: Place) -> Moved:
    """Replaces one to three of the files and folders in the run's directory."""
    names = sorted(path.name for path in (place.donors / "finished").iterdir() if path.name != ".lock")
    chosen = place.rng.sample(names, place.rng.randint(1, 3))
    for name in chosen:
        copy(place.donors / "finished" / name, place.own / name)
    place.what = ", ".join(chosen)
    return place.with_run(place.own)


def result_of_another_run(place: Place) -> Moved:
    copy(place.donors / "finished" / "result.json", place.own / "result.json")
    return place.with_run(place.own)


def evaluations_in_another_run(place: Place) -> Moved:
    copy(place.own / "evaluations", place.other / "evaluations")
    return place.with_run(place.other)


def below_a_link(place: Place) -> Moved:
    place.own.parent.symlink_to(move(place.own.parent, place.out / "elsewhere" / "variant"))
    return place.with_run(place.own)


def named_by_a_link(place: Place) -> Moved:
    link = place.out / "link"
    link.symlink_to(place.own)
    return place.with_run(link)


def all_runs_behind_a_link(place: Place) -> Moved:
    place.runs.symlink_to(move(place.runs, place.out / "elsewhere" / "runs"))
    return place.with_run(place.own)


def all_runs_moved(place: Place) -> Moved:
    runs = move(place.runs, place.out / "elsewhere" / "deep" / "runs")
    return Moved(runs / place.own.relative_to(place.runs), runs, place.out)


def all_moved(place: Place) -> Moved:
    """Moves data, backbone and runs together to a folder whose name the records do not know."""
    new = place.out / "elsewhere" / "whole"
    new.mkdir(parents=True)
    for path in [path for path in place.out.iterdir() if path.name != "elsewhere"]:
        move(path, new / path.name)
    return Moved(new / place.own.relative_to(place.out), new / "runs", new)


def adapters_moved(place: Place) -> Moved:
    move(place.out / "adapters", place.out / "elsewhere" / "adapters")
    return place.with_run(place.own)


def adapter_of_another_language(place: Place) -> Moved:
    """Puts a language's adapter, or a part of its files, in the place of another's."""
    library = place.out / "adapters" / "tiny"
    source, target = (library / f"{code}-noo" for code in place.rng.sample(CODES, 2))
    names = sorted(path.name for path in source.iterdir())
    chosen = place.rng.choice([names, place.rng.sample(names, 1), place.rng.sample(names, 2)])
    for name in chosen:
        copy(source / name, target / name)
    place.what = f"{source.name} as {target.name}: {', '.join(chosen)}"
    return place.with_run(place.own)


def adapter_with_another_name(place: Place) -> Moved:
    library = place.out / "adapters" / "tiny"
    source, target = (library / f"{code}-noo" for code in place.rng.sample(CODES, 2))
    shutil.rmtree(target)
    move(source, target)
    place.what = f"{source.name} as {target.name}"
    return place.with_run(place.own)


def cache_of_another_language(place: Place) -> Moved:
    """Puts the blocks of one language in the place of another's, whose training begins anew."""
    cache, sums = place.out / "cache", ".npy.sha256"
    source, target = (next(cache.glob(f"text-{code}-*.npy")) for code in (place.rng.choice(["en", "ar"]), "sw"))
    how = place.rng.choice(["with its checksum", "beside the former checksum", "without a checksum"])
    copy(source, target)
    if how == "with its checksum":
        copy(source.with_suffix(sums), target.with_suffix(sums))
    elif how == "without a checksum":
        target.with_suffix(sums).unlink()
    for folder in (place.runs / "tiny" / "mlm" / "sw-noo", place.out / "adapters" / "tiny" / "sw-noo"):
        shutil.rmtree(folder)
    place.what = f"{source.name} {how}"
    return place.with_run(place.own)


CASES = [
    Case(renamed),
    Case(moved_out_of_runs),
    Case(copied_beside),
    Case(copied_below_another_task),
    Case(another_run_in_its_folder),
    Case(another_run_copied_over_it),
    Case(another_stopped_run_copied_over_it),
    Case(parts_of_another_run),
    Case(evaluations_in_another_run, ("report",)),
    Case(below_a_link),
    Case(named_by_a_link),
    Case(all_runs_behind_a_link),
    Case(all_runs_moved),
    Case(all_moved),
    Case(adapters_moved),
    Case(adapter_of_another_language, ("predict", "evaluate", "train", "mlm")),
    Case(adapter_with_another_name, ("predict", "evaluate", "train", "mlm")),
    Case(cache_of_another_language, ("mlm",)),
    Case(renamed, STOPPED, is_stopped=True),
    Case(all_runs_moved, STOPPED, is_stopped=True),
    Case(all_runs_behind_a_link, STOPPED, is_stopped=True),
    Case(all_moved, STOPPED, is_stopped=True),
    Case(another_run_in_its_folder, is_stopped=True),
    Case(another_run_copied_over_it, is_stopped=True),
    Case(another_stopped_run_in_its_folder, STOPPED, is_stopped=True),
    Case(another_stopped_run_copied_over_it, STOPPED, is_stopped=True),
    Case(checkpoints_of_another_stopped_run, STOPPED, is_stopped=True),
    Case(parts_of_another_run, is_stopped=True),
    Case(result_of_another_run, is_stopped=True),
]
