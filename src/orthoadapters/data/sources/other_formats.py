"""The sentences about a data file of another format than the one that is read, whose own sentences would name a line of it."""

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

from orthoadapters.config.schema import DataConfig, FileFormat, TaskConfig, TaskKind
from orthoadapters.errors import UserError
from orthoadapters.file_formats import BEGINNING, CONLLU, JSON, JSON_LINES, PARQUET, format_of

# The formats that have a reader, by the names that `format_of` gives them.
FORMATS = {PARQUET: FileFormat.parquet, JSON_LINES: FileFormat.jsonl, CONLLU: FileFormat.conllu}


def check_formats(paths: Iterable[Path], data: DataConfig, task: TaskConfig) -> None:
    """Raises UserError for a file that begins as one of another format than this source and task read."""
    for path in paths:
        name = format_of(_beginning(path))
        if name and not _is_read(name, data, task):
            raise UserError(f"{path} is {name}, and {_reader(data, task)}; {_fix(path, name, data, task)}")


def _beginning(path: Path) -> bytes:
    """Reads the first bytes of a file, unpacked if its name ends in .gz; none of one that cannot be read."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(BEGINNING)
    except (OSError, EOFError, zlib.error):
        return b""


def _is_read(name: str, data: DataConfig, task: TaskConfig) -> bool:
    """Says whether a format is the one that is read, or is left to the sentences of its reader."""
    files = task.files
    if data.source == "conllu":
        return name == CONLLU
    if data.source != "files":
        return False
    # Rows of CoNLL-U have columns as other tables, which may be asked for by their numbers.
    is_by_number = files.format is FileFormat.conll or not files.header
    is_table = name == CONLLU and is_by_number and bool(files.columns)
    is_json = name == JSON and files.format is FileFormat.jsonl
    return FORMATS.get(name) is files.format or is_table or is_json


def _reader(data: DataConfig, task: TaskConfig) -> str:
    """Says what is read."""
    if data.source == "conllu":
        return "data=conllu reads CoNLL-U"
    if data.source == "files":
        return f"task.files.format={task.files.format.value if task.files.format else None} is read"
    columns = "word TAB tag" if task.kind is TaskKind.tagging else "premise TAB hypothesis TAB label"
    return f"data=xtreme reads lines of `{columns}`"


def _fix(path: Path, name: str, data: DataConfig, task: TaskConfig) -> str:
    form = FORMATS.get(name)
    if name == JSON:
        return "write one JSON object a line, which data=files task.files.format=jsonl reads"
    if form is None or (form is FileFormat.conllu and not task.tags_parts_of_speech):
        return "bring the right file, or save its rows as UTF-8 text"
    if data.source == "files":
        return f"set task.files.format={form.value}"
    choice = f"data=files data.root={path.parent} task.files.format={form.value}"
    return (
        f"{choice}{' data.fuse_multiword=true' if form is FileFormat.conllu else ''} reads it, or bring the right file"
    )
