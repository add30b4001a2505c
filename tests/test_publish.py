"""The files that a run leaves for others: heads in AdapterHub's format, model cards, the upload."""

import errno
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub.errors import LocalTokenNotFoundError
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder
from orthoadapters.config.compose import compose_config
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.publish import main
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.stages.model_card import language_card, task_card
from tests.helpers.short_runs import execute, overrides


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, backbone: Path, world: Path) -> dict[str, Path]:
    """Finished runs: a language adapter's, one of each kind of task, and one without adapters."""
    out = tmp_path_factory.mktemp("published")
    commands = {
        "mlm": ["stage=mlm", "variant=lort_tnoo", "language=sw", "trainer.max_iterations=2"],
        "xnli": ["variant=t_ort", "task=xnli", "languages=[sw]", "trainer.max_epochs=1"],
        "udpos": ["variant=t_noo", "task=udpos", "languages=[tr]", "trainer.max_epochs=1"],
        "full_ft": ["variant=full_ft", "task=udpos", "languages=[tr]", "trainer.max_epochs=1"],
    }
    folders = {}
    for name, more in commands.items():
        command = overrides(backbone, world, out, *more)
        execute(command)
        folders[name] = RunDirectory(compose_config(command)).path
    return folders


@pytest.mark.parametrize("task", ["xnli", "udpos"])
def test_a_runs_adapter_folder_holds_its_head_too(runs: dict[str, Path], backbone: Path, task: str) -> None:
    run = runs[task]
    assert {file.name for file in (run / "adapter").iterdir()} == {
        "README.md",
        "adapter.safetensors",
        "adapter_config.json",
        "head_config.json",
        "model_head.safetensors",
    }
    head, labels = head_files.read(run / "adapter", AdaptedEncoder.from_pretrained(str(backbone)))
    tensors = load_file(run / "head" / "head.safetensors")
    assert tensors.keys() == head.state_dict().keys()
    assert all(torch.equal(tensors[key], value) for key, value in head.state_dict().items())
    assert labels == compose_config([f"task={task}"]).task.labels
    assert head.dropout.p == 0.1


def front_matter(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_says_what_the_adapter_is_and_names_no_path(runs: dict[str, Path]) -> None:
    for name, sentences in {
        "mlm": [
            "Swahili (sw)",
            "| kind | ORT",
            "bottleneck 32",
            "2 iterations of 4 x 16 subwords",
            "L_ORT ",
            "0.01 on L_ORT",
            "backbone | tiny",
            'model.activate("sw")',
            "use_safetensors=True",
            "| commit | ",
        ],
        "xnli": [
            "xnli, labels entailment, neutral, contradiction",
            "| variant | t_ort",
            "trained on en",
            "XTREME's files",
            "| language adapters | none",
            "test: accuracy x 100 | en | sw |",
            'model.activate("task")',
            "Stack(task)",
        ],
        "udpos": ["| kind | NOO", "sentences, learning rate ", "test: f1 x 100 | en | tr |"],
    }.items():
        card = (runs[name] / "adapter" / "README.md").read_text()
        for words in sentences:
            assert words in card, (name, words)
        assert str(runs[name].parents[3]) not in card
        assert "base_model" not in front_matter(card)  # a local folder is nobody else's base model
    assert front_matter((runs["mlm"] / "adapter" / "README.md").read_text()) == {
        "library_name": "adapter-transformers",
        "tags": ["adapter-transformers", "orthoadapters"],
        "language": ["sw"],
    }


def test_the_card_of_a_run_from_the_hub_names_models_data_and_adapters() -> None:
    config = compose_config(["backbone.revision=abc", "variant=lnoo_tort", "language_adapters.source=hub", "task=xnli"])
    card = task_card(config, "c0ffee1", "task", 48, 0.25, 7, 2, {"en": {"accuracy": 0.5}, "sw": {"accuracy": 0.25}})
    matter = front_matter(card)
    assert (matter["base_model"], matter["datasets"]) == ("FacebookAI/xlm-roberta-base", ["facebook/xnli"])
    assert "FacebookAI/xlm-roberta-base, revision abc" in card
    assert "NOO, AdapterHub/xlm-roberta-base-en-wiki_pfeiffer, " in card
    assert "| | 50.00 | 25.00 |" in card
    assert 'model.activate("en", "task")' in card
    assert "Stack(en, task)" in card
    card = language_card(compose_config(["stage=mlm", "language=sw"]), "c0ffee1", 384, {"mlm_loss": 1.5, "l_ort": 0.25})
    assert front_matter(card)["datasets"] == ["wikimedia/wikipedia"]
    assert "20231101.sw" in card
    assert "MLM loss 1.5000, L_ORT 0.2500" in card
    assert "| commit | c0ffee1 |" in card


class FakeApi:
    calls: list[tuple[str, Any]]

    def create_repo(self, repo: str, *, exist_ok: bool) -> None:
        self.calls.append(("create", repo))

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> None:
        names = sorted(file.name for file in folder_path.iterdir())
        self.calls.append(("upload", (repo_id, names, (folder_path / "README.md").read_text())))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    FakeApi.calls = []
    monkeypatch.setattr("huggingface_hub.HfApi", FakeApi)
    return FakeApi.calls


def test_a_dry_run_prints_the_files_and_uploads_nothing(
    runs: dict[str, Path], calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file: file.read_bytes() for file in (runs["xnli"] / "adapter").iterdir()}
    assert main([str(runs["xnli"]), "--repo", "me/mine"]) == 0
    out = capsys.readouterr().out
    for file, content in before.items():
        if file.name != "README.md":
            assert f"{len(content):>12,} {file.name}" in out
    assert 'model.load_adapter("me/mine", "task")' in out
    assert "nothing was uploaded; add --yes" in out
    assert calls == []
    assert {file: file.read_bytes() for file in (runs["xnli"] / "adapter").iterdir()} == before


def test_yes_uploads_what_was_shown(
    runs: dict[str, Path], calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(runs["mlm"]), "--repo", "me/mine", "--yes"]) == 0
    assert calls[0] == ("create", "me/mine")
    repo, names, card = calls[1][1]
    assert (repo, names) == ("me/mine", ["README.md", "adapter.safetensors", "adapter_config.json", "training.json"])
    assert "OWNER/NAME" not in card
    assert card in capsys.readouterr().out


