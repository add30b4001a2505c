"""What a sweep's cells cost: optimizer steps, hours by the throughput of earlier runs, disk. No weight is loaded."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

from orthoadapters.config.compose import language_config
from orthoadapters.config.hub_ids import DEMO, HUB_ID
from orthoadapters.config.schema import AdapterKind, Config, DataSource, Stage, TaskConfig, TrainerConfig
from orthoadapters.data.sources.read import read_examples
from orthoadapters.errors import UserError
from orthoadapters.runs.results import Result, read_results
from orthoadapters.sweep.cells import Cell
from orthoadapters.sweep.process import in_own_process

FLOAT = 4  # bytes: whatever the precision of the forward pass, trained weights and Adam's moments are fp32


@dataclass(frozen=True)
class Cost:
    """None where it is not known. hours: of a finished cell what it took, of another one what is left. size: bytes."""

    steps: int | None
    hours: float | None
    size: int | None


def costs(cells: Sequence[Cell]) -> list[Cost]:
    """One per cell, in their order."""
    former = _earlier(cells)
    here = _hardware(cells[0].config.trainer) if former else ""
    return [_cost(cell, former, here) for cell in cells]


def _cost(cell: Cell, former: Sequence[Result], here: str) -> Cost:
    config = cell.config
    steps, size = optimizer_steps(config), disk(config)
    if cell.run.finished:
        took = next((r.provenance for r in former if r.fingerprint == cell.run.fingerprint), {})
        return Cost(took.get("steps", steps), took["wall_seconds"] / 3600 if "wall_seconds" in took else None, size)
    rates = [
        result.provenance["wall_seconds"] / result.provenance["steps"]
        for result in former
        if _alike(config) == _alike_result(result)
        and _timed_on(result.provenance.get("hardware", "")) == _timed_on(here)
    ]
    if steps is None or not rates:
        return Cost(steps, None, size)
    left = steps - iteration(cell) if cell.run.checkpoint.exists() else steps
    return Cost(steps, left * median(rates) / 3600, size)


def iteration(cell: Cell) -> int:
    """The last one that metrics.csv has; 0 without it."""
    try:
        with (cell.run.path / "metrics.csv").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4096))  # ours: far more than one row
            last = file.read().splitlines()[-1]
        return int(last.split(b",")[0])
    except (OSError, ValueError, IndexError):
        return 0


def _earlier(cells: Sequence[Cell]) -> list[Result]:
    found: list[Result] = []
    for folder in sorted({Path(cell.config.paths.runs) for cell in cells}):
        if folder.is_dir():
            found += [result for _, result in read_results(folder)]
    return [result for result in found if {"wall_seconds", "steps"} <= result.provenance.keys()]


# What decides how long a step takes, of those choices that result.json records.
_MEASURED = {
    Stage.mlm: ("mlm.batch_size", "mlm.block_length", "trainer.precision"),
    Stage.task: ("task.batch_size", "task.max_length", "trainer.precision", "variant.language_adapter"),
}  # fmt: skip


def _alike(config: Config) -> tuple[object, ...]:
    values = asdict(config)
    keys = _MEASURED[config.stage]
    measured = [values[key.split(".")[0]][key.split(".")[1]] for key in keys]
    named = [getattr(value, "value", value) for value in measured]
    task = config.task.name if config.stage is Stage.task else None
    trained = config.variant.task_adapter if config.stage is Stage.task else config.variant.language_adapter
    return (config.stage.value, task, str(config.backbone.name), trained.value, *named)


def _alike_result(result: Result) -> tuple[object, ...]:
    stage = Stage(result.stage)
    measured = [result.choices.get(key) for key in _MEASURED[stage]]
    trained = result.choices.get("variant.task_adapter" if stage is Stage.task else "variant.language_adapter")
    return (result.stage, result.task, result.backbone, trained, *measured)


def _hardware(trainer: TrainerConfig) -> str:
    """As runs record it. Asked in a process of its own: on a GPU the question alone takes memory for as long as one lives."""
    return in_own_process(_this_hardware, trainer)


def _timed_on(hardware: str) -> str:
    """What the times depend on: of a GPU not how many threads feed it, which differ from launcher to launcher."""
    return hardware if " CPU," in hardware else hardware.rsplit(",", 1)[0]


def _this_hardware(trainer: TrainerConfig) -> str:
    from orthoadapters.runs.provenance import hardware
    from orthoadapters.training.fit import device

    return hardware(device(trainer), trainer.processes)


def optimizer_steps(config: Config) -> int | None:
    """Of sentences longer than a window's budget there are a few more; None if the data cannot be counted from here."""
    if config.stage is Stage.mlm:
        return config.trainer.max_iterations
    read = [config.source_language, asdict(config.data), asdict(config.task)]
    count = _examples(json.dumps(read, default=str), config)
    return None if count is None else config.trainer.max_epochs * math.ceil(count / config.task.batch_size)


_counted: dict[str, int | None] = {}


def _examples(key: str, config: Config) -> int | None:
    if key not in _counted:
        _counted[key] = _count(config)
    return _counted[key]


def _count(config: Config) -> int | None:
    source, limit = config.source_language, config.data.limit_train
    if config.data.source is DataSource.hub:
        known = config.task.hub_train.get(source)
        return known if known is None or limit is None else min(known, limit)
    try:
        return len(read_examples(config.data, config.task, "train", language_config(source)))
    except UserError:
        return None  # the run itself will say what is wrong


def disk(config: Config) -> int | None:
    """Bytes of weights that the run will leave, its checkpoint included; None if the backbone is not on this machine."""
    folder = _backbone(config)
    if folder is None:
        return None
    described = json.loads((folder / "config.json").read_text())
    hidden, layers = int(described["hidden_size"]), int(described["num_hidden_layers"])
    variant, ort = config.variant, config.is_orthogonal
    if config.stage is Stage.mlm:
        quarter = int(described.get("embedding_size", hidden)) // 4
        trained = layers * _adapter(hidden, hidden // variant.language_reduction) + 2 * _adapter(2 * quarter, quarter)
        return (
            FLOAT * trained * (2 + 3 + 2 * ort)
        )  # the run's and the published adapter; a checkpoint with Adam's moments
    head = _head(hidden, config.task)
    if variant.task_adapter is AdapterKind.none:
        weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        return weights * (1 + 4) + FLOAT * head * (1 + 4)  # backbone/ and head/; a checkpoint with the best epoch too
    trained = layers * _adapter(hidden, hidden // variant.task_reduction)
    return FLOAT * (trained * (1 + 4 + 2 * ort) + head * (2 + 4))


def _adapter(width: int, bottleneck: int) -> int:
    return 2 * width * bottleneck + width + bottleneck


def _head(hidden: int, task: TaskConfig) -> int:
    pair = hidden * hidden + hidden if task.kind.value == "sentence_pair" else 0
    return pair + hidden * len(task.labels) + len(task.labels)


def _backbone(config: Config) -> Path | None:
    """The backbone's folder if it is on this machine; nothing is fetched or made."""
    return _found(config.backbone.path, config.backbone.revision, config.paths.cache)


@cache
def _found(path: str, revision: str | None, cached: str) -> Path | None:
    if path == DEMO:
        return max(Path(cached).glob("demo-backbone-*/"), key=lambda p: p.stat().st_mtime, default=None)
    if revision is None or not HUB_ID.fullmatch(path):
        folder = Path(path).expanduser()
        return folder if (folder / "config.json").is_file() else None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(path, "config.json", revision=revision)
    return Path(found).parent if isinstance(found, str) else None
