"""The choices of a run that tell its grid point, its row and its table; and how choices are compared.

Choices are values by dotted key, as result.json records them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orthoadapters.config.choices import ORT_ONLY

# The Hub ids of adapters are among these, as they are listed by language. caveats.py compares the adapters' contents.
GRID_KEYS = {"optim.lr", "optim.ort_lr", "seed", "languages", "language_adapters.hub"}
# Only some variants have these choices, and a table must hold all variants.
ROW_KEYS = {"variant", "language_adapters", *ORT_ONLY}


def row_choices(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the choices that tell a run's row from other rows of the same variant."""
    return {key: v for key, v in choices.items() if is_within(key, ROW_KEYS) and not is_within(key, GRID_KEYS)}


def table_setting(choices: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the choices that all runs of a table share; None where the run recorded no choices."""
    return {key: v for key, v in choices.items() if not is_within(key, ROW_KEYS | GRID_KEYS)} if choices else None


def canonical(choices: Mapping[str, Any] | None) -> str:
    """Writes choices as JSON that is equal for equal choices."""
    return json.dumps(choices, sort_keys=True)


def differing_keys(choices: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the keys that do not have the same value everywhere, in alphabetical order."""
    keys = sorted({key for one in choices for key in one})
    return [key for key in keys if len({canonical({"": one.get(key)}) for one in choices}) > 1]


def value_at(config: Any, key: str) -> Any:
    """Returns the value at a dotted key of a nested configuration; None if there is none."""
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def is_within(key: str, keys: Iterable[str]) -> bool:
    """Says whether a dotted key is one of the keys, or lies below one of them."""
    return any(key == outer or key.startswith(outer + ".") for outer in keys)
