"""Several source languages: pooled training, each batch on its language's own adapter, selection by the mean dev score."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from orthoadapters import UserError
from orthoadapters.config.checks import check
from orthoadapters.config.choices import fingerprint
from orthoadapters.config.compose import compose_config
from orthoadapters.data.batch_content import batch_content
from orthoadapters.evaluation.scoring import evaluate
from orthoadapters.report.collect.build import build
from orthoadapters.runs.inputs import read_inputs
from orthoadapters.stages.frame import task_data
from orthoadapters.stages.inventory import sets_of
from orthoadapters.training.turns import OwnAdapters
from tests.helpers.short_runs import execute, numbers, overrides
from tests.stages.test_resume import count_steps, interrupt, read_log

SOURCES = ("source_language=[en,tr]", "languages=[ar]", "task=udpos", "trainer.checkpoint_every=2")


@pytest.fixture
def two_sources(world: Path, tmp_path: Path) -> Path:
    """The tiny world with training data in Turkish too: 5 batches in English, 2 in Turkish."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    shutil.copy(folder / "udpos/test-tr.tsv", folder / "udpos/train-tr.tsv")
    return folder


def test_batches_are_of_one_language_each_and_every_window_comes_once(backbone: Path, two_sources: Path) -> None:
    config = compose_config(overrides(backbone, two_sources, two_sources, *SOURCES))
    data = task_data(config, str(backbone), config.evaluated_languages)
    for epoch in (0, 1):
        batches = [(batch["language"], batch["index"].tolist()) for batch in data.train.batches(epoch, 0)]
        assert sorted(code for code, _ in batches) == ["en"] * 5 + ["tr"] * 2
        assert sorted(row for code, rows in batches for row in rows if code == "en") == list(range(40))
        assert sorted(row for code, rows in batches for row in rows if code == "tr") == list(range(40, 54))
    assert [code for code, _ in batches] != sorted(code for code, _ in batches)  # the languages are mixed
    assert data.batches_per_epoch == 7
    first = next(i for i, batch in enumerate(data.train.batches(0, 0), 1) if batch["language"] == "tr")
    assert "examples of the tr training set with the numbers" in batch_content(data, first)


def test_the_epoch_is_selected_by_the_mean_score_and_the_average_leaves_all_sources_out(
    backbone: Path, two_sources: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks: list[tuple[str, tuple[str, ...]]] = []
    scores: list[tuple[tuple[str, ...], float]] = []

    def evaluate_and_record(model: Any, *arguments: Any) -> Any:
        outcome = evaluate(model, *arguments)
        scores.append((model.stack, outcome.scores["f1"]))
        return outcome

    def stack_and_record(own: OwnAdapters, iteration: int, batch: Any) -> Any:
        stacks.append((batch["language"], tuple(own.stacks[batch["language"]])))
        return own.stacks[batch["language"]]

    monkeypatch.setattr("orthoadapters.training.callbacks.evaluate", evaluate_and_record)
    monkeypatch.setattr(OwnAdapters, "stack", stack_and_record)
    more = ("variant=lnoo_tort", f"paths.adapters={out}/adapters")
    result = execute(overrides(backbone, two_sources, tmp_path, *SOURCES, *more))
    assert {stack for _, stack in stacks} == {("en", "task"), ("tr", "task")}
    assert all(stack == (code, "task") for code, stack in stacks)
    assert [stack for stack, _ in scores] == [("en", "task"), ("tr", "task")] * 2
    selection = result.selection
    assert selection is not None
    means = [(scores[at][1] + scores[at + 1][1]) / 2 for at in (0, 2)]
    assert [epoch["f1"] for epoch in selection.history] == pytest.approx(means)
    assert (selection.language, selection.value) == ("en+tr", pytest.approx(max(means)))
    assert result.avg_zero_shot["f1"] == result.test["ar"]["f1"]
    assert list(result.test) == ["en", "tr", "ar"]
    inputs = read_inputs(tmp_path / "runs" / result.run, "")
    assert {"train", "train-tr", "dev", "dev-tr", "dev-ar", "test-tr"} <= inputs.keys()
    card = (tmp_path / "runs" / result.run / "adapter/README.md").read_text()
    assert "language:\n- en\n- tr\n" in card
    assert "trained on en, tr; other languages zero-shot" in card
    (table,) = build(tmp_path / "runs").tables
    assert (table.source, table.sources, table.targets) == ("en+tr", ["en", "tr"], ("ar",))


def test_an_interrupted_run_goes_on_as_it_would_have_done(
    backbone: Path, two_sources: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ("variant=lnoo_tnoo", f"paths.adapters={out}/adapters")
    reference = execute(overrides(backbone, two_sources, tmp_path / "whole", *SOURCES, *more))
    again = overrides(backbone, two_sources, tmp_path / "stopped", *SOURCES, *more)
    interrupt(monkeypatch, 5, again)
    result, steps = count_steps(monkeypatch, again)
    assert steps == 14 - 4
    assert numbers(result) == numbers(reference)
    logs = [read_log(tmp_path / name / "runs" / result.run) for name in ("whole", "stopped")]
    assert logs[0] == logs[1]


def test_a_list_of_one_is_that_language_and_order_is_a_choice(backbone: Path) -> None:
    def compose(*more: str) -> str:
        return fingerprint(compose_config([f"backbone.path={backbone}", "task=udpos", *more]))

    assert compose("source_language=[en]") == compose() != compose("source_language=[en,tr]")


def test_what_is_read_is_looked_for_in_every_source_language(backbone: Path) -> None:
    config = compose_config(["backbone.name=x", "task=udpos", *SOURCES])
    assert [*sets_of(config)] == [
        *[("en", split, False) for split in ("train", "dev", "test")],
        *[("tr", split, False) for split in ("train", "dev", "test")],
        *[("ar", "test", False), ("ar", "dev", True)],
    ]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("source_language=[]", r"source_language=\[\] is no language; write its code, or a list"),
        ("source_language=null", "source_language=None is no language"),
        ("source_language=[en,a/b]", r"source_language\[1\]='a/b' has a / in it"),
    ],
)
def test_mistakes_are_named(override: str, sentence: str, backbone: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config(["backbone=local", f"backbone.path={backbone}", "task=udpos", override]))
