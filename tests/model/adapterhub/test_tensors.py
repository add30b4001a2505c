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


MISSING = object()  # as a field's new value: the field is taken out


def edit(folder: Path, **changes: Any) -> None:
    """Sets fields of adapter_config.json: those on top by their names, all others inside `config`."""
    path = folder / "adapter_config.json"
    record = json.loads(path.read_text())
    for field, value in changes.items():
        place = record if field in TOP else record["config"]
        place[field] = value
        if value is MISSING:
            del place[field]
    path.write_text(json.dumps(record))


TOP = {"config", "hidden_size", "model_class", "model_name", "model_type", "name", "type", "version"}


def rename(folder: Path, *changes: tuple[str, str]) -> None:
    """Gives the tensors other names."""
    tensors_by_old_name = {}
    for name, tensor in load_file(folder / "adapter.safetensors").items():
        for old, new in changes:
            name = name.replace(old, new)
        tensors_by_old_name[name] = tensor
    save_file(tensors_by_old_name, folder / "adapter.safetensors")


def load(model: AdaptedEncoder, folder: Path) -> torch.Tensor:
    model.load_adapter(folder, "adapter")
    model.activate("adapter")
    with torch.no_grad():
        hidden = model(torch.tensor([[0, 7, 8, 9, 2]])).hidden
    model.delete_adapter("adapter")
    return hidden


@pytest.mark.parametrize("prefix", ["", "roberta.", "model.base_model."])
@pytest.mark.parametrize("kind", ["lang", "task"])
def test_older_names_under_any_prefix_mean_the_same_adapter(
    model: AdaptedEncoder, folder: Path, prefix: str, kind: str
) -> None:
    expectation = load(model, folder)
    rename(
        folder,
        ("output.adapters.sw", f"output.layer_text_{kind}_adapters.other"),
        ("invertible_adapters.sw", "invertible_lang_adapters.other"),
        ("encoder.", f"{prefix}encoder."),
        ("invertible_lang", f"{prefix}invertible_lang"),
    )
    assert not any("output.adapters" in name for name in load_file(folder / "adapter.safetensors"))
    edit(folder, type=f"text_{kind}", version="1.0.1")
    assert torch.equal(load(model, folder), expectation)


OLD_CONFIG = {
    "LN_after": False,
    "LN_before": False,
    "MH_Adapter": False,
    "Output_Adapter": True,
    "attention_type": "sent-lvl-dynamic",
    "adapter_residual_before_ln": False,
    "new_attention_norm": False,
    "non_linearity": "ReLU",
    "original_ln_after": True,
    "original_ln_before": True,
    "reduction_factor": 2,
    "residual_before_ln": True,
    "leave_out": None,
    "invertible_adapter": {"block_type": "nice", "non_linearity": "relu", "reduction_factor": 2},
}


@pytest.mark.parametrize(
    "model_fields",
    [
        {"model_type": "xlm-roberta"},
        {"model_class": "XLMRobertaModelWithHeads"},
        {"model_name": "FacebookAI/xlm-roberta-base"},
        {},
    ],
)
def test_older_fields_mean_the_same_adapter(model: AdaptedEncoder, folder: Path, model_fields: dict[str, str]) -> None:
    expectation = load(model, folder)
    record = {"name": "sw", "type": "text_lang", "hidden_size": 64, "config": OLD_CONFIG} | model_fields
    (folder / "adapter_config.json").write_text(json.dumps(record))
    assert torch.equal(load(model, folder), expectation)


def test_a_configuration_may_be_a_name_or_speak_of_layers_one_by_one(
    model: AdaptedEncoder, oracle: Path, folder: Path, tmp_path: Path
) -> None:
    plain = Path(shutil.copytree(oracle / "ner", tmp_path / "ner"))
    expectation = load(model, plain)
    for name in ("pfeiffer", "seq_bn"):
        edit(plain, config=name)
        assert torch.equal(load(model, plain), expectation)
    expectation = load(model, folder)
    for factor in ({"0": 2, "1": 2.0, "2": 2}, {"1": 2, "default": 2}):
        edit(folder, reduction_factor=factor)
        assert torch.equal(load(model, folder), expectation)
    for name in (
        "seq_bn_inv[reduction_factor=2]",
        'pfeiffer+inv[ reduction_factor={"default": 2}, non_linearity="relu"]',
    ):
        edit(folder, config=name)
        assert torch.equal(load(model, folder), expectation)
    (folder / "adapter_config.json").write_text("\ufeff" + (folder / "adapter_config.json").read_text())
    assert torch.equal(load(model, folder), expectation)


