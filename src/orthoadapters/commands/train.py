"""Training: a language adapter (stage=mlm) or a task adapter with its transfer (stage=task); one run, or a sweep.

python train.py variant=lort_tnoo task=xnli
"""

import argparse
import logging
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from orthoadapters.commands.hydra_jobs import run_hydra
from orthoadapters.commands.messages import start_training_command
from orthoadapters.config.checks import check
from orthoadapters.config.command_line import (
    asks_for_a_sweep,
    check_chosen_files,
    check_command_line,
    first_values,
    is_for_hydra,
    is_question,
    read_command_line,
)
from orthoadapters.config.compose import compose_config, settle
from orthoadapters.config.keys import key_types
from orthoadapters.config.messages import REFUSALS, sentence
from orthoadapters.config.schema import Config, Missing, Stage
from orthoadapters.config.version import version_line
from orthoadapters.errors import UserError
from orthoadapters.exit_codes import BROKEN_PIPE, CTRL_C, exit_code_of
from orthoadapters.hub.offline import NotFetchedError
from orthoadapters.own_process import check_working_directory
from orthoadapters.printing import discard_rest, print_error
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import read_result
from orthoadapters.runs.terminal import show
from orthoadapters.stages.finished_run import check_finished_run
from orthoadapters.stages.inventory import check_inventory, check_plan
from orthoadapters.stages.plan import print_plan
from orthoadapters.stages.reading import count_batches, cut_texts, read_data, read_local_data
from orthoadapters.training.processes import has_launcher, rank

FIX = "the same command goes on from the last checkpoint"
# The exit code of this command's one run. Hydra drops what a job returns.
exit_code = 0


def run_one(config: Config, overrides: Sequence[str]) -> None:
    """Checks the configuration, and then plans, shows or trains its run. `overrides` are those that gave it."""
    check(config)
    run = RunDirectory(config)
    if rank(config.trainer) > 0:
        # The first process says everything but errors.
        logging.getLogger("orthoadapters").setLevel(logging.ERROR)
        if config.plan or run.is_finished:
            return
    if config.plan:
        print_plan(config, run, overrides)
        if run.is_finished:
            check_finished_run(config, run)
        else:
            check_plan(config, run, overrides)
            read_local_data([config])
    elif run.is_finished:
        check_finished_run(config, run)
        print(f"finished before: {run.path}")
        show_result(run.result)
    else:
        check_inventory(config, run, overrides)
        if config.language_adapters.missing is Missing.train:
            train_missing_adapters(config, overrides)
        train(config, run, overrides)
        show_result(run.result)


def train_missing_adapters(config: Config, overrides: Sequence[str]) -> None:
    """Trains the adapters that the run needs and that are not there, one after the other."""
    missing = library.missing_adapters(config)
    if missing:
        # PyTorch is loaded for it, as the trainings need it next.
        from orthoadapters.stages.task import read_adapters

        with _with_overrides(overrides):
            read_data([config] if config.stage is Stage.task else [])
            count_batches(config)
            read_adapters(config)
            trainings = [compose_config(library.training_overrides(overrides, adapter)) for adapter in missing]
            cut_texts([training for training in trainings if not RunDirectory(training).is_finished])
    for adapter in missing:
        if config.trainer.processes > 1 and (has_launcher() or config.trainer.num_nodes > 1):
            raise UserError(
                f"language_adapters.missing=train: the processes of {shlex.join(overrides)} end with one training; "
                f"train {adapter.name} first:\n  {library.training_command(overrides, adapter)}"
            )
        adapter_overrides = library.training_overrides(overrides, adapter)
        run_one(compose_config(adapter_overrides), adapter_overrides)


