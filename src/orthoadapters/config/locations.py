"""The places of labelled data on this machine: which files a data source has for a language and a split.

The readers open these files, and the checks look whether they are there.
"""

import logging
import re
from functools import cache
from pathlib import Path
from string import Formatter

from orthoadapters.config.schema import DataConfig, TaskConfig
from orthoadapters.errors import UserError
from orthoadapters.files import real_path, user_path
from orthoadapters.folders import find, is_file, search

log = logging.getLogger(__name__)

SPLITS = ("train", "dev", "test")
# ours: what may be a language's code, and a part of a file's name
CODE = re.compile(r"[A-Za-z]+([_-][A-Za-z0-9]+)*")


def root_folder(data: DataConfig, what: str) -> Path:
    """Finds data.root. what: what it holds, for the sentence where it is not given."""
    if data.root in (None, "???"):
        raise UserError(f"data={data.source} needs the folder {what}; add data.root=DIR")
    return Path(str(data.root)).expanduser()


def xtreme_file(data: DataConfig, task: TaskConfig, split: str, code: str) -> Path:
    """Names one file in XTREME's folder. Raises UserError if it would lie elsewhere."""
    _check_below("folder", task, task.folder)
    return root_folder(data, "that XTREME's download made") / task.folder / f"{split}-{code}.tsv"


def named_files(data: DataConfig, task: TaskConfig, split: str, code: str) -> tuple[str, list[Path]]:
    """Fills task.files.path for one language and split: the path below data.root, and the files of that name, in order.

    A file may also be there with .gz at its end; where it is there both ways, the packed one is left out.
    """
    folder, files = root_folder(data, "that task.files.path starts from"), task.files
    names = {"language": files.languages.get(code, code), "split": files.splits.get(split, split)}
    name = path_template(task).format(**names)
    _check_below("files.path", task, name)
    if "*" in name:
        problems: list[str] = []
        paths = find(folder, name, problems)
        _warn(problems)
        return name, _each_once(paths)
    return name, [path for path in (folder / name, folder / f"{name}.gz") if is_file(path)][:1]


def _each_once(paths: set[Path]) -> list[Path]:
    """Leaves out what is packed beside its own content, and further ways by links to a file, which would be read twice."""
    real = {path: real_path(path) for path in paths}
    places = set(real.values())
    # A link leads away from the content that lies beside the packed file, so that both places are looked at.
    twins = [(real[path], real.get(path.with_suffix(""))) for path in paths if path.suffix == ".gz"]
    twins += [(place, place.with_suffix("")) for place in places if place.suffix == ".gz"]
    copies = {place for place, twin in twins if twin in places and twin.suffix != ".gz"}
    by_ways = sorted((path for path in paths if real[path] not in copies), key=lambda path: (path != real[path], path))
    return sorted({real[path]: path for path in reversed(by_ways)}.values())


def path_template(task: TaskConfig) -> str:
    """Checks task.files.path: {language} and {split} stand in it, and nothing else in braces."""
    path = task.files.path
    try:
        fields = {name for _, name, _, _ in Formatter().parse(path) if name is not None}
    except ValueError:
        fields = set()
    if fields != {"language", "split"}:
        raise UserError(
            f"task.files.path of {task.name} is '{path}'; it needs {{language}} and {{split}}, and nothing else in braces, "
            "such as '{language}/{split}.tsv'"
        )
    _check_below("files.path", task, path)
    return path


def _check_below(key: str, task: TaskConfig, path: str) -> None:
    """Refuses a path that leads out of data.root."""
    if Path(path).is_absolute():
        raise UserError(
            f"task.{key} of {task.name} is '{path}', which starts at the top of the disk; give the part below data.root"
        )
    if ".." in Path(path).parts:
        raise UserError(f"task.{key} of {task.name} is '{path}', which leads out of data.root; set data.root higher up")


def treebanks_of(folder: Path, code: str) -> list[Path]:
    """Lists the treebanks of a language below a folder, by name: en_ewt-ud-train.conllu, or en-ud-train.conllu of UD v1."""
    name = re.compile(rf"{re.escape(code)}(_.+)?-ud-.+\.conllu(\.gz)?")
    problems: list[str] = []
    files = search(folder, lambda other: name.fullmatch(other) is not None, problems)
    _warn(problems)
    return sorted(files, key=lambda path: (path.name, path))


def near_treebanks(folder: Path, code: str, split: str) -> list[Path]:
    """Lists files below a folder that are named nearly as a treebank: in capitals, or with another ending."""
    name = re.compile(rf"{re.escape(code)}(_.+)?-ud-{split}(-[^.]+)?\..+", re.IGNORECASE)
    return search(folder, lambda other: name.fullmatch(other) is not None, [])


def _warn(problems: list[str]) -> None:
    for problem in problems:
        warn_once(problem)


@cache
def warn_once(problem: str) -> None:
    """Logs a problem at its first appearance, as each run and each language looks at the same."""
    log.warning("%s", problem)


def has_language(data: DataConfig, task: TaskConfig, code: str) -> bool:
    """Says whether the data have a language by its code, as far as that is seen without a network.

    Of files on this machine, those of a task that lists the language are taken to be there: their reader says which are
    not. So are all subsets of a local folder in the Hub's layout.
    """
    if data.source == "hub":
        is_folder = task.hub_id is not None and user_path(task.hub_id).is_dir()
        return code in task.hub_subsets or (is_folder and CODE.fullmatch(code) is not None)
    if data.source not in ("xtreme", "files", "conllu") or not CODE.fullmatch(code):
        return False
    if code in task.languages:
        return True
    if data.source == "conllu":
        return bool(treebanks_of(root_folder(data, "that holds the treebanks"), code))
    if data.source == "xtreme":
        return any(is_file(xtreme_file(data, task, split, code)) for split in SPLITS)
    return any(named_files(data, task, split, code)[1] for split in SPLITS)
