"""Runs without a network: what the caches hold is used, what they lack is named, and fetch brings it."""

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import Dataset
from huggingface_hub import constants

from orthoadapters import fetch as fetch_module
from orthoadapters.config.compose import compose_config
from orthoadapters.data.sources import hub
from orthoadapters.data.sources import text as text_source
from orthoadapters.errors import UserError
from orthoadapters.hub.offline import NotFetchedError
from tests.helpers.commands import ROOT
from tests.helpers.hub_cache import REVISION, add_backbone, add_xnli
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import run_sweep

sys.path.insert(0, str(ROOT))
from orthoadapters.commands import train

HUB_ID = "someone/tiny"
FROM_HUB = [
    "backbone=xlmr_base",
    f"backbone.path={HUB_ID}",
    f"backbone.revision={REVISION}",
    "data=hub",
    "task=xnli",
    f"task.hub_revision={REVISION}",
    "languages=[sw]",
    "variant=t_noo",
    "logger=none",
]


def run(command: list[str], cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")} | environment
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=120
    )


def from_hub(backbone: Path, world: Path, out: Path, *more: str) -> list[str]:
    others = [o for o in overrides(backbone, world, out) if not o.startswith(("backbone", "data", "logger"))]
    return [*others, *FROM_HUB, *more]


