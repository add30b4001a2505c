"""XTREME's files."""

from collections.abc import Iterator
from pathlib import Path

from orthoadapters.config.schema import LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources.hub import unknown_label
from orthoadapters.data.sources.lines import malformed, numbered_lines, shown
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Example, SentencePair, Split, TaggedSentence

# MultiNLI's machine-translation release, from which XTREME makes train-en.tsv, writes the third label this way;
# XTREME's preprocessing renames it, some copies of the file do not.
XNLI_SPELLINGS = {"contradictory": "contradiction"}


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
