"""The LightningDataModules: text of one language for the MLM stage, and one per task for the task stage."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from transformers import PreTrainedTokenizerFast

from orthoadapters.config.schema import CorpusConfig, DataConfig, LanguageConfig, MlmConfig, TaskConfig
from orthoadapters.data.batching import BatchLoader, BlockLoader, Epochs
from orthoadapters.data.blocks import token_blocks
from orthoadapters.data.masking import masking_for
from orthoadapters.data.sources.read import read_examples
from orthoadapters.data.sources.text import corpus_key, passages
from orthoadapters.data.windows import Windows, pair_windows, tag_windows
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Example, SentencePair, Split, TaggedSentence

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """One split of one language, ready to be predicted: `loader` gives its windows, each once, sorted by length."""

    examples: list[Example]
    windows: Windows
    loader: BatchLoader

    @property
    def gold(self) -> list[list[str]]:
        """Gold labels in the form that `join_windows` gives predictions: one per word, or a single one per pair."""
        return [list(e.tags) if isinstance(e, TaggedSentence) else [e.label] for e in self.examples]


class TaskData(pl.LightningDataModule, ABC):
    """Training batches and development set of the source language, and evaluation sets of any language, of one task."""

    def __init__(
        self, data: DataConfig, task: TaskConfig, source: LanguageConfig, tokenizer: PreTrainedTokenizerFast, seed: int
    ) -> None:
        super().__init__()
        self.data, self.task, self.source, self.tokenizer, self.seed = data, task, source, tokenizer, seed

    @abstractmethod
    def windows(self, examples: Sequence[Example]) -> Windows:
        """The task's examples as windows of subwords."""

    def evaluation(self, split: Split, language: LanguageConfig) -> Evaluation:
        return self.prepared(read_examples(self.data, self.task, split, language))

    def target_dev(self, language: LanguageConfig) -> Evaluation | None:
        """A target language's development set; None where it has none, as treebanks that are a test set alone."""
        try:
            return self.evaluation("dev", language)
        except MissingSplitError as error:
            log.info("%s has no development set: %s", language.code, error)
            return None

    def prepared(self, examples: list[Example]) -> Evaluation:
        """Any examples as a set to be predicted."""
        windows = self.windows(examples)
        return Evaluation(examples, windows, self._loader(windows, shuffle=False))

    @cached_property
    def train_examples(self) -> list[Example]:
        return read_examples(self.data, self.task, "train", self.source)

    @cached_property
    def train(self) -> BatchLoader:
        return self._loader(self.windows(self.train_examples), shuffle=True)

    @cached_property
    def dev(self) -> Evaluation:
        return self.evaluation("dev", self.source)

    def train_dataloader(self) -> BatchLoader:
        return self.train

    def train_for(self, epochs: int) -> Epochs:
        """The whole training as one sequence of batches."""
        return Epochs(self.train, epochs)

    @property
    def batches_per_epoch(self) -> int:
        return len(self.train)

    @property
    def counts(self) -> dict[str, int]:
        """Of the training set: examples, windows, pairs that were cut, words that became <unk> as a whole."""
        windows = self.train.windows
        return {"train": windows.examples, "windows": len(windows), "cut": windows.cut, "replaced": windows.replaced}

    def val_dataloader(self) -> BatchLoader:
        return self.dev.loader

    def _loader(self, windows: Windows, shuffle: bool) -> BatchLoader:
        return BatchLoader(windows, self.task.batch_size, self.tokenizer.pad_token_id, self.seed, shuffle)


class XNLIData(TaskData):
    """Premise and hypothesis in one window; one label per pair."""

    def windows(self, examples: Sequence[Example]) -> Windows:
        pairs = [example for example in examples if isinstance(example, SentencePair)]
        return pair_windows(pairs, self.tokenizer, self.task.labels, self.task.max_length)


class WikiANNData(TaskData):
    """Sentences with one IOB2 tag per word."""

    def windows(self, examples: Sequence[Example]) -> Windows:
        return tag_windows(tagged(examples), self.tokenizer, self.task.labels, self.task.max_length)


class UDPOSData(TaskData):
    """Sentences with one UPOS tag per word."""

    def windows(self, examples: Sequence[Example]) -> Windows:
        return tag_windows(tagged(examples), self.tokenizer, self.task.labels, self.task.max_length)


def tagged(examples: Sequence[Example]) -> list[TaggedSentence]:
    return [example for example in examples if isinstance(example, TaggedSentence)]


TASK_DATA: dict[str, type[TaskData]] = {"xnli": XNLIData, "wikiann": WikiANNData, "udpos": UDPOSData}


class MLMData(pl.LightningDataModule):
    """Masked blocks of one language: `iterations` training batches, and a held-out development set with fixed masks.

    The development blocks are a random sample of the text that the run reads, and are never trained on.
    """

    def __init__(
        self,
        corpus: CorpusConfig,
        mlm: MlmConfig,
        language: LanguageConfig,
        tokenizer: PreTrainedTokenizerFast,
        cache: Path,
        seed: int,
        iterations: int | None = None,  # None: mlm.iterations
    ) -> None:
        super().__init__()
        if tokenizer.mask_token_id is None:
            raise UserError("the backbone's tokenizer has no mask token; stage=mlm needs a masked language model")
        self.corpus, self.mlm, self.language, self.tokenizer = corpus, mlm, language, tokenizer
        self.cache, self.seed = cache, seed
        self.iterations = mlm.iterations if iterations is None else iterations

    @cached_property
    def loaders(self) -> tuple[BlockLoader, BlockLoader]:
        """Training and development batches. Raises UserError if the text is too short for both."""
        mlm = self.mlm
        key = corpus_key(self.corpus, self.language, self.seed)
        wanted = self.iterations * mlm.batch_size + mlm.dev_blocks
        texts = passages(self.corpus, self.language, self.seed)
        blocks = token_blocks(texts, self.tokenizer, mlm.block_length, wanted, self.cache, key)
        if len(blocks) - mlm.dev_blocks < mlm.batch_size:
            raise UserError(
                f"the {self.language.code} text gives {len(blocks)} blocks of {mlm.block_length} subwords, too few for "
                f"mlm.dev_blocks={mlm.dev_blocks} and one batch of {mlm.batch_size}; add text or lower mlm.dev_blocks"
            )
        order = np.random.default_rng(self.seed).permutation(len(blocks))
        dev, train = np.sort(order[: mlm.dev_blocks]), order[mlm.dev_blocks :]
        masking = masking_for(self.tokenizer, mlm.mask_probability)
        return (
            BlockLoader(blocks, mlm.batch_size, self.iterations, self.seed, masking, train),
            BlockLoader(blocks, mlm.batch_size, 0, self.seed, masking, dev, shuffle=False),
        )

    def train_dataloader(self) -> BlockLoader:
        return self.loaders[0]

    def val_dataloader(self) -> BlockLoader:
        return self.loaders[1]
