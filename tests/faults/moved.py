"""Folders and files that lie elsewhere, or in another's place: the right end, or one sentence with place and fix.

`moves` says what is done with them, and this module what each command must give then.
"""

import csv
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from orthoadapters.config.compose import compose_config
from orthoadapters.runs.directory import RunDirectory
from tests.faults import layer
from tests.faults.moves import CASES, Case, Moved, Place
from tests.faults.subjects import MLM, Outcome, Subject, World, state, train_words

# The fields of a result that say what its choices are.
OF_CHOICES = ("run", "fingerprint", "choices")
A_ROUND = 15  # ours: commands; with the world's beginning about as long as a round of the other campaigns
TASK = ["variant=lnoo_tnoo", "task=wikiann", "languages=[sw]", "optim.lr=3e-2"]
# The parts of a run's directory that hold its numbers.
PARTS = ("result.json", "adapter", "head", "predictions", "sentences")
# The columns that say where a run lies, when it was made, and how it stands beside others.
OF_PLACE = ("directory", "seconds", "git_commit", "git_dirty", "is_selected", "table", "row")


class Truth:
    """What each of two runs gives, which differ in their seed alone, by the seed; and the state of the language adapters."""

    def __init__(self, world: World) -> None:
        out = self.out = world.out
        commands = {seed: train_words(out, *TASK, f"seed={seed}") for seed in (0, 1)}
        self.paths = {seed: RunDirectory(compose_config(words)).path for seed, words in commands.items()}
        first = Subject("first", "train.py", commands[0], out, "mlm-ar")
        scored = Subject("scored", "evaluate.py", [str(self.paths[0]), "languages=[ar]"], out, "first")
        second = Subject("second", "train.py", commands[1], out, "scored")
        self.finished, self.stopped = second, replace(first, name="stopped", before="first", stop="last.ckpt")
        stopped_second = replace(second, name="stopped-second", before="second", stop="last.ckpt")
        world.subjects |= {one.name: one for one in (first, scored, second, self.stopped, stopped_second)}
        self.donors = out.parent / "donors"
        world.prepare(stopped_second)
        shutil.copytree(self.paths[1], self.donors / "stopped")
        world.end(second)
        shutil.copytree(self.paths[1], self.donors / "finished")
        self.world = world
        self.runs = {seed: run_state(path) for seed, path in self.paths.items()}
        self.adapters = adapters_state(out)
        self.labels: dict[int, Any] = {}
        self.scores: dict[int, Any] = {}
        for seed, path in self.paths.items():
            for name, kept in (("predict", self.labels), ("evaluate", self.scores)):
                outcome = self.command(name, Moved(path, out / "runs", out)).run()
                assert outcome.code == 0, outcome
                kept[seed] = (labels if name == "predict" else scores)(out, path)
        # Otherwise nothing would tell the runs apart.
        assert self.labels[0] != self.labels[1]
        assert self.scores[0] != self.scores[1]
        outcome = self.command("report", Moved(self.paths[0], out / "runs", out)).run()
        assert outcome.code == 0, outcome
        self.rows = rows(out)

    def command(self, name: str, moved: Moved) -> Subject:
        """Returns a command as a user gives it after the move."""
        root = moved.root
        words = {
            "predict": [str(moved.run), f"{root}/text", "--language=sw", "--format=jsonl", f"--output={root}/labels"],
            "evaluate": [str(moved.run), "languages=[en,sw,ar]"],
            "report": [str(moved.runs), f"--tidy={root}/runs.csv"],
            "train": train_words(root, *TASK, "seed=0"),
            "mlm": train_words(root, *MLM, "language=sw"),
        }[name]
        words = [f"paths.runs={moved.runs}" if word.startswith("paths.runs=") else word for word in words]
        return Subject(name, "train.py" if name == "mlm" else f"{name}.py", words, self.out)

    def problem(self, name: str, moved: Moved, outcome: Outcome) -> str:
        """Says what is wrong with a command's end; empty if it is right, or one sentence with place and fix."""
        said = outcome.output + outcome.error
        if "Traceback" in said or outcome.code not in (0, 1, 2, 75):
            return f"exit code {outcome.code} and no sentence: {said[-600:]}"
        if outcome.code != 0:
            line = sentence(outcome)
            has_place = any(part in line for part in (str(self.out), "--", "paths.", "data.", "backbone"))
            return (
                ""
                if outcome.is_sentence and has_place and ";" in line
                else f"no sentence with place and fix: {said[-600:]}"
            )
        match name:
            case "predict" | "evaluate":
                truth, read = (self.labels, labels) if name == "predict" else (self.scores, scores)
                seed = seed_of(moved.run)
                return (
                    ""
                    if read(moved.root, moved.run) == truth[seed]
                    else f"silently other {name} than seed {seed} gives"
                )
            case "report":
                return self._problem_of_rows(moved, outcome)
            case "train":
                run = RunDirectory(compose_config(self.command("train", moved).arguments)).path
                # The command shows a finished run's result, and who reads its weights refuses those of others.
                is_old = "finished before" in outcome.output
                expectation = {"result.json": self.runs[0]["result.json"]} if is_old else self.runs[0]
                return _difference(run_state(run), expectation)
        return _difference(adapters_state(moved.root), self.adapters)

    def _problem_of_rows(self, moved: Moved, outcome: Outcome) -> str:
        found = rows(moved.root)
        # A sentence on standard error names what is left out, or counted once.
        is_said = str(moved.runs) in outcome.error
        if unknown := [row for row in found if row not in self.rows]:
            return f"rows that no run has: {unknown[:2]}"
        if len(found) != len({*map(str, found)}) and not is_said:
            return "silently the same rows twice"
        there = {seed_of(path.parent) for path in moved.runs.rglob("result.json") if path.parent.parts[-3] != "mlm"}
        missing = [row for row in self.rows if row not in found and row["task"] and int(row["seed"]) in there]
        return f"silently without {missing[:1]}" if missing and not is_said else ""


