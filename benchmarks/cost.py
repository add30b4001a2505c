"""What the paper's tables cost on this machine: python benchmarks/cost.py [SWEEP] [--precision bf16-mixed]

Trains a few iterations of each kind of run in the sweep (default: paper), with weights and subwords at random: the time does
not depend on what they are. What a run does besides (reading data, checkpoints, the test sets at its end) is left out.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from orthoadapters import AdaptedEncoder, AdapterConfig
from orthoadapters.config.overrides import read_axes
from orthoadapters.config.schema import AdapterKind, Config, Stage
from orthoadapters.data.batching import BatchLoader, BlockLoader, Epochs
from orthoadapters.data.masking import Masking
from orthoadapters.data.windows import Windows
from orthoadapters.evaluation.scoring import window_logits
from orthoadapters.evaluation.transfer import TASK_ADAPTER
from orthoadapters.examples import IGNORED
from orthoadapters.model.heads import HEADS, MaskedLMHead, SentencePairHead, TokenHead
from orthoadapters.model.sizes import bottleneck
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.provenance import hardware
from orthoadapters.sweep.cells import expand
from orthoadapters.sweep.cost import optimizer_steps
from orthoadapters.sweep.process import PRELOAD
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.fit import device, fit
from orthoadapters.training.mlm import MLMTraining
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining

# XLM-R base's shape (its config.json), and one for a test.
SHAPES = {
    "base": {"vocab_size": 250_002, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
             "intermediate_size": 3072},
    "tiny": {"vocab_size": 1000, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 64},
}  # fmt: skip
# ours: subwords per row of a batch of English, padding included. A sentence has 17.7 words in UD and 8.0 in WikiANN, a pair of
# MultiNLI about 30; words times 1.3 or so, and special subwords.
WIDTH = {"xnli": 45, "udpos": 25, "wikiann": 14}
DEV = {"xnli": 2490, "udpos": 3974, "wikiann": 10_000}  # the data sets' own cards: scored after every epoch
WARM_UP = 1  # ours: the first iteration, in which operations are counted, is not timed
SPECIAL = 5  # ours: ids below this, and the last one, count as special subwords


@dataclass(frozen=True)
class Measured:
    """Of one kind of run. seconds and flop: per iteration; of dev per sentence or pair. memory: peak, bytes."""

    name: str
    seconds: float
    flop: int
    tokens: int
    dev_seconds: float
    dev_flop: float
    memory: int


class Clock(pl.Callback):
    """Seconds per iteration after WARM_UP, and the operations (matrix products alone) of the first one."""

    def __init__(self, where: torch.device, iterations: int) -> None:
        self.where, self.iterations = where, iterations
        self.counter, self.begun, self.seconds = FlopCounterMode(display=False), 0.0, 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        if trainer.global_step == 0:
            self.counter.__enter__()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        if trainer.global_step == WARM_UP:
            self.counter.__exit__(None, None, None)
            self.begun = now(self.where)
        elif trainer.global_step == WARM_UP + self.iterations:
            self.seconds = (now(self.where) - self.begun) / self.iterations


def now(where: torch.device) -> float:
    """When all that was asked of the device is done."""
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    return time.perf_counter()


def kind(config: Config) -> tuple[str, AdapterKind, bool]:
    """What decides the time of an iteration: task or stage, what is trained, and whether it sits on a language adapter."""
    if config.stage is Stage.mlm:
        return "language_adapters", config.variant.language_adapter, False
    return config.task.name, config.variant.task_adapter, config.variant.language_adapter is not AdapterKind.none


def described(config: Config) -> str:
    subject, trained, on_top = kind(config)
    what = {AdapterKind.none: "full_ft", AdapterKind.noo: "plain", AdapterKind.ort: "orthogonal"}[trained]
    return f"{subject} {what}{' on a language adapter' if on_top else ''}"


def measure(config: Config, shape: str, iterations: int) -> Measured:
    """In a process of its own, whose peak memory is that of this kind alone."""
    where = device(config.trainer)
    torch.manual_seed(0)
    backbone = XLMRobertaConfig(**SHAPES[shape], max_position_embeddings=514, type_vocab_size=1)
    masked_lm = XLMRobertaForMaskedLM._from_config(backbone, attn_implementation="sdpa")
    mlm = config.stage is Stage.mlm
    model = AdaptedEncoder(masked_lm.base_model, MaskedLMHead(masked_lm) if mlm else None, config.orthogonality.pair)
    language, variant = config.language.code, config.variant
    if variant.language_adapter is not AdapterKind.none:
        d_language = bottleneck(model, "variant.language_reduction", variant.language_reduction)
        model.add_adapter(language, AdapterConfig(d_language, invertible=True))
    recorder = Recorder([], config.optim, config.is_orthogonal, config.trainer.log_every, config.trainer.layers_every)
    clock = Clock(where, iterations)
    module: AlternatingTraining
    head: SentencePairHead | TokenHead | None = None
    if mlm:
        model.activate(language)
        module = MLMTraining(model, language, config.is_orthogonal, config.optim, recorder, invert=False)
        blocks = random_blocks(config, backbone.vocab_size)
        masking = Masking(
            backbone.vocab_size - 1, backbone.vocab_size, torch.arange(SPECIAL), config.mlm.mask_probability
        )
        loader: BlockLoader | Epochs = BlockLoader(blocks, len(blocks), iterations + WARM_UP, 0, masking)
    else:
        task_adapter = None if variant.task_adapter is AdapterKind.none else TASK_ADAPTER
        if task_adapter:
            d_task = bottleneck(model, "variant.task_reduction", variant.task_reduction)
            model.add_adapter(task_adapter, AdapterConfig(d_task))
        language_adapter = None if variant.language_adapter is AdapterKind.none else language
        model.activate(*(name for name in (language_adapter, task_adapter) if name))
        head = HEADS[config.task.kind](model.hidden_size, len(config.task.labels), backbone.hidden_dropout_prob)
        module = TaskTraining(model, head, task_adapter, config.is_orthogonal, config.optim, recorder)
        batches = BatchLoader(random_windows(config, backbone.vocab_size), config.task.batch_size, 1, 0, shuffle=True)
        loader = Epochs(batches, iterations + WARM_UP)
    module.to(where)
    run = RunDirectory(config)
    with run.open({}):
        fit(config.trainer, run, module, loader, described(config), [clock])
    memory = torch.cuda.max_memory_allocated(where) if where.type == "cuda" else peak()
    dev_seconds, dev_flop = (0.0, 0.0) if head is None else scored(model, head, batches, where, iterations)
    tokens = (
        config.mlm.batch_size * config.mlm.block_length if mlm else config.task.batch_size * WIDTH[config.task.name]
    )
    return Measured(
        described(config), clock.seconds, clock.counter.get_total_flops(), tokens, dev_seconds, dev_flop, memory
    )


def random_blocks(config: Config, vocabulary: int) -> NDArray[np.int32]:
    return np.random.default_rng(0).integers(
        SPECIAL, vocabulary - 1, (config.mlm.batch_size, config.mlm.block_length), dtype=np.int32
    )


def random_windows(config: Config, vocabulary: int) -> Windows:
    """One batch: rows of equal length, of whose subwords about two in three begin a word."""
    rng, task = np.random.default_rng(0), config.task
    length, pairs = WIDTH[task.name], task.kind.value == "sentence_pair"
    ids = [rng.integers(SPECIAL, vocabulary - 1, length, dtype=np.int32) for _ in range(task.batch_size)]
    labels = [rng.integers(len(task.labels), size=() if pairs else length) for _ in ids]
    if not pairs:
        labels = [np.where(rng.random(length) < 2 / 3, row, IGNORED) for row in labels]
    return Windows(ids, [np.asarray(row) for row in labels], np.arange(len(ids)), len(ids), tuple(task.labels), 0, 0)


def scored(
    model: AdaptedEncoder, head: SentencePairHead | TokenHead, loader: BatchLoader, where: torch.device, passes: int
) -> tuple[float, float]:
    """Seconds and operations per sentence or pair of a development set."""
    model.eval()
    head.eval()
    with FlopCounterMode(display=False) as counter:
        list(window_logits(model, head, loader))
    begun = now(where)
    for _ in range(passes):
        list(window_logits(model, head, loader))
    return (now(where) - begun) / passes / len(loader.windows), counter.get_total_flops() / len(loader.windows)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux: KiB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", nargs="?", default="paper")
    parser.add_argument("--iterations", type=int, default=20, help="of each kind, after the warm-up")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="base")
    parser.add_argument("--precision", default="32-true", help="32-true or bf16-mixed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"paths.{name}={folder}" for name in ("runs", "adapters", "cache")]
        arguments = [f"sweep={given.sweep}", f"trainer.precision={given.precision}", *paths]
        configs = [cell.config for cell in expand(read_axes(arguments))]
        kinds = {kind(config): config for config in reversed(configs)}
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        measured: dict[tuple[str, AdapterKind, bool], Measured] = {}
        print(f"{'seconds':>42}{'tokens/s':>12}{'peak GB':>10}{'TFLOP':>9}{'TFLOP/s':>9}")
        for key, config in reversed(kinds.items()):
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                one = measured[key] = pool.submit(measure, config, given.shape, given.iterations).result()
            print(
                f"{one.name:<32}{one.seconds:10.4g}{one.tokens / one.seconds:12,.0f}{one.memory / 1e9:10.2f}"
                f"{one.flop / 1e12:9.3g}{one.flop / 1e12 / one.seconds:9.3g}",
                flush=True,
            )
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            where = pool.submit(this_hardware, configs[0]).result()
    print(f"\n{given.shape} on {where}, {given.precision}, {given.iterations} iterations of each kind\n")
    print_tables(configs, measured)


def this_hardware(config: Config) -> str:
    return hardware(device(config.trainer), config.trainer.processes)


def print_tables(configs: Sequence[Config], measured: dict[tuple[str, AdapterKind, bool], Measured]) -> None:
    """Per table of the paper: iterations x what one takes, and its development set after every epoch."""
    print("| sweep | cells | optimizer steps | hours | of which dev | EFLOP |")
    print("|---|---|---|---|---|---|")
    rows: dict[str, NDArray[np.float64]] = {}
    for config in configs:
        one, steps = measured[kind(config)], optimizer_steps(config)
        assert steps is not None
        passes = 0 if config.stage is Stage.mlm else config.trainer.max_epochs * DEV[config.task.name]
        hours, dev_hours = steps * one.seconds / 3600, passes * one.dev_seconds / 3600
        row = np.array([1, steps, hours + dev_hours, dev_hours, (steps * one.flop + passes * one.dev_flop) / 1e18])
        rows[kind(config)[0]] = rows.get(kind(config)[0], np.zeros(5)) + row
    if len(rows) > 1:
        rows["together"] = np.sum(list(rows.values()), axis=0)
    for name, (cells, steps, hours, dev_hours, eflop) in rows.items():
        print(f"| {name} | {cells:.0f} | {steps:,.0f} | {hours:,.4g} | {dev_hours:,.3g} | {eflop:,.4g} |")


if __name__ == "__main__":
    main()
