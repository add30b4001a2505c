"""Short whole runs on the tiny world, for tests."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import Config, Stage
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import Result
from orthoadapters.stages.language_adapter import train_language_adapter
from orthoadapters.stages.task import train_task


def overrides(backbone: Path, world: Path, out: Path, *more: str) -> list[str]:
    return [
        "backbone=local",
        f"backbone.path={backbone}",
        "data=xtreme",
        f"data.root={world}",
        "corpus=text",
        f"corpus.root={world}/text",
        "logger=csv",
        f"paths.runs={out}/runs",
        f"paths.adapters={out}/adapters",
        f"paths.cache={out}/cache",
        "mlm.block_length=16",
        "mlm.dev_blocks=4",
        "mlm.batch_size=4",
        "task.batch_size=8",
        "mlm.lr=1e-2",
        "mlm.ort_lr=1e-2",
        "trainer.max_iterations=6",
        "trainer.max_epochs=2",
        "trainer.accelerator=cpu",
        "trainer.log_every=2",
        "trainer.layers_every=3",
        "task.max_length=64",
        *more,
    ]


def execute(arguments: Sequence[str]) -> Result:
    config: Config = compose_config(arguments)
    check(config)
    run = RunDirectory(config)
    if config.stage is Stage.mlm:
        return train_language_adapter(config, run, arguments)
    return train_task(config, run, arguments)


def numbers(result: Result) -> dict[str, Any]:
    """A result without what time, place and machine decide."""
    record = asdict(result)
    record["provenance"] = record["provenance"]["steps"]
    record["adapters"] = {code: entry["kind"] for code, entry in record["adapters"].items()}
    return record