def test_layers_that_a_configuration_does_not_name_or_that_differ_are_refused(
    model: AdaptedEncoder, folder: Path
) -> None:
    edit(folder, reduction_factor={"0": 2, "1": 2})
    with pytest.raises(UserError, match="says nothing of layer 2, nor a default"):
        model.load_adapter(folder)
    edit(folder, reduction_factor={"0": 2, "default": 4})
    with pytest.raises(UserError, match=r"bottlenecks of \[16, 32\]; supported: the same in every layer"):
        model.load_adapter(folder)


def test_a_task_adapter_of_2020_names_an_invertible_part_that_it_does_not_have(
    model: AdaptedEncoder, oracle: Path, tmp_path: Path
) -> None:
    plain = Path(shutil.copytree(oracle / "ner", tmp_path / "ner"))
    expectation = load(model, plain)
    edit(plain, type="text_task", invertible_adapter=OLD_CONFIG["invertible_adapter"])
    assert torch.equal(load(model, plain), expectation)
    edit(plain, type="text_lang")
    with pytest.raises(UserError, match="lacks invertible"):
        model.load_adapter(plain)


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
    record = json.loads((tmp_path / "sw" / "adapter_config.json").read_text())
    assert int(64 // record["config"]["reduction_factor"]) == config.bottleneck  # as `adapters` computes d
    assert record["name"] == "sw"


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
    ("field", "value", "sentence"),
    [
        ("non_linearity", "gelu", "non_linearity = 'gelu' is not supported"),
        ("non_linearity", MISSING, "does not say non_linearity"),
        ("mh_adapter", True, "Houlsby's placement"),
        ("config", "houlsby", "config = 'houlsby' is not supported; Houlsby's placement"),
        ("config", "seq_bn[reduction_factor=open()]", r"cannot be read; write it as seq_bn\[reduction_factor=2\]"),
        ("config", "seq_bn[2]", r"cannot be read; write it as seq_bn\[reduction_factor=2\]"),
        ("config", "seq_bn[{}: 2]", r"cannot be read; write it as seq_bn\[reduction_factor=2\]"),
        ("config", "seq_bn[reduction_factor=1e-320]", "reduction_factor = 1e-320 is not supported; supported: numbers"),
        ("config", "seq_bn[reduction_factor=1e999]", "reduction_factor = inf is not supported; supported: numbers"),
        ("config", "seq_bn[reduction_factor=2", "is not supported; supported names"),
        ("config", "seq_bn_inv[scaling=4.0]", "scaling = 4.0"),
        ("config", "prefix_tuning|seq_bn", "is not supported; supported names"),
        ("config", "double_seq_bn[reduction_factor=2]", "Houlsby's placement"),
        ("config", "9076f36a74755ac4", "supported names: pfeiffer, seq_bn, "),
        ("config", ["pfeiffer"], "has no 'config'"),
        ("architecture", "lora", "architecture = 'lora'"),
        ("leave_out", [3], r"leave_out = \[3\] is not supported; supported: numbers of layers, 0 to 2"),
        ("leave_out", [0, 1, 2], "but not all of them"),
        ("leave_out", "last", "leave_out = 'last'"),
        ("leave_out", [1], "does not fit a backbone of 3 layers: also has 1.down.bias"),
        ("original_ln_before", False, "original_ln_before = False"),
        ("original_ln_before", MISSING, "original_ln_before = False .what `adapters` takes"),
        ("residual_before_ln", "post_add", "residual_before_ln = 'post_add'"),
        ("scaling", 4.0, "scaling = 4.0"),
        ("scaling", "learned", "scaling = 'learned'"),
        ("dropout", 0.1, "dropout = 0.1"),
        ("phm_layer", True, "phm_layer = True"),
        ("inv_adapter", "glow", "inv_adapter = 'glow'"),
        ("inv_adapter_reduction_factor", None, "inv_adapter_reduction_factor = None"),
        (
            "invertible_adapter",
            {"block_type": "nice", "non_linearity": "gelu", "reduction_factor": 2},
            "invertible_adapter",
        ),
        ("use_gating", True, "use_gating = True"),
        ("is_parallel", True, "is_parallel = True"),
        ("reduction_factor", None, "does not say reduction_factor"),
        ("reduction_factor", "2", "reduction_factor = '2' is not supported"),
        ("reduction_factor", 4, "reduction_factor makes a bottleneck of 16, and the tensors have 32"),
        ("inv_adapter_reduction_factor", 4, r"invertible.F.0.weight has shape \(16, 32\), expected \(8, 32\)"),
        ("new_attention_norm", True, "new_attention_norm = True is not known"),
        ("gate_temperature", 0.5, "gate_temperature = 0.5 is not known"),
        ("hidden_size", 768, "hidden size 768; this backbone's is 64"),
        ("model_type", "bert", "of type bert; this one's is xlm-roberta"),
        ("type", "vision", "type = 'vision'"),
    ],
)
def test_what_a_site_does_not_compute_is_refused_by_field(
    model: AdaptedEncoder, folder: Path, field: str, value: Any, sentence: str
) -> None:
    edit(folder, **{field: value})
    with pytest.raises(UserError, match=sentence):
        model.load_adapter(folder)
    assert model.configs == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"model_class": "BertModelWithHeads"},
        {"model_class": None, "model_name": "bert-base-multilingual-cased"},
        {"model_class": "DistilBertForMaskedLM"},
    ],
)
def test_another_family_of_backbones_is_refused_whichever_field_says_it(
    model: AdaptedEncoder, folder: Path, fields: dict[str, Any]
) -> None:
    edit(folder, model_type=MISSING, **fields)
    with pytest.raises(UserError, match=r"for a backbone of type .*ert; this one's is xlm-roberta"):
        model.load_adapter(folder)


