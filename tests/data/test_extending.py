"""A task over an existing kind is one YAML file; a data source is one reader and one YAML file (docs/extending.md)."""

from pathlib import Path

import pytest

from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig
from orthoadapters.data.sources.read import READERS
from orthoadapters.examples import Example, Split, TaggedSentence
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import Result
from tests.helpers.short_runs import execute, overrides
from tests.helpers.temporary_conf import temporary_conf

TASK = """\
name: {name}
kind: {kind}
labels: {labels}
metrics: {metrics}
languages: [en, tr]
folder: {name}
max_length: 64
batch_size: 8
epochs: 2
lr: 1e-2
ort_lr: 1e-2
grid:
  lr: [1e-2]
  lr_with_language_adapters: [1e-2]
  ort_lr: [1e-2]
"""


def short_run(backbone: Path, root: Path, out: Path, *more: str) -> tuple[Result, Path]:
    arguments = overrides(backbone, root, out, "variant=t_ort", "optim.lr=1e-2", *more)
    return execute(arguments), RunDirectory(compose_config(arguments)).path


def write_splits(root: Path, name: str, examples: str) -> None:
    (root / name).mkdir(parents=True)
    for split, code in (("train", "en"), ("dev", "en"), ("test", "en"), ("test", "tr")):
        (root / name / f"{split}-{code}.tsv").write_text(examples)


def test_a_tagging_task_is_one_file(backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = temporary_conf(tmp_path, monkeypatch)
    labels, metrics = "[O, B-GENE, I-GENE]", "[f1, f1_strict]"
    (conf / "task" / "genes.yaml").write_text(TASK.format(name="genes", kind="tagging", labels=labels, metrics=metrics))
    write_splits(tmp_path / "data", "genes", "the\tO\nfoo\tB-GENE\nbar\tI-GENE\n\nno\tO\nfoo\tB-GENE\n\n" * 12)
    result, run = short_run(backbone, tmp_path / "data", tmp_path / "out", "task=genes", "trainer.max_epochs=8")
    assert result.task == "genes"
    assert {code: scores["n"] for code, scores in result.test.items()} == {"en": 24, "tr": 24}
    assert result.test["tr"]["f1"] == result.test["en"]["f1"] > 0.9  # as the test sets are the training set
    assert (run / "predictions" / "test-tr.tsv").exists()
    assert "genes" in (run / "adapter" / "README.md").read_text()


def test_a_task_of_sentence_pairs_is_one_file(backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = temporary_conf(tmp_path, monkeypatch)
    text = TASK.format(name="same", kind="sentence_pair", labels="['no', 'yes']", metrics="[accuracy]")
    (conf / "task" / "same.yaml").write_text(text)
    write_splits(tmp_path / "data", "same", "qqq\tqqq\tyes\nzzz\tjjj\tno\n" * 20)
    result, _ = short_run(backbone, tmp_path / "data", tmp_path / "out", "task=same", "trainer.max_epochs=8")
    assert result.test["tr"]["accuracy"] == result.test["en"]["accuracy"] > 0.9


def read_letters(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Makes sentences of letters; vowels are verbs, which is as good as any rule."""
    letters = "abcdefghijklmnop" if split == "train" else "aeioubcdfg"
    tags = tuple("VERB" if letter in "aeiou" else "NOUN" for letter in letters)
    return [TaggedSentence(tuple(letters), tags)] * min(16, limit or 16), f"letters of {language.code} ({split})"


def test_a_data_source_is_one_reader_and_one_file(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = temporary_conf(tmp_path, monkeypatch)
    monkeypatch.setitem(READERS, "letters", read_letters)
    (conf / "data" / "letters.yaml").write_text("source: letters\nroot: null\n")
    result, run = short_run(
        backbone,
        tmp_path,
        tmp_path / "out",
        "task=udpos",
        "languages=[tr]",
        "data=letters",
        "data.root=null",
        "data.limit_test=5",
    )
    assert result.choices["data.source"] == "letters"
    assert {code: scores["n"] for code, scores in result.test.items()} == {"en": 5, "tr": 5}
    assert "data=letters" in (run / "adapter" / "README.md").read_text()
