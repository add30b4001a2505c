"""Adapters and heads that the `adapters` library 1.3.0 wrote compute here what they computed there (tests/adapterhub/)."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder, UserError
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.heads import ClassificationHead, TokenHead
from tests.adapterhub import ours
from tests.helpers.commands import ROOT

CASES = ROOT / "tests" / "adapterhub" / "frozen"


def test_what_the_library_wrote_computes_here_what_it_computed_there(caplog: pytest.LogCaptureFixture) -> None:
    assert ours.check(CASES) < 1e-5
    assert {path.name for path in CASES.glob("*/*/*.bin")} == {"pytorch_adapter.bin", "pytorch_model_head.bin"}
    assert "pair: its prediction head is not loaded" in caplog.text


def test_what_is_written_again_has_the_librarys_tensors_and_fields(tmp_path: Path) -> None:
    case = CASES / "frozen-xlmr"
    model = AdaptedEncoder.from_pretrained(str(case / "backbone"))
    for name in ("pair", "tags", "choice"):
        head, labels = head_files.read(case / name, model)
        model.load_adapter(case / name)
        model.save_adapter(tmp_path / name, name)
        head_files.write(tmp_path / name, model, name, head, labels)
        their_head, our_head = (load_file(folder / name / "model_head.safetensors") for folder in (case, tmp_path))
        assert their_head.keys() == our_head.keys()
        assert all(torch.equal(their_head[key], our_head[key]) for key in their_head)
        for file in ("head_config.json", "adapter_config.json"):
            theirs, ours = (json.loads((folder / name / file).read_text()) for folder in (case, tmp_path))
            # their dropout_prob is null, which means 0.1 as ours does
            config = {field: value for field, value in ours["config"].items() if field != "dropout_prob"}
            assert config == {field: theirs["config"][field] for field in config}
            for field in ("hidden_size", "model_type", "name"):
                assert ours[field] == theirs[field]
        assert ours["name"] == name


@pytest.fixture
def model() -> AdaptedEncoder:
    return AdaptedEncoder.from_pretrained(str(CASES / "frozen-xlmr" / "backbone"))


def edit(folder: Path, kind: str, **changes: Any) -> Path:
    copy = Path(shutil.copytree(CASES / "frozen-xlmr" / kind, folder / kind))
    path = copy / "head_config.json"
    record = json.loads(path.read_text())
    for field, value in changes.items():
        (record if field in record else record["config"])[field] = value
    path.write_text(json.dumps(record))
    return copy


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        ("pair", {"head_type": "multilabel_classification"}, "head_type = 'multilabel_classification'"),
        ("pair", {"head_type": None}, "head_type = None"),
        ("pair", {"layers": 1}, "layers = 1 is not supported"),
        ("pair", {"activation_function": "relu"}, "activation_function = 'relu'"),
        ("pair", {"use_pooler": True}, "use_pooler = True"),
        ("choice", {"layers": 1}, "layers = 1 is not supported; supported: classification and multiple_choice of two"),
        ("choice", {"use_pooler": True}, "use_pooler = True"),
        ("choice", {"num_choices": 3}, "does not number 3 labels from 0"),
        ("choice", {"num_choices": None}, "num_choices = None"),
        ("tags", {"layers": 2}, "layers = 2 is not supported"),
        ("tags", {"num_labels": 4}, "does not number 4 labels from 0"),
        ("tags", {"num_labels": "many"}, "num_labels = 'many'"),
        ("tags", {"label2id": {"O": 0}}, "does not number 5 labels from 0"),
        ("tags", {"hidden_size": 768}, "hidden size 768; this backbone's is 32"),
        ("tags", {"model_type": "bert"}, "of type bert; this one's is xlm-roberta"),
        ("tags", {"config": None}, "has no 'config'"),
    ],
)
def test_a_head_that_computes_something_else_is_refused(
    model: AdaptedEncoder, tmp_path: Path, kind: str, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        head_files.read(edit(tmp_path, kind, **changes), model)


def test_a_head_without_names_for_its_labels_numbers_them(model: AdaptedEncoder, tmp_path: Path) -> None:
    head, labels = head_files.read(edit(tmp_path, "tags", label2id=None, dropout_prob=0.3), model)
    assert isinstance(head, TokenHead)
    assert head.dropout.p == 0.3
    assert labels == ["0", "1", "2", "3", "4"]


def test_broken_head_files_are_sentences(model: AdaptedEncoder, tmp_path: Path) -> None:
    folder = edit(tmp_path, "pair")
    head, _ = head_files.read(folder, model)
    assert isinstance(head, ClassificationHead)
    weights = folder / "model_head.safetensors"
    whole = load_file(weights)
    first = next(iter(whole))
    for change in ({first: None}, {"heads.pair.7.weight": torch.zeros(2)}, {first: torch.zeros(2)}):
        save_file({key: value for key, value in (whole | change).items() if value is not None}, weights)
        with pytest.raises(UserError, match=r"its tensors .* are not the"):
            head_files.read(folder, model)
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(UserError, match="may be cut off"):
        head_files.read(folder, model)
    weights.unlink()
    with pytest.raises(UserError, match=r"neither model_head.safetensors nor pytorch_model_head.bin"):
        head_files.read(folder, model)
    (folder / "head_config.json").write_text("[]")
    with pytest.raises(UserError, match="is not JSON with fields"):
        head_files.read(folder, model)