def test_fields_without_effect_and_unknown_neutral_ones_are_taken(model: AdaptedEncoder, folder: Path) -> None:
    expectation = load(model, folder)
    edit(
        folder,
        init_weights="mam_adapter",
        init_weights_seed=3,
        phm_dim=2,
        something_new=None,
        other_new=False,
        architecture=None,
    )
    assert torch.equal(load(model, folder), expectation)


def test_another_pretrained_model_and_a_second_weights_file_are_named(
    model: AdaptedEncoder, folder: Path, oracle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(folder, model_name="xlm-roberta-base")
    model.backbone.config.name_or_path = "FacebookAI/xlm-roberta-base"
    load(model, folder)
    assert caplog.text == ""
    model.backbone.config.name_or_path = "somebody/xlm-roberta-swahili"
    shutil.copy(oracle / "ar" / "pytorch_adapter.bin", folder)
    load(model, folder)
    assert "was trained on xlm-roberta-base; this backbone is somebody/xlm-roberta-swahili" in caplog.text
    assert "adapter.safetensors is read, pytorch_adapter.bin is not" in caplog.text


def test_missing_surplus_and_misshapen_tensors_are_named(model: AdaptedEncoder, folder: Path) -> None:
    whole = load_file(folder / "adapter.safetensors")
    last = "encoder.layer.2.output.adapters.sw.adapter_up.bias"
    for change, sentence in (
        ({last: None}, "lacks 2.up.bias"),
        ({last.replace("layer.2", "layer.3"): torch.zeros(64)}, "also has 3.up.bias"),
        ({last: torch.zeros(63)}, r"2.up.bias has shape \(63,\), expected \(64,\)"),
        ({"something.else": torch.zeros(1)}, "something.else belongs to no site"),
        ({last: torch.zeros(64, dtype=torch.int64)}, "something else than named tensors"),
        ({"encoder.layer.0.attention.output.adapters.sw.adapter_up.bias": torch.zeros(64)}, "Houlsby's placement"),
        (
            {"bert.encoder.layer.0.attention.output.attention_text_lang_adapters.sw.adapter_up.bias": torch.zeros(64)},
            "Houlsby's placement",
        ),
        ({last.replace("adapters", "layer_text_lang_adapters"): torch.zeros(64)}, "is there twice"),
        ({f"bert.{last}": torch.zeros(64)}, "is there twice"),
        ({last: None, last.replace("sw", "tr"): torch.zeros(64)}, r"several adapters \(sw, tr\)"),
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
    for content in ([torch.zeros(1)], {"a": torch.zeros(1).to_sparse()}, {"a": torch.zeros(1, device="meta")}):
        torch.save(content, folder / "pytorch_adapter.bin")
        with pytest.raises(UserError, match="something else than named tensors"):
            model.load_adapter(folder)
    assert "code ran" not in capsys.readouterr().out
    for text in (b"{", b"[]", b"\xff\xfe{}"):
        (folder / "adapter_config.json").write_bytes(text)
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

    monkeypatch.setattr("orthoadapters.model.adapterhub.tensors.save_file", full_disk)
    with pytest.raises(OSError, match="No space"):
        model.save_adapter(tmp_path / "sw", "sw")
    assert (tmp_path / "sw/adapter.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["sw"]
