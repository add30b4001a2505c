"""A copy of conf/ that a test may add files to, as a user adds a task, a language or a data source."""

import shutil
from pathlib import Path

import pytest

from orthoadapters.config import compose


def temporary_conf(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Copies conf/ into `folder`, and composes from there until the test ends."""
    conf = folder / "conf"
    shutil.copytree(compose.CONF, conf)
    patch.setattr(compose, "CONF", conf)
    return conf
