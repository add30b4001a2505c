"""Whole runs on the tiny world: both stages, all variants and tasks, repetition, interruption, missing adapters."""

import csv
import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError
from orthoadapters.config.compose import compose_config
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.evaluation.scoring import Scored
from orthoadapters.model.heads import TokenHead
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import Result
from orthoadapters.training.alternating import AlternatingTraining
from tests.helpers.short_runs import execute, numbers, overrides

VARIANTS = ["full_ft", "t_noo", "t_ort", "lnoo_tnoo", "lnoo_tort", "lort_tnoo", "lort_tort"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, backbone: Path, world: Path) -> Path:
    """A folder in which the language adapters of both kinds are trained."""
    folder = tmp_path_factory.mktemp("out")
    for variant in ("lnoo_tnoo", "lort_tnoo"):
        for language in ("en", "ar", "tr", "sw"):
            execute(overrides(backbone, world, folder, "stage=mlm", f"variant={variant}", f"language={language}"))
    return folder


def test_a_language_adapter_is_trained_published_and_described(out: Path, backbone: Path) -> None:
    (run,) = (out / "runs" / "tiny" / "mlm" / "sw-ort").iterdir()
    result = json.loads((run / "result.json").read_text())
    assert result["stage"] == "mlm"
    assert result["lr"] == 1e-2
    assert result["ort_lr"] == 1e-2
    assert result["test"]["sw"]["n"] == 4
    assert result["test"]["sw"].keys() == {"mlm_loss", "l_ort", "mlm_loss_without_adapter", "n"}
    assert result["provenance"]["steps"] == 6
    published = out / "adapters" / "tiny" / "sw-ort"
    assert result["adapters"]["sw"]["path"] == str(published)
    model = AdaptedEncoder.from_pretrained(str(backbone))
    assert model.load_adapter(published) == "sw"
    assert model.configs["sw"].bottleneck == 32
    assert model.configs["sw"].invertible
    assert {file.name for file in run.iterdir()} == {
        "result.json", "config.yaml", "inputs.json", "metrics.csv", "checkpoints", "adapter", ".lock",
    }  # fmt: skip
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [bool(row["l_ort_layer_2"]) for row in rows] == [True, False, True, False, False, True]


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
    predicted = (out / "runs" / result.run / "predictions" / "test-sw.tsv").read_text().splitlines()
    assert len(predicted) == (14 if task == "xnli" else 14 * 4)


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
    given = ["variant=lnoo_tnoo", "task=wikiann", "languages=[sw]", "optim.lr=1e-2"]
    result = execute(overrides(backbone, world, tmp_path, *given))
    names = {code: Path(entry["path"]).name for code, entry in result.adapters.items()}
    assert names == {"en": "en-noo", "sw": "sw-noo"}
    run = tmp_path / "runs" / result.run
    model.load_adapter(run / "adapter", "task")
    head = TokenHead(64, 7, 0.0)
    head.load_state_dict(load_file(run / "head/head.safetensors"))
    tokenizer = load_tokenizer(str(backbone))
    labels = json.loads((run / "head/head.json").read_text())["labels"]
    sentences = (world / "panx/test-sw.tsv").read_text().strip().split("\n\n")
    predicted: dict[str, list[list[str]]] = {"en": [], "sw": []}
    for sentence in sentences:
        words = [line.split("\t")[0] for line in sentence.split("\n")]
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        word_ids = encoded.word_ids()
        first = [word_ids.index(i) for i in range(len(words))]
        for name in predicted:
            model.activate(name, "task")
            with torch.no_grad():
                ids = head(model(encoded["input_ids"], encoded["attention_mask"]).hidden)[0].argmax(-1)
            predicted[name].append([labels[ids[place]] for place in first])
    written = [block.split("\n") for block in (run / "predictions/test-sw.tsv").read_text().strip().split("\n\n")]
    assert written == predicted["sw"]
    assert written != predicted["en"]


@pytest.mark.parametrize("stage", ["mlm", "task"])
def test_the_same_command_twice_gives_the_same_result(
    stage: str, out: Path, backbone: Path, world: Path, tmp_path: Path
) -> None:
    twice = []
    for name in ("one", "two"):
        given = overrides(
            backbone, world, tmp_path / name, f"stage={stage}", "variant=t_ort", "task=udpos", "languages=[tr]"
        )
        if stage == "mlm":
            given += ["variant=lort_tnoo", "language=tr"]
        twice.append(numbers(execute(given)))
    assert twice[0] == twice[1]


