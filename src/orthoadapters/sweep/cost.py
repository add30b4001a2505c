"""The cost of a sweep's cells: optimizer steps, hours by the speed of earlier runs, disk. It loads no weight."""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

from orthoadapters.config.choices import NEWER, choices
from orthoadapters.config.compose import task_language
from orthoadapters.config.hub_ids import DEMO, HUB_ID
from orthoadapters.config.kinds import KINDS
from orthoadapters.config.schema import Config, Stage, TaskConfig, TaskKind
from orthoadapters.data.sources.read import read_examples, silence
from orthoadapters.errors import UserError
from orthoadapters.files import read_json
from orthoadapters.runs.language_adapter import trained_adapter
from orthoadapters.runs.results import Result, read_results
from orthoadapters.runs.tracking import DIGITS
from orthoadapters.sweep.cells import Cell
from orthoadapters.sweep.process import in_own_process

# Bytes. Trained weights and Adam's moments are fp32, whatever the precision of the forward pass.
FLOAT = 4


@dataclass(frozen=True)
class Cost:
    """The cost of one cell, None where it is not known.

    hours: what a finished cell took, and what is left of another one. size: bytes. is_bound: whether the cell may take fewer
    steps and hours, as it ends when its dev score has not risen for some epochs (trainer.patience).
    """

    steps: int | None
    hours: float | None
    size: int | None
    is_bound: bool = False


