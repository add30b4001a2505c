"""The folders of backbones: local ones, pinned revisions in the Hub cache, safetensors, and pickles only on request."""

import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import huggingface_hub
import pytest
import torch
import yaml
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined]
from safetensors.torch import load_file, save_file
from torch._weights_only_unpickler import _get_allowed_globals
from transformers import CONFIG_MAPPING
from transformers.activations import ACT2CLS

from orthoadapters import AdaptedEncoder, demo, model
from orthoadapters.checksums import write_sums
from orthoadapters.config import compose
from orthoadapters.config.checks import check
from orthoadapters.config.choices import fingerprint
from orthoadapters.config.compose import CONF, compose_config
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.errors import UserError
from orthoadapters.hub.backbone_config import ACTIVATIONS, OF_LAYOUT, check_fields
from orthoadapters.hub.backbones import backbone_folder
from orthoadapters.hub.families import FAMILIES
from orthoadapters.hub.offline import NotFetchedError
from orthoadapters.hub.pickles import NAMES, check_pickle
from orthoadapters.model.backbone import backbone_path
from orthoadapters.model.sizes import bottleneck
from orthoadapters.runs.directory import RunDirectory
from tests.helpers.hub_cache import REVISION, add_backbone

HUB_ID = "someone/tiny"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hub cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def own(backbone: Path, tmp_path: Path) -> Path:
    """A copy of the tiny backbone, to be changed."""
    return Path(shutil.copytree(backbone, tmp_path / "own"))


def set_field(folder: Path, name: str, value: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))


@pytest.fixture
def pickle_folder(backbone: Path, tmp_path: Path) -> Path:
    """The tiny backbone with pytorch_model.bin in place of model.safetensors."""
    folder = tmp_path / "pickled"
    shutil.copytree(backbone, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(load_file(backbone / "model.safetensors"), folder / "pytorch_model.bin")
    return folder


def downloads(monkeypatch: pytest.MonkeyPatch, answer: Callable[[list[str]], str]) -> list[dict[str, Any]]:
    """Answers every download by `answer` of its patterns. The list holds the calls that ask the network."""
    calls: list[dict[str, Any]] = []
    local = huggingface_hub.snapshot_download

    def snapshot_download(hub_id: str, **options: Any) -> str:
        if options.get("local_files_only"):
            return str(local(hub_id, **options))
        calls.append({"id": hub_id} | options)
        return answer(options["allow_patterns"])

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return calls


@pytest.mark.parametrize("name", ["xlmr_base", "xlmr_large", "mbert", "mdeberta", "mmbert_base", "mmbert_small"])
def test_every_backbone_from_the_hub_is_pinned_to_a_commit_and_reads_no_pickle(name: str) -> None:
    config = compose_config([f"backbone={name}"])
    check(config)
    assert config.backbone.name == name
    assert len(str(config.backbone.revision)) == 40
    assert int(str(config.backbone.revision), 16)
    assert not config.backbone.allow_pickle
    files = {path.stem: yaml.safe_load(path.read_text()) for path in (CONF / "backbone").glob("*.yaml")}
    assert all(file["revision"] is None for key, file in files.items() if key in ("local", "demo"))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["backbone=local", "backbone.path=a/b"], "there is no folder a/b; backbone.path must be a folder"),
        (["backbone=local", "backbone.path=no-such"], "there is no folder no-such"),
        (
            ["backbone.revision=null"],
            "there is no folder FacebookAI/xlm-roberta-base; .* together with the backbone.rev",
        ),
        (["backbone.path=/tmp"], "backbone.path=/tmp is no Hub id .* use backbone=local backbone.path=DIR"),
        (["backbone.path=a/b/c"], "backbone.path=a/b/c is no Hub id"),
    ],
)
def test_a_path_that_is_neither_folder_nor_pinned_hub_id_is_refused_at_once(
    overrides: list[str], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config(overrides))


