"""A sweep's cells: the product of its axes, each point with the learning rates that the paper's grid gives it."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path

import yaml

from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config, mlm_overrides
from orthoadapters.config.overrides import override_text
from orthoadapters.config.schema import AdapterKind, AdapterSource, Config, Missing, Stage
from orthoadapters.errors import UserError
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import find_results
from orthoadapters.runs.selection import candidate, select

OF_THE_SWEEP = ("plan", "rerun")  # keys that say what to do with the cells, and belong to none of them


class State(Enum):
    """Of a cell, read from the disk alone."""

    finished = "finished"
    running = "running"  # in this process or another
    failed = "failed"
    waiting = "waiting"  # for a language adapter
    resume = "to resume"
    to_run = "to run"


@dataclass(frozen=True)
class Cell:
    """One run of a sweep, and the overrides that make it one by themselves: `python train.py` with them repeats it."""

    overrides: tuple[str, ...]
    config: Config

    @cached_property
    def run(self) -> RunDirectory:
        return RunDirectory(self.config)

    @property
    def awaits(self) -> list[str]:
        """Languages whose adapters this cell needs and that are not trained yet."""
        if self.config.stage is Stage.mlm or self.config.language_adapters.source is not AdapterSource.trained:
            return []
        return [adapter.language for adapter in library.missing(self.config)]

    @property
    def state(self) -> State:
        if self.run.finished and (self.config.stage is Stage.task or self._published):
            return State.finished
        if self.run.in_use:
            return State.running
        if self.awaits:
            return State.waiting
        if self.run.failure.exists():
            return State.failed
        return State.resume if self.run.checkpoint.exists() else State.to_run

    @property
    def _published(self) -> bool:
        adapter = library.language_adapter(self.config, self.config.language.code)
        return adapter.exists and adapter.record().get("fingerprint") == self.run.fingerprint


def expand(given: Mapping[str, Sequence[str]]) -> list[Cell]:
    """The cells of a command line, those that mean the same run once, in the order in which they are to be run.

    given: what `read_axes` makes of the command line. Raises UserError for what `compose_config` and `check` refuse.
    """
    axes = dict(given)
    for key in OF_THE_SWEEP:
        if len(values := axes.pop(key, [])) > 1:
            raise UserError(f"{' '.join(values)}: {key} is said once for all cells; give it one value")
    sweep = compose_config(first_point(given)).sweep
    axes = {key: [override_text(key, value) for value in values] for key, values in sweep.axes.items()} | axes
    if empty := [key for key, values in axes.items() if not values]:
        raise UserError(f"{empty[0]} has no value to sweep over; give it at least one")
    seeds = axes.pop("seed", [])  # set in the composed configuration, as composing is slow
    found: list[Cell] = []
    for point in itertools.product(*axes.values()):
        composed = Cell(point, compose_config(point))
        grid = list(_grid(composed, axes.keys())) if sweep.name else [composed]
        if sweep.selected and len(grid) > 1:
            grid = [_selected(grid)]
        found += [_with_seed(cell, seed) for seed in seeds for cell in grid] if seeds else grid
    once: dict[Path, Cell] = {}
    for cell in found:
        check(cell.config)
        if cell.config.trainer.processes > 1:
            raise UserError(
                f"trainer.devices={cell.config.trainer.devices} in a multirun: each further process of a run would repeat "
                "the whole multirun; give trainer=ddp one command per run, or each run of the multirun one device "
                "(trainer=default) and let a launcher run several side by side (docs/scale.md)"
            )
        once.setdefault(cell.run.path, cell)
    return _language_adapters(found) + list(once.values())


def first_point(given: Mapping[str, Sequence[str]]) -> list[str]:
    """The overrides with the first value of each: enough to read what all cells share."""
    return [values[0] for values in given.values() if values]


def _grid(cell: Cell, given: Collection[str]) -> Iterator[Cell]:
    """The points of the paper's learning rate grid (A.2, A.3) for a task run; a rate on the command line takes its place."""
    config = cell.config
    if config.stage is Stage.mlm:
        yield cell
        return
    grid = config.task.grid
    rates = grid.lr if config.variant.language_adapter is AdapterKind.none else grid.lr_with_language_adapters
    tried = {} if "optim.lr" in given else {"lr": rates}
    tried |= {"ort_lr": grid.ort_lr} if config.is_orthogonal and "optim.ort_lr" not in given else {}
    for values in itertools.product(*tried.values()):
        point = dict(zip(tried, values, strict=True))
        overrides = (*cell.overrides, *(f"optim.{key}={rate:g}" for key, rate in point.items()))
        yield Cell(overrides, replace(config, optim=replace(config.optim, **point)))


def _with_seed(cell: Cell, seed: str) -> Cell:
    kept = tuple(override for override in cell.overrides if not override.startswith("seed="))
    return Cell((*kept, seed), replace(cell.config, seed=int(str(yaml.safe_load(seed.partition("=")[2])))))


def _selected(grid: Sequence[Cell]) -> Cell:
    """The one that the source language's development set selects. Raises UserError if not all of them are finished."""
    one = grid[0].config
    results = {
        cell.run.path: [result for _, result in find_results(cell.run.path)[0]] for cell in grid if cell.run.finished
    }
    if unfinished := [cell for cell in grid if not results.get(cell.run.path)]:
        raise UserError(
            f"sweep={one.sweep.name} runs the selected grid point, and of {one.task.name} {one.variant.name} "
            f"{len(unfinished)} of {len(grid)} grid points are not finished with seed {one.seed} (the first of them is "
            f"{unfinished[0].run.path}); run them first, with sweep=paper or "
            f"sweep={one.task.name} and the same other arguments, or leave {one.variant.name} out with variant=..."
        )
    best = select([candidate(found[0]) for found in results.values()])[0]
    return next(cell for cell in grid if cell.run.fingerprint == best.fingerprint)


def _language_adapters(cells: Sequence[Cell]) -> list[Cell]:
    """The language adapters that the cells share and `language_adapters.missing=train` asks for, each once.

    Raises UserError if two cells need adapters of the same name that are trained differently.
    """
    found: dict[str, Cell] = {}
    composed: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        if cell.config.stage is Stage.mlm or cell.config.language_adapters.missing is not Missing.train:
            continue
        for adapter in library.needed(cell.config):
            overrides = tuple(mlm_overrides(cell.overrides, adapter.language))
            if overrides not in composed:
                composed[overrides] = Cell(overrides, compose_config(overrides))
            training = composed[overrides]
            check(training.config)
            if adapter.exists and not training.run.finished:
                continue  # trained elsewhere, and as good
            former = found.setdefault(adapter.place, training)
            if former.run.fingerprint != training.run.fingerprint:
                raise UserError(
                    f"two cells need {adapter.place}, trained differently ({' '.join(former.overrides)}; "
                    f"{' '.join(overrides)}); give each its own folder with paths.adapters=DIR, in sweeps of their own"
                )
    return list(found.values())
