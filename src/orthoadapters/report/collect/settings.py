"""The choices of a run that tell its grid point, its row and its table; and how choices are compared.

Choices are values by dotted key, as result.json records them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orthoadapters.config.choices import NEWER, ORT_ONLY
from orthoadapters.config.schema import AdapterKind, Under

# What stands in a row's label.
UNDER_WORDS = {
    Under.target: "adapter swapped",
    Under.source: "source adapter kept",
    Under.none: "no language adapter",
    Under.mean: "mean of adapters",
}
# The Hub ids of adapters are among these, as they are listed by language. caveats.py compares the adapters' contents.
GRID_KEYS = {"optim.lr", "optim.ort_lr", "seed", "languages", "language_adapters.hub"}
# Only some variants have these choices, and a table must hold all variants.
ROW_KEYS = {"variant", "language_adapters", "transfer", "domain", "unfreeze", *ORT_ONLY}


def row_choices(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the choices that tell a run's row from other rows of the same variant.

    Of what is under the task adapter at test, the run's own choice alone is one of them.
    """
    row = {key: v for key, v in choices.items() if is_within(key, ROW_KEYS) and not is_within(key, GRID_KEYS)}
    under = own_under(choices)
    if under is not Under.mean:
        row = {key: value for key, value in row.items() if key not in ("transfer.under", "transfer.weights")}
    return row if under is Under.target else row | {"transfer.under": under.value}


def own_under(choices: Mapping[str, Any]) -> Under:
    """Returns the run's own choice of what is under the task adapter."""
    under = choices.get("transfer.under", Under.target.value)
    return Under(under[0] if isinstance(under, list) else under)


def train_under_words(choices: Mapping[str, Any]) -> str:
    """Says in a label which language adapters took turns under the task adapter in training; nothing for the source's."""
    languages = choices.get("transfer.train_under")
    return f", trained on {'+'.join(languages)}" if languages else ""


def is_the_papers(row: Mapping[str, Any]) -> bool:
    """Says whether a row has none of the choices that go beyond the paper: only then its scores stand beside the paper's."""
    return not any(key in NEWER or is_within(key, {"domain"}) for key in row)


def has_no_other_choice(config: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Says whether a run's configuration has the default of every choice beyond the paper that a row lacks."""
    defaults = {key: value for key, value in NEWER.items() if is_within(key, ROW_KEYS)} | {"domain.name": None}
    if value_at(config, "variant.task_adapter") != AdapterKind.ort.value:
        defaults = {key: value for key, value in defaults.items() if not is_within(key, ORT_ONLY)}
    values = {key: value_at(config, key) for key in defaults.keys() - row.keys()}
    under = values.get("transfer.under")
    values |= {"transfer.under": under[0]} if isinstance(under, list) and under else {}
    # A run of an earlier version has no such key. Some keys say how, and mean nothing without the one that says what.
    means_nothing = {"unfreeze.every"} if values.get("unfreeze.per") is None else set()
    means_nothing |= {"transfer.weights"} if values.get("transfer.under") != Under.mean.value else set()
    return all(value in (None, defaults[key]) for key, value in values.items() if key not in means_nothing)


def under_words(under: Under) -> str:
    """Says in a label what is under the task adapter; nothing where the language adapter is swapped."""
    return "" if under is Under.target else f", {UNDER_WORDS[under]}"


def domain_words(choices: Mapping[str, Any]) -> str:
    """Says in a label which domain adapter is in the stack; nothing without one."""
    return f", domain {choices['domain.name']}" if "domain.name" in choices else ""


def label_keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the keys that tell rows of one variant apart or that go beyond the paper, but for what words say.

    rows: the choices of each row.
    """
    of_domains = [row for row in rows if "domain.name" in row]
    keys = [
        key
        for key in sorted({*differing_keys(rows), *(key for row in rows for key in row if key in NEWER)})
        if not is_within(key, {"transfer.under", "transfer.train_under", "domain"})
    ]
    return keys + [key for key in differing_keys(of_domains) if key in ("domain.kind", "domain.reduction")]


def table_setting(choices: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the choices that all runs of a table share; None where the run recorded no choices."""
    return {key: v for key, v in choices.items() if not is_within(key, ROW_KEYS | GRID_KEYS)} if choices else None


def setting_hash(source: str, metric: str, setting: Mapping[str, Any] | None, inputs: Mapping[str, str]) -> str:
    """Returns eight hexadecimal digits that tell one setting from another."""
    content = canonical({"source": source, "metric": metric, "setting": setting, "inputs": inputs})
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def canonical(choices: Mapping[str, Any] | None) -> str:
    """Writes choices as JSON that is equal for equal choices."""
    return json.dumps(choices, sort_keys=True)


def differing_keys(choices: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the keys that do not have the same value everywhere, in alphabetical order.

    A run with ort.joint has no optimizer of L_ORT, whose epsilon is no difference then.
    """
    keys = sorted({key for one in choices for key in one})
    members = {key: [one for one in choices if key != "optim.ort_eps" or "ort.joint" not in one] for key in keys}
    return [key for key in keys if len({canonical({"": one.get(key)}) for one in members[key]}) > 1]


def value_at(config: Any, key: str) -> Any:
    """Returns the value at a dotted key of a nested configuration; None if there is none."""
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def is_within(key: str, keys: Iterable[str]) -> bool:
    """Says whether a dotted key is one of the keys, or lies below one of them."""
    return any(key == outer or key.startswith(outer + ".") for outer in keys)