def hardware_here(config: Config, at_once: int = 1) -> str:
    """Names this machine's hardware as runs record it. at_once: the cells that joblib runs at the same time.

    It asks in a process of its own: a process that asks CUDA holds memory on a GPU until it ends.
    """
    threads = None
    if at_once > 1 and "OMP_NUM_THREADS" not in os.environ:
        # joblib divides the cores among its workers.
        import joblib

        threads = max(joblib.cpu_count() // at_once, 1)
    return in_own_process(_hardware, config, threads)


def _hardware(config: Config, threads: int | None) -> str:
    # These load PyTorch, in the process of its own alone.
    import torch

    from orthoadapters.runs.provenance import hardware
    from orthoadapters.training.fit import device

    if threads is not None:
        torch.set_num_threads(threads)
    return hardware(device(config.trainer), config.trainer.processes, config.sweep.cells_per_gpu)


def costs(cells: Sequence[Cell], hardware: Callable[[Config], str] = hardware_here) -> list[Cost]:
    """Estimates each cell's cost, in their order, from earlier runs on the same hardware."""
    earlier = _earlier_results(cells)
    here = hardware(cells[0].config) if earlier else ""
    return [_cost(cell, earlier, here) for cell in cells]


def _cost(cell: Cell, earlier: Sequence[Result], here: str) -> Cost:
    config = cell.config
    steps, size = optimizer_steps(config), disk(config)
    if cell.run.is_finished:
        record = next((r.provenance for r in earlier if r.fingerprint == cell.run.fingerprint), {})
        hours = record["wall_seconds"] / 3600 if "wall_seconds" in record else None
        return Cost(record.get("steps", steps), hours, size)
    workload, is_bound = _workload(config), config.stage is Stage.task and config.trainer.patience is not None
    rates = [
        result.provenance["wall_seconds"] / result.provenance["steps"]
        for result in earlier
        if workload == _workload_of_result(result)
        and _timed_hardware(result.provenance.get("hardware", "")) == _timed_hardware(here)
    ]
    if steps is None or not rates:
        return Cost(steps, None, size, is_bound)
    rest = steps - iteration(cell) if cell.run.checkpoint.exists() else steps
    return Cost(steps, rest * median(rates) / 3600, size, is_bound)


def iteration(cell: Cell) -> int:
    """Reads the last iteration that metrics.csv has; 0 without it, or if its last row is damaged."""
    try:
        with (cell.run.path / "metrics.csv").open("rb") as file:
            # ours: 4096 bytes are far more than one row
            file.seek(max(0, file.seek(0, 2) - 4096))
            digits = file.read().splitlines()[-1].split(b",")[0]
        return int(digits) if len(digits) <= DIGITS else 0
    except (OSError, ValueError, IndexError):
        return 0


def _earlier_results(cells: Sequence[Cell]) -> list[Result]:
    folders = sorted({Path(cell.config.paths.runs) for cell in cells})
    results = [result for folder in folders if folder.is_dir() for _, result in read_results(folder)]
    return [one for one in results if "wall_seconds" in one.provenance and one.provenance.get("steps", 0) > 0]


# The choices in result.json that decide how long a step takes. A run without the second step has none of `ort`.
_OF_BOTH_STAGES = (
    *("variant.language_adapter", "domain.kind", "ort.share_forward", "ort.every", "ort.joint", "orthogonality.loss"),
    *("unfreeze.per", "unfreeze.every", "trainer.precision", "trainer.compile"),
)
_TIMED_CHOICES = {
    Stage.mlm: (
        *("mlm.batch_size", "mlm.block_length", "mlm.vocabulary"),
        *_OF_BOTH_STAGES,
    ),
    Stage.task: ("variant.task_adapter", "task.batch_size", "task.max_length", *_OF_BOTH_STAGES),
}


def _workload(config: Config) -> tuple[object, ...]:
    """Lists what decides how long a step of this configuration takes, in the words of result.json."""
    task = config.task.name if config.stage is Stage.task else None
    return (config.stage.value, task, str(config.backbone.name), *_timed_values(config.stage, choices(config)))


def _workload_of_result(result: Result) -> tuple[object, ...]:
    values = _timed_values(Stage(result.stage), result.choices)
    return (result.stage, result.task, result.backbone, *values)


def _timed_values(stage: Stage, values: Mapping[str, object]) -> list[object]:
    choice = {key: values.get(key, NEWER.get(key)) for key in _TIMED_CHOICES[stage]}
    # lambda is a factor: whatever its value, it takes the same time.
    return [*(choice | {"ort.joint": choice["ort.joint"] is not None}).values()]


def _timed_hardware(hardware: str) -> str:
    """Leaves out of a GPU's name the number of CPU threads: launchers differ in it, and times do not depend on it."""
    return hardware if " CPU," in hardware else hardware.rsplit(",", 1)[0]


def optimizer_steps(config: Config) -> int | None:
    """Computes the steps of a run; None if the data cannot be counted from here.

    The number is slightly too small where sentences are cut into several windows.
    """
    if config.stage is Stage.mlm:
        return config.trainer.max_iterations
    sources = [config.source_language, asdict(config.data), asdict(config.task)]
    count = _examples(json.dumps(sources, default=str), config)
    return None if count is None else config.trainer.max_epochs * math.ceil(count / config.task.batch_size)


_counts: dict[str, int | None] = {}


def _examples(key: str, config: Config) -> int | None:
    """Counts the training examples, once for all cells that read the same. key: the choices that decide what is read."""
    if key not in _counts:
        _counts[key] = _count(config)
    return _counts[key]


def _count(config: Config) -> int | None:
    sources, limit = config.source_languages, config.data.limit_train
    if config.data.source == "hub":
        counts = [config.task.hub_train.get(source) for source in sources]
        return None if None in counts else sum(min(count, limit or count) for count in counts if count is not None)
    languages = [task_language(source, config.paths.config) for source in sources]
    try:
        with silence():
            return sum(len(read_examples(config.data, config.task, "train", one)) for one in languages)
    except UserError:
        return None  # the run itself will say what is wrong


def disk(config: Config) -> int | None:
    """Computes the bytes of weights that the run will leave; None if the backbone is not on this machine, or damaged.

    Checkpoints hold two moments of Adam for every trained weight, and two more for the second optimizer of L_ORT.
    """
    folder = _backbone_folder(config.backbone.path, config.backbone.revision, config.paths.cache)
    if folder is None:
        return None
    try:
        backbone = read_json(folder / "config.json")
        hidden, layers = int(backbone["hidden_size"]), int(backbone["num_hidden_layers"])
        width = int(backbone.get("embedding_size") or hidden)
    except (UserError, KeyError, TypeError, ValueError, OverflowError):
        # The inventory says what is wrong with it.
        return None
    variant, ort_moments = config.variant, 2 if config.has_ort_step else 0
    layers -= len(variant.leave_out)
    if config.stage is Stage.mlm:
        quarter = width // 4
        d = hidden // trained_adapter(config).reduction(variant, config.domain)
        # A domain adapter has no invertible part.
        invertible = 0 if config.trains_domain else 2 * _adapter(2 * quarter, quarter)
        adapter_weights = layers * _adapter(hidden, d) + invertible
        # The run's adapter and the published one; the checkpoint's weights with Adam's moments.
        return FLOAT * adapter_weights * (2 + 3 + ort_moments)
    head = _head(hidden, config.task)
    if not variant.has_task_adapter:
        weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        # The folders backbone/ and head/; the checkpoint's weights with Adam's moments, and those of the best epoch.
        return weights * (1 + 4) + FLOAT * head * (1 + 4)
    adapter_weights = layers * _adapter(hidden, hidden // variant.task_reduction)
    # The head lies in head/ and, for AdapterHub, in adapter/.
    return FLOAT * (adapter_weights * (1 + 4 + ort_moments) + head * (2 + 4))


def _adapter(width: int, bottleneck: int) -> int:
    """Counts the weights of Eq. 1: two matrices with their biases."""
    return 2 * width * bottleneck + width + bottleneck


def _head(hidden: int, task: TaskConfig) -> int:
    """Counts the weights of the task's head, as `model/heads.py` makes it."""
    dense = 0 if KINDS[task.kind].per_word else hidden * hidden + hidden
    outputs = 1 if task.kind is TaskKind.multiple_choice else len(task.labels)
    return dense + hidden * outputs + outputs


@cache
def _backbone_folder(path: str, revision: str | None, cache_folder: str) -> Path | None:
    """Finds the backbone's folder if it is on this machine; nothing is fetched or made."""
    if path == DEMO:
        return max(Path(cache_folder).glob("demo-backbone-*/"), key=lambda p: p.stat().st_mtime, default=None)
    if revision is None or not HUB_ID.fullmatch(path):
        folder = Path(path).expanduser()
        return folder if (folder / "config.json").is_file() else None
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(path, "config.json", revision=revision)
    return Path(file).parent if isinstance(file, str) else None
