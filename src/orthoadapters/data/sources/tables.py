"""Tables in text files: TSV and CSV with a header or without, and JSON lines."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orthoadapters.config.schema import FileFormat, FilesConfig
from orthoadapters.data.sources.lines import excerpt, nul_error, numbered_lines
from orthoadapters.data.sources.rows import Row
from orthoadapters.errors import UserError

NAMED_SEPARATORS = {"tab": "\t", "space": " ", "comma": ",", "semicolon": ";"}
NAMES = {character: name for name, character in NAMED_SEPARATORS.items()}


def separator(files: FilesConfig) -> str:
    """Returns the character between two columns. Raises UserError if task.files.separator is no character."""
    if files.separator is None:
        return "," if files.format is FileFormat.csv else "\t"
    character = NAMED_SEPARATORS.get(files.separator, files.separator)
    if len(character) != 1:
        raise UserError(
            f"task.files.separator='{files.separator}' is no character; use {', '.join(NAMED_SEPARATORS)} or one character"
        )
    return character


def other_separator(line: str, character: str) -> str:
    """Names the separator that a line seems to have in place of this one; empty if it seems to have none."""
    if character in line:
        return ""
    return next((name for one, name in NAMES.items() if one != character and one in line), "")


def table_rows(path: Path, files: FilesConfig) -> Iterator[tuple[str, Row]]:
    """Yields the rows of a TSV or CSV file, each with its place. Columns without a header are numbers from 1 on."""
    character = separator(files)
    is_quoted = files.format is FileFormat.csv if files.quotes is None else files.quotes
    records = _quoted_records(path, character) if is_quoted else _plain_records(path, character)
    names: list[str] | None = None
    count = 0
    for number, fields in records:
        if names is None and files.header:
            names = _header(path, number, fields, character)
            continue
        count = count or len(names or fields)
        if len(fields) != count:
            above = f"the header's {count}" if names else f"{count} as in the rows above"
            raise UserError(
                f"{path}, line {number}: {len(fields)} columns instead of {above} in {excerpt(character.join(fields))}; "
                + _fix_of_count(fields, character, is_quoted)
            )
        keys: list[str] | range = names if names else range(1, count + 1)
        yield f"{path}, line {number}", dict(zip(keys, fields, strict=True))


def _fix_of_count(fields: list[str], character: str, is_quoted: bool) -> str:
    """Says how a row with another number of columns is mended."""
    line = character.join(fields)
    if len(fields) == 1 and (other := other_separator(line, character)):
        name = NAMES.get(character, character)
        return f"there is no {name} in it but a {other}: put the {name} there, or set task.files.separator={other}"
    if not is_quoted and '"' in line:
        return "mend that line, or set task.files.quotes=true if its double quotes enclose fields"
    return "mend that line"


def _header(path: Path, number: int, fields: list[str], character: str) -> list[str]:
    """Checks the line that names the columns."""
    names = [name.strip() for name in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"{path}, line {number}: the header has {twice[0]!r} twice; rename one, or set task.files.header=false"
        )
    if len(names) == 1 and (other := other_separator(fields[0], character)):
        raise UserError(
            f"{path}, line {number}: the header {excerpt(fields[0])} has no {NAMES.get(character, character)} but a {other}; "
            f"set task.files.separator={other}"
        )
    return names


def _plain_records(path: Path, character: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the lines, split at the separator alone; blank ones are left out."""
    for number, line in numbered_lines(path):
        if line.strip():
            yield number, line.split(character)


def _quoted_records(path: Path, character: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the records of a file with quoted fields, each with the number of its first line."""
    reader = csv.reader((f"{line}\n" for _, line in numbered_lines(path)), delimiter=character, strict=True)
    first = 1
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield first, fields
            first = reader.line_num + 1
    except csv.Error as error:
        if "field larger" in str(error):
            raise UserError(
                f"{path}, line {first}: a field of this row has more than {csv.field_size_limit()} characters; close its "
                "quote if one is open, set task.files.quotes=false if quotes are text, or shorten the field"
            ) from None
        raise UserError(
            f"{path}, line {first}: the quotes of this row do not fit ({error}); close them, write a quote inside a field "
            "twice, or set task.files.quotes=false if quotes are text"
        ) from None


def json_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yields the objects of a file of JSON lines, each with its place."""
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except RecursionError:
            raise UserError(f"{place}: JSON that is nested too deeply; write one JSON object a line") from None
        except ValueError as error:
            what = "the file is one JSON array" if line.lstrip().startswith("[") else f"not JSON ({error})"
            raise UserError(f"{place}: {what}; write one JSON object a line") from None
        if not isinstance(row, dict):
            what = "a JSON array" if isinstance(row, list) else "a JSON value"
            raise UserError(f'{place}: {what} and not an object; write one JSON object a line, such as {{"text": ...}}')
        if "\\ud" in line.lower() or "\\u0000" in line:
            _check_text(place, row)
        yield place, row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes an object of its pairs. Raises ValueError for a key that is there twice."""
    if twice := [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]:
        raise ValueError(f"the key {twice[0]!r} is there twice")
    return dict(pairs)


def _check_text(place: str, row: Row) -> None:
    """Refuses half of a character that is written as two escapes, and a NUL, which are no text."""
    try:
        text = json.dumps(row, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise UserError(f"{place}: {half} is half of a character; write the character itself") from None
    # A backslash of the text itself is written twice.
    if "\\u0000" in text.replace("\\\\", ""):
        raise nul_error(place)
