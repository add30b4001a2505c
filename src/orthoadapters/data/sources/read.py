"""Labelled examples from any of the four sources: XTREME's folder, treebanks, the Hub, the demo world.

XTREME's files are `<root>/<task.folder>/<split>-<language>.tsv`: `word TAB tag` with a blank line between sentences, or
`premise TAB hypothesis TAB label`. They are read as XTREME's own code reads them: UTF-8, split at tabs alone, quote
characters never interpreted. A byte order mark and CRLF are tolerated.
"""

import logging

from orthoadapters.config.schema import DataConfig, DataSource, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources.conllu import read_conllu
from orthoadapters.data.sources.hub import read_hub, unknown_label
from orthoadapters.data.sources.xtreme import read_xtreme
from orthoadapters.errors import UserError
from orthoadapters.examples import Example, Split, TaggedSentence

log = logging.getLogger(__name__)


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
