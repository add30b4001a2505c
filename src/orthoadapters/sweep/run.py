"""A sweep from its command line to its closing table: expand, plan, run what is not finished, say what failed."""

import logging
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.launcher import Launcher

from orthoadapters.backbone import DEMO, backbone_path
from orthoadapters.compose import compose_config
from orthoadapters.config import Config, LoggerKind, Missing, Rerun
from orthoadapters.errors import UserError, first_line
from orthoadapters.results import read_results, show_together
from orthoadapters.runs import InUseError
from orthoadapters.sweep.cells import Cell, State, expand, first_point
from orthoadapters.sweep.cost import costs
from orthoadapters.sweep.process import STOPPED, in_own_process, reason
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
    demo = [c.config for c in cells if c.config.backbone.path == DEMO and c.state is not State.finished]
    if demo:  # made here, where its progress is seen, and not in the log of the first cell
        in_own_process(backbone_path, demo[0])
    print(summary(cells), file=sys.stderr)
    signal.signal(signal.SIGTERM, _stop)
    with watched(ordered):
        codes = run_all(ordered, launcher)
    return close(cells, codes, arguments, told)


def in_order(cells: Sequence[Cell]) -> list[Cell]:
    """What waits for a language adapter after what does not, and what failed before last in either part."""
    return sorted(cells, key=lambda cell: (bool(cell.awaits), cell.state is State.failed))


def run_all(cells: Sequence[Cell], launcher: Launcher) -> dict[Path, int]:
    """Launches every cell that can be run, once; then those that waited for their adapters; then waits for other sweeps'.

    Returns the exit codes of those that were launched, by run directory.
    """
    codes: dict[Path, int] = {}
    while True:
        open_cells = [cell for cell in cells if cell.run.path not in codes]
        ready = [cell for cell in open_cells if cell.state in (State.to_run, State.resume, State.failed)]
        if ready:
            codes |= _launch(ready, launcher, len(codes))
        elif any(cell.state is State.running for cell in cells):
            time.sleep(WAIT)
        else:
            return codes


def _launch(ready: Sequence[Cell], launcher: Launcher, first: int) -> dict[Path, int]:
    """Runs the cells; returns the exit codes, without those of cells that another process has."""
    try:
        jobs = launcher.launch([list(cell.overrides) for cell in ready], initial_job_idx=first)
        codes = [int(job.return_value) for job in jobs]
    except Exception as error:  # a launcher's own failure, such as a lost worker; the directories say what was finished
        print(f"the launcher stopped: {type(error).__name__}: {first_line(error)}", file=sys.stderr)
        codes = [1] * len(ready)
    return {cell.run.path: code for cell, code in zip(ready, codes, strict=True) if code != InUseError.exit_code}


def close(cells: Sequence[Cell], codes: Mapping[Path, int], arguments: Sequence[str], told: Config) -> int:
    """The closing tables, and a sentence for whatever is not finished."""
    finished = [cell for cell in cells if cell.state is State.finished]
    print_scores(cells)
    show_together([asdict(result) for cell in finished for _, result in read_results(cell.run.path) if result.task])
    repeat = [argument for argument in arguments if not argument.startswith(("rerun=", "plan="))]
    command = ["python", "train.py", *([] if told.sweep.name else ["-m"]), *repeat]
    failed = [cell for cell in cells if cell.state is State.failed]
    for cell in failed:
        print(f"failed: {cell.run.path}: {reason(cell.run)}", file=sys.stderr)
        print(f"  alone: {shlex.join(['python', 'train.py', *cell.overrides])}", file=sys.stderr)
    for cell in cells:
        code = codes.get(cell.run.path, 0)
        if code and cell.run.log.exists() and cell.state in (State.to_run, State.resume):
            why = "it was stopped" if code in STOPPED else f"exit code {code}, and nothing could be written there"
            free = shutil.disk_usage(cell.run.path).free / 1e6
            print(f"not finished: {cell.run.path}: {why}; {free:,.0f} MB are free on its disk", file=sys.stderr)
    if failed:
        print(f"to repeat what failed: {shlex.join([*command, 'rerun=failed'])}", file=sys.stderr)
    waiting = sorted({language for cell in cells if cell.state is State.waiting for language in cell.awaits})
    if waiting:
        how = "whose training is not finished"
        if told.language_adapters.missing is not Missing.train:
            how = f"which {shlex.join([*command, 'language_adapters.missing=train'])} trains first"
        print(f"waiting for language adapters of {', '.join(waiting)}, {how}", file=sys.stderr)
    if told.logger.kind is LoggerKind.wandb and told.sweep.name:
        from orthoadapters.tracking import log_sweep

        log_sweep(told, [*COLUMNS, *SCORES], closing_rows(cells), counted(cells))
    return 0 if len(finished) == len(cells) else 1


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # as a shell counts it
