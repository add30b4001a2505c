"""A sweep's cells: the product of its axes, each point with the learning rates that the paper's grid gives it."""

import itertools
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path

from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config, group_files
from orthoadapters.config.list_checks import say_repetition
from orthoadapters.config.mistakes import in_shell
from orthoadapters.config.overrides import override_text
from orthoadapters.config.parts import yaml_files
from orthoadapters.config.schema import AdapterSource, Config, Missing, Stage
from orthoadapters.errors import UserError
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.language_adapter import LanguageAdapter, trained_adapter
from orthoadapters.runs.results import Result, UnusableResultError, read_result
from orthoadapters.runs.selection import candidate, select

# These keys say what to do with the cells, and belong to none of them.
OF_THE_SWEEP = ("plan", "rerun")
log = logging.getLogger(__name__)


class State(Enum):
    """The state of a cell, read from the disk alone."""

    finished = "finished"
    running = "running"  # in this process or another
    failed = "failed"
    waiting = "waiting"  # for an adapter below
    resume = "to resume"
    to_run = "to run"


@dataclass(frozen=True)
class Cell:
    """One run of a sweep. `python train.py` with its overrides repeats it alone."""

    overrides: tuple[str, ...]
    config: Config

    @cached_property
    def run(self) -> RunDirectory:
        return RunDirectory(self.config)

    @property
    def awaited_adapters(self) -> list[LanguageAdapter]:
        """The adapters that this cell needs and that are not trained yet."""
        missing = library.missing_adapters(self.config)
        return [adapter for adapter in missing if adapter.source is AdapterSource.trained]

    @property
    def state(self) -> State:
        if self.run.is_finished and (self.config.stage is Stage.task or self._is_published):
            return State.finished
        if self.run.in_use:
            return State.running
        if self.awaited_adapters:
            return State.waiting
        if self.run.failure.exists():
            return State.failed
        return State.resume if self.run.checkpoint.exists() else State.to_run

    @property
    def _is_published(self) -> bool:
        adapter = trained_adapter(self.config)
        return adapter.exists and adapter.record().get("fingerprint") == self.run.fingerprint

    def result(self) -> Result | None:
        """Reads its result.json; None without one, and with a warning in the log if it is damaged."""
        if not self.run.is_finished:
            return None
        try:
            return read_result(self.run.result)
        except UnusableResultError as error:
            log.warning("%s is left out: %s", self.run.result, error.problem)
            return None


