"""The LightningDataModules: `TaskData` for the task stage, `MLMData` for the MLM stage.

Both give the whole training as one sequence of batches, so that a run is counted in iterations and resumes anywhere:
the Trainer takes `max_epochs=1, max_steps=data.iterations`. Nothing is read before it is asked for.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from orthoadapters.config.kinds import KINDS
from orthoadapters.config.schema import CorpusConfig, DataConfig, LanguageConfig, MlmConfig, TaskConfig
from orthoadapters.data.batching import BatchLoader, Epochs
from orthoadapters.data.blocks import token_blocks
from orthoadapters.data.evaluation_set import Evaluation
from orthoadapters.data.masked_batches import BlockLoader
from orthoadapters.data.masking import masking_for
from orthoadapters.data.shares import Shares, share_of_process
from orthoadapters.data.sources.read import read_examples
from orthoadapters.data.sources.text import corpus_key, corpus_place, passages
from orthoadapters.data.windows import Windows, sequence_windows, tag_windows
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Example, LabelledExample, Split, TaggedSentence

log = logging.getLogger(__name__)
# ours: subwords with padding in a batch that is scored, by the kind of device. Larger batches leave a CPU's caches
# (benchmarks/RESULTS.md); on a GPU they start fewer kernels. A training batch of XNLI has about 1,400.
SCORING_SUBWORDS = {"cpu": 1024, "cuda": 4096}


class TaskData(pl.LightningDataModule):
    """One task: the source language's training batches and development set, and sets of any language to evaluate.

    In a Lightning script of your own:

        config = compose_config(["task=udpos", "data=xtreme", "data.root=DIR"])
        tokenizer = load_tokenizer("models/xlm-roberta-base")
        source, targets = language_config("en"), [language_config("tr"), language_config("zh")]
        data = TaskData(config.data, config.task, source, tokenizer, seed=0, max_epochs=3, languages=[source, *targets])
        trainer = pl.Trainer(max_epochs=1, max_steps=data.iterations, val_check_interval=data.batches_per_epoch)
        trainer.fit(module, datamodule=data)

    source: the language that is trained on. Of several, the training sets are pooled: each batch is of one language.
    languages: those of `tests`, `target_devs` and `test_dataloader`, in this order. scoring_subwords: what batches of sets
    that are scored are filled with, best SCORING_SUBWORDS of the device; 0 leaves them at task.batch_size. width_step:
    training batches have multiples of it.
    """

    def __init__(
        self,
        data: DataConfig,
        task: TaskConfig,
        source: LanguageConfig | Sequence[LanguageConfig],
        tokenizer: PreTrainedTokenizerFast,
        seed: int,
        max_epochs: int = 1,
        languages: Sequence[LanguageConfig] = (),
        scoring_subwords: int = SCORING_SUBWORDS["cpu"],
        width_step: int = 1,
    ) -> None:
        super().__init__()
        self.data, self.task, self.tokenizer, self.seed = data, task, tokenizer, seed
        self.sources = [source] if isinstance(source, LanguageConfig) else list(source)
        self.max_epochs, self.languages = max_epochs, list(languages)
        self.scoring_subwords, self.width_step = scoring_subwords, width_step

    @cached_property
    def train_sets(self) -> dict[str, list[Example]]:
        """The training examples of every source language, by its code."""
        return {one.code: read_examples(self.data, self.task, "train", one) for one in self.sources}

    @cached_property
    def train(self) -> BatchLoader:
        """The training batches of one epoch, in an order that the seed and the epoch decide."""
        windows = self.windows([example for examples in self.train_sets.values() for example in examples])
        parts = windows.parts({code: len(examples) for code, examples in self.train_sets.items()})
        return self._loader(windows, shuffle=True, parts=parts)

    @cached_property
    def training(self) -> Epochs:
        """The training batches of all epochs, one after the other."""
        return Epochs(self.train, self.max_epochs)

    @property
    def batches_per_epoch(self) -> int:
        """The training batches of one epoch."""
        return len(self.train)

    @property
    def iterations(self) -> int:
        """The training batches of the whole run."""
        return len(self.training)

    @property
    def counts(self) -> dict[str, int]:
        """The training set in numbers: examples, windows, examples that were cut, words that became <unk> as a whole."""
        windows = self.train.windows
        changes = {"cut": windows.truncations, "replaced": windows.replacements}
        return {"train": windows.examples, "windows": len(windows)} | changes

    @cached_property
    def devs(self) -> dict[str, Evaluation]:
        """The development set of every source language, by its code: only these may select anything."""
        return {one.code: self.evaluation("dev", one) for one in self.sources}

    @property
    def dev(self) -> Evaluation:
        """The development set of the first source language."""
        return self.devs[self.sources[0].code]

    @cached_property
    def tests(self) -> dict[str, Evaluation]:
        """The test set of every one of `languages`, by its code."""
        return {language.code: self.evaluation("test", language) for language in self.languages}

    @cached_property
    def target_devs(self) -> dict[str, Evaluation]:
        """The development sets of `languages` but the sources, by code; without those that have none."""
        sources = {one.code for one in self.sources}
        sets = {one.code: self.target_dev(one) for one in self.languages if one.code not in sources}
        return {code: evaluation for code, evaluation in sets.items() if evaluation is not None}

    def read(self) -> None:
        """Reads and cuts every set now; otherwise that happens when a set is first asked for."""
        _ = self.training, self.devs, self.tests, self.target_devs

    def evaluation(self, split: Split, language: LanguageConfig) -> Evaluation:
        """Reads one split of one language as a set to be predicted."""
        return self.as_evaluation(read_examples(self.data, self.task, split, language))

    def target_dev(self, language: LanguageConfig) -> Evaluation | None:
        """Reads a target language's development set; None where it has none, as treebanks that are a test set alone."""
        try:
            return self.evaluation("dev", language)
        except MissingSplitError as error:
            log.info("%s has no development set, and needs none: %s", language.code, error)
            return None

    def as_evaluation(self, examples: list[Example]) -> Evaluation:
        """Makes any examples a set to be predicted."""
        windows = self.windows(examples)
        return Evaluation(examples, windows, self._loader(windows, shuffle=False))

    def windows(self, examples: Sequence[Example]) -> Windows:
        """Cuts examples into windows of subwords. Raises TypeError if some are not of the task's kind."""
        kind, task = KINDS[self.task.kind], self.task
        if not all(isinstance(example, kind.example) for example in examples):
            raise TypeError(f"the task goes with examples of type {kind.example.__name__}, and some are of another")
        if kind.per_word:
            return tag_windows(cast(Sequence[TaggedSentence], examples), self.tokenizer, task.labels, task.max_length)
        return sequence_windows(cast(Sequence[LabelledExample], examples), self.tokenizer, task.labels, task.max_length)

    def train_dataloader(self) -> Epochs | Shares:
        """Gives the batches of the whole run; of several processes, each gets its share of every batch."""
        return share_of_process(self.training, self.trainer)

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """Gives the source language's development set; of several, a loader each."""
        loaders = [evaluation.loader for evaluation in self.devs.values()]
        return loaders if len(loaders) > 1 else loaders[0]

    def test_dataloader(self) -> list[BatchLoader]:
        """Gives the test sets of `languages`, a loader each."""
        return [evaluation.loader for evaluation in self.tests.values()]

    def _loader(self, windows: Windows, shuffle: bool, parts: Mapping[str, range] | None = None) -> BatchLoader:
        subwords, width_step = (0, self.width_step) if shuffle else (self.scoring_subwords, 1)
        pad_id, rows = self.tokenizer.pad_token_id, self.task.batch_size
        return BatchLoader(windows, rows, pad_id, self.seed, shuffle, subwords, width_step, parts)


