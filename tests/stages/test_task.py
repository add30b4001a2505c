"""Stage 2 on the tiny world: all variants and tasks, the swap, the selected epoch, and what is refused before training."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError
from orthoadapters.config.compose import compose_config
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.evaluation.scoring import EvaluationOutcome
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.model.heads import TokenHead
from orthoadapters.model.walks import Encoding
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.stages.plan import print_plan
from tests.helpers.short_runs import execute, overrides

VARIANTS = ["full_ft", "t_noo", "t_ort", "lnoo_tnoo", "lnoo_tort", "lort_tnoo", "lort_tort"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_runs_from_training_to_zero_shot_scores(
    out: Path, backbone: Path, world: Path, variant: str
) -> None:
    result = execute(overrides(backbone, world, out, f"variant={variant}", "task=udpos", "languages=[ar,tr]"))
    assert list(result.test) == ["en", "ar", "tr"]
    assert all(scores.keys() == {"f1", "accuracy", "n"} for scores in result.test.values())
    assert result.avg_zero_shot["f1"] == pytest.approx((result.test["ar"]["f1"] + result.test["tr"]["f1"]) / 2)
    assert result.selection is not None
    assert result.selection.language == "en"
    best = max(result.selection.history, key=lambda epoch: epoch["f1"])
    assert (result.selection.value, result.selection.epoch) == (best["f1"], best["epoch"])
    kind = {"lnoo": "noo", "lort": "ort"}.get(variant.split("_")[0])
    assert {entry["kind"] for entry in result.adapters.values()} == ({kind} if kind else set())
    run = out / "runs" / result.run
    lines = (run / "predictions" / "test-tr.tsv").read_text().split("\n\n")
    assert lines.pop() == ""
    assert [len(sentence.split("\n")) for sentence in lines] == [3] * 14
    assert (run / "adapter").exists() == (variant != "full_ft")
    assert (run / "backbone").exists() == (variant == "full_ft")
    assert json.loads((run / "head" / "head.json").read_text())["labels"][0] == "ADJ"
    assert (result.ort_lr is None) == variant.endswith(("noo", "ft"))
    rows = (run / "metrics.csv").read_text().splitlines()
    assert rows[0].startswith("iteration,loss,grad_norm,l_ort")
    assert rows[1].split(",")[3] != "" if variant.endswith("ort") else rows[1].split(",")[3] == ""


@pytest.mark.parametrize("task", ["wikiann", "xnli"])
def test_the_other_tasks_run_too(out: Path, backbone: Path, world: Path, task: str) -> None:
    result = execute(overrides(backbone, world, out, "variant=lort_tort", f"task={task}", "languages=[ar,sw]"))
    metrics = {"wikiann": {"f1", "f1_strict", "n"}, "xnli": {"accuracy", "n"}}[task]
    assert result.test["sw"].keys() == metrics
    predictions = (out / "runs" / result.run / "predictions" / "test-sw.tsv").read_text().splitlines()
    assert len(predictions) == (14 if task == "xnli" else 14 * 4)


def test_each_language_is_predicted_with_its_own_adapter_under_the_same_task_adapter(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    """The predictions file is what the saved adapters and head give with the tested language's adapter, not the source's."""
    model = AdaptedEncoder.from_pretrained(str(backbone))
    torch.manual_seed(0)
    for name in ("en", "sw"):
        model.add_adapter(name, AdapterConfig(32, invertible=True))
        with torch.no_grad():  # far apart, so that it shows which one was used
            for parameter in model.adapter_modules(name).parameters():
                parameter.normal_(std=0.3)
        model.save_adapter(tmp_path / f"adapters/tiny/{name}-noo", name)
    arguments = ["variant=lnoo_tnoo", "task=wikiann", "languages=[sw]", "optim.lr=1e-2"]
    result = execute(overrides(backbone, world, tmp_path, *arguments))
    names = {code: Path(entry["path"]).name for code, entry in result.adapters.items()}
    assert names == {"en": "en-noo", "sw": "sw-noo"}
    run = tmp_path / "runs" / result.run
    model.load_adapter(run / "adapter", "task")
    head = TokenHead(64, 7, 0.0)
    head.load_state_dict(load_file(run / "head/head.safetensors"))
    tokenizer = load_tokenizer(str(backbone))
    labels = json.loads((run / "head/head.json").read_text())["labels"]
    sentences = (world / "panx/test-sw.tsv").read_text().strip().split("\n\n")
    predictions: dict[str, list[list[str]]] = {"en": [], "sw": []}
    for sentence in sentences:
        words = [line.split("\t")[0] for line in sentence.split("\n")]
        encoding = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        word_ids = encoding.word_ids()
        first = [word_ids.index(i) for i in range(len(words))]
        for name in predictions:
            model.activate(name, "task")
            with torch.no_grad():
                ids = head(model(encoding["input_ids"], encoding["attention_mask"]).hidden)[0].argmax(-1)
            predictions[name].append([labels[ids[place]] for place in first])
    blocks = [block.split("\n") for block in (run / "predictions/test-sw.tsv").read_text().strip().split("\n\n")]
    assert blocks == predictions["sw"]
    assert blocks != predictions["en"]


@pytest.mark.parametrize(
    "stage",
    [
        ["stage=mlm", "language=sw", "variant=lnoo_tnoo"],
        ["stage=task", "task=udpos", "languages=[ar]", "variant=t_noo"],
    ],
)
def test_a_run_in_bf16_is_scored_and_labels_in_bf16_too(
    stage: list[str], backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, is_mixed = AdaptedEncoder.encode, []

    def encode_and_record(self: AdaptedEncoder, *arguments: Any) -> Encoding:
        is_mixed.append((self.training, torch.is_autocast_enabled("cpu")))
        return encode(self, *arguments)

    monkeypatch.setattr(AdaptedEncoder, "encode", encode_and_record)
    more = ["trainer.precision=bf16-mixed", "trainer.max_epochs=1"]
    result = execute(overrides(backbone, world, tmp_path, *stage, *more))
    if result.test.keys() == {"en", "ar"}:
        open_run(tmp_path / "runs" / result.run).label(["a b"], "en", by_spaces=True, device="cpu")
    assert set(is_mixed) == {(True, True), (False, True)}


def test_missing_language_adapters_stop_the_run_with_the_commands_that_train_them(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments = overrides(backbone, world, tmp_path, "variant=lort_tnoo", "task=udpos", "languages=[ar,tr]")
    with pytest.raises(UserError, match=r"no language adapter for en, ar, tr \(ort\)") as caught:
        execute(arguments)
    commands = [line.split()[2:] for line in str(caught.value).splitlines() if "train.py" in line]
    assert len(commands) == 3
    assert not (tmp_path / "runs").exists()
    for command in commands:
        execute(command)
    assert list(execute(arguments).test) == ["en", "ar", "tr"]


def test_the_best_epochs_weights_are_tested_and_saved(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dev score is made to fall after the first epoch: what is saved is then what that epoch had."""
    states: list[dict[str, torch.Tensor]] = []

    def falling(model: Any, head: Any, evaluation: Any, metrics: Any) -> EvaluationOutcome:
        states.append({name: value.clone() for name, value in head.state_dict().items()})
        return EvaluationOutcome({"f1": 1 / len(states), "accuracy": 0.0}, [])

    monkeypatch.setattr("orthoadapters.training.callbacks.evaluate", falling)
    result = execute(overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]"))
    assert result.selection is not None
    assert (result.selection.epoch, result.selection.value) == (1, 1.0)
    tensors = load_file(tmp_path / "runs" / result.run / "head/head.safetensors")
    assert all(torch.equal(tensors[name], states[0][name]) for name in tensors)
    assert not all(torch.equal(tensors[name], states[1][name]) for name in tensors)


