"""Hydra's part of the training command: it composes conf/, and runs jobs or answers a question about them."""

import argparse
from contextlib import nullcontext

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import _run_hydra, create_config_search_path, get_args_parser, run_and_report
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.types import TaskFunction

from orthoadapters.config import compose
from orthoadapters.config.hydra_flags import late_help_texts


def run_hydra(options: argparse.Namespace, job: TaskFunction) -> None:
    """Does what hydra.main does.

    It takes the arguments from `options`, so that sys.argv stays what it is: Lightning repeats it for further processes.
    """
    version.setbase("1.3")
    if options.multirun:
        _run_jobs(options, job)
        return
    with late_help_texts():
        parser = get_args_parser()
    # To complete a word, Hydra makes its parser once more.
    with late_help_texts() if options.shell_completion else nullcontext():
        _run_hydra(
            args=options,
            args_parser=parser,
            task_function=job,
            config_path=str(compose.CONF),
            config_name="config",
        )


def _run_jobs(options: argparse.Namespace, job: TaskFunction) -> None:
    """Runs a multirun. Hydra's own way composes everything once more, to learn that it is one."""
    search_path = create_config_search_path(str(compose.CONF))
    if options.config_dir is not None:
        schema = SearchPathQuery(provider="schema")
        search_path.prepend(provider="command-line", path=f"file://{options.config_dir}", anchor=schema)
    hydra = Hydra.create_main_hydra2(task_name="train", config_search_path=search_path)
    try:
        overrides = [*options.overrides, "hydra.mode=MULTIRUN"]
        run_and_report(lambda: hydra.multirun("config", job, overrides))
    finally:
        GlobalHydra.instance().clear()
