"""Weights from outside that are not finite are refused with their file, tensor and fix."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder, UserError
from orthoadapters.hub.adapters import check_files
from orthoadapters.model.finite import check_finite
from orthoadapters.model.heads import TokenHead
from orthoadapters.model.saved_head import load_head, save_head
from tests.helpers.tasks import task_config

DOWN = "encoder.layer.1.output.adapters.sw.adapter_down.0.weight"


def spoil(path: Path, name: str, value: float) -> None:
    """Sets one weight of a file."""
    tensors = load_file(path)
    tensors[name].view(-1)[0] = value
    save_file(tensors, path, {"format": "pt"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_counted(value: float) -> None:
    weights = torch.ones(3, 2)
    weights[1] = value
    with pytest.raises(UserError, match=r"^file: tensor b has 2 weights that are NaN or infinite; fix$"):
        check_finite({"a": torch.zeros(2), "b": weights}, "file", "fix")


def test_weights_of_other_precisions_are_finite_where_float32_has_them() -> None:
    eight = torch.ones(4).to(torch.float8_e4m3fn)
    check_finite({"a": eight, "b": torch.ones(2, dtype=torch.float64)}, "file", "fix")
    eight[1] = float("nan")
    for weights in (eight, torch.tensor([1, 1e300], dtype=torch.float64)):
        with pytest.raises(UserError, match=r"^file: tensor a has 1 weights that are NaN or infinite; fix$"):
            check_finite({"a": weights}, "file", "fix")


def test_large_weights_are_finite_though_their_sum_is_not() -> None:
    check_finite({"a": torch.full((4,), 3e38), "half": torch.full((4,), 6e4, dtype=torch.float16)}, "file", "fix")


def test_an_adapter_and_a_backbone_with_a_nan_are_refused(oracle: Path, backbone: Path, tmp_path: Path) -> None:
    adapter = Path(shutil.copytree(oracle / "sw_safetensors", tmp_path / "sw"))
    spoil(adapter / "adapter.safetensors", DOWN, float("nan"))
    model = AdaptedEncoder.from_pretrained(str(backbone))
    with pytest.raises(
        UserError, match=rf"sw/adapter.safetensors: tensor {DOWN} has 1 weights that are NaN .* bring it"
    ):
        model.load_adapter(adapter)
    assert not model.configs
    broken = Path(shutil.copytree(backbone, tmp_path / "backbone"))
    name = next(name for name in load_file(broken / "model.safetensors") if name.endswith("0.output.dense.weight"))
    spoil(broken / "model.safetensors", name, float("inf"))
    with pytest.raises(
        UserError, match=rf"{broken}: tensor .*layer.0.output.dense.weight has 1 .* weights of backbone"
    ):
        AdaptedEncoder.from_pretrained(str(broken))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_weight_that_makes_products_overflow_is_refused_with_the_adapters_file(
    oracle: Path, backbone: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    adapter = Path(shutil.copytree(oracle / "sw_safetensors", tmp_path / "sw"))
    path = adapter / "adapter.safetensors"
    save_file({name: tensor.to(dtype) for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    check_files(adapter)
    model = AdaptedEncoder.from_pretrained(str(backbone))
    model.load_adapter(adapter, "good")
    spoil(path, DOWN, -3e38)
    sentence = (
        rf"^{path}: tensor {DOWN} has a weight of (3|2\.99)e\+38, which is far too large: .* infinite; bring it back"
    )
    for read in (check_files, model.load_adapter):
        with pytest.raises(UserError, match=sentence):
            read(adapter)


def test_a_head_with_a_nan_is_refused(tmp_path: Path) -> None:
    task = task_config("udpos")
    save_head(tmp_path / "head", TokenHead(4, len(task.labels), 0.0), task)
    spoil(tmp_path / "head" / "head.safetensors", "out.bias", float("nan"))
    with pytest.raises(UserError, match=r"head.safetensors: tensor out.bias has 1 .* repeat the run"):
        load_head(tmp_path / "head", task, 4)
