"""A submission to the XTREME benchmark (arXiv:2003.11080): the best run of each task, in the form that evaluate.py reads.

`<folder>/test-<language>.tsv` has a label on each line: in xnli and pawsx one for each pair; in panx and udpos one for each
word, and a blank line after each sentence. The predictions files of a run have this form, and are copied as they are.

The best run of a task has the highest score on the source language's development set. Scores of target languages choose
nothing.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthoadapters.checksums import check_sums
from orthoadapters.config.program import shell_command
from orthoadapters.config.schema import TaskKind, Under
from orthoadapters.errors import UserError
from orthoadapters.files import new_folder, real_path
from orthoadapters.report.collect.attempts import configuration
from orthoadapters.report.collect.settings import own_under, train_under_words
from orthoadapters.runs.inputs import read_inputs
from orthoadapters.runs.results import Result, Selection, read_results

# The languages that evaluate.py scores, by folder. It stops at the first one that has no file.
XTREME_LANGUAGES = {
    "pawsx": "de en es fr ja ko zh".split(),
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
    """A finished run of the task stage.

    config: its config.yaml; dev: the SHA-256 of the development set that selected its epoch.
    """

    path: Path
    result: Result
    selection: Selection
    config: Mapping[str, Any]
    dev: str

    @property
    def folder(self) -> str:
        """The task's folder in a submission."""
        return str(self.config["task"]["folder"])

    def predictions(self) -> dict[str, str]:
        """Reads test-<language>.tsv of each language. Raises UserError if one is missing or lacks predictions."""
        is_tagging = self.config["task"]["kind"] == TaskKind.tagging.value
        texts: dict[str, str] = {}
        for language, scores in self.result.test.items():
            path = self.path / "predictions" / f"test-{language}.tsv"
            if not path.is_file():
                raise UserError(f"there is no {path}; move {self.path} away and give its command again")
            check_sums(self.path, f"move {self.path} away and give its command again", (f"predictions/{path.name}",))
            text = path.read_text(encoding="utf-8")
            count = text.split("\n")[:-1].count("") if is_tagging else text.count("\n")
            if count != scores["n"]:
                raise UserError(
                    f"{path} holds {count} predictions where {scores['n']} were scored; "
                    f"move {self.path} away and give its command again"
                )
            texts[language] = text
        return texts


@dataclass(frozen=True)
class Choice:
    """The best run of one task. count: among how many; ties: how many others have the same development score."""

    run: TaskRun
    count: int
    ties: int


def choose(runs: Path, backbone: str | None = None) -> list[Choice]:
    """Chooses the best run of each task below `runs`; among equal ones, the first by its path.

    Raises UserError if there is none, or if development scores cannot be compared: because of several backbones where
    none is named, or of several development sets, source languages or metrics.
    """
    task_runs = list(_task_runs(runs))
    if not task_runs:
        raise UserError(
            f"{runs} holds no finished run of a task to submit; {shell_command('train')} task=xnli makes one"
        )
    names = sorted({run.result.backbone for run in task_runs})
    if backbone is None and len(names) > 1:
        raise UserError(f"{runs} holds runs of {', '.join(names)}; a submission is of one: add --backbone {names[0]}")
    if backbone is not None and backbone not in names:
        raise UserError(f"{runs} holds no run of backbone '{backbone}'; it has {', '.join(names)}")
    task_runs = [run for run in task_runs if backbone in (None, run.result.backbone)]
    folders = sorted({run.folder for run in task_runs})
    return [_best([run for run in task_runs if run.folder == folder], runs) for folder in folders]


