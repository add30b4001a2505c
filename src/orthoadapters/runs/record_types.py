"""The types of a record that was read, against its dataclass: JSON may hold anything anywhere."""

import typing
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any


def has_type(value: Any, hint: Any) -> bool:
    """Says whether a value of a record is of a type, as a dataclass names it.

    A whole number may stand for a float, and an Enum's value for its member.
    """
    if hint is Any:
        return True
    origin, parts = _parts(hint)
    if origin in (UnionType, typing.Union):
        return any(has_type(value, part) for part in parts)
    if origin is dict:
        keys, values = parts
        return isinstance(value, dict) and all(has_type(k, keys) and has_type(v, values) for k, v in value.items())
    if origin is list:
        return isinstance(value, list) and all(has_type(item, parts[0]) for item in value)
    if is_dataclass(hint) and isinstance(hint, type):
        return isinstance(value, hint) and all(
            has_type(getattr(value, name), part) for name, part in _hints(hint).items()
        )
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if issubclass(hint, Enum):
        return value in [member.value for member in hint]
    return isinstance(value, int | float if hint is float else hint)


# A report reads a thousand records of one type.
@cache
def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return typing.get_origin(hint), typing.get_args(hint)


@cache
def _hints(schema: type) -> dict[str, Any]:
    return typing.get_type_hints(schema)
