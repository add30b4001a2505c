"""The DataModules: what trains, what is held out, and what an evaluation holds."""

import numpy as np
import pytest
import torch

from orthoadapters.config.schema import (
    CorpusConfig,
    CorpusSource,
    DataConfig,
    DataSource,
    LanguageConfig,
    MlmConfig,
    TaskConfig,
    TaskKind,
)
from orthoadapters.data.modules import TASK_DATA, MLMData, UDPOSData, WikiANNData, XNLIData
from orthoadapters.data.sources.hub import HUB_LABELS
from orthoadapters.data.windows import IGNORED, join_windows
from orthoadapters.errors import UserError
from tests.helpers.tiny_tokenizer import tiny_tokenizer

EN, SW = LanguageConfig(code="en", name="English"), LanguageConfig(code="sw", name="Swahili")
FOLDERS = {"xnli": "xnli", "wikiann": "panx", "udpos": "udpos"}
CONTENT = {
    "xnli": "the word\tan abc {i}\tneutral\n",
    "wikiann": "the\tO\nabc{i}\tB-PER\nxyz\tI-PER\n\n",
    "udpos": "the\tDET\nword{i}\tNOUN\n\n",
}


def make(tmp_path, name, seed=0):
    (tmp_path / FOLDERS[name]).mkdir()
    for split, language, n in (("train", "en", 30), ("dev", "en", 7), ("test", "sw", 5), ("test", "en", 3)):
        text = "".join(CONTENT[name].format(i="a" * i) for i in range(n))
        (tmp_path / FOLDERS[name] / f"{split}-{language}.tsv").write_text(text)
    kind = TaskKind.sentence_pair if name == "xnli" else TaskKind.tagging
    task = TaskConfig(
        name, kind, list(HUB_LABELS[name]), ["accuracy"], ["en", "sw"], FOLDERS[name], "-",
        max_length=16, batch_size=4, epochs=1, lr=1e-4,
    )  # fmt: skip
    data = DataConfig(source=DataSource.xtreme, root=str(tmp_path))
    return TASK_DATA[name](data, task, EN, tiny_tokenizer(), seed)


@pytest.mark.parametrize("name", list(TASK_DATA))
def test_every_task_gives_training_batches_a_dev_set_and_evaluations_in_other_languages(tmp_path, name):
    module = make(tmp_path, name)
    train = list(module.train_dataloader())
    assert len({i for batch in train for i in batch["index"].tolist()}) == len(module.train.windows)
    assert module.train.windows.examples == 30
    assert module.train_dataloader() is module.train_dataloader()  # one position, whoever asks
    assert module.val_dataloader() is module.dev.loader
    assert len(module.dev.examples) == 7
    evaluation = module.evaluation("test", SW)
    assert len(evaluation.examples) == len(evaluation.gold) == 5
    labels = evaluation.windows.labels
    rows = [label.reshape(-1).clip(min=0).tolist() for label in labels]
    assert join_windows(evaluation.windows, rows) == evaluation.gold


def test_training_is_shuffled_by_the_seed_and_evaluation_is_not(tmp_path):
    for number in (0, 1):
        (tmp_path / str(number)).mkdir()
    first, second = make(tmp_path / "0", "udpos", seed=0), make(tmp_path / "1", "udpos", seed=1)
    for loaders, equal in (((first.train, second.train), False), ((first.dev.loader, second.dev.loader), True)):
        a, b = ([i for batch in loader for i in batch["index"].tolist()] for loader in loaders)
        assert (a == b) is equal
        assert sorted(a) == sorted(b)


def test_tasks_are_found_by_name():
    assert {"xnli": XNLIData, "wikiann": WikiANNData, "udpos": UDPOSData} == TASK_DATA


def test_pairs_have_one_label_and_words_one_on_their_first_subword(tmp_path):
    for name in ("xnli", "udpos"):
        (tmp_path / name).mkdir()
    pairs = next(iter(make(tmp_path / "xnli", "xnli").dev.loader))
    words = next(iter(make(tmp_path / "udpos", "udpos").dev.loader))
    assert pairs["labels"].shape == (4,)
    assert words["labels"].shape == words["input_ids"].shape
    assert ((words["labels"] != IGNORED).sum(1) == 2).all()


def mlm_module(tmp_path, lines=400, iterations=20, **changes):
    letters = "abcdefghijklmnopqrstuvwxyz"
    rng = np.random.default_rng(0)
    text = "\n".join(" ".join("".join(rng.choice(list(letters), 3)) for _ in range(5)) for _ in range(lines))
    (tmp_path / "sw.txt").write_text(text)
    values = {"batch_size": 4, "block_length": 16, "mask_probability": 0.15, "iterations": iterations, "dev_blocks": 10}
    corpus = CorpusConfig(source=CorpusSource.text, root=str(tmp_path))
    mlm = MlmConfig(lr=1e-4, ort_lr=1e-7, **(values | changes))
    return MLMData(corpus, mlm, SW, tiny_tokenizer(), tmp_path / "cache", seed=0)


def originals(loader):
    blocks = []
    for batch in loader:
        flat = batch["input_ids"].flatten().index_put((batch["positions"],), batch["labels"])
        blocks += [tuple(block) for block in flat.view(-1, 16).tolist()]
    return blocks


def test_development_blocks_are_held_out_and_have_fixed_masks(tmp_path):
    module = mlm_module(tmp_path, iterations=200)
    train, dev = module.train_dataloader(), module.val_dataloader()
    held_out, trained = set(originals(dev)), set(originals(train))
    assert len(held_out) == 10
    assert len(trained) > 100
    assert not held_out & trained
    for a, b in zip(dev, dev, strict=True):
        assert torch.equal(a["input_ids"], b["input_ids"])
        assert torch.equal(a["positions"], b["positions"])


def test_only_as_many_blocks_are_cut_as_the_run_will_read(tmp_path):
    module = mlm_module(tmp_path, iterations=5)
    train = module.train_dataloader()
    assert len(train) == len(list(train)) == 5
    assert len(train.blocks) == 5 * 4 + 10
    shorter = MLMData(module.corpus, module.mlm, SW, module.tokenizer, module.cache, 0, iterations=2)
    assert len(shorter.train_dataloader()) == 2
    assert len(shorter.train_dataloader().blocks) == 2 * 4 + 10


def test_text_that_leaves_no_training_batch_names_the_fix(tmp_path):
    with pytest.raises(
        UserError, match=r"the sw text gives \d+ blocks of 16 subwords, too few for mlm.dev_blocks=1000"
    ):
        mlm_module(tmp_path, dev_blocks=1000).train_dataloader()


def test_a_tokenizer_without_mask_token_is_refused(tmp_path):
    tokenizer = tiny_tokenizer()
    tokenizer.mask_token = None
    module = mlm_module(tmp_path)
    with pytest.raises(UserError, match=r"no mask token"):
        MLMData(module.corpus, module.mlm, SW, tokenizer, tmp_path, 0)
