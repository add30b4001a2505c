"""The shortest command that repeats a finished run, from the choices that its result.json recorded."""

import json
import re
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from orthoadapters.config.choices import choices
from orthoadapters.config.compose import CONF, compose_config
from orthoadapters.config.schema import Stage
from orthoadapters.errors import UserError
from orthoadapters.runs.results import Result

# Composing takes 0.2 s. What no other choice depends on is set in what is composed once, and written after it.
GRID = ("seed", "optim.lr", "optim.ort_lr")
SECTIONS = ("variant", "language")
GROUPS = ("backbone", "corpus", "data", "task")  # the others of conf/ whose files set a section of the same name
HUB = "language_adapters.hub"
ADAPTERS = "adapters"  # conf/config.yaml's paths.adapters


def command(result: Result) -> list[str] | None:
    """Overrides of train.py that make a run with the fingerprint of this one, from the same folder of adapters.

    None if there are none: the run recorded no choices, or conf/ and the code no longer make it.
    """
    wanted = result.choices | {"variant.name": result.variant}
    shared = {key: value for key, value in wanted.items() if key not in GRID}
    found = _shared(json.dumps(shared)) if result.choices else None
    if found is None:
        return None
    overrides, composed = found
    if composed.keys() != wanted.keys() or any(type(composed[k]) is not type(wanted[k]) for k in GRID if k in wanted):
        return None
    overrides = [*overrides, *(override_text(key, wanted[key]) for key in GRID if wanted.get(key) != composed.get(key))]
    places = [Path(str(entry.get("path"))) for entry in result.adapters.values() if entry.get("source") == "trained"]
    folders = {place.parent.parent for place in places} - {Path(ADAPTERS)}
    return overrides + [override_text("paths.adapters", str(folder)) for folder in sorted(folders)[:1]]


@cache
def _shared(recorded: str) -> tuple[list[str], dict[str, Any]] | None:
    """The overrides for all choices but the grid's, and what they compose to; None if there are none."""
    wanted = json.loads(recorded)
    if wanted.get("stage") not in [stage.value for stage in Stage]:
        return None
    stage = ["stage=mlm"] if wanted["stage"] == Stage.mlm.value else []
    suites = [[], *([f"suite={path.stem}"] for path in sorted((CONF / "suite").glob("*.yaml")))]
    try:
        _, overrides, own, sections = min(
            (_begin(wanted, [*stage, *suite]) for suite in suites), key=lambda begun: begun[0]
        )
        named = len(overrides)
        for _ in range(3):  # ours: what the source of adapters implies is seen once it is set, and then once more
            composed = _choices(overrides, sections)
            differing = _differing(wanted, composed)
            if not differing:
                return overrides[:named] + own + overrides[named:], composed
            overrides = [*overrides, *_overrides(differing, wanted, composed)]
    except (UserError, OmegaConfBaseException):
        return None  # a choice that this version of the project does not have
    return None


_composed = cache(lambda overrides: compose_config(overrides))
Values = dict[str, Any]  # by dotted key


def _choices(overrides: list[str], sections: Mapping[str, Values]) -> Values:
    """What the overrides compose to, with SECTIONS set."""
    config = copy(_composed(tuple(overrides)))
    for name, values in sections.items():
        held = {key.removeprefix(f"{name}."): value for key, value in values.items()}
        schema = OmegaConf.structured(type(getattr(config, name)))
        setattr(config, name, OmegaConf.to_object(OmegaConf.merge(schema, held)))
    return choices(config) | {"variant.name": config.variant.name}


def _differing(wanted: Values, composed: Values) -> list[str]:
    keys = [key for key in {**wanted, **composed} if key not in GRID]
    return [key for key in keys if key not in composed or key not in wanted or wanted[key] != composed[key]]


def _begin(wanted: Values, start: list[str]) -> tuple[int, list[str], list[str], dict[str, Values]]:
    """How many overrides it will take; of those the files of conf/, with the keys that they leave open; those of
    SECTIONS; and what these set."""
    overrides, own, sections = list(start), [], {}
    for name in SECTIONS:
        current = _flat(name, asdict(getattr(_composed(tuple(start)), name)))
        keys = [key for key in wanted if key.startswith(f"{name}.")]
        nearest = _nearest(name, wanted, current)
        values = current if nearest is None else nearest[1]
        own += [] if nearest is None else [f"{name}={nearest[0]}"]
        own += [override_text(key, wanted[key]) for key in keys if wanted[key] != values.get(key)]
        sections[name] = values | {key: wanted[key] for key in keys}
    expected = _choices(start, sections)
    for group in GROUPS:
        if (nearest := _nearest(group, wanted, expected)) is not None:
            name, values = nearest
            given = {key: wanted[key] for key, value in values.items() if value == "???" and key in wanted}
            overrides += [f"{group}={name}", *(override_text(key, value) for key, value in given.items())]
            expected |= {key: (values | given).get(key) for key in wanted if key.startswith(f"{group}.")}
    return len(overrides) + len(own) + len(_differing(wanted, expected)), overrides, own, sections


def _nearest(group: str, wanted: Values, current: Values) -> tuple[str, Values] | None:
    """The file of conf/GROUP with the fewest values that differ, and its values; None if the current ones do not differ more.

    Of several as near, the one that leaves most open.
    """
    keys = [key for key in wanted if key.startswith(f"{group}.")]
    files = [(path.stem, _flat(group, _held(path))) for path in sorted((CONF / group).glob("*.yaml"))]

    def distance(values: Values) -> int:
        return sum(wanted[key] != values.get(key) for key in keys)

    found = min(files, key=lambda file: (distance(file[1]), -sum(file[1].get(key) == "???" for key in keys)))
    return found if distance(found[1]) < distance(current) else None


@cache
def _held(path: Path) -> Values:
    held = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(held, dict)
    return {str(key): value for key, value in held.items()}


def _flat(group: str, values: Mapping[str, Any]) -> Values:
    return {f"{group}.{key}": v.value if isinstance(v, Enum) else v for key, v in values.items()}


def _overrides(differing: list[str], wanted: Values, composed: Values) -> list[str]:
    written, hub = [], {}
    for key in differing:
        if key.startswith(HUB + "."):
            hub[key.removeprefix(HUB + ".")] = wanted.get(key)  # null: not even the one that conf/language/ has
        elif key == "languages" and isinstance(wanted.get(key), list):
            targets = [language for language in wanted[key] if language != wanted.get("source_language")]
            written.append(override_text(key, targets))
        elif key in wanted and key != HUB and wanted[key] != composed.get(key):
            written.append(override_text(key, wanted[key]))
    source_is_set = wanted.get("language_adapters.source") == composed.get("language_adapters.source")
    return written + ([override_text(HUB, hub)] if hub and source_is_set else [])


def override_text(key: str, value: Any) -> str:
    """KEY=VALUE in Hydra's grammar, with quotes only where it needs them."""
    for quoted in (False, True):
        text = f"{key}={_written(value, quoted)}"
        try:
            read = OverridesParser.create().parse_override(text)
        except HydraException:
            continue
        if not read.is_sweep_override() and (found := read.value()) == value and type(found) is type(value):
            return text
    raise UserError(f"{key} has the value {value!r}, which no command line can give")


def _written(value: Any, quoted: bool) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_written(inner, quoted)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(inner, quoted) for inner in value) + "]"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value and not f"{value:g}".isdigit() else repr(value)
    if not quoted or not isinstance(value, str):
        return str(value)
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)  # backslashes count for two before a quote alone
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"
