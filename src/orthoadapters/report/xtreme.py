"""A submission to the XTREME benchmark (arXiv:2003.11080): the best run of each task, laid out as its evaluate.py reads it.

`<folder>/test-<language>.tsv` with a label per line: one per pair in xnli; one per word in panx and udpos, with a blank
line after each sentence. The predictions files of a run are that already and are copied as they are.

The best run of a task is the one with the highest score on the source language's development set. Scores of target
languages choose nothing.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orthoadapters.config.schema import TaskKind
from orthoadapters.errors import UserError
from orthoadapters.files import new_folder
from orthoadapters.runs.results import Result, Selection, read_results

# By folder, the languages that evaluate.py scores; it stops at the first one that has no file.
XTREME_LANGUAGES = {
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh".split(),
    "panx": (
        "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur "
        "fa fr it pt es bg ru ja ka ko th sw yo my zh kk tr et fi hu"
    ).split(),
    "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh".split(),
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskRun:
    """A finished run of the task stage; config: its config.yaml; dev: SHA-256 of the development set that selected it."""

    path: Path
    result: Result
    selection: Selection
    config: dict[str, Any]
    dev: str

    @property
    def folder(self) -> str:
        return str(self.config["task"]["folder"])

    def predictions(self) -> dict[str, str]:
        """The content of test-<language>.tsv by language. Raises UserError if one is missing or not of all of the set."""
        texts: dict[str, str] = {}
        for language, scores in self.result.test.items():
            path = self.path / "predictions" / f"test-{language}.tsv"
            if not path.is_file():
                raise UserError(f"there is no {path}; move {self.path} away and give its command again")
            text = path.read_text(encoding="utf-8")
            tagging = self.config["task"]["kind"] == TaskKind.tagging.value
            found = text.split("\n")[:-1].count("") if tagging else text.count("\n")
            if found != scores["n"]:
                raise UserError(
                    f"{path} holds {found} predictions where {scores['n']} were scored; "
                    f"move {self.path} away and give its command again"
                )
            texts[language] = text
        return texts


@dataclass(frozen=True)
class Choice:
    """The best run of one task among `count`; `tied` others have the same development score."""

    run: TaskRun
    count: int
    tied: int


def choose(runs: Path, backbone: str | None = None) -> list[Choice]:
    """The best run of each task below `runs`; equal ones go by their paths.

    Raises UserError if there is none, or for what makes development scores incomparable: several backbones where none
    is named, several development sets, source languages or metrics.
    """
    found = list(_task_runs(runs))
    if not found:
        raise UserError(f"{runs} holds no finished run of a task to submit; python train.py task=xnli makes one")
    names = sorted({run.result.backbone for run in found})
    if backbone is None and len(names) > 1:
        raise UserError(f"{runs} holds runs of {', '.join(names)}; a submission is of one: add --backbone {names[0]}")
    if backbone is not None and backbone not in names:
        raise UserError(f"{runs} holds no run of backbone {backbone}; it has {', '.join(names)}")
    found = [run for run in found if backbone in (None, run.result.backbone)]
    folders = sorted({run.folder for run in found})
    return [_best([run for run in found if run.folder == folder], runs) for folder in folders]


def write_submission(choices: Sequence[Choice], out: Path) -> bool:
    """Writes the folder `out`, whole or not at all. False if it is there already with the same content.

    Raises UserError if something else is there, or if it cannot be written.
    """
    files = {
        f"{choice.run.folder}/test-{language}.tsv": text
        for choice in choices
        for language, text in choice.run.predictions().items()
    }
    out = out.resolve()
    try:
        if out.is_file() or (out.is_dir() and any(out.iterdir())):
            if out.is_dir() and _is_submission(out, files):
                return False
            raise UserError(f"{out} is there with other content; choose another folder, or move that one away")
        with new_folder(out) as temporary:
            for name, text in files.items():
                path = temporary / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}; choose another folder") from error
    return True


def describe(choice: Choice) -> str:
    """Which run was chosen, among how many, and what evaluate.py will miss."""
    run, selected = choice.run, choice.run.selection
    score = f"{selected.metric} {selected.value:.4f} on {selected.language} {selected.split}"
    lines = [
        f"{run.folder}: {run.path}",
        f"  the best of {choice.count} by {score}; tested on {', '.join(run.result.test)}",
    ]
    if choice.tied:
        lines.append(f"  {choice.tied} more with the same score; the first by name was taken")
    wanted = XTREME_LANGUAGES.get(run.folder, [])
    if missing := [language for language in wanted if language not in run.result.test]:
        lines.append(f"  evaluate.py reads {len(missing)} languages more, and stops without them: {', '.join(missing)}")
    if unread := [language for language in run.result.test if language not in wanted]:
        lines.append(f"  evaluate.py does not read {', '.join(unread)}")
    return "\n".join(lines)


def _task_runs(runs: Path) -> Iterator[TaskRun]:
    for path, result in read_results(runs):
        if result.task is None or result.selection is None:
            continue
        config, inputs = _read(path / "config.yaml", "task", "data"), _read(path / "inputs.json", "dev")
        run = TaskRun(path, result, result.selection, config, inputs["dev"])
        if (limit := run.config["data"]["limit_test"]) is not None:
            log.warning("%s is left out: data.limit_test=%d, and a submission is of whole test sets", path, limit)
            continue
        yield run


def _read(path: Path, *keys: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON too
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        found = None
    if not isinstance(found, dict) or not found.keys() >= set(keys):
        raise UserError(f"cannot read {path}, which belongs to a finished run; bring it back, or move the run away")
    return found


def _best(runs: Sequence[TaskRun], where: Path) -> Choice:
    for run in runs:
        for what, mine, first in (
            ("source languages", run.selection.language, runs[0].selection.language),
            ("metrics", run.selection.metric, runs[0].selection.metric),
            ("development sets", run.dev, runs[0].dev),
        ):
            if mine != first:
                raise UserError(
                    f"{runs[0].path} and {run.path} were selected by different {what}, so that neither is the better one; "
                    f"give report.py a folder below {where}, or another one, with runs of one kind"
                )
    top = max(run.selection.value for run in runs)
    equal = [run for run in runs if run.selection.value == top]
    return Choice(equal[0], len(runs), len(equal) - 1)


def _is_submission(folder: Path, files: dict[str, str]) -> bool:
    if {entry.name for entry in folder.iterdir()} != {Path(name).parts[0] for name in files}:
        return False  # before anything is read: it may be any folder
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return there.keys() == files.keys() and all(there[name].read_bytes() == files[name].encode() for name in files)
