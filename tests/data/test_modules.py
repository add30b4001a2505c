"""The DataModules: what trains, what is held out, what an evaluation holds, and that Lightning's Trainer takes them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from orthoadapters.config.schema import (
    CorpusConfig,
    CorpusSource,
    DataConfig,
    LanguageConfig,
    MlmConfig,
)
from orthoadapters.data.masked_batches import BlockLoader
from orthoadapters.data.modules import MLMData, TaskData
from orthoadapters.data.shares import Shares, share_of_process
from orthoadapters.data.windows import join_windows
from orthoadapters.errors import UserError
from orthoadapters.examples import IGNORE_INDEX
from tests.helpers.tasks import task_config
from tests.helpers.tiny_tokenizer import tiny_tokenizer

EN, SW = LanguageConfig(code="en", name="English"), LanguageConfig(code="sw", name="Swahili")
TASKS = ("xnli", "wikiann", "udpos")
CONTENT = {
    "xnli": "the word\tan abc {i}\tneutral\n",
    "wikiann": "the\tO\nabc{i}\tB-PER\nxyz\tI-PER\n\n",
    "udpos": "the\tDET\nword{i}\tNOUN\n\n",
}


def task_data(
    folder: Path, name: str, seed: int = 0, max_epochs: int = 1, languages: Sequence[LanguageConfig] = ()
) -> TaskData:
    """A task's data in `folder`, written first: 30 examples to train on, 7 for development, 5 and 3 for testing."""
    task = task_config(name, max_length=16, batch_size=4)
    (folder / task.folder).mkdir(parents=True, exist_ok=True)
    for split, language, n in (("train", "en", 30), ("dev", "en", 7), ("test", "sw", 5), ("test", "en", 3)):
        text = "".join(CONTENT[name].format(i="a" * i) for i in range(n))
        (folder / task.folder / f"{split}-{language}.tsv").write_text(text)
    data = DataConfig(source="xtreme", root=str(folder))
    return TaskData(data, task, EN, tiny_tokenizer(), seed, max_epochs, languages)


def order(batches: Iterable[Any]) -> list[int]:
    return [index for batch in batches for index in batch["index"].tolist()]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_gives_training_batches_a_dev_set_and_evaluations_in_other_languages(
    tmp_path: Path, name: str
) -> None:
    module = task_data(tmp_path, name)
    assert sorted(set(order(module.train_dataloader()))) == list(range(len(module.train.windows)))
    assert module.train.windows.examples == 30
    assert module.train_dataloader() is module.train_dataloader()  # one position, whoever asks
    assert module.val_dataloader() is module.dev.loader
    assert len(module.dev.examples) == 7
    evaluation = module.evaluation("test", SW)
    assert len(evaluation.examples) == len(evaluation.gold) == 5
    labels = evaluation.windows.labels
    rows = [label.reshape(-1).clip(min=0).tolist() for label in labels]
    assert join_windows(evaluation.windows, rows) == evaluation.gold


def test_training_is_shuffled_by_the_seed_and_evaluation_is_not(tmp_path: Path) -> None:
    first, second = task_data(tmp_path, "udpos", seed=0), task_data(tmp_path, "udpos", seed=1)
    for loaders, equal in (((first.train, second.train), False), ((first.dev.loader, second.dev.loader), True)):
        a, b = (order(loader) for loader in loaders)
        assert (a == b) is equal
        assert sorted(a) == sorted(b)


def test_evaluated_languages_have_test_sets_and_the_targets_among_them_dev_sets_where_there_are_any(
    tmp_path: Path,
) -> None:
    module = task_data(tmp_path, "udpos", languages=[EN, SW])
    assert {code: len(test.examples) for code, test in module.tests.items()} == {"en": 3, "sw": 5}
    assert module.test_dataloader() == [module.tests["en"].loader, module.tests["sw"].loader]
    assert module.target_devs == {}
    (tmp_path / "udpos" / "dev-sw.tsv").write_text("the\tDET\n\n")
    assert list(task_data(tmp_path / "again", "udpos", languages=[EN, SW]).target_devs) == []
    of_sw = TaskData(module.data, module.task, EN, module.tokenizer, 0, languages=[EN, SW]).target_devs
    assert {code: len(dev.examples) for code, dev in of_sw.items()} == {"sw": 1}


def test_pairs_have_one_label_and_words_one_on_their_first_subword(tmp_path: Path) -> None:
    pairs = next(iter(task_data(tmp_path, "xnli").dev.loader))
    words = next(iter(task_data(tmp_path, "udpos").dev.loader))
    assert pairs["labels"].shape == (7,)  # all of the set: scored batches are as large as pays
    assert words["labels"].shape == words["input_ids"].shape
    assert ((words["labels"] != IGNORE_INDEX).sum(1) == 2).all()


def test_examples_of_another_kind_than_the_task_are_refused(tmp_path: Path) -> None:
    sentences, pairs = task_data(tmp_path, "udpos"), task_data(tmp_path, "xnli")
    with pytest.raises(TypeError, match="SentencePair"):
        pairs.windows(sentences.dev.examples)
    with pytest.raises(TypeError, match="TaggedSentence"):
        sentences.windows(pairs.dev.examples)