def train(config: Config, run: RunDirectory, overrides: Sequence[str]) -> None:
    """Runs the configuration's stage."""
    if config.logger.wandb:
        # W&B's data models search all loaded modules for their source. They take a second less before PyTorch has brought
        # its thousands. Where wandb is missing, the trackers' check says so.
        with suppress(ImportError):
            import wandb.apis.public  # noqa: F401
    # PyTorch takes seconds to import. It is loaded for training alone, so that a plan and a mistake are answered at once.
    from orthoadapters.stages.language_adapter import train_language_adapter
    from orthoadapters.stages.task import train_task

    with _with_overrides(overrides):
        if config.stage is Stage.mlm:
            train_language_adapter(config, run, overrides)
        else:
            train_task(config, run, overrides)


@contextmanager
def _with_overrides(overrides: Sequence[str]) -> Iterator[None]:
    """Adds the overrides to the command that fetches what is missing."""
    try:
        yield
    except NotFetchedError as error:
        raise UserError(f"{error} {shlex.join(overrides)}") from error


def show_result(path: Path) -> None:
    """Prints a run's scores and where they stand."""
    show(read_result(path))
    print(f"result: {path}", flush=True)


def job(composition: DictConfig) -> int:
    """Runs one job of Hydra: the command's one run, or a cell of a sweep. Returns its exit code."""
    global exit_code
    hydra = HydraConfig.get()
    overrides = list(hydra.overrides.task)
    if hydra.mode is RunMode.MULTIRUN:
        # This job is a cell of a sweep, and the sweeper gets its exit code.
        from orthoadapters.sweep.process import run_cell

        environment = {key: str(value) for key, value in hydra.job.env_set.items()}
        return _code_of(lambda: run_cell(overrides, RunDirectory(settle(composition)), cell, environment))
    exit_code = _code_of(lambda: run_one(settle(composition), overrides))
    return exit_code


def cell(overrides: Sequence[str]) -> int:
    """Runs a cell in the process that `run_cell` starts for it: Hydra has composed it once, and is not started again.

    Returns its exit code.
    """
    start_training_command()
    return _code_of(lambda: run_one(compose_config(overrides), overrides))


def _code_of(run: Callable[[], int | None]) -> int:
    """Does as `exit_code_of`, and shows the traceback of a defect whole, of which Hydra would leave out parts."""
    try:
        return exit_code_of(run, FIX)
    except Exception:
        traceback.print_exc()
        return 1


def answer(options: argparse.Namespace) -> int:
    """Lets Hydra answer what the command line asks. Of a multirun it can show one run, that of the first values."""
    if (options.cfg or options.info) and (options.multirun or options.run):
        values = first_values(options)
        if values != options.overrides:
            print(f"# one run of several: {shlex.join(values)}", file=sys.stderr)
        options.overrides, options.multirun, options.run = values, False, False
    if options.hydra_help:
        # Hydra's own help has no keys of this project.
        options.overrides = []
    check_chosen_files(options)
    try:
        run_hydra(options, job)
        sys.stdout.flush()
    except REFUSALS as error:
        print_error(sentence(error, sorted(key_types())))
        return 1
    except ValueError as error:
        print_error(error)
        return 1
    except BrokenPipeError:
        # Whoever read has read enough.
        discard_rest()
        return BROKEN_PIPE
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    global exit_code
    exit_code = 0
    words = sys.argv[1:] if arguments is None else arguments
    # conf/hydra/launcher/submitit_slurm.yaml is meant to be checked against the plugin's schema of that name.
    warnings.filterwarnings("ignore", "(?s).*is validated against ConfigStore schema with the same name")
    if "--version" in words:
        print(version_line())
        return 0
    try:
        check_working_directory()
        options = read_command_line(words)
        if is_question(options):
            return answer(options)
        check_command_line(words)
    except UserError as error:
        print_error(error)
        return 1
    start_training_command()
    options.multirun = asks_for_a_sweep(options)
    try:
        if options.multirun or is_for_hydra(options):
            run_hydra(options, job)
        else:
            # Hydra composed it for the checks, and would compose it twice more.
            exit_code = _code_of(lambda: run_one(compose_config(options.overrides), options.overrides))
    except KeyboardInterrupt:
        print(f"stopped; {FIX}, or begins anew where none was written yet", file=sys.stderr)
        return CTRL_C
    return exit_code
