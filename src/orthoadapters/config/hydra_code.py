"""A look for code that a file of configuration would let Hydra run: by its name, by loggers, by the environment."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from orthoadapters.errors import UserError

# The keys of Hydra that run code or change what code runs; they are empty in conf/.
RUNNING_KEYS = (
    "callbacks",
    *(f"{log}.{part}" for log in ("job_logging", "hydra_logging") for part in ("handlers", "formatters", "filters")),
)
# The variables of libraries that say how fast they work; of others, such as PYTHONPATH, some choose what code runs.
HARMLESS = ("OMP_", "MKL_", "OPENBLAS_", "CUDA_", "NCCL_", "TOKENIZERS_")
# Hydra's own parts and the plugins that somebody installed.
PLUGINS = ("hydra._internal.", "hydra_plugins.")


def check_hydra(hydra: DictConfig, folder: Path) -> None:
    """Refuses files in a user's folder that name code for Hydra to run. Folders are passed on, as data are.

    hydra: Hydra's own part of the composed configuration. The same on a command line is what its user typed.
    """
    for key in RUNNING_KEYS:
        if OmegaConf.select(hydra, key, throw_on_missing=False):
            raise UserError(
                f"a file in {folder} sets hydra.{key}, which runs code; take it out, or give it by the command"
            )
    for variable in OmegaConf.select(hydra, "job.env_set", throw_on_missing=False) or ():
        if not str(variable).startswith(HARMLESS):
            raise UserError(
                f"a file in {folder} sets the variable {variable} (hydra.job.env_set); give it by the command"
            )
    for name in _targets(OmegaConf.to_container(hydra)):
        if not name.startswith(PLUGINS):
            raise UserError(
                f"a file in {folder} names code to run (_target_: {name}), and may name Hydra's plugins alone; take it out"
            )


def _targets(values: object) -> Iterator[str]:
    if isinstance(values, Mapping):
        yield from (str(value) for key, value in values.items() if key in ("_target_", "_call_"))
    for part in values.values() if isinstance(values, Mapping) else values if isinstance(values, list) else ():
        yield from _targets(part)
