"""A look at what a file of configuration says to Hydra itself, and for code that it would let Hydra run."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml
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
# What conf/config.yaml says to Hydra of one run: that it has nothing to do but to compose.
OF_ONE_RUN = {"output_subdir": None, "run": {"dir": "."}}
LOGGING = {"override hydra/job_logging": "none", "override hydra/hydra_logging": "none"}
# What begins a file's part for Hydra.
OF_HYDRA = re.compile(r"^(hydra\b|#\s*@package\s+hydra\b|\s*-\s*(override\s+)?/?hydra/)", re.MULTILINE)


def sets_hydra(conf: Path, files: Iterable[Path]) -> bool:
    """Tells whether conf/ says more to Hydra of one run than it was made with, as somebody may have written into a file.

    files: those of conf/'s groups.
    """
    main = yaml.safe_load((conf / "config.yaml").read_text(encoding="utf-8-sig"))
    of_one_run = {key: value for key, value in (main.get("hydra") or {}).items() if key != "sweep"}
    choices = {key: name for entry in main["defaults"] if isinstance(entry, dict) for key, name in entry.items()}
    logging = {key: name for key, name in choices.items() if "hydra/" in key and key != "override hydra/sweeper"}
    if (of_one_run, logging) != (OF_ONE_RUN, LOGGING):
        return True
    # A file that is broken says nothing, unless it is chosen: then it was refused before.
    texts = (path.read_text(encoding="utf-8-sig", errors="replace") for path in files if path.parent.parent == conf)
    return any(OF_HYDRA.search(text) for text in texts)


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
