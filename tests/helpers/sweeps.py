"""Sweeps in the test's own process, for tests of what a sweep does with its cells."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from orthoadapters.commands.train import cell
from orthoadapters.config.compose import compose_config
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.sweep.process import run_cell
from orthoadapters.sweep.run import CellLauncher, sweep
from tests.helpers.short_runs import execute


class OneAfterAnother:
    """Stands in for Hydra's basic launcher, which does the same; each cell has a process of its own."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        runs = [(overrides, RunDirectory(compose_config(overrides))) for overrides in job_overrides]
        return [SimpleNamespace(return_value=run_cell(overrides, run, cell)) for overrides, run in runs]


class InThisProcess:
    """Runs the cells in the test's own process, for tests of what a finished cell and its sweep leave behind."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        for overrides in job_overrides:
            execute(overrides)
        return [SimpleNamespace(return_value=0) for _ in job_overrides]


def run_sweep(*arguments: str, launcher: CellLauncher | None = None) -> int:
    """Does what `python train.py -m` with these arguments does; returns its exit code."""
    return sweep(arguments, launcher or OneAfterAnother(), loader=None, hydra_overrides=[])
