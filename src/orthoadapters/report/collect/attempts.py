"""Run directories without a result: runs that failed, are unfinished, or are under way."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthoadapters.config.recorded import read_yaml
from orthoadapters.errors import UserError
from orthoadapters.folders import exists, search

# The last part of runs.directory.RunDirectory.name
NAME = re.compile(r"lr[^/]+-seed\d+-[0-9a-f]{8}")


@dataclass(frozen=True)
class Attempt:
    """A run directory without a result. state: failed or unfinished; config: its config.yaml, None without one."""

    path: Path
    backbone: str
    task: str
    variant: str
    state: str
    config: Mapping[str, Any] | None


def find_attempts(folder: Path, problems: list[str]) -> list[Attempt]:
    """Finds the run directories without a result below `folder`, and adds a sentence on each to the problems."""
    # What cannot be searched is named by `find_results` already.
    directories = {path.parent for path in search(folder, lambda name: name in ("failed.txt", "checkpoints"), [])}
    attempts = []
    for path in sorted(path for path in directories if not _has(path, "result.json")):
        state = "failed" if _has(path, "failed.txt") else "unfinished"
        parts = path.absolute().parts[-4:]
        if len(parts) < 4 or not NAME.fullmatch(parts[-1]):
            problems.append(f"{path} is {state}, and its name does not say of which cell: it is in no table")
            continue
        why = "failed; its failed.txt says why" if state == "failed" else "is unfinished, or under way"
        problems.append(f"{path} {why}")
        backbone, task, variant, _ = parts
        attempts.append(Attempt(path, backbone, task, variant, state, configuration(path)))
    return attempts


def _has(path: Path, name: str) -> bool:
    with suppress(UserError):
        return exists(path / name)
    return False


def configuration(path: Path) -> Mapping[str, Any] | None:
    """Reads the config.yaml of a run directory; None if there is none, or if it is damaged."""
    try:
        config = read_yaml(path / "config.yaml")
    except UserError:
        return None
    return config if isinstance(config, dict) else None
