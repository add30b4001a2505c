"""What the campaigns run: each command of the project once, on the tiny world, always in one place."""

import csv
import hashlib
import io
import json
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orthoadapters.config.compose import compose_config
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import read_result
from tests.faults.layer import Fault, Operation, fault_environment, operations
from tests.faults.world import LONGEST, make_world
from tests.helpers.commands import ROOT, environment
from tests.helpers.short_runs import numbers, overrides
from tests.helpers.warm_python import launch

# Names of files that hold times, processes or the commit of this repository.
TIMES = ("last.ckpt", "log.txt", ".lock", "failed.txt", "README.md")
# The ends of their lines in SHA256SUMS whose files hold such things beside others.
WITH_TIMES = ("  result.json", "  evaluation.json", "  metrics.csv")
LIMITS = ["trainer.max_iterations=6", "trainer.max_epochs=1", "trainer.checkpoint_every=3", "logger=csv"]
MLM = ["stage=mlm", "variant=lnoo_tnoo"]
PAIRS = ((None, "en"), ("en", "sw"), ("sw", "ar"))
SENTENCE = "anna sees dog\nberta likes river\n"


@dataclass(frozen=True)
class Outcome:
    """What a command gave. done: the operations that changed what lies in its folder."""

    code: int
    output: str
    error: str
    done: list[Operation] = field(repr=False)

    @property
    def is_sentence(self) -> bool:
        """Says whether the command ended with one sentence; a sweep has one for each cell that is not finished."""
        lines = [line for line in self.error.splitlines() if line.startswith(("error: ", "failed: ", "not finished: "))]
        return self.code != 0 and len(lines) == len({*lines}) > 0 and "Traceback" not in self.error + self.output


@dataclass(frozen=True)
class Subject:
    """A command.

    folder: where all lies that it reads and writes. before: the subject whose command went before. stop: the name of the
    file after whose writing that one was killed; None: it went to its end.
    """

    name: str
    script: str
    arguments: list[str]
    folder: Path
    before: str | None = None
    stop: str | None = None

    def run(self, fault: Fault | None = None) -> Outcome:
        """Runs the command, with a fault on its way or without."""
        trace = self.folder.parent / "trace"
        trace.unlink(missing_ok=True)
        more = fault_environment(self.folder, trace, fault or Fault())
        command = launch(ROOT / self.script, self.arguments, environment() | more, self.folder.parent)
        output, error = command.communicate(timeout=LONGEST)
        code = command.returncode or 0
        shutil.rmtree(command.folder, ignore_errors=True)
        return Outcome(code, output, error, operations(trace))


class World:
    """The tiny world, with all subjects by name, and the folder as it is before each."""

    def __init__(self, folder: Path) -> None:
        self.out, self._before = folder / "out", folder / "before"
        self.subjects = {subject.name: subject for subject in _subjects(self.out)}

    def prepare(self, subject: Subject) -> None:
        """Puts the folder into the state before the subject's command."""
        place = self._before / subject.name
        if not place.exists():
            shutil.rmtree(self.out, ignore_errors=True)
            if subject.before is None:
                self.out.mkdir()
                make_world(self.out)
                (self.out / "text").write_text(SENTENCE)
            else:
                former = self.subjects[subject.before]
                done = self.end(former)[0].done
                if subject.stop is not None:
                    at = next(n for n, one in enumerate(done) if one.kind == "R" and one.place.endswith(subject.stop))
                    self.prepare(former)
                    former.run(Fault(at + 2, -signal.SIGKILL))
            place.parent.mkdir(exist_ok=True)
            shutil.copytree(self.out, place, symlinks=True)
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(place, self.out, symlinks=True)

    def end(self, subject: Subject) -> tuple[Outcome, dict[str, Any]]:
        """Runs the subject without a fault: its outcome, and what it leaves in the folder."""
        self.prepare(subject)
        outcome = subject.run()
        assert outcome.code == 0, (subject.name, outcome)
        return outcome, state(self.out)


def state(folder: Path) -> dict[str, Any]:
    """Collects what lies below a folder: each file with its content, without what times and processes decide of it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _content(path) for path in paths}


def _content(path: Path) -> Any:
    if path.name in TIMES:
        return None
    if path.name == "result.json":
        return numbers(read_result(path))
    if path.name == "evaluation.json":
        return json.loads(path.read_text()) | {"provenance": None}
    if path.name == "SHA256SUMS":
        return [line for line in path.read_text().splitlines() if not line.endswith(WITH_TIMES)]
    if path.name == "metrics.csv":
        rows = csv.DictReader(io.StringIO(path.read_text()))
        return [{key: value for key, value in row.items() if key != "tokens_per_second"} for row in rows]
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _subjects(out: Path) -> list[Subject]:
    def train(name: str, before: str | None, *more: str) -> Subject:
        return Subject(name, "train.py", train_words(out, *more), out, before)

    mlm = train("mlm", None, "stage=mlm", "variant=lort_tnoo", "language=sw")
    task = ["variant=lnoo_tnoo", "task=wikiann", "languages=[sw]"]
    run = str(RunDirectory(compose_config(train_words(out, *task))).path)
    sweep = ["-m", "variant=t_ort,lnoo_tnoo", "task=udpos", "languages=[ar]", "language_adapters.missing=train"]
    return [
        mlm,
        train("ort", None, "variant=t_ort", "task=udpos", "languages=[tr]"),
        train("full_ft", None, "variant=full_ft", "task=udpos", "languages=[tr]"),
        train("sweep", None, *sweep),
        *(train(f"mlm-{code}", before and f"mlm-{before}", *MLM, f"language={code}") for before, code in PAIRS),
        train("task", "mlm-ar", *task),
        train("again", "task", *task),
        Subject("predict", "predict.py", [run, f"{out}/text", "--language=sw", f"--output={out}/labels"], out, "task"),
        Subject("evaluate", "evaluate.py", [run, "languages=[ar]"], out, "task"),
        Subject("report", "report.py", [f"{out}/runs", f"--out={out}/report"], out, "evaluate"),
        Subject("tidy", "report.py", [f"{out}/runs", f"--tidy={out}/runs.csv"], out, "evaluate"),
        *(
            Subject(f"resume-{name}", "train.py", arguments, out, name, "last.ckpt")
            for name, arguments in (("mlm", mlm.arguments), ("task", train_words(out, *task)))
        ),
        Subject("demo", "tests/faults/small_demo.py", _demo(out), out),
    ]


def train_words(out: Path, *more: str) -> list[str]:
    return overrides(out / "models" / "tiny", out / "world", out, *LIMITS, *more)


def _demo(out: Path) -> list[str]:
    limits = [f"data.limit_{split}=8" for split in ("train", "dev", "test")]
    paths = [f"paths.{name}={out / name}" for name in ("runs", "adapters", "cache")]
    return ["suite=demo", "task=udpos", "variant=t_noo", "languages=[qka]", *limits, *paths, *LIMITS]
