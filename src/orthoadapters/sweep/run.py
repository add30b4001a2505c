"""A sweep from its command line to its closing table: expand, plan, run what is not finished, say what failed."""

import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from hydra.core.config_loader import ConfigLoader

from orthoadapters.config.compose import compose_config
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.overrides import read_axes
from orthoadapters.config.program import program, shell_command
from orthoadapters.config.schema import Config, Missing, Rerun
from orthoadapters.errors import UserError, first_line
from orthoadapters.model.backbone import backbone_path
from orthoadapters.own_process import ending_on_sigterm
from orthoadapters.printing import print_error
from orthoadapters.runs.directory import InUseError
from orthoadapters.runs.terminal import show_together
from orthoadapters.runs.tracking import check_trackers
from orthoadapters.stages.finished_run import check_finished_run
from orthoadapters.stages.inventory import say_fetches
from orthoadapters.sweep.cells import Cell, State, expand, first_point
from orthoadapters.sweep.cost import costs, hardware_here
from orthoadapters.sweep.devices import cells_at_once
from orthoadapters.sweep.inputs import cut_texts_of_cells, take_inventory
from orthoadapters.sweep.process import STOP_CODES, failure_reason, in_own_process
from orthoadapters.sweep.signals import saving_on_signals
from orthoadapters.sweep.table import (
    COLUMNS,
    SCORES,
    awaited_languages,
    closing_rows,
    count_states,
    live_table,
    print_plan,
    print_scores,
    summary,
    waiting_sentence,
)

# ours: seconds between two looks at what another process runs
WAIT = 2.0


class CellLauncher(Protocol):
    """The part of Hydra's launchers that a sweep needs."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
        """Runs one job for each list of overrides; returns objects whose `return_value` is an exit code, in that order."""


@ending_on_sigterm()
def sweep(
    arguments: Sequence[str],
    launcher: CellLauncher,
    loader: ConfigLoader | None,
    hydra_overrides: Sequence[str],
    jobs: int = 1,
) -> int:
    """Runs the command line's cells with Hydra's launcher; with plan=true only shows them. Returns the exit code.

    loader: Hydra's, which knows the files that a pattern in the arguments means.
    hydra_overrides: the command line's overrides of Hydra itself, such as hydra/launcher=joblib. jobs: how many cells the
    launcher starts at once.
    """
    try:
        axes = read_axes(arguments, loader)
        shared_config = compose_config(first_point(axes))
        all_cells = expand(axes)
        problems = outdated_cells(all_cells)
        cells = [cell for cell in all_cells if shared_config.rerun is not Rerun.failed or cell.state is State.failed]
        inventory = take_inventory(cells)
    except UserError as error:
        print_error(error)
        return 1
    if not cells:
        print("no cell has failed: nothing to repeat")
        return 0
    queue = in_order(cells)
    if shared_config.plan:
        at_once = cells_at_once(jobs, shared_config)
        print_plan(queue, costs(queue, partial(hardware_here, at_once=at_once)), at_once)
        say_fetches(inventory)
    problems += dict.fromkeys(inventory.problems if shared_config.plan else [*inventory.problems, *inventory.fetches])
    command = _repeated_command(arguments, hydra_overrides, shared_config)
    if shared_config.language_adapters.missing is not Missing.train and (sentence := waiting_sentence(cells, command)):
        print(sentence, file=sys.stderr)
    for problem in problems:
        print_error(problem)
    if shared_config.plan or problems:
        return 1 if problems else 0
    try:
        if any(cell.state is not State.finished for cell in cells):
            check_trackers(shared_config.logger)
        cut_texts_of_cells(cells)
    except UserError as error:
        print_error(error)
        return 1
    make_demo_backbone(cells)
    print(summary(cells), file=sys.stderr)
    with saving_on_signals(cells), live_table(queue):
        codes = run_all(queue, launcher)
    print_closing(cells, codes, command, shared_config)
    if shared_config.logger.wandb and shared_config.sweep.name:
        from orthoadapters.runs.weights_and_biases import log_sweep

        log_sweep(shared_config, [*COLUMNS, *SCORES], closing_rows(all_cells), count_states(all_cells))
    return 0 if all(cell.state is State.finished for cell in cells) else 1


def outdated_cells(cells: Sequence[Cell]) -> list[str]:
    """Writes a sentence for each finished cell that read other data, weights or adapters than there are now."""
    sentences = []
    for cell in cells:
        if cell.state is State.finished:
            try:
                check_finished_run(cell.config, cell.run, in_own_process)
            except UserError as error:
                sentences.append(str(error))
    return sentences


def make_demo_backbone(cells: Sequence[Cell]) -> None:
    """Makes the demo world's backbone if a cell reads it: here its progress is seen, and not in the log of the first cell."""
    demo = [c.config for c in cells if c.config.backbone.path == DEMO and c.state is not State.finished]
    if demo:
        in_own_process(backbone_path, demo[0])