def expand(axes: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Makes the cells of a command line, in the order in which they are to be run; those that mean the same run once.

    axes: what `read_axes` reads from the command line. Raises UserError for what `compose_config` and `check` refuse.
    """
    sweep = compose_config(first_point(axes)).sweep
    own_axes = _without_keys_of_the_sweep(axes)
    if singles := [key for key, values in sweep.axes.items() if not isinstance(values, list)]:
        raise UserError(f"sweep.axes.{singles[0]} takes a list of values, such as [{sweep.axes[singles[0]]}]")
    for key, values in sweep.axes.items():
        # YAML reads the name no as false, and 1e3 as a number.
        if (other := [value for value in values if not isinstance(value, str)]) and group_files(key):
            raise UserError(
                f"sweep.axes.{key} has {other[0]!r} where the name of a file belongs; put quotes around the name"
            )
    axes = {key: [override_text(key, value) for value in values] for key, values in sweep.axes.items()} | own_axes
    if empty := [key for key, values in axes.items() if not values]:
        raise UserError(f"{empty[0]} has no value to sweep over; give it at least one")
    for key, values in axes.items():
        say_repetition(f"the list of runs over {key}", values)
    seeds = axes.pop("seed", [])
    cells: list[Cell] = []
    for point in itertools.product(*axes.values()):
        base = Cell(point, compose_config(point))
        grid = list(_grid(base, axes.keys())) if sweep.name else [base]
        if sweep.selected and len(grid) > 1:
            grid = [_select_cell(grid)]
        cells += [_with_seed(cell, seed) for seed in seeds for cell in grid] if seeds else grid
    different: dict[Path, Cell] = {}
    for cell in cells:
        check(cell.config)
        _check_is_one_process(cell.config)
        different.setdefault(cell.run.path, cell)
    _check_places(list(different.values()))
    return _language_adapters(cells) + list(different.values())


def first_point(axes: Mapping[str, Sequence[str]]) -> list[str]:
    """Takes the first value of each axis: enough overrides to read what all cells share."""
    return [values[0] for values in axes.values() if values]


def _without_keys_of_the_sweep(axes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    for key in OF_THE_SWEEP:
        if len(values := axes.get(key, [])) > 1:
            raise UserError(f"{' '.join(values)}: {key} is said once for all cells; give it one value")
    return {key: list(values) for key, values in axes.items() if key not in OF_THE_SWEEP}


def _check_is_one_process(config: Config) -> None:
    if config.trainer.processes > 1:
        raise UserError(
            f"trainer.devices={config.trainer.devices} in a multirun: each further process of a run would repeat "
            "the whole multirun; give trainer=ddp one command per run, or each run of the multirun one device "
            "(trainer=default) and let a launcher run several side by side (docs/scale.md)"
        )


def _check_places(cells: Sequence[Cell]) -> None:
    """Raises UserError if two cells train a language adapter for the same folder: the second one could not publish its own."""
    firsts: dict[str, Cell] = {}
    for cell in cells:
        if cell.config.stage is not Stage.mlm:
            continue
        location = trained_adapter(cell.config).location
        first = firsts.setdefault(location, cell)
        if first is not cell:
            key = next(
                (
                    other.partition("=")[0]
                    for one, other in zip(first.overrides, cell.overrides, strict=False)
                    if one != other
                ),
                "seed",
            )
            example = f"{cell.config.paths.adapters}-${{{key}}}"
            raise UserError(
                f"two cells train the adapter {location}, with other values of {key}; give each a folder of its own: "
                f"{in_shell(override_text('paths.adapters', example))}"
            )


def _grid(cell: Cell, keys: Collection[str]) -> Iterator[Cell]:
    """Makes the points of the paper's learning rate grid (A.2, A.3) for a task run.

    keys: those of the command line; a rate among them replaces the grid's. Raises UserError for a task without the rates.
    """
    config = cell.config
    if config.stage is Stage.mlm:
        yield cell
        return
    grid = config.task.grid
    lr = "lr_with_language_adapters" if config.variant.has_language_adapter else "lr"
    axes = {} if "optim.lr" in keys else {"lr": getattr(grid, lr)}
    axes |= {"ort_lr": grid.ort_lr} if config.has_ort_step and "optim.ort_lr" not in keys else {}
    if empty := [key for key, rates in axes.items() if not rates]:
        raise UserError(
            f"sweep={config.sweep.name} tries the learning rates of task.grid, and task={config.task.name} has no task.grid."
            f"{lr if empty[0] == 'lr' else empty[0]}; write it into the task's file, or give optim.{empty[0]}=RATE,RATE"
        )
    for values in itertools.product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        overrides = (*cell.overrides, *(f"optim.{key}={rate:g}" for key, rate in point.items()))
        yield _point(overrides, replace(config, optim=replace(config.optim, **point)))


def _with_seed(cell: Cell, seed: str) -> Cell:
    if not (number := seed.partition("=")[2].strip("'\"")).isdecimal():
        raise UserError(f"{seed}: a seed is a whole number from 0 on; write such ones")
    others = (override for override in cell.overrides if not override.startswith("seed="))
    return _point((*others, seed), replace(cell.config, seed=int(number)))


def _point(overrides: tuple[str, ...], config: Config) -> Cell:
    """Makes a cell of a configuration in which values were set, or of one composed anew where a value may refer to them.

    Composing is slow. paths.adapters=adapters-${seed} is such a value, in an override or in a file of the user's own.
    """
    texts = list(overrides)
    if config.paths.config:
        texts += [path.read_text("utf-8-sig", errors="replace") for path in yaml_files(Path(config.paths.config))]
    return Cell(overrides, compose_config(overrides) if any("${" in text for text in texts) else config)


def _select_cell(grid: Sequence[Cell]) -> Cell:
    """Takes the cell that the source language's development set selects. Raises UserError if one of them is not finished."""
    config = grid[0].config
    results = {cell.run.fingerprint: result for cell in grid if (result := cell.result())}
    if unfinished_cells := [cell for cell in grid if cell.run.fingerprint not in results]:
        raise UserError(
            f"sweep={config.sweep.name} runs the selected grid point, and of {config.task.name} {config.variant.name} "
            f"{len(unfinished_cells)} of {len(grid)} grid points are not finished with seed {config.seed} (the first of them "
            f"is {unfinished_cells[0].run.path}); run them first, with sweep=paper or "
            f"sweep={config.task.name} and the same other arguments, or leave {config.variant.name} out with variant=..."
        )
    best = select([candidate(result) for result in results.values()])[0]
    return next(cell for cell in grid if cell.run.fingerprint == best.fingerprint)


def _language_adapters(cells: Sequence[Cell]) -> list[Cell]:
    """Makes the cells of the adapters that `language_adapters.missing=train` asks for, each once.

    Raises UserError if two cells need adapters of the same name that are trained differently.
    """
    trainings: dict[str, Cell] = {}
    by_overrides: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        if cell.config.language_adapters.missing is not Missing.train:
            continue
        for adapter in library.needed_adapters(cell.config):
            overrides = tuple(library.training_overrides(cell.overrides, adapter))
            if overrides not in by_overrides:
                by_overrides[overrides] = Cell(overrides, compose_config(overrides))
                check(by_overrides[overrides].config)
            training = by_overrides[overrides]
            if adapter.exists and not training.run.is_finished:
                continue  # it was trained elsewhere, and serves as well
            former = trainings.setdefault(adapter.location, training)
            if former.run.fingerprint != training.run.fingerprint:
                raise UserError(
                    f"two cells need {adapter.location}, trained differently ({' '.join(former.overrides)}; "
                    f"{' '.join(overrides)}); give each its own folder with paths.adapters=DIR, in sweeps of their own"
                )
    return list(trainings.values())