def moved(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Moves, copies and renames folders, or puts them in others' places, and then gives commands that read them."""
    layer.load()
    truth, failures = Truth(World(folder.resolve())), []
    for case, name in walk(rounds, rng):
        truth.world.prepare(truth.stopped if case.is_stopped else truth.finished)
        own, other = truth.paths[0], truth.paths[1]
        place = Place(truth.out, own, other, truth.donors, rng)
        change = case.move(place)
        outcome = truth.command(name, change).run()
        what = f"{case.name}{f' ({place.what})' if place.what else ''}, then {name}"
        print(f"{what}: exit code {outcome.code} {sentence(outcome)}", flush=True)
        if problem := truth.problem(name, change, outcome):
            failures.append(f"{what}: {problem}")
            print(f"FAILURE {failures[-1]}", flush=True)
    return failures


def walk(rounds: int, rng: random.Random) -> Iterator[tuple[Case, str]]:
    """Yields cases with one of their commands each; none comes twice before all have come."""
    pairs: list[tuple[Case, str]] = []
    for _ in range(rounds * A_ROUND):
        if not pairs:
            pairs = [(case, command) for case in CASES for command in case.commands]
            rng.shuffle(pairs)
        yield pairs.pop()


def seed_of(run: Path) -> int:
    """Reads the seed of the run that a directory says it is of."""
    return int(json.loads((run / "result.json").read_text())["seed"])


def run_state(run: Path) -> dict[str, Any]:
    """Collects a run's numbers and weights; not its choices, which hold the folder of its data."""
    parts = {name: content for name, content in state(run).items() if Path(name).parts[0] in PARTS}
    result = parts.get("result.json", {})
    return parts | {"result.json": {key: value for key, value in result.items() if key not in OF_CHOICES}}


def adapters_state(root: Path) -> dict[str, Any]:
    """Collects what the library of language adapters holds for the language that is trained again, and its run's numbers."""
    run = next((root / "runs" / "tiny" / "mlm" / "sw-noo").iterdir())
    return {**state(root / "adapters" / "tiny" / "sw-noo"), **run_state(run)}


def _difference(end: dict[str, Any], expectation: dict[str, Any]) -> str:
    other = [name for name, content in expectation.items() if end.get(name) != content]
    return f"silently other {', '.join(other)}" if other else ""


def labels(root: Path, _: Path) -> str:
    return (root / "labels").read_text()


def scores(_: Path, run: Path) -> Any:
    (path,) = (run / "evaluations").glob("en-*/evaluation.json")
    return json.loads(path.read_text())["test"]


def rows(root: Path) -> list[dict[str, str]]:
    with (root / "runs.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in OF_PLACE} for row in csv.DictReader(file)]


def sentence(outcome: Outcome) -> str:
    return next((line for line in outcome.error.splitlines() if line.startswith("error: ")), "")
