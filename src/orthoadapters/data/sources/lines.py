"""Lines of text files with their numbers, and the sentences about what is wrong in one."""

import difflib
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from orthoadapters.config.schema import TaskConfig
from orthoadapters.errors import UserError, first_line
from orthoadapters.file_formats import binary_format, encoding_of, packer_of

# The word that marks the beginning of a document in files of the CoNLL shared tasks: it is no word of a sentence.
DOCUMENT_START = "-DOCSTART-"
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


def decoded_line(raw: bytes, source: str, number: int) -> str:
    """Decodes one line without its ending and the first one's byte order mark.

    Raises UserError if it is not UTF-8, or has a NUL in it.
    """
    if number == 1:
        check_is_text(raw, source)
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{source}, line {number}: not UTF-8; convert the file to UTF-8") from None
    if "\0" in line:
        raise nul_error(f"{source}, line {number}")
    line = line.removesuffix("\n").removesuffix("\r")
    if number == 1 and not raw.endswith(b"\n") and "\r" in line:
        raise UserError(f"{source}: its lines end in carriage returns alone; save it with line feeds")
    return line


def nul_error(place: str) -> UserError:
    """Makes the sentence about a NUL, which no text has, but a file whose writing a power cut ended."""
    return UserError(
        f"{place}: a NUL character is in it, as after a power cut; bring the file back, or take the line out"
    )


def check_is_text(start: bytes, source: str) -> None:
    """Raises UserError if a file begins as one of another encoding, or as one that is no text."""
    if encoding := encoding_of(start):
        raise UserError(f"{source}: the file is {encoding}; save it as UTF-8")
    if name := binary_format(start) or packer_of(start):
        raise UserError(
            f"{source}: the file is {name} and no plain text; bring the right one, or write it as UTF-8 text"
        )


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
