"""A task over an existing kind is one YAML file; a data source is one reader and one YAML file (docs/extending.md)."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from orthoadapters.commands.predict import arguments as label_arguments
from orthoadapters.commands.predict import predict as label
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig
from orthoadapters.data.sources.read import READERS
from orthoadapters.examples import Example, Split, TaggedSentence
from orthoadapters.report.collect.build import build
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import Result
from tests.helpers.commands import ROOT
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


def test_an_own_set_of_entities_works_as_the_page_says(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's own files and commands, with a tiny backbone and a short training."""
    temporary_conf(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    section = (
        (ROOT / "docs" / "extending.md").read_text().partition("## An own set of entities")[2].partition("\n## ")[0]
    )
    files = re.findall(r"^New file `(\S+)`.*?^```\w+\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in files] == ["food/train-en.txt", "food/test-sw.txt", "conf/task/food.yaml"]
    for name, text in files:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    for split in ("dev", "test"):
        shutil.copy("food/train-en.txt", f"food/{split}-en.txt")
    train, report, predict = re.findall(r"^python (\w+\.py .*)$", section, re.MULTILINE)

    command = shlex.split(train.removeprefix("train.py "))
    result, run = short_run(backbone, tmp_path, tmp_path, *command, "task.max_length=64", "trainer.max_epochs=20")
    assert result.test["en"]["f1"] > 0.9  # as it is the training set
    assert {code: scores["n"] for code, scores in result.test.items()} == {"en": 2, "sw": 1}

    folder = Path(shlex.split(report)[1])
    (table,) = build(folder).tables
    assert (table.task, table.languages) == ("food", ("en", "sw"))

    Path("sentences.txt").write_text("wali wa nazi\n")
    arguments = predict.removeprefix("predict.py ").replace("RUN_DIR", str(run))
    label(label_arguments().parse_intermixed_args([*shlex.split(arguments), "--output", "labels.tsv"]))
    rows = [line.split("\t") for line in Path("labels.tsv").read_text().splitlines()]
    assert [row[0] for row in rows if row[0]] == ["wali", "wa", "nazi"]
    assert {row[1] for row in rows if row[0]} <= {"O", "B-DISH", "I-DISH", "B-DRINK", "I-DRINK"}


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