def _repeated_command(arguments: Sequence[str], hydra_overrides: Sequence[str], shared_config: Config) -> list[str]:
    """Writes the command that repeats this sweep: its arguments without plan and rerun, which are said of one call."""
    command = [*program("train"), *([] if shared_config.sweep.name else ["-m"]), *hydra_overrides]
    return command + [argument for argument in arguments if not argument.startswith(("rerun=", "plan="))]


def in_order(cells: Sequence[Cell]) -> list[Cell]:
    """Sorts cells: what waits for a language adapter after what does not, and what failed before last in either part."""
    return sorted(cells, key=lambda cell: (bool(cell.awaited_adapters), cell.state is State.failed))


def run_all(cells: Sequence[Cell], launcher: CellLauncher) -> dict[Path, int | None]:
    """Launches every cell that can be run, once; then those that waited for their adapters; then waits for other sweeps'.

    Returns the exit codes of those that were launched, by run directory; None if the launcher broke off.
    """
    codes: dict[Path, int | None] = {}
    last: list[State] = []
    while True:
        states = [cell.state for cell in cells]
        ready = [
            cell
            for cell, state in zip(cells, states, strict=True)
            if cell.run.path not in codes and state in (State.to_run, State.resume, State.failed)
        ]
        if ready:
            codes |= _launch(ready, launcher, len(codes))
        elif State.running in states:
            time.sleep(WAIT)
        elif states == last:  # it looks twice, as another sweep may have finished an adapter between two cells' looks
            return codes
        last = states


def _launch(ready: Sequence[Cell], launcher: CellLauncher, first: int) -> dict[Path, int | None]:
    """Runs the cells; returns the exit codes, without those of cells that another process has."""
    try:
        jobs = launcher.launch([list(cell.overrides) for cell in ready], initial_job_idx=first)
    except Exception as error:  # a launcher's own failure, such as a lost worker; the directories say what was finished
        print(f"the launcher stopped: {type(error).__name__}: {first_line(error)}", file=sys.stderr)
        return {cell.run.path: None for cell in ready}
    codes = [int(job.return_value) for job in jobs]
    return {cell.run.path: code for cell, code in zip(ready, codes, strict=True) if code != InUseError.exit_code}


def print_closing(
    cells: Sequence[Cell], codes: Mapping[Path, int | None], command: Sequence[str], shared_config: Config
) -> None:
    """Prints the closing tables, and a sentence for whatever is not finished.

    command: what repeats the sweep. shared_config: the configuration that all cells have in common.
    """
    print_scores(cells)
    finished_cells = [cell for cell in cells if cell.state is State.finished]
    show_together([result for cell in finished_cells if (result := cell.result()) and result.task])
    failed_cells = [cell for cell in cells if cell.state is State.failed]
    for cell in failed_cells:
        print(f"failed: {cell.run.path}: {failure_reason(cell.run)}", file=sys.stderr)
        print(f"  alone: {shell_command('train', cell.overrides)}", file=sys.stderr)
    for cell in cells:
        if (code := codes.get(cell.run.path)) and cell.state in (State.to_run, State.resume):
            print(_unfinished_sentence(cell, code), file=sys.stderr)
    if failed_cells:
        print(f"to repeat what failed: {shlex.join([*command, 'rerun=failed'])}", file=sys.stderr)
    if shared_config.language_adapters.missing is Missing.train:
        if languages := awaited_languages(cells):
            print(f"waiting for language adapters of {languages}, whose training is not finished", file=sys.stderr)
    elif sentence := waiting_sentence(cells, command):
        print(sentence, file=sys.stderr)


def _unfinished_sentence(cell: Cell, code: int) -> str:
    why = "it was stopped" if code in STOP_CODES else f"exit code {code}, and nothing could be written there"
    folder = next(path for path in (cell.run.path, *cell.run.path.absolute().parents) if path.exists())
    free = f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB are free on its disk"
    return f"not finished: {cell.run.path}: {why}; {free}"
