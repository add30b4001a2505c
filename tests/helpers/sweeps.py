"""Sweeps in the test's own process, for tests of what a sweep does with its cells; each cell still has a process of its own."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from orthoadapters.commands.train import main
from orthoadapters.config.compose import compose_config
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.sweep.process import run_cell
from orthoadapters.sweep.run import sweep


class OneAfterAnother:
    """Stands in for Hydra's basic launcher, which does the same."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        runs = [(overrides, RunDirectory(compose_config(overrides))) for overrides in job_overrides]
        return [SimpleNamespace(return_value=run_cell(overrides, run, main)) for overrides, run in runs]


def run_sweep(*arguments: str) -> int:
    """Does what `python train.py -m` with these arguments does; returns its exit code."""
    return sweep(arguments, OneAfterAnother(), loader=None, hydra_overrides=[])
