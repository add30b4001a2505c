"""The keys of the configuration: their names and types, as the schema has them."""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError

# Below these keys a file or an override may name keys of its own.
OPEN = (
    *("language_adapters.hub.", "language.hub_adapters.", "sweep.axes.", "task.hub_train.", "task.hub_subsets."),
    *("task.files.splits.", "task.files.languages.", "task.files.columns.", "task.label_names.", "task.questions."),
    "transfer.weights.",
)
# The groups that choose no file unless they are named.
OPTIONAL_GROUPS = ("suite", "sweep")
# The keys whose values are paths, or may be.
PATHS = (
    *("paths.runs", "paths.adapters", "paths.cache", "paths.config"),
    *("backbone.path", "data.root", "corpus.root", "domain.root", "language_adapters.root"),
)
WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Any: "text, a list or a mapping"}


@cache
def key_types() -> Mapping[str, Any]:
    """Reads the type of every key from the schema, by dotted key; a section has the type of its dataclass."""
    return dict(_keys_below(Config))


def _keys_below(schema: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    hints = typing.get_type_hints(schema)
    for field in dataclasses.fields(schema):
        yield prefix + field.name, hints[field.name]
        if dataclasses.is_dataclass(hints[field.name]):
            yield from _keys_below(hints[field.name], f"{prefix}{field.name}.")


def takes_list(key: str) -> bool:
    """Says whether the key's value is a list."""
    return any(typing.get_origin(choice) is list for choice in _choices(key))


def takes_texts(key: str) -> bool:
    """Says whether the key's value is a list of any texts."""
    return any(typing.get_origin(choice) is list and typing.get_args(choice) == (str,) for choice in _choices(key))


def takes_text(key: str) -> bool:
    """Says whether the key's value may be any text."""
    return str in _choices(key)


def takes_null(key: str) -> bool:
    """Says whether the key may be without a value."""
    return type(None) in _choices(key) or takes_any(key)


def takes_any(key: str) -> bool:
    """Says whether the key takes values of several kinds, which its own check looks at."""
    return Any in _choices(key)


def value_words(key: str) -> str:
    """Describes in words what the key takes, such as `a whole number`."""
    choices = [choice for choice in _choices(key) if choice is not type(None)]
    if not choices:
        return "another value"
    if isinstance(choices[0], type) and issubclass(choices[0], Enum):
        return "one of " + ", ".join(str(member.value) for member in choices[0])
    if dataclasses.is_dataclass(choices[0]):
        return f"keys of its own, such as {key}.{dataclasses.fields(choices[0])[0].name}=..."
    return {list: "a list", dict: "a mapping"}.get(
        typing.get_origin(choices[0]) or choices[0], WORDS.get(choices[0], "")
    )


def _choices(key: str) -> tuple[Any, ...]:
    """Lists the types that a key's value may have; none for a key that the schema does not have."""
    hint = key_types().get(key)
    if hint is None:
        return ()
    return typing.get_args(hint) if typing.get_origin(hint) is types.UnionType else (hint,)


def values_of(composition: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the dotted keys of a composed configuration with what stands there, sections and what is below them included."""
    for key, value in composition.items():
        yield f"{prefix}{key}", value
        if isinstance(value, Mapping):
            yield from values_of(value, f"{prefix}{key}.")


def check_items(values: Mapping[str, Any]) -> None:
    """Raises UserError for a list or a mapping as an item of a list or mapping of single values: OmegaConf lets it pass.

    values: those of all keys, as `values_of` yields them.
    """
    for key in key_types():
        items = [typing.get_args(choice)[-1] for choice in _choices(key) if typing.get_origin(choice) in (list, dict)]
        value = values.get(key)
        content = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
        wrong = [item for item in content if isinstance(item, list | Mapping)]
        if wrong and items and items[0] in (str, float, int):
            raise UserError(
                f"{key}: {wrong[0]} is one of its items, and each takes {WORDS[items[0]]}; write it without brackets"
            )
