"""Stage 1 on the tiny world: the language adapter, its record, and what it never overwrites."""

import csv
import json
from pathlib import Path

import pytest

from orthoadapters import AdaptedEncoder, UserError
from orthoadapters.config.compose import compose_config
from orthoadapters.report.pictures.cosines import cosines_of
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.stages.inventory import check_inventory
from tests.helpers.short_runs import execute, overrides


def test_a_language_adapter_is_trained_published_and_described(out: Path, backbone: Path) -> None:
    (run,) = (out / "runs" / "tiny" / "mlm" / "sw-ort").iterdir()
    result = json.loads((run / "result.json").read_text())
    assert result["stage"] == "mlm"
    assert result["lr"] == 1e-2
    assert result["ort_lr"] == 1e-2
    assert result["test"]["sw"]["n"] == 4
    assert result["test"]["sw"].keys() == {"mlm_loss", "l_ort", "mlm_loss_without_adapter", "n"}
    assert result["provenance"]["steps"] == 6
    library_copy = out / "adapters" / "tiny" / "sw-ort"
    assert result["adapters"]["sw"]["path"] == str(library_copy)
    inputs, record = (json.loads(path.read_text()) for path in (run / "inputs.json", library_copy / "training.json"))
    recorded = [record[f"{name}_sha256"] for name in ("backbone", "tokenizer", "config")]
    assert recorded == [inputs[name] for name in ("backbone", "tokenizer", "config.json")]
    model = AdaptedEncoder.from_pretrained(str(backbone))
    assert model.load_adapter(library_copy) == "sw"
    assert model.configs["sw"].bottleneck == 32
    assert model.configs["sw"].invertible
    assert {file.name for file in run.iterdir()} == {
        "result.json",
        "config.yaml",
        "inputs.json",
        "SHA256SUMS",
        "metrics.csv",
        "checkpoints",
        "adapter",
        ".lock",
    }
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [bool(row["l_ort_layer_2"]) for row in rows] == [True, False, True, False, False, True]


def test_an_adapter_of_another_training_is_never_overwritten(backbone: Path, world: Path, tmp_path: Path) -> None:
    common = ["stage=mlm", "variant=lnoo_tnoo", "language=sw"]
    execute(overrides(backbone, world, tmp_path, *common))
    library_copy = (tmp_path / "adapters/tiny/sw-noo/adapter.safetensors").read_bytes()
    with pytest.raises(UserError, match="holds an adapter of another training"):
        execute(overrides(backbone, world, tmp_path, *common, "seed=1"))
    assert (tmp_path / "adapters/tiny/sw-noo/adapter.safetensors").read_bytes() == library_copy


def test_adapters_are_left_out_of_a_layer_in_both_stages(backbone: Path, world: Path, tmp_path: Path) -> None:
    command = overrides(backbone, world, tmp_path, "variant=lort_tort", "task=udpos", "languages=[ar]")
    for code in ("en", "ar"):
        result = execute([*command, "variant.leave_out=[1]", "stage=mlm", f"language={code}"])
        assert len(result.layer_cos2["after"]) == 2
    folder = tmp_path / "adapters/tiny/ar-ort"
    assert json.loads((folder / "training.json").read_text())["leave_out"] == [1]
    assert json.loads((folder / "adapter_config.json").read_text())["config"]["leave_out"] == [1]
    assert "none in the layers 1, counted from 0" in (folder / "README.md").read_text()
    sentence = r"has no adapter in the layers \[1\], and this run's variant.leave_out is \[\]; the adapter goes with"
    for look in (check_run, execute):
        with pytest.raises(UserError, match=sentence):
            look(command)
    result = execute([*command, "variant.leave_out=[1]", "trainer.max_epochs=1"])
    assert len(result.layer_cos2["after"]) == 2
    with (tmp_path / "runs" / result.run / "metrics.csv").open() as file:
        row = next(csv.DictReader(file))
    assert [bool(row[f"l_ort_layer_{layer}"]) for layer in range(3)] == [True, False, True]
    assert cosines_of(result)["layers"] == [1, 3]


def check_run(command: list[str]) -> None:
    """Looks for what a run reads, without PyTorch."""
    config = compose_config(command)
    check_inventory(config, RunDirectory(config), command)


def test_the_softmax_of_training_is_over_its_text_and_that_of_unseen_text_over_all_subwords(
    backbone: Path, tmp_path: Path
) -> None:
    """Each line makes one block of 14 subwords and has a letter of its own, so that no held-out letter is in training."""
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "sw.txt").write_text("\n".join(12 * letter for letter in "bcdefghijklmnopqrstuvwxyz"))
    results = {}
    for choice in ("backbone", "corpus"):
        more = ["stage=mlm", "variant=lort_tnoo", "language=sw", f"mlm.vocabulary={choice}", "optim.lr=1e-12"]
        results[choice] = execute(overrides(backbone, tmp_path, tmp_path / choice, *more, "optim.ort_lr=1e-12"))
    # 21 letters, the space, <s> and </s>; 4 held-out blocks of 12 letters
    subwords = {"vocabulary": 24, "held_out_outside_vocabulary": 48}
    assert results["corpus"].counts == results["backbone"].counts | subwords
    # The weights hardly move at these rates, and every score is the same.
    assert results["corpus"].test["sw"] == pytest.approx(results["backbone"].test["sw"], rel=1e-5)
    assert results["corpus"].fingerprint != results["backbone"].fingerprint
    losses = []
    for choice, result in results.items():
        with (tmp_path / choice / "runs" / result.run / "metrics.csv").open() as file:
            losses.append([float(row["loss"]) for row in csv.DictReader(file)])
    assert all(corpus < full for full, corpus in zip(*losses, strict=True))
    (card,) = (tmp_path / "corpus" / "adapters").rglob("README.md")
    assert ", softmax over the subwords of the text alone |" in card.read_text()


def test_plain_inverse_before_the_decoder_is_a_choice(backbone: Path, world: Path, tmp_path: Path) -> None:
    key = "language_adapters.invert_before_decoder"
    losses = {
        choice: execute(
            overrides(backbone, world, tmp_path / choice, "stage=mlm", "language=sw", f"{key}={choice}")
        ).test["sw"]["mlm_loss"]
        for choice in ("true", "false")
    }
    assert losses["true"] != losses["false"]
