"""Sentences for overrides that Hydra refuses in words of its own, or would take otherwise than they are meant."""

import copy
import dataclasses
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from functools import cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import OverrideParseException

from orthoadapters.config.keys import (
    OPEN,
    OPTIONAL_GROUPS,
    key_types,
    takes_any,
    takes_list,
    takes_null,
    takes_text,
    takes_texts,
    value_words,
)
from orthoadapters.config.messages import nearest
from orthoadapters.config.overrides import override_text
from orthoadapters.errors import UserError


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Reads overrides in Hydra's grammar. Raises UserError with the override as it should be typed."""
    try:
        result = [copy.copy(_parse(text)) for text in overrides]
    except OverrideParseException as error:
        raise UserError(_unreadable(error.override)) from error
    if nameless := [override for override in result if not override.key_or_group]:
        raise UserError(_no_override(str(nameless[0].input_line)))
    return result


@cache
def _parse(text: str) -> Override:
    """Reads one override, once: Hydra's parser takes a millisecond for each, and a sweep's cells share most of them."""
    return OverridesParser.create().parse_overrides([text])[0]


def _no_override(text: str) -> str:
    return f"'{text}' is no override; write KEY=VALUE, such as optim.lr=5e-5"


def _unreadable(text: str) -> str:
    """Says how an override that Hydra cannot read should be typed."""
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[+~]{0,2}[\w@./:-]+", key) or value.startswith("="):
        return _no_override(text)
    if takes_list(key.lstrip("+")):
        values = ",".join(re.findall(r"[^\s,()\[\]]+", value))
        return f"'{text}' is no list; write {in_shell(f'{key}=[{values}]')}"
    if key in key_types() and dataclasses.is_dataclass(key_types()[key]):
        return f"'{text}' cannot be read; write {key}=NAME, or {key}.KEY=VALUE"
    if key in key_types() and not takes_text(key):
        return f"'{text}' cannot be read; {key} takes {value_words(key)}"
    return (
        f"'{text}' cannot be read as it stands; quote the value: {in_shell(override_text(key, value.strip(chr(39))))}"
    )


def in_shell(text: str) -> str:
    """Writes one argument as it is typed in a shell: in double quotes where they serve, as they are the easier ones to read."""
    if shlex.quote(text) == text:
        return text
    return shlex.quote(text) if re.search(r'["$`!]|\\[\\"$`]|\\$', text) else f'"{text}"'


def check_overrides(overrides: Sequence[Override], groups: Mapping[str, Collection[str]]) -> None:
    """Refuses what Hydra takes otherwise than it is meant. groups: all that a file is chosen for, with their files."""
    for override in overrides:
        key, text = str(override.get_key_element()).lstrip("+~"), str(override.input_line)
        if key.startswith("hydra"):
            continue
        if key == "language.code":
            raise UserError(
                f"'{text}': the code is that of the language's file; write language={_value_text(override)}"
            )
        group, _, rest = key.partition(".")
        if group in ("task", "backbone") and rest == "name" and override.value() in groups.get(group, ()):
            _check_name(override, group, overrides)
        if override.is_delete():
            _check_deletion(key, groups)
        elif (override.is_force_add() and key in groups) or (
            override.is_add() and key in groups.keys() | key_types().keys() and f"{key}." not in OPEN
        ):
            raise UserError(f"'{text}' adds a key, and {key} is there; write {in_shell(text.lstrip('+'))}")
        elif not override.is_sweep_override() and "${" not in text:
            _check_value(override, key, groups)


def _check_name(override: Override, group: str, overrides: Sequence[Override]) -> None:
    """Refuses another task's or backbone's name for that of the command line: its runs would be filed among the other's.

    backbone=local may be a copy of another one.
    """
    name = override.value()
    if any(other.key_or_group == group and other.value() not in (name, "local") for other in overrides):
        raise UserError(f"'{override.input_line}': {name} is another {group}; choose {group}={name}, or another name")


