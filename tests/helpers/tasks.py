"""The tasks of conf/task, for tests that need no whole configuration."""

import dataclasses
from functools import cache
from typing import Any, cast

from omegaconf import OmegaConf

from orthoadapters.config.schema import TaskConfig
from tests.helpers.commands import ROOT


def task_config(name: str, **changes: Any) -> TaskConfig:
    """Reads conf/task/NAME.yaml, and changes some of its values."""
    return dataclasses.replace(_read(name), **changes)


def labels_of(name: str) -> list[str]:
    """The labels of a task, in the order of its head's outputs."""
    return list(_read(name).labels)


@cache
def _read(name: str) -> TaskConfig:
    config = OmegaConf.merge(OmegaConf.structured(TaskConfig), OmegaConf.load(ROOT / "conf" / "task" / f"{name}.yaml"))
    return cast(TaskConfig, OmegaConf.to_object(config))