class MLMData(pl.LightningDataModule):
    """The masked blocks of one language: `iterations` training batches, and a held-out development set with fixed masks.

    The development blocks are a random sample of the text that the run reads, and are never trained on.
    In a Lightning script of your own:

        config = compose_config(["stage=mlm", "language=sw", "corpus=text", "corpus.root=DIR"])
        tokenizer = load_tokenizer("models/xlm-roberta-base", needs_mask=True)
        data = MLMData(config.corpus, config.mlm, config.language, tokenizer, Path(".cache"), seed=0, iterations=5000)
        trainer = pl.Trainer(max_epochs=1, max_steps=data.iterations, val_check_interval=500)
        trainer.fit(module, datamodule=data)
    """

    def __init__(
        self,
        corpus: CorpusConfig,
        mlm: MlmConfig,
        language: LanguageConfig,
        tokenizer: PreTrainedTokenizerFast,
        cache: Path,
        seed: int,
        iterations: int,
    ) -> None:
        super().__init__()
        self.corpus, self.mlm, self.language, self.tokenizer = corpus, mlm, language, tokenizer
        self.cache, self.seed, self.iterations = cache, seed, iterations

    @cached_property
    def blocks(self) -> NDArray[np.int32]:
        """All blocks of the run, (n, mlm.block_length). Raises UserError if the text is too short."""
        mlm = self.mlm
        key = corpus_key(self.corpus, self.language, self.seed)
        count = self.iterations * mlm.batch_size + mlm.dev_blocks
        texts = passages(self.corpus, self.language, self.seed)
        place = corpus_place(self.corpus, self.language)
        blocks = token_blocks(texts, self.tokenizer, mlm.block_length, count, self.cache, key, place)
        if len(blocks) - mlm.dev_blocks < mlm.batch_size:
            raise UserError(
                f"{place}: the {self.language.code} text gives {len(blocks)} blocks of {mlm.block_length} subwords, too few "
                f"for mlm.dev_blocks={mlm.dev_blocks} and one batch of {mlm.batch_size}; add text or lower mlm.dev_blocks"
            )
        return blocks

    @cached_property
    def training(self) -> BlockLoader:
        """The training batches of the whole run, masked anew whenever a block comes again."""
        return self._loader(self._order[self.mlm.dev_blocks :], shuffle=True)

    @cached_property
    def dev(self) -> BlockLoader:
        """The held-out development blocks, always with the same masks."""
        return self._loader(np.sort(self._order[: self.mlm.dev_blocks]), shuffle=False)

    def train_dataloader(self) -> BlockLoader | Shares:
        """Gives the batches of the whole run; of several processes, each gets its share of every batch."""
        return share_of_process(self.training, self.trainer)

    def val_dataloader(self) -> BlockLoader:
        """Gives the held-out development blocks."""
        return self.dev

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """The blocks' numbers, shuffled by the seed: the first ones are held out."""
        return np.random.default_rng(self.seed).permutation(len(self.blocks))

    def _loader(self, rows: NDArray[np.int64], shuffle: bool) -> BlockLoader:
        masking = masking_for(self.tokenizer, self.mlm.mask_probability)
        iterations = self.iterations if shuffle else 0
        return BlockLoader(self.blocks, self.mlm.batch_size, iterations, self.seed, masking, rows, shuffle)
