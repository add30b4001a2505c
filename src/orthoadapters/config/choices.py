"""The choices that a run's numbers depend on, and its fingerprint."""

import dataclasses
import hashlib
import json
from enum import Enum
from functools import cache
from typing import Any

from orthoadapters.config.schema import (
    AdapterSource,
    Config,
    Stage,
)

# These change no number of a finished run: where things lie, what is logged, on which device and how often it is saved.
WITHOUT_EFFECT = {
    "plan",
    "rerun",
    "sweep",
    "task.grid",
    "task.hub_train",
    "logger",
    "paths",
    "language_adapters.missing",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.checkpoint_every",
    "trainer.checkpoint_minutes",
    "trainer.log_every",
    "trainer.layers_every",
    "variant.name",
    "domain.root",
    "language.name",
    "language.hub_adapters",
    "language.word_splitter",
    "languages",
    "task.languages",
    "backbone.allow_pickle",
    "task.hub_subsets",
    "task.files.languages",
    "task.character_words",
}

# One of the two stages alone reads these.
TASK_ONLY = {
    "task",
    "data",
    "source_language",
    "trainer.max_epochs",
    "trainer.patience",
    "variant.task_adapter",
    "variant.task_reduction",
    "language_adapters.source",
    "language_adapters.root",
    "language_adapters.hub",
    "transfer",
}

MLM_ONLY = {"corpus", "mlm", "language", "language_adapters.invert_before_decoder", "trainer.max_iterations"}

ORT_ONLY = {"optim.ort_lr", "optim.ort_eps", "ort", "orthogonality"}

# Keys that are newer than some runs, with the value that those runs had. At that value a key is no part of a
# fingerprint, so that a run of today and an earlier one with the same numbers have the same name.
NEWER: dict[str, Any] = {
    "orthogonality.loss": "cosine",
    "ort.share_forward": False,
    "ort.every": 1,
    "ort.joint": None,
    "unfreeze.per": None,
    "unfreeze.every": 1,
    "mlm.vocabulary": "backbone",
    "trainer.patience": None,
    "trainer.compile": False,
    "variant.leave_out": [],
    "transfer.under": "target",
    "transfer.weights": None,
    "transfer.train_under": "source",
}


def choices(config: Config) -> dict[str, Any]:
    """Collects every value that this run's numbers depend on, by dotted key."""
    omissions = WITHOUT_EFFECT | (TASK_ONLY if config.stage is Stage.mlm else MLM_ONLY)
    if config.trains_domain:
        # It reads a language adapter, as a task run does.
        omissions = omissions - {"language_adapters.source", "language_adapters.root", "language_adapters.hub"}
    if config.domain.name is None:
        omissions = omissions | {"domain"}
    if not config.is_orthogonal:
        omissions = omissions | ORT_ONLY
    elif not config.has_ort_step:
        omissions = omissions | {"optim.ort_lr", "optim.ort_eps"}
    if config.unfreeze.per is None:
        omissions = omissions | {"unfreeze"}
    if config.stage is Stage.task and not config.variant.has_language_adapter:
        omissions = omissions | {"variant.language_reduction", "transfer"}
    # Where language adapters come from is a choice if they are from elsewhere. Trained ones differ by their contents alone,
    # which inputs.json records.
    if not config.variant.has_language_adapter or config.language_adapters.source is AdapterSource.trained:
        omissions = omissions | {"language_adapters.source", "language_adapters.root", "language_adapters.hub"}
    if not config.variant.has_task_adapter:
        omissions = omissions | {"variant.task_reduction", "variant.leave_out"}
    if not config.reads_treebanks:
        omissions = omissions | {"data.fuse_multiword"}
    if config.data.source != "files":
        omissions = omissions | {"task.files"}
    if not config.task.hub_columns:
        omissions = omissions | {"task.hub_columns"}
    values = {key: value for key, value in _flatten(config).items() if omissions.isdisjoint(_places(key))}
    values = {key: value for key, value in values.items() if key not in NEWER or value != NEWER[key]}
    if config.stage is Stage.mlm:
        values = {key: v for key, v in values.items() if key not in ("mlm.lr", "mlm.ort_lr", "mlm.iterations")}
    else:
        values |= {"languages": sorted(config.evaluated_languages)}
        values = {key: v for key, v in values.items() if key not in ("task.lr", "task.ort_lr", "task.epochs")}
    return values


def fingerprint(config: Config) -> str:
    """Computes the SHA-256 of the choices, in hexadecimal: equal for two command lines that mean the same run."""
    return hashlib.sha256(json.dumps(choices(config), sort_keys=True).encode()).hexdigest()


def plain_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain_values(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain_values(inner) for inner in value]
    return value.value if isinstance(value, Enum) else value


@cache
def _places(key: str) -> tuple[str, ...]:
    """Lists a key and all that it lies in: `a.b.c`, `a.b`, `a`. A sweep asks for the same ones thousands of times."""
    parts = key.split(".")
    return tuple(".".join(parts[:length]) for length in range(len(parts), 0, -1))


def _flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Lists the values below a dataclass or dictionary by dotted key."""
    if dataclasses.is_dataclass(tree):
        tree = {field.name: getattr(tree, field.name) for field in dataclasses.fields(tree)}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) or dataclasses.is_dataclass(value):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + str(key)] = plain_values(value)
    return flat
