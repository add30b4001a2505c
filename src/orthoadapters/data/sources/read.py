"""Labelled examples from any source: each has a reader, and `data.source` names it in READERS.

A reader takes (data, task, split, language, limit) and returns at most the first `limit` examples with the name of the
place that they are from. A new source is a reader with its line in READERS, and a file in conf/data that names it. With
a line in FINDERS, its files are looked for before anything is trained, and with one in CHECKS what is known of their
contents is looked at.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orthoadapters.config.kinds import KINDS
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig
from orthoadapters.data.sources.conllu import read_conllu, treebank_files
from orthoadapters.data.sources.demo import demo_files, read_demo
from orthoadapters.data.sources.files import own_files, read_files
from orthoadapters.data.sources.hub import hub_files, read_hub
from orthoadapters.data.sources.hub_checks import check_hub
from orthoadapters.data.sources.lines import unknown_label
from orthoadapters.data.sources.xtreme import read_xtreme, xtreme_files
from orthoadapters.errors import UserError
from orthoadapters.examples import Choice, Example, Split, TaggedSentence
from orthoadapters.files import check_content
from orthoadapters.folders import absence

Reader = Callable[[DataConfig, TaskConfig, Split, LanguageConfig, int | None], tuple[list[Example], str]]

READERS: dict[str, Reader] = {
    "hub": read_hub,
    "xtreme": read_xtreme,
    "files": read_files,
    "conllu": read_conllu,
    "demo": read_demo,
}
# What finds the files of a split, by source; the reader of a source without one says itself what is missing.
Finder = Callable[[DataConfig, TaskConfig, Split, LanguageConfig], list[Path]]
FINDERS: dict[str, Finder] = {
    "hub": hub_files,
    "xtreme": xtreme_files,
    "files": own_files,
    "conllu": treebank_files,
    "demo": demo_files,
}
# What looks at a split without reading its rows, by source.
CHECKS: dict[str, Callable[[DataConfig, TaskConfig, Split, LanguageConfig], None]] = {"hub": check_hub}
LONGEST = 1000  # ours: words; what is longer is hardly one sentence: empty lines are missing in it
log = logging.getLogger(__name__)


def find_examples(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Path]:
    """Finds the files that `read_examples` would read, and looks whether they can be read, without reading them.

    Raises MissingSplitError if the language has no such split, and UserError for what else can be seen from outside.
    """
    root = data.root if data.root in (None, "???") else Path(data.root).expanduser()
    if isinstance(root, Path) and not root.is_dir():
        raise UserError(
            f"{absence(root, 'folder')}; data.root must be the folder that holds the data of data={data.source}"
        )
    find = FINDERS.get(data.source)
    paths = [] if find is None else find(data, task, split, language)
    for path in paths:
        check_content(path)
    return paths


def look_for_examples(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Path]:
    """Finds the files of a split, and looks at what is known of their contents without reading them.

    Raises MissingSplitError and UserError as `read_examples`, for what can be seen so far.
    """
    paths = find_examples(data, task, split, language)
    if (check := CHECKS.get(data.source)) is not None:
        check(data, task, split, language)
    return paths


@contextmanager
def silence() -> Iterator[None]:
    """Keeps out of the log what readers say of data that are read once more, or only to be counted."""
    readers = logging.getLogger("orthoadapters.data")
    level = readers.level
    readers.setLevel(logging.WARNING)
    try:
        yield
    finally:
        readers.setLevel(level)


def read_examples(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Example]:
    """Reads one split of one language, at most `data.limit_<split>` examples of it, with labels of task.labels alone.

    Raises MissingSplitError if the language has no such split, and UserError for an unknown source, a missing data set,
    a malformed row, an unknown label (with its place), an empty split.
    """
    if data.source not in READERS:
        raise UserError(f"data.source={data.source} has no reader; there are {', '.join(READERS)}")
    limit = data.limit(split)
    if limit is not None and limit < 1:
        raise UserError(f"data.limit_{split}={limit} leaves nothing to read; give at least 1, or null for all")
    examples, place = READERS[data.source](data, task, split, language, limit)
    if not examples:
        raise UserError(f"{place} has no {split} examples; check that it is complete")
    check_examples(examples, place, task)
    log.info("%s: %d %s", place, len(examples), KINDS[task.kind].plural)
    if long := [number for number, example in enumerate(examples, 1) if _is_long(example)]:
        log.warning(
            "%s: %d of %d %s sentences have more than %d words, the first of them is number %d; an empty line belongs after "
            "each sentence",
            place, len(long), len(examples), split, LONGEST, long[0],
        )  # fmt: skip
    if empty := [number for number, example in enumerate(examples, 1) if _is_empty(example)]:
        log.warning(
            "%s: %d of %d %s examples have an empty text, the first of them is number %d",
            place, len(empty), len(examples), split, empty[0],
        )  # fmt: skip
    return examples


def _is_long(example: Example) -> bool:
    """Says whether an example is a tagged sentence of more than LONGEST words."""
    return isinstance(example, TaggedSentence) and len(example.words) > LONGEST


def _is_empty(example: Example) -> bool:
    """Says whether a text of an example has no letters; a tagged sentence may have empty words."""
    sequences = getattr(example, "sequences", ())
    return any(not text.strip() for texts in sequences for text in texts)


def check_examples(examples: list[Example], place: str, task: TaskConfig) -> None:
    """Refuses what is not the task's, whatever reader gave it: its kind, its labels, its number of alternatives."""
    kind = KINDS[task.kind].example
    labels = set(task.labels)
    for number, example in enumerate(examples, 1):
        if not isinstance(example, kind):
            raise UserError(
                f"{place}, example {number}: a {type(example).__name__}, but task={task.name} has {kind.__name__}s; "
                "choose another data source, or mend its reader"
            )
        if isinstance(example, Choice) and len(example.alternatives) != len(task.labels):
            raise UserError(
                f"{place}, example {number}: {len(example.alternatives)} alternatives, but task.labels of {task.name} "
                f"names {len(task.labels)}; each example has as many alternatives as there are labels"
            )
        for label in example.labels:
            if label not in labels:
                raise UserError(unknown_label(f"{place}, example {number}", label, task))
