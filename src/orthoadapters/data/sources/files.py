"""A task's own files (data=files): the task's YAML says in `files` where they lie and what their columns mean."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from orthoadapters.config.locations import named_files, root_folder
from orthoadapters.config.schema import DataConfig, FileFormat, LanguageConfig, TaskConfig
from orthoadapters.data.sources.columns import read_columns
from orthoadapters.data.sources.conllu import read_treebank
from orthoadapters.data.sources.copies import warn_of_copies
from orthoadapters.data.sources.hub import class_names
from orthoadapters.data.sources.other_formats import check_formats
from orthoadapters.data.sources.prefixes import without_prefixes
from orthoadapters.data.sources.rows import Row, columns_of
from orthoadapters.data.sources.tables import json_rows, table_rows
from orthoadapters.errors import MissingSplitError, UserError, first_line
from orthoadapters.examples import Example, Split
from orthoadapters.folders import absence, names_in

MOST_NAMES = 8  # ours: as many other names as a sentence can hold
log = logging.getLogger(__name__)


def read_files(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Returns the first `limit` examples of the files of one language and split, and where they are from.

    Raises MissingSplitError if there is no such file, and UserError for what the file's format does not allow.
    """
    paths = own_files(data, task, split, language)
    warn_of_copies(paths, "data.root, or make task.files.path stricter")
    examples = list(islice(chain.from_iterable(_read(path, data, task) for path in paths), limit))
    place = str(paths[0]) if len(paths) == 1 else f"{paths[0].parent} ({', '.join(path.name for path in paths)})"
    if task.files.format in (FileFormat.jsonl, FileFormat.parquet):
        # The readers of columns take them off line by line.
        examples = without_prefixes(examples, place)
    return examples, place


def own_files(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Path]:
    """Finds the files of one language and split. Raises MissingSplitError if there is none."""
    name, paths = named_files(data, task, split, language.code)
    if not paths:
        raise MissingSplitError(_missing(data, task, name, split, language))
    check_formats(paths, data, task)
    return paths


def _read(path: Path, data: DataConfig, task: TaskConfig) -> Iterable[Example]:
    """Reads one file in the task's format."""
    kind = task.files.format
    if kind is FileFormat.conllu:
        return read_treebank(path, task, bool(data.fuse_multiword))
    if kind is FileFormat.conll:
        return read_columns(path, task)
    return _examples(path, task)


def _examples(path: Path, task: TaskConfig) -> Iterator[Example]:
    """Yields the examples of a table."""
    rows = _rows(path, task)
    first = next(rows, None)
    if first is None:
        return
    columns = columns_of(task, first[1])
    is_table = task.files.format in (FileFormat.tsv, FileFormat.csv)
    if is_table and task.files.header:
        otherwise = "; if the file has no header, set task.files.header=false and number the columns from 1 on"
        columns.require(f"{path}, line 1", first[1], otherwise)
    else:
        columns.require(first[0], first[1])
    yield from columns.examples(chain([first], rows))


def _rows(path: Path, task: TaskConfig) -> Iterator[tuple[str, Row]]:
    if task.files.format is FileFormat.jsonl:
        return json_rows(path)
    if task.files.format is FileFormat.parquet:
        return _parquet_rows(path)
    return table_rows(path, task.files)


def _parquet_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yields the rows of a Parquet file. Classes that `datasets` wrote as numbers get the names that it wrote beside them."""
    # These are slow to import, and only needed here.
    import datasets
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(
            f"{path} is not Parquet ({first_line(error)}); bring it back, or set task.files.format"
        ) from None
    try:
        features = datasets.Features.from_arrow_schema(table.schema)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning(
            "%s says of its columns what datasets %s does not know (%s); they are read without names of classes",
            path, datasets.__version__, first_line(error),
        )  # fmt: skip
        features = datasets.Features()
    classes = {name: names for name, feature in features.items() if (names := class_names(feature))}
    for number, row in enumerate(table.to_pylist()):
        for name, names in classes.items():
            row[name] = _class_name(row[name], names)
        yield f"{path}, row {number}", row


def _class_name(value: Any, names: list[str]) -> Any:
    """Names a class, or each class of a list; a number without a name stays."""
    if isinstance(value, list):
        return [_class_name(one, names) for one in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def _missing(data: DataConfig, task: TaskConfig, name: str, split: Split, language: LanguageConfig) -> str:
    """Makes the sentence about a file that is not there: what is there in its place, and which key names it."""
    root = root_folder(data, "that task.files.path starts from")
    path = root / name
    opening = f"{absence(path)} (task.files.path of {task.name} is '{task.files.path}')"
    if not root.is_dir():
        return f"{opening}: {absence(root, 'folder')}; set data.root"
    folder = path.parent
    while not folder.is_dir():
        path, folder = folder, folder.parent
    others = [name for name in names_in(folder) if not name.startswith(".")]
    content = ", ".join(others[:MOST_NAMES]) + (", ..." if len(others) > MOST_NAMES else "") if others else "nothing"
    part = Path(task.files.path).parts[len(path.relative_to(root).parts) - 1]
    names = {"language": f"languages.{language.code}", "split": f"splits.{split}"}
    keys = [f"++task.files.{key}=NAME" for field, key in names.items() if f"{{{field}}}" in part]
    return f"{opening}; {folder} has {content}; {' or '.join(keys)} gives another name"
