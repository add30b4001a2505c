"""XTREME's files, `<root>/<task.folder>/<split>-<language>.tsv`.

They hold `word TAB tag` with a blank line between sentences, or `premise TAB hypothesis TAB label`. They are read as
XTREME's own code reads them: UTF-8, split at tabs alone, quote characters never interpreted. A byte order mark and CRLF
are tolerated. Rows of the word -DOCSTART- are left out, and the prefix of raw WikiANN (`en:Anna`) is taken off.
"""

import re
from collections.abc import Container, Iterator
from itertools import islice
from pathlib import Path

from orthoadapters.config.locations import xtreme_file
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources.lines import (
    DOCUMENT_START,
    column_error,
    excerpt,
    numbered_lines,
    unknown_label,
)
from orthoadapters.data.sources.other_formats import check_formats
from orthoadapters.data.sources.prefixes import language_prefix
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Example, SentencePair, Split, TaggedSentence
from orthoadapters.folders import absence, is_file

# MultiNLI's machine-translation release, from which XTREME makes train-en.tsv, writes the third label this way;
# XTREME's preprocessing renames it, some copies of the file do not.
XNLI_SPELLINGS = {"contradictory": "contradiction"}

# What stands in place of the tab before a label in files that came through other programs.
SEPARATORS = {
    " ": "space",
    ",": "comma",
    ";": "semicolon",
    "|": "vertical bar",
    "\u00a0": "no-break space",
    "\u3000": "wide space",
}
# ours: what columns of labels are called
HEADER = re.compile(r"label|tag|class|upos|^ner$", re.IGNORECASE)


def read_xtreme(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Returns the first `limit` examples of one XTREME file, and its name."""
    (path,) = xtreme_files(data, task, split, language)
    read = _read_pairs if task.kind is TaskKind.sentence_pair else _read_sentences
    return list(islice(read(path, task, split), limit)), str(path)


def xtreme_files(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Path]:
    """Finds the file of one language and split. Raises MissingSplitError if it is not there."""
    path = xtreme_file(data, task, split, language.code)
    if not is_file(path):
        raise MissingSplitError(
            f"{absence(path)}; data.root={data.root} must hold {task.folder}/{path.name}, as XTREME's download makes it"
        )
    check_formats([path], data, task)
    return [path]


def _read_sentences(path: Path, task: TaskConfig, split: Split) -> Iterator[TaggedSentence]:
    """Yields the sentences of a file of words and tags."""
    labels = {label: label for label in task.labels} | task.label_names
    code = language_prefix(path, _word)
    words: list[str] = []
    tags: list[str] = []
    for number, line in numbered_lines(path):
        if not line.strip() or line.startswith(DOCUMENT_START):
            if words:
                yield TaggedSentence(tuple(words), tuple(tags))
                words, tags = [], []
            continue
        columns = line.split("\t")
        if len(columns) > 2:
            raise column_error(f"{path}, line {number}", line, "word TAB tag")
        if len(columns) < 2 or not columns[1].strip():
            raise _label_error(path, number, line, split, labels)
        # An empty word stays, as XTREME's preprocessing can leave some.
        word, tag = columns[0] if code is None else code.sub("", columns[0]), columns[1].strip()
        if tag not in labels:
            raise UserError(unknown_label(f"{path}, line {number}", tag, task) + _header_hint(number, tag))
        words.append(word)
        tags.append(labels[tag])
    if words:
        yield TaggedSentence(tuple(words), tuple(tags))


def _word(line: str) -> str | None:
    """Returns the word of a line; None of a blank one, and of a document's mark."""
    return line.split("\t")[0] if line.strip() and not line.startswith(DOCUMENT_START) else None


def _read_pairs(path: Path, task: TaskConfig, split: Split) -> Iterator[SentencePair]:
    """Yields the pairs of a file of premises, hypotheses and labels."""
    labels = {label: label for label in task.labels} | task.label_names
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        columns = line.split("\t")
        is_short = len(columns) == 2 and columns[1].strip() in labels
        if len(columns) < 3 and not is_short and (len(columns) == 2 or _other_separator(line, labels)):
            raise _label_error(path, number, line, split, labels)
        if len(columns) != 3:
            raise column_error(f"{path}, line {number}", line, "premise TAB hypothesis TAB label")
        premise, hypothesis, label = (column.strip() for column in columns)
        if label not in labels:
            label = XNLI_SPELLINGS.get(label, label)
        if label not in labels:
            raise UserError(unknown_label(f"{path}, line {number}", label, task) + _header_hint(number, label))
        yield SentencePair(premise, hypothesis, labels[label])


def _label_error(path: Path, number: int, line: str, split: Split, labels: Container[str]) -> UserError:
    """Makes the sentence about a line without a label, or with one that no tab separates."""
    if other := _other_separator(line, labels):
        return UserError(
            f"{path}, line {number}: a {other} where a tab belongs before the label in {excerpt(line)}; XTREME's files "
            "separate their columns by one tab, so put it there (data=files reads other separators)"
        )
    if line.startswith(("#", "{")):
        what = "a comment" if line.startswith("#") else "JSON"
        fix = f"it looks like {what}, which XTREME's files do not have: take it out, or read such files with data=files"
    elif split == "test":
        fix = (
            "XTREME distributes its test files without labels; add the gold ones (of UD, WikiANN, XNLI) as last column"
        )
    else:
        fix = "mend that line"
    return UserError(f"{path}, line {number}: no label in {excerpt(line)}; {fix}")


def _other_separator(line: str, labels: Container[str]) -> str:
    """Names what stands in place of a tab before the label at a line's end; empty if no label is there."""
    for character, name in SEPARATORS.items():
        before, _, label = line.strip().replace("\t", " ").rpartition(character)
        if before and label.strip() in labels:
            return name
    return ""


def _header_hint(number: int, label: str) -> str:
    """Says what to do about a header, where the first line's label is a name of labels."""
    is_header = number == 1 and HEADER.search(label) is not None
    return "; it looks like a header, which XTREME's files do not have: take that line out" if is_header else ""