def test_a_run_from_the_hubs_caches_needs_no_network(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connection(*_: Any) -> None:
        raise AssertionError("the network was asked")

    assert constants.HF_HUB_OFFLINE  # as HF_HUB_OFFLINE=1 sets it, see conftest.py
    monkeypatch.setattr(socket.socket, "connect", connection)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    add_backbone(tmp_path, HUB_ID, backbone)
    add_xnli(tmp_path, "facebook/xnli", ["en", "tr"], {"train": 12, "validation": 6, "test": 6})
    add_xnli(tmp_path, "facebook/xnli", ["sw"], {"train": 12, "test": 6})
    result = execute(from_hub(backbone, world, tmp_path, "languages=[sw,tr]"))
    assert set(result.test) == {"en", "sw", "tr"}
    assert set(result.target_dev) == {"tr"}  # the cache has no development set in Swahili


def test_a_sweep_and_a_plan_read_what_the_cache_has_before_anything_is_run(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    add_backbone(tmp_path, HUB_ID, backbone)
    add_xnli(tmp_path, "facebook/xnli", ["en"], {"train": 3, "validation": 3, "test": 3})
    add_xnli(tmp_path, "facebook/xnli", ["sw"], {"test": 3}, step=-1)
    command = from_hub(backbone, world, tmp_path / "out")
    for more in ([], ["plan=true"]):
        assert run_sweep(*command, "seed=0,1", *more) == 1
        assert "(config sw, split test), row 1: unknown label -1" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"row 1: unknown label -1"):
        train.run_one(compose_config([*command, "plan=true"]), command)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # there, a plan does not ask the Hub for newer data
    train.run_one(compose_config([*command, "plan=true"]), command)


def test_what_the_caches_lack_is_named_with_the_command_that_fetches_it(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    (add_backbone(tmp_path, HUB_ID, backbone) / "tokenizer.json").unlink()
    command = from_hub(backbone, world, tmp_path)
    sentence = (
        f"backbone {HUB_ID} at revision {REVISION} is not in the local cache, and HF_HUB_OFFLINE is set; fetch it"
    )
    with pytest.raises(UserError, match=re.escape(sentence)) as error:
        train.run_one(compose_config(command), command)
    assert str(error.value).endswith(f"with: python -m orthoadapters.fetch {shlex.join(command)}")
    adapters = ["variant=lnoo_tnoo", "language_adapters.missing=train", "corpus=wikipedia", "corpus.root=null"]
    command = overrides(backbone, world, tmp_path, *adapters, "languages=[]")
    with pytest.raises(UserError, match=r"20231101.en.* with: python -m orthoadapters.fetch stage=mlm .* language=en$"):
        train.run_one(compose_config(command), command)


def test_the_command_says_what_it_is_for_and_refuses_what_is_mistyped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = run(["-m", "orthoadapters.fetch", "--help"], ROOT)
    assert process.returncode == 0
    assert "python -m orthoadapters.fetch task=xnli" in process.stdout
    assert fetch(monkeypatch, ["task=xnlii"]) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("error: task has no 'xnlii', did you mean 'xnli'?")


@pytest.fixture
def xnli_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    add_xnli(tmp_path, "facebook/xnli", ["sw"], {"test": 6})
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    return tmp_path


def test_cached_data_of_another_revision_is_not_taken_for_the_pinned_one(xnli_cache: Path) -> None:
    assert len(hub.load("facebook/xnli", "sw", split="test", revision=REVISION)) == 6
    with pytest.raises(
        NotFetchedError, match=r"holds revision 01234567 and not ffffffff, .*delete that folder.*fetch$"
    ):
        hub.load("facebook/xnli", "sw", split="test", revision="f" * 40)
    with pytest.raises(NotFetchedError, match=r"facebook/xnli \(config hi, split test\) is not in the local cache"):
        hub.load("facebook/xnli", "hi", split="test", revision=REVISION)


def test_wikipedia_without_a_network_offers_text_files_and_the_command() -> None:
    config = compose_config(["stage=mlm", "language=sw"])
    with pytest.raises(NotFetchedError, match=r"20231101.sw.* use corpus=text corpus.root=DIR, or fetch it .*fetch$"):
        next(text_source.passages(config.corpus, config.language))


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Stands in for the Hub's data sets; the list holds every question that it gets."""
    questions: list[tuple[Any, ...]] = []

    def load_dataset(name: str, config: str, split: str, revision: str | None = None, **options: Any) -> Dataset:
        questions.append((name, config, split, revision))
        if options.get("streaming"):
            articles = [f"the word{' an ing' * 20} {i}" for i in range(400)]
            return Dataset.from_dict({"text": articles}).to_iterable_dataset()
        return Dataset.from_dict({"premise": ["a"], "hypothesis": ["b"], "label": [0]})

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return questions


def fetch(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> int:
    monkeypatch.setattr(sys, "argv", ["fetch", *arguments])
    return fetch_module.main()


def test_fetch_brings_the_data_of_every_language_and_prints_the_offline_command(
    backbone: Path,
    world: Path,
    tmp_path: Path,
    online: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add_backbone(tmp_path, HUB_ID, backbone)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    command = from_hub(backbone, world, tmp_path)
    assert fetch(monkeypatch, command) == 0
    assert [(config, split) for _, config, split, _ in online] == [
        ("en", "train"),
        ("en", "validation"),
        ("en", "test"),
        ("sw", "test"),
    ]
    assert {(name, revision) for name, _, _, revision in online} == {("facebook/xnli", REVISION)}
    out = capsys.readouterr().out
    assert str(tmp_path / "hub") in out
    assert "1 train, 1 dev, 1 test" in out
    assert out.splitlines()[-1].startswith("without a network from now on: HF_HUB_OFFLINE=1 python train.py")
    assert "'languages=[sw]'" in out.splitlines()[-1]


def test_fetched_text_is_what_the_mlm_stage_reads_without_a_network(
    backbone: Path, world: Path, tmp_path: Path, online: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [o for o in overrides(backbone, world, tmp_path) if not o.startswith("corpus")]
    command += ["stage=mlm", "language=sw", "variant=lnoo_tnoo", "logger=none"]
    assert fetch(monkeypatch, command) == 0
    assert online == [("wikimedia/wikipedia", "20231101.sw", "train", text_source.WIKIPEDIA_REVISION)]
    assert fetch(monkeypatch, command) == 0
    assert len(online) == 1  # what is there is not fetched again
    monkeypatch.setattr(datasets, "load_dataset", None)
    assert execute(command).test["sw"]["n"] == 4


def test_fetch_brings_the_text_for_adapters_that_the_run_would_train(
    backbone: Path, world: Path, tmp_path: Path, online: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [o for o in overrides(backbone, world, tmp_path) if not o.startswith("corpus")]
    command += ["task=xnli", "languages=[sw]", "variant=lnoo_tnoo", "language_adapters.missing=train"]
    assert fetch(monkeypatch, command) == 0
    assert [config for _, config, _, _ in online] == ["20231101.en", "20231101.sw"]


def test_nothing_is_fetched_for_local_folders(
    backbone: Path,
    world: Path,
    tmp_path: Path,
    online: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for stage in ("stage=task", "stage=mlm"):
        assert fetch(monkeypatch, overrides(backbone, world, tmp_path, stage)) == 0
    out = capsys.readouterr().out
    assert [line.split(":")[0] for line in out.splitlines() if "nothing to fetch" in line] == [
        f"backbone {backbone}",
        "data=xtreme",
        f"backbone {backbone}",
        "corpus=text",
    ]
    assert online == []
    assert list(tmp_path.iterdir()) == []


def test_fetching_offline_is_refused(backbone: Path, world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set, so nothing can be fetched; unset it"):
        fetch_module.fetch(overrides(backbone, world, tmp_path))


def test_an_unreachable_hub_is_one_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], backbone: Path, world: Path, tmp_path: Path
) -> None:
    def unreachable(*arguments: Any, **options: Any) -> None:
        raise ConnectionError("Couldn't reach 'facebook/xnli' on the Hub\nmore")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    local = [o for o in overrides(backbone, world, tmp_path, "data=hub") if not o.startswith(("data=x", "data.root"))]
    assert fetch(monkeypatch, local) == 1
    streams = capsys.readouterr()
    assert streams.err.count("\n") == 1
    assert "the Hub cannot be reached" in streams.err
    assert streams.err.endswith(f"with: python -m orthoadapters.fetch {shlex.join(local)}\n")
    assert "without a network" not in streams.out
