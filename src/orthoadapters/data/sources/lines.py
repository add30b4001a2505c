"""Lines of text files with their numbers, and the sentences about what is wrong in one."""

import codecs
import difflib
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from orthoadapters.config.locations import warn_once
from orthoadapters.config.schema import TaskConfig
from orthoadapters.errors import UserError, first_line

# The word that marks the beginning of a document in files of the CoNLL shared tasks: it is no word of a sentence.
DOCUMENT_START = "-DOCSTART-"
# A Wikipedia's code with its colon: en:, zh-min-nan:, and simple: of Simple English, the one that is longer.
CODE = re.compile(r"^(simple|[a-z]{2,3}(-[a-z]+)*):")
FEW = 0.01  # ours: the part of rows whose words, such as re:Invent, may begin as a code and be none
NEAR = (
    0.7  # ours: how alike two labels are before one is named for the other; B-PER and B-PERS are, B-PER and B-LOC not
)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines of a UTF-8 file from 1 on, split at line feeds alone: words may hold Unicode's other separators.

    A file whose name ends in .gz is unpacked.
    """
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        number = 0
        try:
            for number, raw in enumerate(file, 1):
                yield number, decoded_line(raw, str(path), number)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(
                f"{path}, line {number + 1}: the packed file is damaged ({first_line(error)}); bring it back"
            ) from None


def language_prefix(path: Path) -> re.Pattern[str] | None:
    """Finds out whether every row of a file begins with a Wikipedia's code and a colon, as `en:Anna` in raw WikiANN.

    Returns the pattern of what is to be taken off a word; None for all other files. Words such as `http:` or `re:` stay as
    they are, as most rows beside them have no code; a warning names the first of more than a few. Raises UserError for a row
    without a code where most have one.
    """
    # The first row of each sort, and how many there are. A code is one of a word if the word goes on after it.
    first: dict[str, tuple[int, str]] = {}
    counts: Counter[str] = Counter()
    for number, line in numbered_lines(path):
        if line.strip():
            match = CODE.match(line)
            sort = "other" if match is None else "word" if line[match.end() :][:1].strip() else "code alone"
            counts[sort] += 1
            first.setdefault(sort, (number, line))
    rows, others = counts.total(), counts["other"]
    if 2 * others >= rows:
        if counts["word"] > FEW * rows:
            number, line = first["word"]
            warn_once(
                f"{path}, line {number}: {excerpt(line)} begins as in raw WikiANN, and so do {counts['word']} of {rows} rows; "
                "they are read as they stand, so take the code and its colon off if they are no part of the words"
            )
        return None
    if others:
        number, line = first["other"]
        prefix = next(match[0] for _, one in first.values() if (match := CODE.match(one)))
        raise UserError(
            f"{path}, line {number}: {excerpt(line)} has no '{prefix}' before the word, as {rows - others} of {rows} rows do; "
            "take it from all of them, or put it there"
        )
    return CODE if counts["word"] else None


def decoded_line(raw: bytes, source: str, number: int) -> str:
    """Decodes one line without its ending and the first one's byte order mark. Raises UserError if it is not UTF-8."""
    if number == 1 and is_utf16(raw):
        raise UserError(f"{source}: the file is UTF-16; save it as UTF-8")
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{source}, line {number}: not UTF-8; convert the file to UTF-8") from None
    line = line.removesuffix("\n").removesuffix("\r")
    if number == 1 and not raw.endswith(b"\n") and "\r" in line:
        raise UserError(f"{source}: its lines end in carriage returns alone; save it with line feeds")
    return line


def is_utf16(start: bytes) -> bool:
    """Says whether the beginning of a file has UTF-16's byte order mark, or a zero beside each of its first two letters."""
    has_mark = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return has_mark or b"\0\0" in (start[0:4:2], start[1:4:2])


def excerpt(line: str) -> str:
    """Quotes the beginning of a line."""
    return repr(line if len(line) <= 60 else line[:60] + "...")  # ours: enough to find the row by eye


def column_error(place: str, line: str, layout: str, unit: str = "line") -> UserError:
    """Makes the sentence about a line, or a text, with another number of columns than expected."""
    count = line.count("\t") + 1
    return UserError(f"{place}: {count} columns instead of `{layout}` in {excerpt(line)}; mend that {unit}")


def unknown_label(place: str, label: object, task: TaskConfig) -> str:
    """Makes the sentence about a label that task.labels does not have."""
    near = [one for one in task.labels if one.casefold() == str(label).casefold()]
    near = near or difflib.get_close_matches(str(label), task.labels, n=1, cutoff=NEAR)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    if isinstance(label, (int, float)) or re.fullmatch(r"[0-9]+(\.0+)?", str(label)):
        hint = "; task.label_names says which value of the data stands for which label"
    return f"{place}: unknown label {label!r}; the labels of task={task.name} are {', '.join(task.labels)}{hint}"