def test_one_file_makes_a_backbone_of_a_known_family(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(CONF, tmp_path / "conf")
    shutil.copytree(CONF.parent / "multirun_sweeps", tmp_path / "multirun_sweeps")
    (tmp_path / "conf" / "backbone" / "mine.yaml").write_text(f"name: mine\npath: {backbone}\nrevision: null\n")
    monkeypatch.setattr(compose, "CONF", tmp_path / "conf")
    config = compose_config(["backbone=mine"])
    check(config)
    assert AdaptedEncoder.from_pretrained(backbone_path(config)).shape.layers == 3
    assert RunDirectory(config).name.startswith("mine/")


def test_the_demo_backbone_has_its_name_once_its_checksums_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretrain(cache: Path) -> Path:
        (cache / "tiny").mkdir(parents=True)
        (cache / "tiny" / "weights").write_text("weights")
        return cache / "tiny"

    config = compose_config(["suite=demo", f"paths.cache={tmp_path}"])
    monkeypatch.setattr(demo, "ensure_backbone", pretrain)
    monkeypatch.setattr(model.backbone, "write_sums", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        backbone_path(config)
    assert not list(tmp_path.glob("demo-backbone-*"))
    monkeypatch.setattr(model.backbone, "write_sums", write_sums)
    folder = Path(backbone_path(config))
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "weights"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".demo-backbone.lock", folder.name]


def test_a_folder_is_found_from_home(backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(backbone.parent))
    config = compose_config(["backbone=local", f"backbone.path='~/{backbone.name}'"])
    check(config)
    assert backbone_path(config) == str(backbone)


def test_whether_pickles_are_allowed_changes_no_fingerprint() -> None:
    assert fingerprint(compose_config(["backbone.allow_pickle=true"])) == fingerprint(compose_config([]))


def test_weights_in_a_pickle_are_refused_with_the_key_that_allows_them_and_are_the_same_then(
    backbone: Path, pickle_folder: Path
) -> None:
    with pytest.raises(UserError, match=r"pytorch_model.bin alone.*backbone.allow_pickle=true"):
        AdaptedEncoder.from_pretrained(str(pickle_folder))
    expectation = AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True).state_dict()
    state = AdaptedEncoder.from_pretrained(str(pickle_folder), mlm_head=True, allow_pickle=True).state_dict()
    assert expectation.keys() == state.keys()
    assert all(torch.equal(state[name], expectation[name]) for name in expectation)


class Trap:
    """Pickled, it is a call that leaves a mark when somebody runs what is in the file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("plain", [True, False])
def test_code_in_a_pickle_is_never_run(pickle_folder: Path, tmp_path: Path, plain: bool) -> None:
    mark, file = tmp_path / "mark", pickle_folder / "pytorch_model.bin"
    if plain:
        file.write_bytes(pickle.dumps(Trap(mark), protocol=2))
    else:
        torch.save({"embeddings.word_embeddings.weight": Trap(mark)}, file)
    with pytest.raises(
        UserError,
        match=r"pytorch_model.bin holds more than tensors \(posix.mkdir\) and is not loaded, as code is not run",
    ) as error:
        AdaptedEncoder.from_pretrained(str(pickle_folder), allow_pickle=True)
    assert "\n" not in str(error.value)
    assert not mark.exists()
    with suppress(RuntimeError):
        torch.load(file, weights_only=False)  # what would have happened
    assert mark.exists()


def test_a_pickle_is_looked_into_without_its_weights_in_the_form_of_former_versions_too(
    backbone: Path, tmp_path: Path
) -> None:
    """What PyTorch's reader lets a pickle name passes, and nothing of torch that could be called otherwise."""
    assert [name for name in _get_allowed_globals() if not NAMES.fullmatch(name)] == []
    assert not any(
        map(NAMES.fullmatch, ("torch.load", "torch.hub.load", "builtins.eval", "torch._utils._import_dotted_name"))
    )
    path, content = tmp_path / "weights.bin", load_file(backbone / "model.safetensors")
    for is_former in (False, True):
        torch.save(content, path, _use_new_zipfile_serialization=not is_former)
        check_pickle(path, "")
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(UserError, match=r"weights.bin cannot be read, it may be cut off: .*; mend it"):
            check_pickle(path, "mend it")
    for value, protocol, name in (
        (Trap(tmp_path), 2, "posix.mkdir"),
        (Trap(tmp_path), 4, "posix.mkdir by STACK_GLOBAL"),
        (torch.nn.Linear(1, 1), 2, "torch.nn.modules.linear.Linear"),
    ):
        torch.save({"a": value}, path, pickle_protocol=protocol)
        with pytest.raises(
            UserError, match=rf"weights.bin holds more than tensors \({name}\) and is not loaded, as code"
        ):
            check_pickle(path, "")
    path.write_bytes(b"\x80\x02\x8d" + bytes([255] * 6 + [0, 0]))  # a text of 2^48 bytes
    with pytest.raises(UserError, match=r"weights.bin cannot be read, it may be cut off"):
        check_pickle(path, "")
    path.write_bytes(pickle.dumps([1]))
    with pytest.raises(UserError, match="PyTorch wrote no such file"):
        check_pickle(path, "")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("size", [0, 5, 1000])
