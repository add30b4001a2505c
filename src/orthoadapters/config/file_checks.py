"""The checks of what a task says of its data: its files, their columns, and the values that stand for labels."""

from collections.abc import Mapping

from orthoadapters.config.locations import SPLITS, path_template
from orthoadapters.config.messages import nearest
from orthoadapters.config.schema import Config, FileFormat, TaskConfig, TaskKind
from orthoadapters.errors import UserError

# What an example needs, by the kind of its task: the keys of task.files.columns.
COLUMNS = {
    TaskKind.sentence_pair: ("first", "second", "label"),
    TaskKind.sentence: ("text", "label"),
    TaskKind.multiple_choice: ("premise", "question", "alternatives", "label"),
    TaskKind.tagging: ("words", "tags"),
}
# In rows of words and tags, a row is no example.
ROW_COLUMNS = ("word", "tag")


def check_files(config: Config) -> None:
    """Refuses values that stand for no label of the task and, with data=files, files that cannot be read or found."""
    task, files = config.task, config.task.files
    for value, label in task.label_names.items():
        if label not in task.labels:
            raise UserError(
                f"task.label_names of {task.name}: '{value}' stands for '{label}', which is none of its labels"
                f"{nearest(label, task.labels)}; they are {', '.join(task.labels)}"
            )
    if config.data.source != "files":
        return
    if files.format is None:
        raise UserError(
            f"data=files: task={task.name} does not say what its files are; give task.files.format (one of "
            f"{', '.join(one.value for one in FileFormat)}), task.files.path and, where the columns "
            "have other names, task.files.columns"
        )
    path_template(task)
    _check_format(task)
    _check_keys("task.files.splits", files.splits, SPLITS)
    _check_keys("task.files.columns", files.columns, ROW_COLUMNS if _is_by_row(task) else COLUMNS[task.kind])
    _check_columns(task)


def _check_columns(task: TaskConfig) -> None:
    """Refuses one column for two needs: a model would read the label as the text."""
    needs: dict[object, str] = {}
    for need, column in task.files.columns.items():
        for one in column if isinstance(column, list) else [column]:
            if one in needs:
                raise UserError(
                    f"task.files.columns of {task.name}: {needs[one]} and {need} are both column {one!r}; give each its own"
                )
            needs[one] = need


def _is_by_row(task: TaskConfig) -> bool:
    return task.files.format in (FileFormat.conll, FileFormat.conllu)


def _check_format(task: TaskConfig) -> None:
    """Refuses a format that does not hold what the task's kind needs."""
    format, is_tagging = task.files.format, task.kind is TaskKind.tagging
    assert format is not None
    if _is_by_row(task) and not is_tagging:
        raise UserError(
            f"task.files.format={format.value} holds words with tags, and {task.name} is of kind={task.kind.value}; use tsv, "
            "csv, jsonl or parquet"
        )
    if is_tagging and format in (FileFormat.tsv, FileFormat.csv):
        raise UserError(
            f"task.files.format={format.value} holds an example a line, and {task.name} is of kind=tagging; use conll for a "
            "word a line (task.files.separator=tab), or jsonl for lists of words and tags"
        )
    if format is FileFormat.conllu and not task.tags_parts_of_speech:
        raise UserError(
            f"task.files.format=conllu gives the parts of speech of column 4, which are not the labels of {task.name}; use "
            "conll with ++task.files.columns.tag=NUMBER for another column"
        )


def _check_keys(key: str, values: Mapping[str, object], names: tuple[str, ...]) -> None:
    for name in values:
        if name not in names:
            raise UserError(f"{key} has '{name}'{nearest(name, names)}; it may have {', '.join(names)}")