def test_a_language_adapter_of_another_size_or_backbone_is_refused(
    out: Path, backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments = ["variant=lnoo_tnoo", "task=udpos", "languages=[tr]", f"paths.adapters={out}/adapters"]
    with pytest.raises(
        UserError, match=r"en-noo has bottleneck 32 and this run's variant.language_reduction makes it 8"
    ):
        execute(overrides(backbone, world, tmp_path, *arguments, "variant.language_reduction=8"))
    other = Path(shutil.copytree(backbone, tmp_path / "tiny"))
    weights = load_file(other / "model.safetensors")
    weights["roberta.embeddings.LayerNorm.bias"] += 0.1
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="was trained on a backbone with other weights"):
        execute(overrides(other, world, tmp_path, *arguments))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("override", ["mlm.block_length=69", "task.max_length=69"])
def test_windows_longer_than_the_backbones_positions_are_refused(
    override: str, backbone: Path, world: Path, tmp_path: Path
) -> None:
    stage = "stage=mlm" if override.startswith("mlm") else "stage=task"
    with pytest.raises(UserError, match="=69 is more than the 68 positions"):
        execute(
            overrides(
                backbone,
                world,
                tmp_path,
                stage,
                "variant=lnoo_tnoo" if stage == "stage=mlm" else "variant=t_noo",
                "task=udpos",
                "languages=[tr]",
                "language=tr",
                override,
            )
        )


def test_bad_data_of_a_target_language_shows_before_training(backbone: Path, world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"test-zh.tsv"):
        execute(overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[zh]"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("patience", "bound"), [("null", ""), ("3", "at most ")])
def test_a_plan_says_that_patience_makes_the_epochs_a_bound(
    patience: str, bound: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = compose_config(["variant=t_noo", f"trainer.patience={patience}"])
    print_plan(config, RunDirectory(config), [])
    assert f"\n  {bound}30 epochs of batches of 32, lr 5e-05" in capsys.readouterr().out
