"""Train a language adapter (stage=mlm) or a task adapter with zero-shot evaluation (stage=task): one run, or a multirun.

python train.py variant=lort_tnoo task=xnli
"""

import json
import logging
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from orthoadapters.checks import check
from orthoadapters.compose import check_command_line, compose_config, mlm_overrides, settle
from orthoadapters.config import Config, Missing, Stage
from orthoadapters.errors import UserError
from orthoadapters.offline import NotFetchedError
from orthoadapters.processes import processes, rank, started_together
from orthoadapters.results import show, show_together

# Of this command's jobs, as Hydra swallows what a job returns.
failures: list[str] = []
finished: list[dict[str, Any]] = []


def run_one(config: Config, overrides: Sequence[str]) -> None:
    """Check, plan, skip what is finished, train missing language adapters if asked to, run the stage, show the scores."""
    check(config)
    # Late, as torch takes seconds to import and a mistyped command line should be answered at once.
    from orthoadapters import language_adapters as library
    from orthoadapters.plan import print_plan
    from orthoadapters.runs import RunDirectory
    from orthoadapters.stages import train_language_adapter, train_task

    run = RunDirectory(config)
    if rank(config.trainer) > 0:  # errors aside, the first process says everything
        logging.getLogger("orthoadapters").setLevel(logging.ERROR)
        if config.plan or run.finished:
            return
    if config.plan:
        print_plan(config, run, overrides)
        return
    if run.finished:
        library.check_finished(config, run)
        print(f"finished before: {run.path}")
        return show_result(run.result)

    if config.stage is Stage.task and config.language_adapters.missing is Missing.train:
        for adapter in library.missing(config):
            if processes(config.trainer) > 1 and (started_together() or config.trainer.num_nodes > 1):
                raise UserError(
                    f"language_adapters.missing=train: the processes of {shlex.join(overrides)} end with one training; "
                    f"train {adapter.language} first:\n  {library.training_command(overrides, adapter.language)}"
                )
            needed = mlm_overrides(overrides, adapter.language)
            run_one(compose_config(needed), needed)
    try:
        if config.stage is Stage.mlm:
            train_language_adapter(config, run)
        else:
            train_task(config, run, overrides)
    except NotFetchedError as error:
        raise UserError(f"{error} {shlex.join(overrides)}") from error
    show_result(run.result)


def show_result(path: Path) -> None:
    result = json.loads(path.read_text())
    finished.append(result)
    show(result)
    print(f"result: {path}")


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def job(composed: DictConfig) -> None:
    try:
        config = settle(composed)
        if processes(config.trainer) > 1 and HydraConfig.get().mode is RunMode.MULTIRUN:
            raise UserError(
                f"trainer.devices={config.trainer.devices} in a multirun: each further process of a run would repeat the "
                "whole multirun; give trainer=ddp one command per run, or each run of the multirun one device "
                "(trainer=default) and let a launcher run several side by side (docs/scale.md)"
            )
        run_one(config, list(HydraConfig.get().overrides.task))
    except UserError as error:
        failures.append(str(error))
        print(f"error: {error}", file=sys.stderr)
    except Exception as error:  # a defect of ours: shown whole, but the other jobs of a multirun go on
        failures.append(f"{type(error).__name__}: {error}")
        traceback.print_exc()


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("orthoadapters").setLevel(logging.INFO)
    try:
        check_command_line(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    try:
        job()
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    if len([result for result in finished if result["task"]]) > 1:  # not for one run and the adapters trained for it
        show_together(finished)
    for failure in failures if len(failures) + len(finished) > 1 else []:  # again, where it has not scrolled away
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
