"""docs/reference.md: every key with type, default, source and effect, made of the comments in schema.py and in conf/.

python -m orthoadapters.config.reference > docs/reference.md
"""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path

import yaml

from orthoadapters.config.comments import Line, Lines, default_lines, file_lines, schema_comments
from orthoadapters.config.compose import CONF
from orthoadapters.config.schema import Config

SWEEPS = CONF.parent / "multirun_sweeps" / "sweep"
# The files of these groups set keys of several sections.
OTHERS = ("stage", "suite", "hydra/launcher")
WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    type(None): "null",
    typing.Any: "text, list or mapping",
}
OPENING = """# Reference: every key of the configuration

<!-- Made by `python -m orthoadapters.config.reference > docs/reference.md`: edit the comments in schema.py and conf/. -->

A key is set with `python train.py KEY=VALUE`, such as `optim.lr=5e-5`; all keys of a group at once with `GROUP=FILE`, such
as `variant=lort_tnoo`, which reads `conf/variant/lort_tnoo.yaml`. This page is made of the comments in
[schema.py](../src/orthoadapters/config/schema.py) and in [conf/](../conf).

- **Default**: the value that `python train.py` has. `???` must be given; `${task.lr}` is the value of that key.
- **Source**: where the default comes from: a place in the paper, or a choice of ours with its reason.
- No number of a result depends on some of the keys, such as folders and devices. They are no part of a run's name:
  `WITHOUT_EFFECT` in [choices.py](../src/orthoadapters/config/choices.py) lists them.
- A list names each thing once. What stands twice in one is refused. In `languages`, `transfer.under`, `logger.tags`,
  `task.grid` and the values of a multirun it counts once, and that is said.
"""


def reference() -> str:
    """Writes the whole page."""
    defaults, hints = default_lines(), typing.get_type_hints(Config)
    parts = [OPENING, "## The run itself\n", key_table(Config, "", defaults)]
    for name, hint in hints.items():
        if dataclasses.is_dataclass(hint):
            parts += [
                f"## {name}\n",
                f"{inspect.getdoc(hint)}\n",
                key_table(typing.cast(type, hint), f"{name}.", defaults),
            ]
            parts += files_of(name)
    for name in OTHERS:
        parts += [f"## {name}: files that set keys of several groups\n", *files_of(name)]
    parts += ["## The sweeps: multirun_sweeps/sweep\n", *map(sweep_item, sorted(SWEEPS.glob("*.yaml")))]
    return "\n".join(parts) + "\n"


def key_table(schema: type, prefix: str, defaults: Lines) -> str:
    """Writes the keys of a dataclass. Those of a dataclass in it are its own section if it is Config's, and rows otherwise."""
    return table(("Key", "Type", "Default", "Source", "Effect"), key_rows(schema, prefix, defaults))


def key_rows(schema: type, prefix: str, defaults: Lines) -> Iterator[Sequence[str]]:
    comments = schema_comments()
    for field, hint in zip(dataclasses.fields(schema), typing.get_type_hints(schema).values(), strict=True):
        key = prefix + field.name
        if not dataclasses.is_dataclass(hint):
            line = defaults.get(key) or Line(default_text(key, field, defaults))
            effect = effect_text(comments.get((schema.__name__, field.name), ""))
            yield code(key), type_text(hint), code(line.value), line.source, effect
        elif prefix:
            yield from key_rows(typing.cast(type, hint), f"{key}.", defaults)


def type_text(hint: typing.Any) -> str:
    """Writes a type in words, the choices of an enum one by one."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(code(choice.value) for choice in hint)
    if typing.get_origin(hint) is list:
        return "list"
    if typing.get_origin(hint) is dict:
        return "mapping"
    if typing.get_origin(hint) is types.UnionType:
        return ", or ".join(map(type_text, typing.get_args(hint)))
    return WORDS[hint]


def default_text(key: str, field: "dataclasses.Field[typing.Any]", defaults: Lines) -> str:
    """Writes the default of a key that no file sets in one line: a mapping with a line for each entry, or the schema's own."""
    entries = {
        name.removeprefix(f"{key}."): line.value for name, line in defaults.items() if name.startswith(f"{key}.")
    }
    if entries:
        return "{" + ", ".join(f"{name}: {value}" for name, value in entries.items()) + "}"
    factory = field.default_factory
    value = factory() if callable(factory) else field.default
    return yaml.safe_dump(value.value if isinstance(value, Enum) else value, default_flow_style=True).splitlines()[0]


def effect_text(comment: str) -> str:
    """Writes a comment as a table has it: a first word begins with a capital unless it is a value, such as `true: ...`."""
    return re.sub(r"^[a-z](?=[a-z]* )", lambda letter: letter[0].upper(), comment).removesuffix(".")


def files_of(group: str) -> Iterator[str]:
    """Lists the values that the files of a group set; of several files, those that are not the same in all of them."""
    files = {code(f"{group}={path.stem}"): file_lines(path) for path in sorted((CONF / group).glob("*.yaml"))}
    if len(files) == 1:
        ((name, lines),) = files.items()
        yield f"{name} sets:\n"
        yield table(
            ("Key", "Value", "Comment"), ((code(key), code(line.value), line.comment) for key, line in lines.items())
        )
    elif files:
        keys = list(dict.fromkeys(key for lines in files.values() for key in lines))
        unset = Line("")
        values = {key: [lines.get(key, unset).value for lines in files.values()] for key in keys}
        rows = [[code(key), *map(code, row)] for key, row in values.items() if len(set(row)) > 1]
        square = [["", *files], *rows]
        header, *rest = square if len(rows) > len(files) else zip(*square, strict=True)
        yield f"The files of `conf/{group}/` differ in (an empty place is not set):\n"
        yield table(header, rest)


def sweep_item(path: Path) -> str:
    """Writes a list item with the words at the top of a sweep's file."""
    top = re.match(r"# @package _global_\n# (.*)\n((?:#.*\n)+)", path.read_text())
    assert top is not None  # tests/sweep/test_cells.py
    return f"- `{top[1]}`: {' '.join(line.strip('# ') for line in top[2].splitlines())}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Writes a table in Markdown."""
    lines = [header, ["---"] * len(header), *([text.replace("|", "\\|") for text in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    print(reference(), end="")
