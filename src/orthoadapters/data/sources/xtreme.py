"""XTREME's files, `<root>/<task.folder>/<split>-<language>.tsv`.

They hold `word TAB tag` with a blank line between sentences, or `premise TAB hypothesis TAB label`. They are read as
XTREME's own code reads them: UTF-8, split at tabs alone, quote characters never interpreted. A byte order mark and CRLF
are tolerated.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources.lines import column_error, excerpt, numbered_lines, unknown_label
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Example, SentencePair, Split, TaggedSentence

# MultiNLI's machine-translation release, from which XTREME makes train-en.tsv, writes the third label this way;
# XTREME's preprocessing renames it, some copies of the file do not.
XNLI_SPELLINGS = {"contradictory": "contradiction"}


def read_xtreme(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Returns the first `limit` examples of one XTREME file, and its name."""
    if data.root in (None, "???"):
        raise UserError("data=xtreme needs the folder that XTREME's download made; add data.root=DIR")
    path = Path(str(data.root)).expanduser() / task.folder / f"{split}-{language.code}.tsv"
    if not path.is_file():
        raise MissingSplitError(
            f"there is no {path}; data.root={data.root} must hold {task.folder}/{path.name}, as XTREME's download makes it"
        )
    read = _read_pairs if task.kind is TaskKind.sentence_pair else _read_sentences
    return list(islice(read(path, task, split), limit)), str(path)


def _read_sentences(path: Path, task: TaskConfig, split: Split) -> Iterator[TaggedSentence]:
    """Yields the sentences of a file of words and tags."""
    labels = set(task.labels)
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
            raise column_error(str(path), number, line, "word TAB tag")
        if len(columns) < 2 or not columns[1].strip():
            raise _label_error(path, number, line, split)
        # An empty word stays, as XTREME's preprocessing can leave some.
        word, tag = columns[0], columns[1].strip()
        if tag not in labels:
            raise UserError(unknown_label(f"{path}, line {number}", tag, task))
        words.append(word)
        tags.append(tag)
    if words:
        yield TaggedSentence(tuple(words), tuple(tags))


def _read_pairs(path: Path, task: TaskConfig, split: Split) -> Iterator[SentencePair]:
    """Yields the pairs of a file of premises, hypotheses and labels."""
    labels = set(task.labels)
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        columns = line.split("\t")
        if len(columns) == 2:
            raise _label_error(path, number, line, split)
        if len(columns) != 3:
            raise column_error(str(path), number, line, "premise TAB hypothesis TAB label")
        premise, hypothesis, label = (column.strip() for column in columns)
        if label not in labels:
            label = XNLI_SPELLINGS.get(label, label)
        if label not in labels:
            raise UserError(unknown_label(f"{path}, line {number}", label, task))
        yield SentencePair(premise, hypothesis, label)


def _label_error(path: Path, number: int, line: str, split: Split) -> UserError:
    """Makes the sentence about a line without a label."""
    if split == "test":
        fix = (
            "XTREME distributes its test files without labels; add the gold ones (of UD, WikiANN, XNLI) as last column"
        )
    else:
        fix = "mend that line"
    return UserError(f"{path}, line {number}: no label in {excerpt(line)}; {fix}")
