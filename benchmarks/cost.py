"""What the paper's tables cost on this machine: python benchmarks/cost.py [SWEEP] [--precision bf16-mixed]

Trains a few iterations of each workload in the sweep (default: paper), with random weights and subwords: the time does not
depend on what they are. What a run does besides (reading data, checkpoints, the test sets at its end) is left out.
"""

import argparse
import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import pytorch_lightning as pl
import torch
from clocks import now, peak
from numpy.typing import NDArray
from random_runs import SHAPES, random_training
from torch.utils.flop_counter import FlopCounterMode

from orthoadapters import AdaptedEncoder
from orthoadapters.config.overrides import read_axes
from orthoadapters.config.schema import AdapterKind, Config, Stage
from orthoadapters.data.batching import BatchLoader
from orthoadapters.evaluation.scoring import window_logits
from orthoadapters.model.heads import TaskHead
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.provenance import hardware
from orthoadapters.sweep.cells import expand
from orthoadapters.sweep.cost import optimizer_steps
from orthoadapters.sweep.process import PRELOAD
from orthoadapters.training.fit import device, fit

# The sizes of the development sets, by the data sets' own cards. Each is scored after every epoch.
DEV = {"xnli": 2490, "udpos": 3974, "wikiann": 10_000}
# ours: the first iteration, in which operations are counted, is not timed
WARM_UP = 1


class Workload(NamedTuple):
    """The choices that decide the time of an iteration: task or stage, what is trained, with a language adapter or not."""

    subject: str
    trained: AdapterKind
    on_language_adapter: bool

    @property
    def name(self) -> str:
        what = {AdapterKind.none: "full_ft", AdapterKind.noo: "plain", AdapterKind.ort: "orthogonal"}[self.trained]
        return f"{self.subject} {what}{' on a language adapter' if self.on_language_adapter else ''}"


def workload(config: Config) -> Workload:
    variant = config.variant
    if config.stage is Stage.mlm:
        return Workload("language_adapters", variant.language_adapter, False)
    return Workload(config.task.name, variant.task_adapter, variant.language_adapter is not AdapterKind.none)


@dataclass(frozen=True)
class Measurement:
    """The cost of one workload.

    seconds, flop: per iteration. dev_seconds, dev_flop: per sentence or pair of the development set. memory: peak, bytes.
    """

    name: str
    seconds: float
    flop: int
    tokens: int
    dev_seconds: float
    dev_flop: float
    memory: int


class Clock(pl.Callback):
    """Measures seconds per iteration after WARM_UP, and the operations (matrix products alone) of the first one."""

    def __init__(self, machine: torch.device, iterations: int) -> None:
        self.machine, self.iterations = machine, iterations
        self.counter, self.start, self.seconds = FlopCounterMode(display=False), 0.0, 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        if trainer.global_step == 0:
            self.counter.__enter__()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        if trainer.global_step == WARM_UP:
            self.counter.__exit__(None, None, None)
            self.start = now(self.machine)
        elif trainer.global_step == WARM_UP + self.iterations:
            self.seconds = (now(self.machine) - self.start) / self.iterations


def measure(config: Config, shape: str, iterations: int) -> Measurement:
    """Trains one workload. It runs in a process of its own, whose peak memory is that of this workload alone."""
    machine = device(config.trainer)
    module, head, data, tokens = random_training(config, shape, iterations + WARM_UP)
    module.to(machine)
    run, clock, name = RunDirectory(config), Clock(machine, iterations), workload(config).name
    with run.open({}):
        fit(config.trainer, run, module, cast(Any, data), name, [clock])
    memory = peak(machine)
    dev = (0.0, 0.0)
    if head is not None and data.batches is not None:
        dev = scored(module.model, head, data.batches, machine, iterations)
    return Measurement(name, clock.seconds, clock.counter.get_total_flops(), tokens, *dev, memory)


def scored(
    model: AdaptedEncoder, head: TaskHead, loader: BatchLoader, machine: torch.device, passes: int
) -> tuple[float, float]:
    """Measures seconds and operations per sentence or pair of a development set."""
    model.eval()
    head.eval()
    with FlopCounterMode(display=False) as counter:
        list(window_logits(model, head, loader))
    start = now(machine)
    for _ in range(passes):
        list(window_logits(model, head, loader))
    return (now(machine) - start) / passes / len(loader.windows), counter.get_total_flops() / len(loader.windows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", nargs="?", default="paper")
    parser.add_argument("--iterations", type=int, default=20, help="of each workload, after the warm-up")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="base")
    parser.add_argument("--precision", default="32-true", help="32-true or bf16-mixed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"paths.{name}={folder}" for name in ("runs", "adapters", "cache")]
        axes = read_axes([f"sweep={options.sweep}", f"trainer.precision={options.precision}", *paths])
        configs = [cell.config for cell in expand(axes)]
        workloads = {workload(config): config for config in reversed(configs)}
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        measured: dict[Workload, Measurement] = {}
        print(f"{'seconds':>42}{'tokens/s':>12}{'peak GB':>10}{'TFLOP':>9}{'TFLOP/s':>9}")
        for key, config in reversed(workloads.items()):
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                one = measured[key] = pool.submit(measure, config, options.shape, options.iterations).result()
            print(
                f"{one.name:<32}{one.seconds:10.4g}{one.tokens / one.seconds:12,.0f}{one.memory / 1e9:10.2f}"
                f"{one.flop / 1e12:9.3g}{one.flop / 1e12 / one.seconds:9.3g}",
                flush=True,
            )
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            machine = pool.submit(this_hardware, configs[0]).result()
    print(f"\n{options.shape} on {machine}, {options.precision}, {options.iterations} iterations of each workload\n")
    print_tables(configs, measured)


def this_hardware(config: Config) -> str:
    return hardware(device(config.trainer), config.trainer.processes, 1)


def print_tables(configs: Sequence[Config], measured: dict[Workload, Measurement]) -> None:
    """Prints for each table of the paper: iterations x what one takes, and its development set after every epoch."""
    print("| sweep | cells | optimizer steps | hours | of which dev | EFLOP |")
    print("|---|---|---|---|---|---|")
    rows: dict[str, NDArray[np.float64]] = {}
    for config in configs:
        one, steps = measured[workload(config)], optimizer_steps(config)
        assert steps is not None
        passes = 0 if config.stage is Stage.mlm else config.trainer.max_epochs * DEV[config.task.name]
        hours, dev_hours = steps * one.seconds / 3600, passes * one.dev_seconds / 3600
        row = np.array([1, steps, hours + dev_hours, dev_hours, (steps * one.flop + passes * one.dev_flop) / 1e18])
        subject = workload(config).subject
        rows[subject] = rows.get(subject, np.zeros(5)) + row
    if len(rows) > 1:
        rows["together"] = np.sum(list(rows.values()), axis=0)
    for name, (cells, steps, hours, dev_hours, eflop) in rows.items():
        print(f"| {name} | {cells:.0f} | {steps:,.0f} | {hours:,.4g} | {dev_hours:,.3g} | {eflop:,.4g} |")


if __name__ == "__main__":
    main()
