"""What a run leaves for the report: its choices, counts per sentence, scores on target development sets, cos^2 per layer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orthoadapters import UserError
from orthoadapters.config.choices import choices
from orthoadapters.config.compose import compose_config
from orthoadapters.data.evaluation_set import Evaluation
from orthoadapters.evaluation.metrics import score_of_counts
from orthoadapters.evaluation.scoring import EvaluationOutcome, evaluate
from orthoadapters.runs.predictions import sentence_counts, write_sentence_counts
from orthoadapters.runs.results import read_results
from tests.helpers.short_runs import execute, numbers, overrides

RATES = ["optim.lr=1e-2", "optim.ort_lr=1e-2"]  # so that ten steps show


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, backbone: Path, world: Path) -> Path:
    """A folder in which language adapters are trained."""
    folder = tmp_path_factory.mktemp("out")
    pairs = [("lnoo_tnoo", "sw"), *(("lort_tnoo", language) for language in ("en", "ar", "sw"))]
    for variant, language in pairs:
        execute(overrides(backbone, world, folder, "stage=mlm", f"variant={variant}", f"language={language}"))
    return folder


def test_a_result_holds_what_the_report_needs(out: Path, backbone: Path, world: Path) -> None:
    """The choices; the counts behind every test score; cos^2 per layer, whose sum is the model card's L_ORT."""
    arguments = overrides(backbone, world, out, "variant=lort_tort", "task=wikiann", "languages=[ar,sw]", *RATES)
    result = execute(arguments)
    run = out / "runs" / result.run
    assert read_results(run) == [(run, result)]
    assert result.choices == choices(compose_config(arguments))
    for language, scores in result.test.items():
        counts = sentence_counts(run, language)
        assert {name: (rows.dtype, rows.shape) for name, rows in counts.items()} == {
            "f1": (np.int32, (14, 3)),
            "f1_strict": (np.int32, (14, 3)),
        }
        assert score_of_counts(counts) | {"n": 14} == scores
    assert result.target_dev.keys() == {"ar", "sw"}
    assert all(scores.keys() == {"f1", "f1_strict", "n"} for scores in result.target_dev.values())
    assert {scores["n"] for scores in result.target_dev.values()} == {12}
    before, after = result.layer_cos2["before"], result.layer_cos2["after"]
    assert len(before) == len(after) == 3
    assert sum(after) < sum(before)  # L_ORT was minimised
    assert f"| development set | L_ORT {sum(after):.4f} (sum over layers) |" in (run / "adapter/README.md").read_text()


def test_a_language_adapters_result_holds_cos2_per_layer(out: Path) -> None:
    changes = {}
    for kind in ("noo", "ort"):
        ((_, result),) = read_results(out / "runs/tiny/mlm" / f"sw-{kind}")
        assert result.choices["language.code"] == "sw"
        assert sum(result.layer_cos2["after"]) == result.test["sw"]["l_ort"]
        assert len(result.layer_cos2["before"]) == 3
        changes[kind] = sum(result.layer_cos2["after"]) - sum(result.layer_cos2["before"])
    assert changes["ort"] < changes["noo"]


def test_counts_that_are_not_the_runs_own_are_noticed(backbone: Path, world: Path, tmp_path: Path) -> None:
    result = execute(overrides(backbone, world, tmp_path, "variant=t_noo", "task=wikiann", "languages=[ar,sw]"))
    run = tmp_path / "runs" / result.run
    write_sentence_counts(run, "ar", {"f1": np.ones((14, 3), np.int32)})
    sentence_counts(run, "sw")
    with pytest.raises(
        UserError, match=rf"sentences/test-ar.npz is damaged, or was changed .* move {run} away and give"
    ):
        sentence_counts(run, "ar")


@pytest.mark.parametrize("task", ["xnli", "udpos"])
def test_counts_per_sentence_of_the_other_tasks(task: str, backbone: Path, world: Path, tmp_path: Path) -> None:
    result = execute(overrides(backbone, world, tmp_path, "variant=full_ft", f"task={task}", "languages=[ar]"))
    for language, scores in result.test.items():
        counts = sentence_counts(tmp_path / "runs" / result.run, language)
        assert score_of_counts(counts) | {"n": 14} == scores
        assert counts["accuracy"][:, 1].tolist() == [1 if task == "xnli" else 3] * 14
    assert result.layer_cos2 == {}


