"""The door for losses of the second step: one function and one YAML file make a loss that a run really uses."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from orthoadapters import UserError
from orthoadapters.config import compose
from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import CONF, compose_config
from orthoadapters.orthogonality_losses import LOSSES, named_loss
from tests.helpers.short_runs import execute, overrides


def layer_numbers(pairs: Sequence[tuple[Tensor, Tensor]], attention_mask: Tensor | None = None) -> Tensor:
    """Gives layer i the value i + 1, whatever the adapter computes, with a gradient that is zero."""
    return torch.stack([i + 1 + 0 * x_a.sum() for i, (_, x_a) in enumerate(pairs)])


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ with a file for the new loss, whose function is in LOSSES."""
    folder = tmp_path / "conf"
    shutil.copytree(CONF, folder)
    shutil.copytree(CONF.parent / "multirun_sweeps", tmp_path / "multirun_sweeps")
    (folder / "orthogonality" / "numbers.yaml").write_text("loss: numbers\npair: output\n")
    monkeypatch.setattr(compose, "CONF", folder)
    monkeypatch.setitem(LOSSES, "numbers", layer_numbers)
    return folder


@pytest.mark.parametrize("stage", ["mlm", "task"])
def test_one_function_and_one_file_make_a_loss_that_both_stages_use(
    stage: str, conf: Path, backbone: Path, world: Path, tmp_path: Path
) -> None:
    more = {"mlm": ["variant=lort_tnoo", "language=sw"], "task": ["variant=t_ort", "task=udpos", "languages=[ar]"]}
    command = overrides(backbone, world, tmp_path, f"stage={stage}", "orthogonality=numbers", *more[stage])
    result = execute(command)
    # What is compared between runs is Eq. 2, whatever was trained.
    assert all(0 < value < 1 for when in ("before", "after") for value in result.layer_cos2[when])
    assert result.choices["orthogonality.loss"] == "numbers"
    with (tmp_path / "runs" / result.run / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["l_ort"]]
    assert {float(row["l_ort"]) for row in rows} == {6.0}
    assert {float(row["ort_grad_norm"]) for row in rows} == {0.0}
    assert [float(rows[0][f"l_ort_layer_{i}"]) for i in range(3)] == [1.0, 2.0, 3.0]


def test_a_loss_is_part_of_the_fingerprint_of_orthogonal_runs_unless_it_is_eq_2(conf: Path) -> None:
    ort, noo = ["variant=t_ort"], ["variant=t_noo"]
    assert "orthogonality.loss" not in choices(compose_config(ort))
    prints = [fingerprint(compose_config([*ort, f"orthogonality={name}"])) for name in ("cosine", "numbers")]
    assert prints[0] == fingerprint(compose_config(ort))
    assert prints[0] != prints[1]
    assert fingerprint(compose_config([*noo, "orthogonality=numbers"])) == fingerprint(compose_config(noo))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("orthogonality=cosin", "orthogonality has no 'cosin', did you mean 'cosine'"),
        (
            "orthogonality.loss=cosin",
            "no orthogonality.loss 'cosin', did you mean 'cosine'.*conf/orthogonality/ has cosine",
        ),
        ("orthogonality.pair=updates", "'updates' is not one of output, update, did you mean 'update'"),
    ],
)
def test_a_mistyped_loss_is_a_sentence_with_the_nearest(override: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        compose_config([override])


def test_the_pair_is_still_chosen_on_the_command_line() -> None:
    assert compose_config(["orthogonality.pair=update"]).orthogonality.pair.value == "update"


def test_a_file_without_its_function_is_a_sentence_with_the_place() -> None:
    with pytest.raises(
        UserError, match=r"orthogonality.loss=mine: .* LOSSES in src/orthoadapters/orthogonality_losses.py"
    ):
        named_loss("mine")
