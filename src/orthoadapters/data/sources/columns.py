"""Words and tags in columns, a word a line, as in the files of the CoNLL shared tasks and of MasakhaNER.

A blank line ends a sentence. Rows of the word -DOCSTART- mark a document, and are left out. The prefix of raw WikiANN
(`en:Anna`) is taken off.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from orthoadapters.config.schema import TaskConfig
from orthoadapters.data.sources.lines import DOCUMENT_START, excerpt, numbered_lines
from orthoadapters.data.sources.prefixes import language_prefix
from orthoadapters.data.sources.rows import label_name
from orthoadapters.data.sources.tables import NAMES, other_separator, separator
from orthoadapters.errors import UserError
from orthoadapters.examples import TaggedSentence

# The fix of a row that may be none.
COMMENT = "mend that line, or set task.files.comment='#' if such lines are comments"


def read_columns(path: Path, task: TaskConfig) -> Iterator[TaggedSentence]:
    """Yields the sentences of one file. Raises UserError for a row without its columns and for an unknown tag."""
    places = [_number(task, "word", 1), _number(task, "tag", -1)]
    character, comment = separator(task.files), task.files.comment

    def columns_of(line: str) -> list[str]:
        return re.split(" +", line.rstrip(" ")) if character == " " else line.split(character)

    def word_of(line: str) -> str | None:
        if not line.strip() or line.startswith(DOCUMENT_START) or (comment is not None and line.startswith(comment)):
            return None
        fields, place = columns_of(line), places[0] - (places[0] > 0)
        return fields[place] if -len(fields) <= place < len(fields) else None

    code = language_prefix(path, word_of)
    words: list[str] = []
    tags: list[str] = []
    count = 0
    for number, line in numbered_lines(path):
        is_comment = comment is not None and line.startswith(comment)
        is_mark = line.startswith(DOCUMENT_START)
        if is_comment or is_mark or not line.strip():
            if words and not is_comment:
                yield TaggedSentence(tuple(words), tuple(tags))
                words, tags = [], []
            continue
        place = f"{path}, line {number}"
        fields = columns_of(line)
        count = count or len(fields)
        if len(fields) != count or len(fields) < max(2, *places, *(-place for place in places)):
            raise UserError(f"{place}: {_problem(fields, count, places, line, character)}")
        word, tag = (fields[place - 1 if place > 0 else place] for place in places)
        if line.startswith("#") and tag not in task.labels and tag not in task.label_names:
            raise UserError(f"{place}: no tag of task={task.name} in {excerpt(line)}; {COMMENT}")
        if not word:
            raise UserError(f"{place}: no word in {excerpt(line)}; write one before the tag, or take the line out")
        words.append(word if code is None else code.sub("", word))
        tags.append(label_name(tag, task, place))
    if words:
        yield TaggedSentence(tuple(words), tuple(tags))


def _number(task: TaskConfig, name: str, default: int) -> int:
    """Returns the number of a column, from 1 on, or from -1 on from the end."""
    number = task.files.columns.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int) or number == 0:
        raise UserError(
            f"task.files.columns.{name}={number} of {task.name} is no number of a column; write 1 for the "
            "first, -1 for the last"
        )
    return number


def _problem(fields: list[str], count: int, places: list[int], line: str, character: str) -> str:
    """Says what is wrong with a row of the wrong number of columns, and how it is mended."""
    name = NAMES.get(character, character)
    if line.startswith("#"):
        others = f"instead of {count} as in the rows above " if len(fields) != count else ""
        return f"{len(fields)} columns {others}in {excerpt(line)}; {COMMENT}"
    if other := other_separator(line, character):
        return (
            f"no {name} but a {other} between the columns of {excerpt(line)}; put the {name} there, or set "
            f"task.files.separator={other}"
        )
    if len(fields) == 1:
        return f"no tag in {excerpt(line)}; add it, with a {name} before it"
    if len(fields) == count:
        highest = max(places, key=abs)
        return f"{len(fields)} columns in {excerpt(line)}, and column {highest} is asked for; set task.files.columns"
    return f"{len(fields)} columns instead of {count} as in the rows above in {excerpt(line)}; mend that line"