def test_a_card_or_a_disk_that_is_none_is_a_sentence(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(runs["xnli"], tmp_path / "run"))
    (run / "SHA256SUMS").unlink()
    card = run / "adapter" / "README.md"

    def answer() -> str:
        assert main([str(run), "--repo", "me/mine"]) == 1
        printed = capsys.readouterr()
        assert (printed.out, printed.err.count("\n")) == ("", 1)
        return printed.err

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil.copytree, "__defaults__", (False, None, fail, False, False))
        assert (
            "cannot be copied into a temporary folder ([Errno 28] No space left on device); make room, or" in answer()
        )
    with monkeypatch.context() as patch:
        patch.setattr("orthoadapters.files._to_disk", fail)
        assert re.search(
            r"/adapter/README.md cannot be written or read \(No space left on device\); make room", answer()
        )
    with monkeypatch.context() as patch:
        patch.setattr("tempfile._candidate_tempdir_list", lambda: ["/nowhere"])
        patch.setattr("tempfile.tempdir", None)
        assert "No usable temporary directory found in ['/nowhere']; let TMPDIR name a folder" in answer()
    card.write_bytes(b"caf\xe9")
    assert f"error: {card} is not UTF-8, as a card on the Hub must be; save it as UTF-8\n" in answer()
    card.unlink()
    card.mkdir()
    assert f"{run}/adapter has no README.md" in answer()


@pytest.mark.parametrize("name", ["adapter.safetensors", "model_head.safetensors"])
def test_weights_that_are_no_finite_numbers_are_not_published(
    runs: dict[str, Path], calls: list[tuple[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A run of an earlier version has no checksums that would show it."""
    run = Path(shutil.copytree(runs["xnli"], tmp_path / "run"))
    (run / "SHA256SUMS").unlink()
    path = run / "adapter" / name
    tensors = load_file(path)
    key = sorted(tensors)[0]
    for value, problem in (
        (float("nan"), "has 1 weights that are NaN or infinite"),
        (1e30, "has a weight of 1e+30, which is far too large: what the adapter computes would be infinite"),
    ):
        tensors[key].view(-1)[0] = value
        save_file(tensors, path)
        assert main([str(run), "--repo", "me/mine", "--yes"]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err == f"error: {path}: tensor {key} {problem}; restore it, or repeat the run\n"
    assert calls == []


def test_what_cannot_be_published_is_a_sentence(
    runs: dict[str, Path],
    calls: list[tuple[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = Path(shutil.copytree(runs["xnli"], tmp_path / "unfinished"))
    (folder / "result.json").unlink()
    cardless = Path(shutil.copytree(runs["xnli"], tmp_path / "cardless"))
    (cardless / "adapter" / "README.md").unlink()
    for run, repo, sentence in (
        (folder, "me/mine", "is not finished: it has no result.json"),
        (cardless, "me/mine", "has no README.md"),
        (runs["full_ft"], "me/mine", "has no adapter to publish; variant=full_ft"),
        (tmp_path / "nowhere", "me/mine", "there is no folder"),
        (runs["xnli"], "mine", "--repo mine: write OWNER/NAME"),
        (runs["xnli"], "me/mine@main", "--repo me/mine@main: write OWNER/NAME"),
    ):
        assert main([str(run), "--repo", repo, "--yes"]) == 1
        assert sentence in capsys.readouterr().err
    assert calls == []

    def refuse(*_: Any, **__: Any) -> None:
        raise LocalTokenNotFoundError("Token is required\nbut no token found")

    monkeypatch.setattr(FakeApi, "create_repo", refuse)
    assert main([str(runs["xnli"]), "--repo", "me/mine", "--yes"]) == 1
    assert "the Hub took nothing for me/mine: Token is required; `hf auth login`" in capsys.readouterr().err
