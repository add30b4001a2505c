"""Weights and subwords at random, in the shapes of a run: what the other benchmarks train."""

from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from orthoadapters import AdaptedEncoder, AdapterConfig
from orthoadapters.config.schema import AdapterKind, Config, Stage
from orthoadapters.data.batching import BatchLoader, Epochs
from orthoadapters.data.masked_batches import BlockLoader
from orthoadapters.data.masking import Masking
from orthoadapters.data.windows import Windows
from orthoadapters.evaluation.transfer import TASK_ADAPTER
from orthoadapters.examples import IGNORE_INDEX
from orthoadapters.model.heads import HEADS, MaskedLMHead, TaskHead
from orthoadapters.model.sizes import bottleneck
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.mlm import MLMTraining
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining

# The shape of XLM-R base (its config.json), and one for a test.
SHAPES = {
    "base": {
        "vocab_size": 250_002,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    "tiny": {
        "vocab_size": 1000,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    },
}
# ours: subwords per row of a batch of English, padding included. A sentence has 17.7 words in UD and 8.0 in WikiANN, a pair of
# MultiNLI about 30; there are about 1.3 subwords for a word, and the special ones.
WIDTH = {"xnli": 45, "udpos": 25, "wikiann": 14}
# ours: ids below this, and the last one, count as special subwords
SPECIAL = 5


class RandomTraining(NamedTuple):
    """A module that is ready for `fit`, its batches, and how many subwords one of them has."""

    module: AlternatingTraining
    head: TaskHead | None
    data: "RandomData"
    tokens: int


def random_training(config: Config, shape: str, iterations: int) -> RandomTraining:
    """Draws everything that a run of this configuration trains and reads."""
    torch.manual_seed(0)
    backbone = XLMRobertaConfig(**SHAPES[shape], max_position_embeddings=514, type_vocab_size=1)
    model = random_model(config, backbone)
    recorder = Recorder([], config.optim, config.is_orthogonal, config.trainer.log_every, config.trainer.layers_every)
    data, orthogonal = RandomData(config, backbone.vocab_size, iterations), config.is_orthogonal
    if config.stage is Stage.mlm:
        module = MLMTraining(model, config.language.code, orthogonal, config.optim, recorder, invert=False)
        return RandomTraining(module, None, data, config.mlm.batch_size * config.mlm.block_length)
    head = HEADS[config.task.kind](model.hidden_size, len(config.task.labels), backbone.hidden_dropout_prob)
    adapter = TASK_ADAPTER if TASK_ADAPTER in model.configs else None
    task = TaskTraining(model, head, adapter, orthogonal, config.optim, recorder)
    return RandomTraining(task, head, data, config.task.batch_size * WIDTH[config.task.name])


def random_model(config: Config, backbone: XLMRobertaConfig) -> AdaptedEncoder:
    """Draws a backbone with the adapters of the configuration, and makes their stack the active one."""
    masked_lm, mlm = XLMRobertaForMaskedLM._from_config(backbone, attn_implementation="sdpa"), config.stage is Stage.mlm
    model = AdaptedEncoder(masked_lm.base_model, MaskedLMHead(masked_lm) if mlm else None, config.orthogonality.pair)
    variant, stack = config.variant, []
    if variant.language_adapter is not AdapterKind.none:
        d_language = bottleneck(model, "variant.language_reduction", variant.language_reduction)
        model.add_adapter(config.language.code, AdapterConfig(d_language, invertible=True))
        stack.append(config.language.code)
    if not mlm and variant.task_adapter is not AdapterKind.none:
        d_task = bottleneck(model, "variant.task_reduction", variant.task_reduction)
        model.add_adapter(TASK_ADAPTER, AdapterConfig(d_task))
        stack.append(TASK_ADAPTER)
    model.activate(*stack)
    return model


class RandomData(pl.LightningDataModule):
    """Training batches of random subwords, one for each iteration."""

    def __init__(self, config: Config, vocabulary: int, iterations: int) -> None:
        super().__init__()
        self.iterations = iterations
        self.training: BlockLoader | Epochs
        self.batches: BatchLoader | None = None
        if config.stage is Stage.mlm:
            blocks = random_blocks(config, vocabulary)
            masking = Masking(vocabulary - 1, vocabulary, torch.arange(SPECIAL), config.mlm.mask_probability)
            self.training = BlockLoader(blocks, len(blocks), self.iterations, 0, masking)
        else:
            windows = random_windows(config, vocabulary)
            self.batches = BatchLoader(windows, config.task.batch_size, 1, 0, shuffle=True)
            self.training = Epochs(self.batches, self.iterations)

    def train_dataloader(self) -> BlockLoader | Epochs:
        return self.training


def random_blocks(config: Config, vocabulary: int) -> NDArray[np.int32]:
    return np.random.default_rng(0).integers(
        SPECIAL, vocabulary - 1, (config.mlm.batch_size, config.mlm.block_length), dtype=np.int32
    )


def random_windows(config: Config, vocabulary: int) -> Windows:
    """Draws one batch: rows of equal length, in which about two of three subwords begin a word."""
    rng, task = np.random.default_rng(0), config.task
    length, pairs = WIDTH[task.name], task.kind.value == "sentence_pair"
    ids = [rng.integers(SPECIAL, vocabulary - 1, length, dtype=np.int32) for _ in range(task.batch_size)]
    labels = [rng.integers(len(task.labels), size=() if pairs else length) for _ in ids]
    if not pairs:
        labels = [np.where(rng.random(length) < 2 / 3, row, IGNORE_INDEX) for row in labels]
    return Windows(ids, [np.asarray(row) for row in labels], np.arange(len(ids)), len(ids), tuple(task.labels), 0, 0)