def write_submission(choices: Sequence[Choice], out: Path) -> bool:
    """Writes the folder `out`, whole or not at all. Returns False if it exists already with the same content.

    Raises UserError if it exists with other content, or if it cannot be written.
    """
    files = {
        f"{choice.run.folder}/test-{language}.tsv": text
        for choice in choices
        for language, text in choice.run.predictions().items()
    }
    out = real_path(out)
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
    """Says which run was chosen, among how many, and which languages evaluate.py will miss."""
    run, selection = choice.run, choice.run.selection
    score = f"{selection.metric} {selection.value:.4f} on {selection.language} {selection.split}"
    lines = [
        f"{run.folder}: {run.path}",
        f"  the best of {choice.count} by {score}; tested on {', '.join(run.result.test)}",
    ]
    if (under := own_under(run.result.choices)) is not Under.target:
        lines.append(f"  tested with transfer.under={under.value}")
    if (domain := run.result.choices.get("domain.name")) is not None:
        lines.append(f"  tested with the domain adapter {domain}")
    if words := train_under_words(run.result.choices):
        lines.append(f"  {words.removeprefix(', ')}")
    if choice.ties:
        lines.append(f"  {choice.ties} more with the same score; the first by name was taken")
    languages = XTREME_LANGUAGES.get(run.folder, [])
    if missing := [language for language in languages if language not in run.result.test]:
        lines.append(f"  evaluate.py reads {len(missing)} languages more, and stops without them: {', '.join(missing)}")
    if unread := [language for language in run.result.test if language not in languages]:
        lines.append(f"  evaluate.py does not read {', '.join(unread)}")
    return "\n".join(lines)


def _task_runs(runs: Path) -> Iterator[TaskRun]:
    """Yields the finished runs of XTREME's tasks that were tested on whole test sets."""
    for path, result in read_results(runs):
        if result.task is None or result.selection is None:
            continue
        config, dev = _configuration(path), _dev_digest(path)
        if (limit := config["data"]["limit_test"]) is not None:
            log.warning("%s is left out: data.limit_test=%d, and a submission is of whole test sets", path, limit)
            continue
        if (folder := config["task"].get("folder")) not in XTREME_LANGUAGES:
            names = ", ".join(XTREME_LANGUAGES)
            log.warning("%s is left out: task.folder=%s is none of XTREME's, which are %s", path, folder, names)
            continue
        yield TaskRun(path, result, result.selection, config, dev)


def _configuration(run: Path) -> Mapping[str, Any]:
    config = configuration(run)
    if config is None or not config.keys() >= {"task", "data"}:
        raise _unreadable(run / "config.yaml")
    return config


def _dev_digest(run: Path) -> str:
    """Reads the SHA-256 of the development set from inputs.json."""
    try:
        return read_inputs(run, "bring it back")["dev"]
    except (UserError, KeyError):
        raise _unreadable(run / "inputs.json") from None


def _unreadable(path: Path) -> UserError:
    return UserError(f"cannot read {path}, which belongs to a finished run; bring it back, or move the run away")


def _best(runs: Sequence[TaskRun], folder: Path) -> Choice:
    """Chooses among the runs of one task. Raises UserError if their development scores cannot be compared."""
    first = runs[0]
    for run in runs:
        for name, is_equal in (
            ("source languages", run.selection.language == first.selection.language),
            ("metrics", run.selection.metric == first.selection.metric),
            ("development sets", run.dev == first.dev),
        ):
            if not is_equal:
                raise UserError(
                    f"{first.path} and {run.path} were selected by different {name}, so that neither is the better one; "
                    f"give report.py a folder below {folder}, or another one, with runs of one kind"
                )
    top = max(run.selection.value for run in runs)
    equal = [run for run in runs if run.selection.value == top]
    return Choice(equal[0], len(runs), len(equal) - 1)


def _is_submission(folder: Path, files: Mapping[str, str]) -> bool:
    """Says whether the folder holds exactly these files."""
    # The names come first: the folder may be any folder of the user's, and large.
    if {entry.name for entry in folder.iterdir()} != {Path(name).parts[0] for name in files}:
        return False
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return paths.keys() == files.keys() and all(paths[name].read_bytes() == files[name].encode() for name in files)