@pytest.mark.parametrize("stop", [1, 3, 5, 6, 9, 10])
@pytest.mark.parametrize("variant", ["lort_tort", "full_ft"])
def test_an_interrupted_task_run_goes_on_with_the_weights_it_would_have_had(
    variant: str, stop: int, out: Path, backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 iterations, an epoch ends at 5 and at 10, a checkpoint is written every 2 and at the end."""
    common = [
        f"variant={variant}",
        "task=udpos",
        "languages=[tr]",
        "trainer.checkpoint_every=2",
        f"paths.adapters={out}/adapters",
    ]
    undisturbed = execute(overrides(backbone, world, tmp_path / "whole", *common))
    again = overrides(backbone, world, tmp_path / "stopped", *common)
    interrupted(monkeypatch, stop, again)
    resumed, steps = counted(monkeypatch, again)
    assert steps == 10 - stop // 2 * 2  # it went on from the last checkpoint
    assert numbers(resumed) == numbers(undisturbed)
    whole, stopped = tmp_path / "whole" / "runs" / resumed.run, tmp_path / "stopped" / "runs" / resumed.run
    part = "backbone/model.safetensors" if variant == "full_ft" else "adapter/adapter.safetensors"
    assert same_tensors(whole / part, stopped / part)
    assert logged(whole) == logged(stopped)


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_an_interrupted_mlm_run_goes_on_with_the_weights_it_would_have_had(
    stop: int, backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ["stage=mlm", "variant=lort_tnoo", "language=sw", "trainer.checkpoint_every=2"]
    undisturbed = execute(overrides(backbone, world, tmp_path / "whole", *common))
    again = overrides(backbone, world, tmp_path / "stopped", *common)
    interrupted(monkeypatch, stop, again)
    resumed, steps = counted(monkeypatch, again)
    assert steps == 6 - stop // 2 * 2  # it went on from the last checkpoint
    assert numbers(resumed) == numbers(undisturbed)
    whole, stopped = tmp_path / "whole" / "runs" / resumed.run, tmp_path / "stopped" / "runs" / resumed.run
    assert same_tensors(whole / "adapter/adapter.safetensors", stopped / "adapter/adapter.safetensors")
    assert logged(whole) == logged(stopped)


def interrupted(monkeypatch: pytest.MonkeyPatch, stop: int, given: list[str]) -> None:
    """Starts a run that dies when it has taken step `stop`, and not before."""

    def dying(module: AlternatingTraining, batch: Any, batch_idx: int) -> None:
        if module.global_step == stop:
            raise RuntimeError("power cut")
        step(module, batch, batch_idx)

    def dying_at_the_end(*_: Any) -> None:
        raise RuntimeError("power cut")

    step = AlternatingTraining.training_step
    with monkeypatch.context() as patched:
        patched.setattr(AlternatingTraining, "training_step", dying)
        for stage in ("task", "language_adapter"):
            patched.setattr(f"orthoadapters.stages.{stage}.finish", dying_at_the_end)  # a stop after the last step
        with pytest.raises(RuntimeError, match="power cut"):
            execute(given)


def counted(monkeypatch: pytest.MonkeyPatch, given: list[str]) -> tuple[Result, int]:
    """The result of a run, and how many steps it took."""
    steps: list[int] = []

    def counting(module: AlternatingTraining, batch: Any, batch_idx: int) -> None:
        steps.append(batch_idx)
        step(module, batch, batch_idx)

    step = AlternatingTraining.training_step
    with monkeypatch.context() as patched:
        patched.setattr(AlternatingTraining, "training_step", counting)
        return execute(given), len(steps)


def same_tensors(one: Path, two: Path) -> bool:
    a, b = load_file(one), load_file(two)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def logged(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        return [
            {key: value for key, value in row.items() if key != "tokens_per_second"} for row in csv.DictReader(file)
        ]


def test_missing_language_adapters_stop_the_run_with_the_commands_that_train_them(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    given = overrides(backbone, world, tmp_path, "variant=lort_tnoo", "task=udpos", "languages=[ar,tr]")
    with pytest.raises(UserError, match=r"no language adapter for en, ar, tr \(ort\)") as caught:
        execute(given)
    commands = [line.split()[2:] for line in str(caught.value).splitlines() if "train.py" in line]
    assert len(commands) == 3
    assert not (tmp_path / "runs").exists()
    for command in commands:
        execute(command)
    assert list(execute(given).test) == ["en", "ar", "tr"]


def test_a_run_directory_of_another_configuration_is_refused(backbone: Path, world: Path, tmp_path: Path) -> None:
    given = overrides(
        backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]", "trainer.max_epochs=1"
    )
    run = tmp_path / "runs" / execute(given).run
    (run / "config.yaml").write_text("fingerprint: 0123456789\n")
    before = (run / "result.json").read_text()
    with pytest.raises(UserError, match="belongs to another configuration"):
        execute(given)
    assert (run / "result.json").read_text() == before


def test_an_adapter_of_another_training_is_never_overwritten(backbone: Path, world: Path, tmp_path: Path) -> None:
    common = ["stage=mlm", "variant=lnoo_tnoo", "language=sw"]
    execute(overrides(backbone, world, tmp_path, *common))
    published = (tmp_path / "adapters/tiny/sw-noo/adapter.safetensors").read_bytes()
    with pytest.raises(UserError, match="holds an adapter of another training"):
        execute(overrides(backbone, world, tmp_path, *common, "seed=1"))
    assert (tmp_path / "adapters/tiny/sw-noo/adapter.safetensors").read_bytes() == published


def test_the_best_epochs_weights_are_tested_and_saved(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dev score is made to fall after the first epoch: what is saved is then what that epoch had."""
    kept: list[dict[str, torch.Tensor]] = []

    def falling(model: Any, head: Any, evaluation: Any, metrics: Any) -> Scored:
        kept.append({name: value.clone() for name, value in head.state_dict().items()})
        return Scored({"f1": 1 / len(kept), "accuracy": 0.0}, [])

    monkeypatch.setattr("orthoadapters.training.callbacks.evaluate", falling)
    result = execute(overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]"))
    assert result.selection is not None
    assert (result.selection.epoch, result.selection.value) == (1, 1.0)
    saved = load_file(tmp_path / "runs" / result.run / "head/head.safetensors")
    assert all(torch.equal(saved[name], kept[0][name]) for name in saved)
    assert not all(torch.equal(saved[name], kept[1][name]) for name in saved)


def test_a_language_adapter_of_another_size_or_backbone_is_refused(
    out: Path, backbone: Path, world: Path, tmp_path: Path
) -> None:
    given = ["variant=lnoo_tnoo", "task=udpos", "languages=[tr]", f"paths.adapters={out}/adapters"]
    with pytest.raises(
        UserError, match=r"en-noo has bottleneck 32 and this run's variant.language_reduction makes it 8"
    ):
        execute(overrides(backbone, world, tmp_path, *given, "variant.language_reduction=8"))
    other = Path(shutil.copytree(backbone, tmp_path / "tiny"))
    weights = load_file(other / "model.safetensors")
    weights["roberta.embeddings.LayerNorm.bias"] += 0.1
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="was trained on a backbone with other weights"):
        execute(overrides(other, world, tmp_path, *given))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("changed", ["adapter-en", "train"])
