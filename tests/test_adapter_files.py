"""AdapterHub folders in and out: equal after a round trip, and refused by field when a site computes something else."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError


@pytest.fixture
def model(backbone: Path) -> AdaptedEncoder:
    return AdaptedEncoder.from_pretrained(str(backbone))


@pytest.fixture
def folder(oracle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(oracle / "sw_safetensors", tmp_path / "sw"))


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "adapter_config.json"
    described = json.loads(path.read_text())
    for field, value in changes.items():
        (described if field in described else described["config"])[field] = value
    path.write_text(json.dumps(described))


@pytest.mark.parametrize("config", [AdapterConfig(32, True), AdapterConfig(5), AdapterConfig(21, True, 3)])
def test_a_round_trip_changes_nothing(model: AdaptedEncoder, config: AdapterConfig, tmp_path: Path) -> None:
    model.add_adapter("sw", config)
    model.save_adapter(tmp_path / "sw", "sw")
    assert model.load_adapter(tmp_path / "sw", "again") == "again"
    ids = torch.tensor([[0, 7, 8, 9, 2]])
    outputs = []
    for name in ("sw", "again"):
        model.activate(name)
        with torch.no_grad():
            outputs.append(model(ids).hidden)
    assert torch.equal(*outputs)
    described = json.loads((tmp_path / "sw" / "adapter_config.json").read_text())
    assert int(64 // described["config"]["reduction_factor"]) == config.bottleneck  # as `adapters` computes d
    assert described["name"] == "sw"


def test_what_is_written_has_the_librarys_tensor_names_and_fields(
    model: AdaptedEncoder, oracle: Path, tmp_path: Path
) -> None:
    model.load_adapter(oracle / "sw")
    model.save_adapter(tmp_path / "sw", "sw")
    ours, theirs = (
        load_file(tmp_path / "sw/adapter.safetensors"),
        load_file(oracle / "sw_safetensors/adapter.safetensors"),
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    configs = [
        json.loads((folder / "adapter_config.json").read_text())["config"]
        for folder in (tmp_path / "sw", oracle / "sw")
    ]
    assert configs[0].items() <= configs[1].items()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("non_linearity", "gelu"), ("mh_adapter", True), ("leave_out", [0]), ("original_ln_before", False),
        ("residual_before_ln", False), ("scaling", 4.0), ("phm_layer", True), ("inv_adapter", "glow"), ("use_gating", True),
        ("hidden_size", 768),
    ],
)  # fmt: skip
def test_what_a_site_does_not_compute_is_refused_by_field(
    model: AdaptedEncoder, folder: Path, field: str, value: Any
) -> None:
    edit(folder, **{field: value})
    with pytest.raises(UserError, match=field if field != "hidden_size" else "hidden size 768"):
        model.load_adapter(folder)
    assert model.configs == {}


def test_missing_surplus_and_misshapen_tensors_are_named(model: AdaptedEncoder, folder: Path) -> None:
    whole = load_file(folder / "adapter.safetensors")
    last = "encoder.layer.2.output.adapters.sw.adapter_up.bias"
    for change, sentence in (
        ({last: None}, "lacks 2.up.bias"),
        ({last.replace("layer.2", "layer.3"): torch.zeros(64)}, "also has 3.up.bias"),
        ({last: torch.zeros(63)}, r"2.up.bias has shape \(63,\), expected \(64,\)"),
        ({"something.else": torch.zeros(1)}, "something.else belongs to no site"),
    ):
        tensors = {name: value for name, value in (whole | change).items() if value is not None}
        save_file(tensors, folder / "adapter.safetensors")
        with pytest.raises(UserError, match=sentence):
            model.load_adapter(folder)


class Malicious:
    def __reduce__(self) -> Any:
        return (print, ("code ran",))


def test_broken_files_are_sentences(model: AdaptedEncoder, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = folder / "adapter.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match="may be cut off"):
        model.load_adapter(folder)
    weights.unlink()
    with pytest.raises(UserError, match=r"neither adapter.safetensors nor pytorch_adapter.bin"):
        model.load_adapter(folder)
    (folder / "pytorch_adapter.bin").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(UserError, match="is not loaded"):
        model.load_adapter(folder)
    assert "code ran" not in capsys.readouterr().out
    (folder / "adapter_config.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        model.load_adapter(folder)
    with pytest.raises(UserError, match=r"adapter_config.json is missing"):
        model.load_adapter(folder / "nowhere")


def test_an_interrupted_write_leaves_the_former_adapter(
    model: AdaptedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.add_adapter("sw", AdapterConfig(4))
    model.save_adapter(tmp_path / "sw", "sw")
    before = (tmp_path / "sw/adapter.safetensors").read_bytes()

    def full_disk(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("orthoadapters.adapter_files.save_file", full_disk)
    with pytest.raises(OSError, match="No space"):
        model.save_adapter(tmp_path / "sw", "sw")
    assert (tmp_path / "sw/adapter.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["sw"]