class Reader(pl.LightningModule):
    """Notes which windows it was trained and validated on, and stops after `stop_after` batches."""

    def __init__(self, stop_after: int = 10**6) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.stop_after = stop_after
        self.train_windows: list[int] = []
        self.dev_windows: list[int] = []

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> torch.Tensor:
        self.train_windows += batch["index"].tolist()
        self.trainer.should_stop = batch_idx + 1 >= self.stop_after
        return self.weight * 0

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self.dev_windows += batch["index"].tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(folder: Path, data: TaskData) -> pl.Trainer:
    """A Trainer as TaskData's docstring has it, with a checkpoint after every iteration."""
    return pl.Trainer(
        max_epochs=1,
        max_steps=data.iterations,
        val_check_interval=data.batches_per_epoch,
        accelerator="cpu",
        callbacks=[ModelCheckpoint(folder, "last", every_n_train_steps=1)],
        logger=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_lightning_trains_and_validates_on_them_and_resumes_where_it_stopped(tmp_path: Path) -> None:
    reference = order(task_data(tmp_path, "udpos", max_epochs=3).train_dataloader())
    data, whole = task_data(tmp_path, "udpos", max_epochs=3), Reader()
    trainer(tmp_path / "whole", data).fit(whole, datamodule=data)
    assert whole.train_windows == reference
    assert whole.dev_windows == 3 * order(data.val_dataloader())

    data, part = task_data(tmp_path, "udpos", max_epochs=3), Reader(stop_after=data.batches_per_epoch + 2)
    trainer(tmp_path / "stopped", data).fit(part, datamodule=data)
    data, rest = task_data(tmp_path, "udpos", max_epochs=3), Reader()
    trainer(tmp_path / "stopped", data).fit(rest, datamodule=data, ckpt_path=str(tmp_path / "stopped" / "last.ckpt"))
    assert 0 < len(part.train_windows) < len(reference)
    assert part.train_windows + rest.train_windows == reference


def test_one_process_reads_the_loader_itself_and_several_read_shares(tmp_path: Path) -> None:
    class SecondOfTwo(pl.Trainer):
        world_size, global_rank = 2, 1

    data = task_data(tmp_path, "udpos")
    assert share_of_process(data.training, None) is data.training
    data.trainer = SecondOfTwo(accelerator="cpu", logger=False, enable_checkpointing=False)
    shares = data.train_dataloader()
    assert isinstance(shares, Shares)
    assert (shares.loader, shares.rank, shares.processes) == (data.training, 1, 2)


def mlm_data(folder: Path, lines: int = 400, iterations: int = 20, **changes: Any) -> MLMData:
    letters = "abcdefghijklmnopqrstuvwxyz"
    rng = np.random.default_rng(0)
    text = "\n".join(" ".join("".join(rng.choice(list(letters), 3)) for _ in range(5)) for _ in range(lines))
    (folder / "sw.txt").write_text(text)
    values = {"batch_size": 4, "block_length": 16, "mask_probability": 0.15, "iterations": 99, "dev_blocks": 10}
    corpus = CorpusConfig(source=CorpusSource.text, root=str(folder))
    mlm = MlmConfig(lr=1e-4, ort_lr=1e-7, **(values | changes))
    return MLMData(corpus, mlm, SW, tiny_tokenizer(), folder / "cache", seed=0, iterations=iterations)


def originals(loader: Iterable[Any]) -> list[tuple[int, ...]]:
    blocks = []
    for batch in loader:
        flat = batch["input_ids"].flatten().index_put((batch["positions"],), batch["labels"])
        blocks += [tuple(block) for block in flat.view(-1, 16).tolist()]
    return blocks


def test_development_blocks_are_held_out_and_have_fixed_masks(tmp_path: Path) -> None:
    module = mlm_data(tmp_path, iterations=200)
    train, dev = module.train_dataloader(), module.val_dataloader()
    in_dev, in_training = set(originals(dev)), set(originals(train))
    assert len(in_dev) == 10
    assert len(in_training) > 100
    assert not in_dev & in_training
    for a, b in zip(dev, dev, strict=True):
        assert torch.equal(a["input_ids"], b["input_ids"])
        assert torch.equal(a["positions"], b["positions"])


def test_only_as_many_blocks_are_cut_as_the_run_will_read(tmp_path: Path) -> None:
    module = mlm_data(tmp_path, iterations=5)
    train = module.train_dataloader()
    assert isinstance(train, BlockLoader)
    assert module.train_dataloader() is train
    assert len(train) == len(list(train)) == module.iterations == 5
    assert len(train.blocks) == len(module.blocks) == 5 * 4 + 10
    shorter = MLMData(module.corpus, module.mlm, SW, module.tokenizer, module.cache, 0, iterations=2)
    assert len(shorter.train_dataloader()) == 2
    assert len(shorter.blocks) == 2 * 4 + 10


def test_text_that_leaves_no_training_batch_names_the_fix(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"the sw text gives \d+ blocks of 16 subwords, too few for mlm.dev_blocks=1000"
    ):
        mlm_data(tmp_path, dev_blocks=1000).train_dataloader()


def test_a_text_shorter_than_a_block_names_its_file_the_cause_and_the_fix(tmp_path: Path) -> None:
    module = mlm_data(tmp_path)
    (Path(str(module.corpus.root)) / "sw.txt").write_text("habari\n")
    with pytest.raises(
        UserError, match=r"/sw.txt: only \d subwords of text, which make 0 blocks of 16; .*: add text, or"
    ):
        _ = module.blocks
