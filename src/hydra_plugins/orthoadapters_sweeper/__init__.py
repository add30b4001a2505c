"""The two plugins that Hydra loads: one says where sweeps are, one plans the cells of a multirun before it runs them.

Hydra finds plugins under this package name alone. It imports them at every start, so that nothing here is slow to import.
"""

import sys
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.search_path_plugin import SearchPathPlugin


class SweepsFolder(SearchPathPlugin):
    """Makes `multirun_sweeps/sweep/NAME.yaml` what sweep=NAME means, where conf/ is read.

    Hydra asks every program of the environment's search path plugins. Others have not composed conf/ and get no folder.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        compose = sys.modules.get("orthoadapters.config.compose")
        if compose is None:
            return
        if any(Path(element.path.removeprefix("file://")) == compose.CONF for element in search_path.get_path()):
            search_path.append("orthoadapters", f"file://{compose.CONF.parent / 'multirun_sweeps'}")


class CellSweeper(BasicSweeper):
    """Runs a multirun (-m) or a sweep (sweep=NAME): first the cells, then the plan, then the launcher of hydra/launcher."""

    def sweep(self, arguments: list[str]) -> Any:
        from orthoadapters.exit_codes import exit_code_of
        from orthoadapters.sweep.run import sweep

        assert self.launcher is not None and self.hydra_context is not None and self.config is not None  # noqa: PT018
        of_hydra = [str(override) for override in self.config.hydra.overrides.hydra]
        launching = [override for override in of_hydra if not override.startswith("hydra.mode=")]
        loader = self.hydra_context.config_loader
        jobs = self.config.hydra.launcher.get("n_jobs") or 1  # joblib's
        launcher: Any = self.launcher
        if str(self.config.hydra.launcher.get("_target_")).endswith("submitit_launcher.SlurmLauncher"):
            from orthoadapters.sweep.slurm import SlurmLauncher

            launcher = SlurmLauncher(launcher)
        words = [*self._parse_config(), *arguments]
        fix = "the same command goes on with what is not finished"
        raise SystemExit(exit_code_of(lambda: sweep(words, launcher, loader, launching, jobs), fix))


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="orthoadapters",
    node={"_target_": "hydra_plugins.orthoadapters_sweeper.CellSweeper", "max_batch_size": None, "params": None},
    provider="orthoadapters",
)
