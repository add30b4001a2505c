"""Labelled examples from any of the four sources: XTREME's folder, treebanks, the Hub, the demo world.

XTREME's files are `<root>/<task.folder>/<split>-<language>.tsv`: `word TAB tag` with a blank line between sentences, or
`premise TAB hypothesis TAB label`. They are read as XTREME's own code reads them: UTF-8, split at tabs alone, quote
characters never interpreted. A byte order mark and CRLF are tolerated.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from orthoadapters.config.schema import DataConfig, DataSource, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources.conllu import read_conllu
from orthoadapters.data.sources.hub import read_hub, unknown_label
from orthoadapters.data.sources.lines import numbered_lines, shown
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Example, SentencePair, TaggedSentence

Split = Literal["train", "dev", "test"]
log = logging.getLogger(__name__)

# MultiNLI's machine-translation release, from which XTREME makes train-en.tsv, writes the third label this way;
# XTREME's preprocessing renames it, some copies of the file do not.
XNLI_SPELLINGS = {"contradictory": "contradiction"}


def read_examples(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Example]:
    """One split of one language, at most `data.limit_<split>` examples of it, every label checked against task.labels.

    Raises MissingSplitError if the language has no such split, and UserError for a missing data set, a malformed row, an
    unknown label (with its place), an empty split.
    """
    limit = {"train": data.limit_train, "dev": data.limit_dev, "test": data.limit_test}[split]
    if limit is not None and limit < 1:
        raise UserError(f"data.limit_{split}={limit} leaves nothing to read; give at least 1, or null for all")
    if data.source is DataSource.xtreme:
        examples, place = read_xtreme(data.root, task, split, language, limit)
    elif data.source is DataSource.conllu:
        assert data.fuse_multiword is not None  # checks.check
        examples, place = read_conllu(data.root, data.fuse_multiword, task, split, language, limit)
    elif data.source is DataSource.hub:
        examples, place = read_hub(task, split, language, limit)
    else:
        examples, place = _read_demo(task, split, language, limit)
    if not examples:
        raise UserError(f"{place} has no {split} examples; check that it is complete")
    log.info("%s: %d %s", place, len(examples), "pairs" if task.kind is TaskKind.sentence_pair else "sentences")
    return examples


def read_xtreme(
    root: str | None, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Examples of one XTREME file, and its name."""
    if root in (None, "???"):
        raise UserError("data=xtreme needs the folder that XTREME's download made; add data.root=DIR")
    path = Path(str(root)).expanduser() / task.folder / f"{split}-{language.code}.tsv"
    if not path.is_file():
        raise MissingSplitError(
            f"there is no {path}; data.root={root} must hold {task.folder}/{path.name}, as XTREME's download makes it"
        )
    read = _read_pairs if task.kind is TaskKind.sentence_pair else _read_tagged
    examples: list[Example] = []
    for example in read(path, task, split):
        examples.append(example)
        if limit is not None and len(examples) == limit:
            break
    return examples, str(path)


def _read_tagged(path: Path, task: TaskConfig, split: Split) -> Iterator[TaggedSentence]:
    known = set(task.labels)
    words: list[str] = []
    tags: list[str] = []
    for number, line in numbered_lines(path):
        if not line.strip():
            if words:
                yield TaggedSentence(tuple(words), tuple(tags))
                words, tags = [], []
            continue
        columns = line.split("\t")
        if len(columns) > 2:
            raise malformed(str(path), number, line, "word TAB tag")
        if len(columns) < 2 or not columns[1].strip():
            raise _unlabelled(path, number, line, split)
        word, tag = columns[0], columns[1].strip()  # an empty word stays: XTREME's preprocessing can leave some
        if tag not in known:
            raise UserError(unknown_label(f"{path}, line {number}", tag, task))
        words.append(word)
        tags.append(tag)
    if words:
        yield TaggedSentence(tuple(words), tuple(tags))


def _read_pairs(path: Path, task: TaskConfig, split: Split) -> Iterator[SentencePair]:
    known = set(task.labels)
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        columns = line.split("\t")
        if len(columns) == 2:
            raise _unlabelled(path, number, line, split)
        if len(columns) != 3:
            raise malformed(str(path), number, line, "premise TAB hypothesis TAB label")
        premise, hypothesis, label = (column.strip() for column in columns)
        label = XNLI_SPELLINGS.get(label, label)
        if label not in known:
            raise UserError(unknown_label(f"{path}, line {number}", label, task))
        yield SentencePair(premise, hypothesis, label)


def _unlabelled(path: Path, number: int, line: str, split: Split) -> UserError:
    if split == "test":
        fix = (
            "XTREME distributes its test files without labels; add the gold ones (of UD, WikiANN, XNLI) as last column"
        )
    else:
        fix = "mend that line"
    return UserError(f"{path}, line {number}: no label in {shown(line)}; {fix}")


def malformed(source: str, number: int, line: str, expected: str) -> UserError:
    count = line.count("\t") + 1
    return UserError(
        f"{source}, line {number}: {count} columns instead of `{expected}` in {shown(line)}; mend that line"
    )


def _read_demo(
    task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    from orthoadapters.demo import demo_examples  # the demo world is built only where it is asked for

    place = f"the demo world ({task.name}, {split}, {language.code})"
    examples = demo_examples(task.name, split, language.code)[:limit]
    known = set(task.labels)
    for number, example in enumerate(examples, 1):
        for label in example.tags if isinstance(example, TaggedSentence) else (example.label,):
            if label not in known:
                raise UserError(unknown_label(f"{place}, example {number}", label, task))
    return examples, place
