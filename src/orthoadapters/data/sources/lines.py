"""Lines of text files with their numbers, and the sentences about what is wrong in one."""

from collections.abc import Iterator
from pathlib import Path

from orthoadapters.config.schema import TaskConfig
from orthoadapters.errors import UserError


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines of a UTF-8 file from 1 on, split at line feeds alone: words may hold Unicode's other separators."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            yield number, decoded_line(raw, str(path), number)


def decoded_line(raw: bytes, source: str, number: int) -> str:
    """Decodes one line without its ending and the first one's byte order mark. Raises UserError if it is not UTF-8."""
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{source}, line {number}: not UTF-8; convert the file to UTF-8") from None
    return line.removesuffix("\n").removesuffix("\r")


def excerpt(line: str) -> str:
    """Quotes the beginning of a line."""
    return repr(line if len(line) <= 60 else line[:60] + "...")  # ours: enough to find the row by eye


def column_error(source: str, number: int, line: str, layout: str) -> UserError:
    """Makes the sentence about a line with another number of columns than expected."""
    count = line.count("\t") + 1
    return UserError(
        f"{source}, line {number}: {count} columns instead of `{layout}` in {excerpt(line)}; mend that line"
    )


def unknown_label(place: str, label: object, task: TaskConfig) -> str:
    """Makes the sentence about a label that task.labels does not have."""
    return f"{place}: unknown label {label!r}; the labels of task={task.name} are {', '.join(task.labels)}"
