"""The speed of training on this machine, kind by kind, and where the time goes: python benchmarks/bench.py

Trains each kind at XLM-R base's shape with random weights and subwords, in a process of its own: MLM and each task, plain
(NOO) and orthogonal (ORT), and full fine-tuning. Prints a section for benchmarks/RESULTS.md, and writes JSON with --json.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from clocks import Stopwatch, WatchedLoader, matrix_peak, now, peak
from random_runs import SHAPES, RandomTraining, random_training
from start_up import seconds_to_first_step
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from orthoadapters.config.overrides import read_axes
from orthoadapters.config.schema import Config
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.provenance import commit, hardware
from orthoadapters.sweep.cells import expand
from orthoadapters.sweep.process import PRELOAD
from orthoadapters.training.fit import device, fit

TASKS = ("xnli", "udpos", "wikiann")
# The overrides of each kind by its name. The task kinds but full_ft train on top of a plain language adapter.
KINDS = {
    "mlm NOO": ["stage=mlm", "variant=lnoo_tnoo", "language=sw"],
    "mlm ORT": ["stage=mlm", "variant=lort_tnoo", "language=sw"],
} | {
    f"{task} {name}": [f"task={task}", f"variant={variant}"]
    for task in TASKS
    for name, variant in (("NOO", "lnoo_tnoo"), ("ORT", "lnoo_tort"), ("full_ft", "full_ft"))
}
PARTS = ("encoder forward", "encoder backward", "decoder, head, losses", "optimizer", "loader", "logging", "Lightning")
# The operations that draw and apply dropout. A fused attention on a GPU does that inside, where it is not seen.
DROPOUT = ("aten::bernoulli_", "aten::native_dropout")
# ours: the size of the square matrices by the shape of the backbone; as large as a product needs for its peak
MATRIX = {"base": 2048, "tiny": 256}


@dataclass(frozen=True)
class Speed:
    """The speed of one kind.

    seconds: median of an iteration. tokens: of a batch. flop: of an iteration's matrix products. memory: peak, bytes.
    peak_share: flop per second as a fraction of the peak of matrix products. dropout: its fraction of all operations'
    time. parts: the fraction of each of PARTS, measured in iterations of their own.
    """

    kind: str
    seconds: float
    tokens: int
    flop: int
    memory: int
    peak_share: float
    dropout: float
    parts: dict[str, float]


class MeasurementEnd(Exception):  # noqa: N818  # it is no error
    """The end of the measurement, before a checkpoint is written."""


class Plan(pl.Callback):
    """Counts operations in the first iteration, times the next ones, then their parts, and profiles the last one."""

    def __init__(self, machine: torch.device, iterations: int, watch: Stopwatch) -> None:
        self.machine, self.iterations, self.watch = machine, iterations, watch
        self.counter = FlopCounterMode(display=False)
        activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (machine.type == "cuda")
        self.profiler = profile(activities=activities)
        self.times: list[float] = []
        self.memory = 0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        if trainer.global_step == 0:
            self.counter.__enter__()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        step, n = trainer.global_step, self.iterations
        if step == 1:
            self.counter.__exit__(None, None, None)
        if step <= n + 1:
            self.times.append(now(self.machine))
        if step == n + 1:
            self.memory = peak(self.machine)
            self.watch.start()
        if step == 2 * n + 1:
            self.watch.stop()
            self.profiler.__enter__()
        if step == 2 * n + 2:
            self.profiler.__exit__(None, None, None)
            raise MeasurementEnd

    @property
    def dropout(self) -> float:
        """The fraction of dropout in the time of all operations."""
        key = "self_device_time_total" if self.machine.type == "cuda" else "self_cpu_time_total"
        times = {event.key: getattr(event, key) for event in self.profiler.key_averages()}
        return sum(times.get(name, 0) for name in DROPOUT) / max(sum(times.values()), 1e-9)


def measure(kind: str, config: Config, shape: str, iterations: int) -> Speed:
    """Trains one kind. It runs in a process of its own, whose peak memory is that of this kind alone."""
    machine = device(config.trainer)
    training = random_training(config, shape, 2 * iterations + 3)
    training.module.to(machine)
    watch = Stopwatch(machine, "Lightning")
    plan, run = Plan(machine, iterations, watch), RunDirectory(config)
    dtype = torch.float32 if config.trainer.precision == "32-true" else torch.bfloat16
    peaks = [matrix_peak(machine, dtype, MATRIX[shape])]
    watch_parts(training, watch)
    with run.open({}), suppress(MeasurementEnd):
        fit(config.trainer, run, training.module, cast(Any, training.data), kind, [plan])
    seconds = statistics.median(b - a for a, b in zip(plan.times, plan.times[1:], strict=False))
    # Other work at one of the two moments would make the share too large.
    peaks.append(matrix_peak(machine, dtype, MATRIX[shape]))
    share = plan.counter.get_total_flops() / seconds / max(peaks)
    whole = sum(watch.seconds.values())
    parts = {name: watch.seconds[name] / whole for name in PARTS}
    flop = plan.counter.get_total_flops()
    return Speed(kind, seconds, training.tokens, flop, plan.memory, share, plan.dropout, parts)


def watch_parts(training: RandomTraining, watch: Stopwatch) -> None:
    """Makes the stopwatch count what the step calls. What remains of the step and of the loop is Lightning's."""
    module = training.module
    watch.watch(module, "encode", "encoder forward")
    watch.watch(module, "_backward", "encoder backward")
    for method in ("main_loss", "layers_loss"):
        watch.watch(module, method, "decoder, head, losses")
    watch.watch(module, "_clip", "optimizer")
    watch.watch(module.recorder, "step", "logging")
    configure = module.configure_optimizers

    def configure_optimizers() -> list[torch.optim.Optimizer]:
        optimizers = configure()
        for optimizer in optimizers:
            for method in ("step", "zero_grad"):
                watch.watch(optimizer, method, "optimizer")
        return optimizers

    module.configure_optimizers = configure_optimizers  # type: ignore[method-assign]
    data: Any = training.data
    loader = data.train_dataloader
    data.train_dataloader = lambda: WatchedLoader(loader(), watch)


