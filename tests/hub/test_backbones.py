"""The folders of backbones: local ones, pinned revisions in the Hub cache, safetensors, and pickles only on request."""

import os
import pickle
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
from safetensors.torch import load_file
from torch._weights_only_unpickler import _get_allowed_globals

from orthoadapters import AdaptedEncoder, demo, model
from orthoadapters.checksums import write_sums
from orthoadapters.config import compose
from orthoadapters.config.checks import check
from orthoadapters.config.choices import fingerprint
from orthoadapters.config.compose import CONF, compose_config
from orthoadapters.errors import UserError
from orthoadapters.hub.backbones import backbone_folder
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