def test_target_development_sets_never_take_part_in_the_selection(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all their labels exchanged, nothing changes but their own scores; and training never evaluates them."""
    calls: list[Any] = []

    def watch(model: Any, head: Any, evaluation: Evaluation, metrics: list[str]) -> EvaluationOutcome:
        calls.extend(evaluation.examples)
        return evaluate(model, head, evaluation, metrics)

    monkeypatch.setattr("orthoadapters.training.callbacks.evaluate", watch)
    results = []
    for name, label in (("one", "NOUN"), ("two", "X")):
        data = Path(shutil.copytree(world, tmp_path / name))
        dev = data / "udpos/dev-tr.tsv"
        dev.write_text(dev.read_text().replace("NOUN", label))
        arguments = ["variant=t_ort", "task=udpos", "languages=[ar,tr]", *RATES]
        results.append(execute(overrides(backbone, data, tmp_path / name, *arguments)))
    one, two = map(numbers, results)
    assert one.pop("target_dev") != two.pop("target_dev")
    for result in (one, two):  # as the two folders are not the same
        del result["choices"]["data.root"], result["fingerprint"], result["run"]
    assert one == two
    english = (world / "udpos/dev-en.tsv").read_text().strip().split("\n\n")
    assert len(calls) == 4 * len(english)  # two epochs of two runs
    parts = ["\n".join(map("\t".join, zip(e.words, e.tags, strict=True))) for e in calls]
    assert sorted(set(parts)) == sorted(set(english))


def test_a_target_language_without_a_development_set_is_only_tested(
    backbone: Path, world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = Path(shutil.copytree(world, tmp_path / "data"))
    (data / "udpos/dev-tr.tsv").unlink()
    arguments = overrides(backbone, data, tmp_path, "variant=t_noo", "task=udpos", "languages=[ar,tr]")
    with caplog.at_level("INFO"):
        result = execute(arguments)
    assert "tr has no development set, and needs none: there is no" in caplog.text
    assert list(result.target_dev) == ["ar"]
    assert list(result.test) == ["en", "ar", "tr"]
    inputs = json.loads((tmp_path / "runs" / result.run / "inputs.json").read_text())
    assert {name for name in inputs if name.startswith("dev")} == {"dev", "dev-ar"}


def test_a_malformed_development_set_of_a_target_language_shows_before_training(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(world, tmp_path / "data"))
    (data / "udpos/dev-tr.tsv").write_text("word\tNOUNS\n")
    with pytest.raises(UserError, match=r"dev-tr.tsv, line 1: unknown label 'NOUNS'"):
        execute(overrides(backbone, data, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda file: file.unlink(), "there is no"),
        (lambda file: file.write_bytes(file.read_bytes()[:-30]), "cannot be read"),
        (lambda file: file.write_bytes(b""), "cannot be read"),
        (lambda file: file.write_text("[1]"), "cannot be read"),
    ],
)
def test_missing_or_broken_counts_are_a_sentence(damage: Any, sentence: str, tmp_path: Path) -> None:
    write_sentence_counts(tmp_path, "sw", {"accuracy": np.array([[1, 1], [0, 1]])})
    path = tmp_path / "sentences/test-sw.npz"
    once = path.read_bytes()
    assert sentence_counts(tmp_path, "sw")["accuracy"].tolist() == [[1, 1], [0, 1]]
    damage(path)
    with pytest.raises(UserError, match=sentence):
        sentence_counts(tmp_path, "sw")
    write_sentence_counts(tmp_path, "sw", {"accuracy": np.array([[1, 1], [0, 1]])})
    assert path.read_bytes() == once
    assert [file.name for file in path.parent.iterdir()] == ["test-sw.npz"]


def test_counts_are_read_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys, orthoadapters.runs.predictions; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": os.pathsep.join(sys.path)}).returncode == 0