def _check_value(override: Override, key: str, groups: Mapping[str, Collection[str]]) -> None:
    """Refuses a list where one value is taken, one value where a list is, and null where there must be a value."""
    value = override.value()
    is_section = key in key_types() and dataclasses.is_dataclass(key_types()[key])
    if key in groups:
        if isinstance(value, bool | int | float):
            names = ", ".join(sorted(groups[key]))
            raise UserError(f"{key} has no '{_value_text(override)}'; there are: {names}")
        if isinstance(value, list) and key != "logger":
            raise UserError(_one_value(key, override))
        if isinstance(value, dict):
            raise UserError(
                f"'{override.input_line}': {key} takes the name of a file, one of {', '.join(groups[key])}; a key of it is set "
                f"with {key}.KEY=VALUE"
            )
        if value is None and key not in OPTIONAL_GROUPS:
            raise UserError(
                f"{key}=null: every run has a file of this group; there are: {', '.join(sorted(groups[key]))}"
            )
    elif isinstance(value, list) and key in key_types() and not takes_list(key) and not takes_any(key):
        raise UserError(_one_value(key, override))
    elif value is None and key in key_types() and not takes_null(key):
        raise UserError(f"{key} cannot be null; it takes {value_words(key)}")
    elif value is not None and not isinstance(value, list) and takes_list(key):
        items = ",".join(map(str, value)) if isinstance(value, dict) else _value_text(override)
        raise UserError(f"{key} takes a list; write {in_shell(f'{key}=[{items}]')}")
    elif _is_other_text(override, key):
        text = _value_text(override).strip()
        raise UserError(
            f"'{override.input_line}': {key} is text, and {text} is read as {value}; put quotes around it: "
            f"{in_shell(override_text(key, text))}"
        )
    elif others := _other_items(override, key):
        raise UserError(
            f"'{override.input_line}': {key} is a list of text, and one item is read as {others[0]}; put quotes around that one"
        )
    elif is_section and not isinstance(value, dict):
        raise UserError(f"'{override.input_line}': {key} takes {value_words(key)}")


def _is_other_text(override: Override, key: str) -> bool:
    """Says whether text on the command line is read as a number or as true or false, and written otherwise."""
    value = override.value()
    is_scalar = isinstance(value, bool | int | float) and takes_text(key)
    return is_scalar and str(value) != _value_text(override).strip()


def _other_items(override: Override, key: str) -> list[str]:
    """Lists what of a list of texts is read as numbers or as true or false, and written otherwise."""
    values = override.value()
    if not isinstance(values, list) or not takes_texts(key):
        return []
    words = re.findall(r"[^\s,\[\]]+", _value_text(override))
    return [str(value) for value in values if isinstance(value, bool | int | float) and str(value) not in words]


def _check_deletion(key: str, groups: Collection[str]) -> None:
    """Refuses ~KEY: every run has all keys, and only a group that is null without it can be left out."""
    if key in OPTIONAL_GROUPS:
        return
    if key in groups:
        raise UserError(f"~{key}: every run has a file of this group; choose another one with {key}=NAME")
    if key in key_types():
        instead = f"{key}=null leaves it without a value" if takes_null(key) else f"it takes {value_words(key)}"
        raise UserError(f"~{key}: a key cannot be taken out; {instead}")
    raise UserError(f"there is no key '{key}'{nearest(key, [*groups, *key_types()])}")


def check_axis(override: Override, is_multirun: bool) -> None:
    """Refuses several values that are no list of runs, and several runs where one was asked for."""
    key, text = str(override.get_key_element()), str(override.input_line)
    if key == "sweep":
        raise UserError(f"'{text}': one sweep at a time; sweep=paper is all of the paper's")
    if not override.is_discrete_sweep():
        raise UserError(f"'{text}' is no list of values; name them: KEY=VALUE,VALUE")
    if takes_list(key) and "[" not in text:
        raise UserError(f"{key} takes a list; write {in_shell(f'{key}=[{_value_text(override)}]')}")
    if not is_multirun:
        is_one = f", or quotes if it is one value: {in_shell(override_text(key, _value_text(override)))}"
        raise UserError(
            f"'{text}' asks for several runs; add -m (--multirun) to the command, or sweep=NAME"
            + (is_one if takes_text(key) and override.is_choice_sweep() else "")
        )


def check_pattern(override: Override, pattern: Glob, is_multirun: bool, names: Sequence[str]) -> None:
    """Refuses a pattern that means no files, and several runs where one was asked for. names: the files of the group."""
    key, text = str(override.get_key_element()), str(override.input_line)
    if key == "sweep":
        raise UserError(_one_value(key, override))
    if not names:
        values = "[VALUE,VALUE]" if takes_list(key) else "VALUE,VALUE"
        raise UserError(f"'{text}': glob() is for names of files, and {key} has none; write {key}={values}")
    if not pattern.filter(list(names)):
        raise UserError(f"'{text}' means none of the files of {key}; there are: {', '.join(names)}")
    if not is_multirun:
        raise UserError(f"'{text}' asks for several runs; add -m (--multirun) to the command")


def _one_value(key: str, override: Override) -> str:
    if key == "sweep":
        return f"'{override.input_line}': one sweep at a time; sweep=paper is all of the paper's"
    values = _value_text(override).strip("[] ")
    return f"'{override.input_line}' gives one run several values; several runs: -m {in_shell(f'{key}={values}')}"


def _value_text(override: Override) -> str:
    return str(override.input_line).partition("=")[2]
