"""Overrides in Hydra's grammar, KEY=VALUE: written from values, and read from a command line that names several."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from orthoadapters.errors import UserError
from orthoadapters.files import user_path

# The key that holds the folder which --config-dir names. As an override it reaches the cells of a sweep and what a run records.
CONFIG_DIR = "paths.config"


def read_axes(arguments: Sequence[str], loader: ConfigLoader | None = None) -> dict[str, list[str]]:
    """Reads a command line of a sweep: key -> one override for each of the values that it names.

    loader: Hydra's, which knows the files that a pattern such as variant=glob(t_*) means. Raises UserError for what is
    no list of values, such as interval(0,1).
    """
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
    return {str(override.get_key_element()): override_values(override) for override in overrides}


def override_values(override: Override) -> list[str]:
    """Writes an override for each of the values that one names. Raises UserError for what is no list of values."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if not override.is_discrete_sweep():
        raise UserError(f"'{override.input_line}' is no list of values; name them: KEY=VALUE,VALUE")
    return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]


def override_text(key: str, value: Any) -> str:
    """Writes KEY=VALUE, with quotes only where the value needs them. Raises UserError for what no command line can give."""
    parser = OverridesParser.create()
    for quotes in (False, True):
        text = f"{key}={_value_text(value, quotes)}"
        try:
            override = parser.parse_override(text)
        except HydraException:
            continue
        if not override.is_sweep_override() and _is_same(override.value(), value):
            return text
    raise UserError(f"{key} has the value {value!r}, which no command line can give")


def _is_same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _value_text(value: Any, quotes: bool) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_value_text(inner, quotes)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_value_text(inner, quotes) for inner in value) + "]"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value and not f"{value:g}".isdigit() else repr(value)
    if not quotes or not isinstance(value, str):
        return str(value)
    # A backslash is written twice where a quote follows it, be it one of the value's own or the closing one.
    text = re.sub(r"(\\*)'", r"\1\1\\'", value)
    return "'" + re.sub(r"(\\+)$", r"\1\1", text) + "'"


def own_folder(flags: Sequence[str], overrides: Sequence[Override] = ()) -> str | None:
    """Finds the one folder of the user's own files, as an absolute path; None if none is named.

    flags: the values of --config-dir. Raises UserError for several folders, of which the last one would be read alone.
    """
    keys = [o.value() for o in overrides if o.get_key_element() == CONFIG_DIR and not o.is_sweep_override()]
    paths = [user_path(str(value), "--config-dir") for value in (*flags, *keys) if value is not None]
    folders = list(dict.fromkeys(str(path.absolute()) for path in paths))
    if len(folders) > 1:
        raise UserError(
            f"--config-dir (or {CONFIG_DIR}) names {' and '.join(folders)}; one folder is read, so put all files into one"
        )
    return folders[0] if folders else None
