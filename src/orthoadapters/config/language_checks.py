"""The checks of the languages of a task run."""

import re
from functools import cache
from pathlib import Path

from orthoadapters.config.compose import check_language, group_files, language_config
from orthoadapters.config.locations import has_language, named_files, warn_once
from orthoadapters.config.schema import AdapterSource, Config, Stage
from orthoadapters.config.train_under import has_turns, training_languages
from orthoadapters.errors import UserError


def check_languages(config: Config) -> None:
    """Refuses a language that has neither a file in conf/language/ nor data. The rest is seen when the data are read.

    `task.languages` are those of the task that are tested by default. A language that it does not list may be named in
    `languages=[...]`, if the data have a test set of it.
    """
    codes = [config.language.code] if config.stage is Stage.mlm else config.evaluated_languages
    for code in codes:
        warn_of_copied_lines(code, config.paths.config)
    if config.stage is Stage.mlm:
        return
    _check_training_languages(config)
    if config.languages == []:
        warn_once(f"languages=[]: no target language is tested, and {', '.join(config.source_languages)} alone is")
    for code in config.evaluated_languages:
        if code in group_files("language", config.paths.config):
            language_config(code, config.paths.config)
        elif not has_language(config.data, config.task, code):
            try:
                check_language(code, config.paths.config)
            except UserError as error:
                raise UserError(f"{error}; {_why_unknown(config, code)}") from None


def _check_training_languages(config: Config) -> None:
    """Refuses a language of transfer.train_under whose adapter could only be trained here, and that no file knows."""
    if not has_turns(config) or config.language_adapters.source is not AdapterSource.trained:
        return
    for code in training_languages(config):
        if code not in config.evaluated_languages:
            try:
                check_language(code, config.paths.config)
            except UserError as error:
                raise UserError(f"transfer.train_under: {error}") from None


def warn_of_copied_lines(code: str, folder: str | None) -> None:
    """Warns of a name, a Wikipedia or an adapter in a language's file that another language's file has too."""
    files = group_files("language", folder)
    times = tuple((path, path.stat().st_mtime_ns) for path in files.values() if path.is_file())
    if code not in files or not files[code].is_file():
        return
    for sentence in _copied_lines(code, files[code], times):
        warn_once(sentence)


@cache
def _copied_lines(code: str, path: Path, files: tuple[tuple[Path, int], ...]) -> list[str]:
    """Writes a sentence for each such line. path: the language's file. files: those of all languages, with their times."""
    lines = {file: _lines(file, time) for file, time in files}
    own = lines.pop(path)
    return [
        f"{path}, line {own[line]}: `{line}` stands in {other} too; if one file is a copy of the other, write what belongs "
        f"to {code}"
        for other, others in lines.items()
        for line in own.keys() & others.keys()
    ]


@cache
def _lines(path: Path, time: int) -> dict[str, int]:
    """Reads the lines of a language's file that belong to this language alone, without comments, with their numbers.

    A file is read once. time: that of its last change. Of a file that is no text, or that this account may not read, there
    are none: whoever chooses that language is told.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}
    lines = [line.partition(" #")[0].strip() for line in text.splitlines()]
    return {
        line: number
        for number, line in enumerate(lines, 1)
        if re.match(r"(name|wikipedia): *(?!null)\S|[^#].*: *\S+/", line)
    }


def _why_unknown(config: Config, code: str) -> str:
    """Says why the data do not make a language without a file known, and what to add."""
    task, source = config.task, config.data.source
    if source == "hub" and task.hub_id is None:
        return f"task={task.name} names no data set on the Hub, so choose other data, such as data=files data.root=DIR"
    if source == "hub":
        is_named = any(other != name for other, name in task.hub_subsets.items())
        subset = "SUBSET" if is_named else code
        return f"if {task.hub_id} has it, name its subset there: ++task.hub_subsets.{code}={subset}"
    if source == "demo":
        return "the demo world has its own languages alone"
    problem = f"data.root={config.data.root} has no {task.name} data for it either"
    if source == "files" and code not in task.files.languages:
        path = f"{config.data.root}/{named_files(config.data, task, 'test', code)[0]}"
        return (
            f"{problem} (there is no {path}); if the files have another name for it: ++task.files.languages.{code}=NAME"
        )
    return problem