def test_a_run_is_not_resumed_with_other_inputs(
    changed: str, out: Path, backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapters, data = tmp_path / "adapters", tmp_path / "data"
    shutil.copytree(out / "adapters", adapters)
    shutil.copytree(world, data)
    given = overrides(
        backbone, data, tmp_path, "variant=lnoo_tnoo", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=2"
    )
    interrupted(monkeypatch, 3, given)
    if changed == "train":
        train = data / "udpos/train-en.tsv"
        train.write_text(train.read_text().replace("NOUN", "VERB", 1))
    else:
        weights = load_file(adapters / "tiny/en-noo/adapter.safetensors")
        save_file({name: 3 * value for name, value in weights.items()}, adapters / "tiny/en-noo/adapter.safetensors")
    with pytest.raises(UserError, match=f"was started with other contents of {changed};"):
        execute(given)


def test_two_processes_do_not_train_the_same_run(backbone: Path, world: Path, tmp_path: Path) -> None:
    given = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]")
    run = RunDirectory(compose_config(given))
    run.path.mkdir(parents=True)
    hold = f"import fcntl, time; f = open({str(run.path / '.lock')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX)"
    holder = f"{hold}; print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(UserError, match="is being trained by another process"):
        execute(given)
    process.kill()
    process.wait()
    assert execute(given).status == "finished"  # a dead process holds nothing


def test_a_file_system_without_locks_is_a_sentence(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]")

    def flock(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    run = RunDirectory(compose_config(given))
    for _ in range(2):
        with pytest.raises(UserError, match=re.escape(f"{run.path / '.lock'} cannot be locked (No locks available)")):
            execute(given)
        assert not run.in_use
    assert not (run.path / "config.yaml").exists()


def test_a_broken_checkpoint_is_a_sentence(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = overrides(
        backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=2"
    )
    interrupted(monkeypatch, 3, given)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:3000])
    with pytest.raises(UserError, match=r"last.ckpt cannot be read .*delete it to start"):
        execute(given)


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


def test_plain_inverse_before_the_decoder_is_a_choice(backbone: Path, world: Path, tmp_path: Path) -> None:
    key = "language_adapters.invert_before_decoder"
    losses = {
        choice: execute(
            overrides(backbone, world, tmp_path / choice, "stage=mlm", "language=sw", f"{key}={choice}")
        ).test["sw"]["mlm_loss"]
        for choice in ("true", "false")
    }  # fmt: skip
    assert losses["true"] != losses["false"]