def test_weights_that_are_cut_off_are_one_sentence(backbone: Path, pickle_folder: Path, name: str, size: int) -> None:
    source = backbone if name == "model.safetensors" else pickle_folder
    content = (source / name).read_bytes()[:size]
    (pickle_folder / "pytorch_model.bin").unlink()
    (pickle_folder / name).write_bytes(content)
    with pytest.raises(UserError, match="cannot be read") as error:
        AdaptedEncoder.from_pretrained(str(pickle_folder), allow_pickle=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "[]", '{"model_type": '])
def test_a_damaged_config_is_one_sentence(pickle_folder: Path, content: str) -> None:
    (pickle_folder / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config.json is not JSON.*; bring back backbone"):
        backbone_folder(str(pickle_folder))


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("num_attention_heads", -2, "a whole number from 1 to"),
        ("num_attention_heads", 0, "a whole number from 1 to"),
        ("num_attention_heads", "4", "a whole number from 1 to"),
        ("num_attention_heads", True, "a whole number from 1 to"),
        ("num_attention_heads", 7, r"a divisor of hidden_size \(64\)"),
        ("num_hidden_layers", 10**9, "a whole number from 1 to 1000;"),
        ("num_hidden_layers", 0, "a whole number from 1 to 1000;"),
        ("num_hidden_layers", 1, "3, as in the weights beside it; bring back the config.json"),
        ("num_hidden_layers", 4, "3, as in the weights beside it; bring back the config.json"),
        ("hidden_size", -64, "a whole number from 1 to"),
        ("hidden_size", None, "a whole number from 1 to"),
        ("intermediate_size", [128], "a whole number from 1 to"),
        ("type_vocab_size", -1, "a whole number from 0 to"),
        ("max_position_embeddings", 10**15, "a whole number from 1 to"),
        ("max_position_embeddings", "70", "a whole number from 1 to"),
        ("max_position_embeddings", 1, "above 2, as positions are counted from"),
        ("pad_token_id", None, "a whole number from 0 to"),
        ("pad_token_id", -1, "a whole number from 0 to"),
        ("pad_token_id", 10**9, "a whole number from 0 to"),
        ("pad_token_id", 400, r"below vocab_size \(400\)"),
        ("layer_norm_eps", -1, "a number above 0 and at most 0.01;"),
        ("layer_norm_eps", 0, "a number above 0 and at most 0.01;"),
        ("layer_norm_eps", 1e30, "a number above 0 and at most 0.01;"),
        ("layer_norm_eps", "1e-5", "a number above 0 and at most 0.01;"),
        ("layer_norm_eps", float("nan"), "a number above 0 and at most 0.01;"),
        ("hidden_dropout_prob", float("nan"), "a number from 0 to below 1;"),
        ("hidden_dropout_prob", 1.0, "a number from 0 to below 1;"),
        ("attention_probs_dropout_prob", -0.1, "a number from 0 to below 1;"),
        ("classifier_dropout", 2, "a number from 0 to below 1, or null;"),
        ("hidden_act", 3, "the name of an activation function"),
        ("hidden_act", "nope", "the name of an activation function"),
        ("is_decoder", True, "false, as adapters are defined for encoders;"),
        ("add_cross_attention", True, "false, as adapters are defined for encoders;"),
        ("output_attentions", True, "false, as adapters do not read them;"),
        ("position_embedding_type", "relative_key", '"absolute"'),
    ],
)
def test_a_wrong_value_in_config_json_is_named_with_its_place(own: Path, name: str, value: object, what: str) -> None:
    set_field(own, name, value)
    with pytest.raises(
        UserError, match=rf"^{own}/config.json: {name} is {re.escape(json.dumps(value))}, and must be {what}"
    ) as error:
        backbone_folder(str(own))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "tensor"),
    [
        ("vocab_size", 399, r"word_embeddings.weight has shape \[400, 64\], and vocab_size .* makes it \[399, 64\]"),
        ("hidden_size", 128, r"shape \[\d+, 64\], and hidden_size in config.json makes it \[\d+, 128\]"),
        (
            "max_position_embeddings",
            514,
            r"position_embeddings.weight has shape \[70, 64\], and max_position_embeddings .* \[514, 64\]",
        ),
    ],
)
def test_a_size_in_config_json_that_is_not_that_of_the_weights_is_named(
    own: Path, name: str, value: int, tensor: str
) -> None:
    set_field(own, name, value)
    with pytest.raises(UserError, match=rf"^{own}/model.safetensors: tensor .*{tensor}; bring back the config"):
        backbone_folder(str(own))


