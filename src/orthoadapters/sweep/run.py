"""A sweep from its command line to its closing table: expand, plan, run what is not finished, say what failed."""

import logging
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from types import FrameType

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.launcher import Launcher

from orthoadapters.compose import compose_config
from orthoadapters.config import Config, LoggerKind, Rerun
from orthoadapters.errors import UserError, first_line
from orthoadapters.results import read_results, show_together
from orthoadapters.runs import InUseError
from orthoadapters.sweep.cells import Cell, State, expand, first_point
from orthoadapters.sweep.cost import costs
from orthoadapters.sweep.process import reason
from orthoadapters.sweep.table import COLUMNS, SCORES, closing_rows, counted, print_plan, print_scores, summary, watched

WAIT = 2.0  # ours: seconds between two looks at what another process runs


def sweep(arguments: Sequence[str], launcher: Launcher, loader: ConfigLoader) -> int:
    """Runs the command line's cells with Hydra's launcher; with plan=true only shows them. Returns the exit code."""
    try:
        overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
        told = compose_config(first_point(overrides))
        cells = expand(overrides)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if told.rerun is Rerun.failed:
        cells = [cell for cell in cells if cell.state is State.failed]
    if not cells:
        print("no cell has failed: nothing to repeat")
        return 0
    ordered = in_order(cells)
    if told.plan:
        logging.getLogger("orthoadapters").setLevel(logging.WARNING)  # that data were read to be counted is no news
        print_plan(ordered, costs(ordered))
        return 0
    print(summary(cells), file=sys.stderr)
    signal.signal(signal.SIGTERM, _stop)
    with watched(ordered):
        run_all(ordered, launcher)
    return close(cells, arguments, told)


def in_order(cells: Sequence[Cell]) -> list[Cell]:
    """What waits for a language adapter after what does not, and what failed before last in either part."""
    return sorted(cells, key=lambda cell: (bool(cell.awaits), cell.state is State.failed))


def run_all(cells: Sequence[Cell], launcher: Launcher) -> None:
    """Launches every cell that can be run, once; then those that waited for their adapters; then waits for other sweeps'."""
    tried: set[int] = set()
    while True:
        ready = [
            cell for cell in cells if id(cell) not in tried and cell.state in (State.to_run, State.resume, State.failed)
        ]
        if ready:
            tried |= {id(cell) for cell in ready} - {id(cell) for cell in _launch(ready, launcher, len(tried))}
        elif any(cell.state is State.running for cell in cells):
            time.sleep(WAIT)
        else:
            return


def _launch(ready: Sequence[Cell], launcher: Launcher, first: int) -> list[Cell]:
    """Runs the cells; returns those that another process has."""
    try:
        jobs = launcher.launch([list(cell.overrides) for cell in ready], initial_job_idx=first)
        codes = [job.return_value for job in jobs]
    except Exception as error:  # a launcher's own failure, such as a lost worker; the directories say what was finished
        print(f"the launcher stopped: {type(error).__name__}: {first_line(error)}", file=sys.stderr)
        return []
    return [cell for cell, code in zip(ready, codes, strict=True) if code == InUseError.exit_code]


def close(cells: Sequence[Cell], arguments: Sequence[str], told: Config) -> int:
    """The closing tables, and a sentence for whatever is not finished."""
    finished = [cell for cell in cells if cell.state is State.finished]
    print_scores(cells)
    show_together([asdict(result) for cell in finished for _, result in read_results(cell.run.path) if result.task])
    repeat = [argument for argument in arguments if not argument.startswith(("rerun=", "plan="))]
    command = ["python", "train.py", *([] if told.sweep.name else ["-m"]), *repeat]
    failed = [cell for cell in cells if cell.state is State.failed]
    for cell in failed:
        print(f"failed: {cell.run.path}: {reason(cell.run)}", file=sys.stderr)
        print(f"  {shlex.join(['python', 'train.py', *cell.overrides])}", file=sys.stderr)
    if failed:
        print(f"to repeat what failed: {shlex.join([*command, 'rerun=failed'])}", file=sys.stderr)
    waiting = sorted({language for cell in cells if cell.state is State.waiting for language in cell.awaits})
    if waiting:
        print(
            f"waiting for language adapters of {', '.join(waiting)}: "
            f"{shlex.join([*command, 'language_adapters.missing=train'])} trains them first",
            file=sys.stderr,
        )
    if told.logger.kind is LoggerKind.wandb and told.sweep.name:
        from orthoadapters.tracking import log_sweep

        log_sweep(told, [*COLUMNS, *SCORES], closing_rows(cells), counted(cells))
    return 0 if len(finished) == len(cells) else 1


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # as a shell counts it