def configuration(kind: str, folder: str, precision: str) -> Config:
    paths = [f"paths.{name}={folder}" for name in ("runs", "adapters", "cache")]
    return expand(read_axes([*KINDS[kind], f"trainer.precision={precision}", "logger=none", *paths]))[0].config


def table(speeds: Sequence[Speed]) -> str:
    """Writes the measurements as a table in Markdown: times and memory, then the parts in percent."""
    columns = ["kind", "s/it", "it/s", "tokens/s", "peak GB", "% of peak", *PARTS, "dropout"]
    rows = [
        [
            one.kind,
            f"{one.seconds:.3g}",
            f"{1 / one.seconds:.3g}",
            f"{one.tokens / one.seconds:,.0f}",
            f"{one.memory / 1e9:.2f}",
            *(f"{100 * share:.0f}" for share in (one.peak_share, *one.parts.values(), one.dropout)),
        ]
        for one in speeds
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *rows])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"one of {', '.join(KINDS)}; all without one")
    parser.add_argument("--iterations", type=int, default=5, help="of each kind; twice, once for the parts")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="base")
    parser.add_argument("--quick", action="store_true", help="--shape tiny --iterations 1, and no start-up")
    parser.add_argument("--no-start-up", action="store_true", help="leave out the time to the first step")
    parser.add_argument("--precision", default="32-true", help="32-true or bf16-mixed")
    parser.add_argument("--json", type=Path, help="a file that gets the same numbers")
    options = parser.parse_args(arguments)
    if unknown := set(options.kinds) - KINDS.keys():
        parser.error(f"no kind {', '.join(sorted(unknown))}; kinds are {', '.join(KINDS)}")
    if options.quick:
        options.shape, options.iterations = "tiny", 1
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    speeds, day = [], datetime.now(UTC).date().isoformat()
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds or KINDS:
            config = configuration(kind, folder, options.precision)
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                speeds.append(pool.submit(measure, kind, config, options.shape, options.iterations).result())
                name = pool.submit(machine_name, config).result()
    code, *changes = commit().split(maxsplit=1)
    rest = "".join(f" {change}" for change in changes)
    title = f"{name}, {day}, {code[:9] + rest}"
    what = f"{options.shape}, {options.precision}, torch {torch.__version__}, median of {options.iterations} iterations"
    start_ups = {} if options.quick or options.no_start_up else seconds_to_first_step()
    print(f"## {title}\n\n{what}; parts and dropout in %\n\n{table(speeds)}")
    for start_up, seconds in start_ups.items():
        print(f"\nFrom the command line to the first step, {start_up}: {seconds:.1f} s")
    if options.json:
        content = {"machine": title, "options": what, "kinds": [asdict(one) for one in speeds], "start_up": start_ups}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


def machine_name(config: Config) -> str:
    return hardware(device(config.trainer), config.trainer.processes, config.sweep.cells_per_gpu)


if __name__ == "__main__":
    main()