@pytest.mark.parametrize("value", [["xlm-roberta"], {"a": 1}, None])
def test_a_model_type_that_is_no_text_is_one_sentence(own: Path, value: object) -> None:
    set_field(own, "model_type", value)
    with pytest.raises(UserError, match=r"config.json is damaged: its field 'model_type' is no text; bring back"):
        backbone_folder(str(own))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("use_cache", "yes", "Validation error for field 'use_cache': .*expected bool, got str"),
        ("initializer_range", "a", "Validation error for field 'initializer_range': .*expected float, got str"),
        ("id2label", {"a": "b"}, "invalid literal for int"),
        ("dtype", "float99", "module 'torch' has no attribute 'float99'"),
    ],
)
def test_a_value_that_transformers_refuses_is_laid_to_config_json_with_the_reason(
    own: Path, name: str, value: object, reason: str
) -> None:
    set_field(own, name, value)
    sentence = rf"^{own}/config.json cannot be used \({reason}.*\); copy it again"
    with pytest.raises(UserError, match=sentence) as error:
        load_tokenizer(str(own))
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=sentence):
        AdaptedEncoder.from_pretrained(str(own))


def test_layers_are_counted_in_all_files_of_the_weights_and_a_file_that_is_missing_is_named(own: Path) -> None:
    weights = load_file(own / "model.safetensors")
    (own / "model.safetensors").unlink()
    names = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
    places = {key: names["layer.2." in key] for key in weights}
    for name in names:
        save_file({key: weights[key] for key in weights if places[key] == name}, own / name)
    (own / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert AdaptedEncoder.from_pretrained(str(own)).shape.layers == 3
    (own / names[1]).unlink()
    with pytest.raises(
        UserError, match=rf"index.json names '{names[1]}', and there is no such file beside it; copy it"
    ):
        backbone_folder(str(own))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_familys_own_values_pass(name: str, tmp_path: Path) -> None:
    config = CONFIG_MAPPING[name]()
    check_fields(tmp_path / "config.json", config.to_dict())
    check_fields(tmp_path / "config.json", json.loads(config.to_json_string()))
    assert all(
        holds(getattr(config, field))
        for field, (_, holds) in OF_LAYOUT[FAMILIES[name].layout].items()
        if hasattr(config, field)
    )


@pytest.mark.parametrize(
    "fields",
    [
        # Those of published files, where they differ from the defaults of transformers.
        {"model_type": "xlm-roberta", "vocab_size": 250002, "max_position_embeddings": 514, "layer_norm_eps": 1e-05},
        {"model_type": "bert", "pad_token_id": None, "position_embedding_type": "absolute", "directionality": "bidi"},
        {"model_type": "bert", "position_embedding_type": None, "output_attentions": None},
        {"model_type": "bert", "vocab_size": 30000, "pad_token_id": -1, "pooler_fc_size": 768, "type_vocab_size": 2},
        {"model_type": "electra", "embedding_size": 128, "hidden_size": 256, "num_attention_heads": 4},
        {
            "model_type": "deberta-v2",
            "attention_head_size": 64,
            "max_relative_positions": -1,
            "pos_att_type": "p2c|c2p",
            "position_biased_input": False,
            "type_vocab_size": 0,
            "embedding_size": None,
            "conv_kernel_size": 0,
        },
        {"model_type": "modernbert", "global_attn_every_n_layers": 3, "position_embedding_type": "sans_pos"},
        {"model_type": "xlm-roberta", "is_decoder": False, "hidden_dropout_prob": 0, "classifier_dropout": None},
    ],
)
def test_values_of_published_files_pass(fields: dict[str, object], tmp_path: Path) -> None:
    check_fields(tmp_path / "config.json", fields)


def test_the_names_of_activations_are_those_of_transformers() -> None:
    assert set(ACT2CLS) <= ACTIVATIONS


@pytest.mark.parametrize(("layout", "layers"), [("", 3), ("deberta", 3), ("modernbert", 4)])
def test_the_layers_of_every_layout_are_counted(layout: str, layers: int, oracle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(oracle / layout / "backbone", folder)
    assert backbone_folder(str(folder)) == folder
    set_field(folder, "num_hidden_layers", layers + 1)
    with pytest.raises(UserError, match=f"num_hidden_layers is {layers + 1}, and must be {layers}, as in"):
        backbone_folder(str(folder))


def test_a_revision_that_is_whole_in_the_cache_needs_no_network(
    backbone: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = add_backbone(cache, HUB_ID, backbone)
    calls = downloads(monkeypatch, lambda patterns: "")
    assert backbone_folder(HUB_ID, REVISION) == snapshot
    model = AdaptedEncoder.from_pretrained(HUB_ID, revision=REVISION)
    assert (model.hidden_size, calls) == (64, [])


@pytest.mark.parametrize("lacking", [None, "model.safetensors", "tokenizer.json", "config.json"])
def test_what_the_cache_lacks_is_named_with_the_command_when_offline(
    backbone: Path, cache: Path, lacking: str | None
) -> None:
    if lacking:
        (add_backbone(cache, HUB_ID, backbone) / lacking).unlink()
    with pytest.raises(
        NotFetchedError, match=rf"someone/tiny at revision {REVISION} is not in the local cache.*fetch$"
    ):
        backbone_folder(HUB_ID, REVISION)
    with pytest.raises(NotFetchedError, match=r"at revision ffff is not"):
        backbone_folder(HUB_ID, "ffff")


def test_only_what_is_read_is_fetched_and_of_the_pinned_revision(
    backbone: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = downloads(
        monkeypatch, lambda patterns: str(add_backbone(cache, HUB_ID, backbone)) if calls[1:] else str(backbone)
    )
    backbone_folder(HUB_ID, REVISION)
    assert {(call["id"], call["revision"]) for call in calls} == {(HUB_ID, REVISION)}
    assert calls[0]["allow_patterns"] == ["config.json"]
    files = ["model.safetensors", "tokenizer.json", "vocab.txt", "model-00001-of-00002.safetensors", "config.json"]
    others = [
        "pytorch_model.bin",
        "onnx/model.onnx",
        "tf_model.h5",
        "flax_model.msgpack",
        "README.md",
        "onnx/config.json",
    ]
    names = filter_repo_objects([*files, *others], allow_patterns=calls[1]["allow_patterns"])
    assert list(names) == files


def test_another_type_is_refused_before_its_weights_are_fetched(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    calls = downloads(monkeypatch, lambda patterns: str(tmp_path))
    with pytest.raises(UserError, match=r"'gpt2'.*xlm-roberta, roberta, bert, electra"):
        backbone_folder("openai/gpt", REVISION)
    assert [call["allow_patterns"] for call in calls] == [["config.json"]]


def test_a_repository_with_a_pickle_alone_names_the_key_and_is_fetched_with_it(
    pickle_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = downloads(monkeypatch, lambda patterns: str(pickle_folder))
    with pytest.raises(UserError, match=r"someone/tiny has its weights in pytorch_model.bin alone.*allow_pickle=true"):
        backbone_folder(HUB_ID, REVISION)
    assert not any("bin" in pattern for call in calls for pattern in call["allow_patterns"])
    assert backbone_folder(HUB_ID, REVISION, allow_pickle=True) == pickle_folder
    assert any("bin" in pattern for pattern in calls[-1]["allow_patterns"])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RevisionNotFoundError("404", response=Mock(headers={})), r"at revision 0123456.*: .* no such revision"),
        (RepositoryNotFoundError("401", response=Mock(headers={})), r"no such repository, or .* hf auth login"),
        (LocalEntryNotFoundError("Got: ConnectError"), r"the Hub cannot be reached; .*HF_HUB_OFFLINE=1.*fetch$"),
        (TimeoutError("read"), r"the Hub cannot be reached"),
        (PermissionError(13, "Permission denied"), r"could not load backbone someone/tiny .*Permission denied; check"),
    ],
)
def test_whatever_the_hub_answers_is_one_sentence(
    error: Exception, sentence: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(patterns: list[str]) -> str:
        raise error

    downloads(monkeypatch, fail)
    with pytest.raises(UserError, match=sentence) as refusal:
        backbone_folder(HUB_ID, REVISION)
    assert "\n" not in str(refusal.value)


def test_a_bottleneck_that_does_not_come_out_even_is_rounded_down_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    large = Mock(shape=Mock(hidden_size=1024))
    assert [bottleneck(large, "variant.task_reduction", reduction) for reduction in (2, 16)] == [512, 64]
    assert not caplog.messages
    assert bottleneck(large, "variant.task_reduction", 12) == 85
    assert caplog.messages == ["variant.task_reduction=12: hidden size 1024 gives bottleneck 85, rounded down"]
    with pytest.raises(UserError, match="leaves nothing of this backbone's hidden size 1024; lower it"):
        bottleneck(large, "variant.task_reduction", 2000)
