"""Cells of sweeps, composed once for all tests that ask for them, and the results of finished ones."""

import json
from dataclasses import asdict
from functools import cache

from orthoadapters.config.overrides import read_axes
from orthoadapters.runs.results import Result, Selection
from orthoadapters.sweep.cells import Cell, expand


@cache  # composing a hundred configurations takes seconds
def cells(*arguments: str) -> list[Cell]:
    """Makes the cells of a command line."""
    return expand(read_axes(arguments))


def finish_cell(cell: Cell, value: float, machine: str = "abacus", seconds: float = 100.0) -> None:
    """Writes the result that such a run would leave, with `value` on the source language's development set."""
    config = cell.config
    result = Result(
        run=cell.run.name,
        fingerprint=cell.run.fingerprint,
        stage="task",
        task=config.task.name,
        variant=config.variant.name,
        backbone=str(config.backbone.name),
        seed=config.seed,
        lr=config.optim.lr,
        ort_lr=config.optim.ort_lr if config.variant.task_adapter.value == "ort" else None,
        test={"en": {"f1": 0.9, "n": 3}, "ar": {"f1": 1 - value, "n": 3}},
        adapters={},
        provenance={"hardware": machine, "wall_seconds": seconds, "steps": 10},
        selection=Selection("en", "dev", "f1", value, 1, [{"epoch": 1, "f1": value}]),
        choices={
            "task.batch_size": 16,
            "task.max_length": 128,
            "trainer.precision": "32-true",
            "variant.language_adapter": config.variant.language_adapter.value,
            "variant.task_adapter": config.variant.task_adapter.value,
        },
    )
    cell.run.path.mkdir(parents=True)
    cell.run.result.write_text(json.dumps(asdict(result)))
