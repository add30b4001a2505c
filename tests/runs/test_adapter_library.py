"""Language adapters from this project's training, from local AdapterHub folders and from the Hub."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

from orthoadapters import AdaptedEncoder, UserError
from orthoadapters.config.checks import check
from orthoadapters.config.choices import choices
from orthoadapters.config.compose import compose_config, language_config
from orthoadapters.config.hub_ids import is_id
from orthoadapters.config.schema import AdapterKind, AdapterSource
from orthoadapters.config.trainings import mlm_overrides
from orthoadapters.evaluation.transfer import load_language_adapter
from orthoadapters.fetch import fetch_language_adapters
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.labelling.listing import list_languages
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.inputs import backbone_files_sha256
from orthoadapters.runs.language_adapter import BACKBONE_FILES, FILES, LanguageAdapter, language_adapter
from orthoadapters.stages.adapter_fit import check_fit
from orthoadapters.stages.plan import print_plan
from tests.helpers.commands import ROOT
from tests.helpers.short_runs import execute, overrides

TASK = ("variant=lnoo_tnoo", "task=udpos", "languages=[ar,tr]", "task.batch_size=20", "trainer.max_epochs=1")


@pytest.fixture
def root(oracle: Path, tmp_path: Path) -> Path:
    """Local AdapterHub folders for en, ar and tr."""
    for language, folder in (("en", "sw"), ("ar", "ar_safetensors"), ("tr", "sw_safetensors")):
        shutil.copytree(oracle / folder, tmp_path / "mine" / language)
    return tmp_path / "mine"


class FakeHub:
    """A stand-in for `snapshot_download`: repositories are folders, one per commit; `main` is the newest."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls, self.main = folder, 0, "c0ffee1"

    def add(self, name: str, source: Path) -> None:
        shutil.copytree(source, self.folder / name / self.main)

    def __call__(self, repo_id: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool) -> str:
        self.calls += 0 if local_files_only else 1
        assert {*FILES, adapter_hub.HEAD_FILE, *adapter_hub.HEAD_WEIGHTS} <= set(allow_patterns)
        assert not any("*" in pattern for pattern in allow_patterns)
        response: Any = httpx.Response(404, request=httpx.Request("GET", "https://huggingface.co"))
        if not (self.folder / repo_id).exists():
            raise RepositoryNotFoundError("404", response=response)
        if not (self.folder / repo_id / (revision or self.main)).exists():
            raise RevisionNotFoundError("404", response=response)
        return str(self.folder / repo_id / (revision or self.main))


@pytest.fixture
def hub(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(tmp_path / "hub")
    for language in ("en", "ar", "tr"):
        fake.add(f"me/{language}-adapter", root / language)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fake)
    return fake


HUB_IDS = "language_adapters.hub={en:me/en-adapter,ar:me/ar-adapter@c0ffee1,tr:me/tr-adapter}"


@pytest.fixture
def command(backbone: Path, world: Path, tmp_path: Path) -> Callable[..., list[str]]:
    return lambda *more: overrides(backbone, world, tmp_path, *TASK, *more)


@pytest.fixture
def local(command: Callable[..., list[str]], root: Path) -> Callable[..., list[str]]:
    return lambda *more: command("language_adapters.source=local", f"language_adapters.root={root}", *more)


@pytest.fixture
def from_hub(command: Callable[..., list[str]], hub: FakeHub) -> Callable[..., list[str]]:
    return lambda *more: command("language_adapters.source=hub", HUB_IDS, *more)


def test_local_and_hub_adapters_give_the_same_run_and_say_where_they_come_from(
    local: Callable[..., list[str]], from_hub: Callable[..., list[str]], root: Path
) -> None:
    here, there = execute(local()), execute(from_hub())
    assert here.test == there.test
    assert here.fingerprint != there.fingerprint
    assert here.adapters["ar"] | {"path": ""} == there.adapters["ar"] | {"path": "", "source": "local"}
    assert (here.adapters["ar"]["path"], here.adapters["ar"]["source"]) == (str(root / "ar"), "local")
    assert {code: entry["path"] for code, entry in there.adapters.items()} == {
        code: f"me/{code}-adapter@c0ffee1" for code in ("en", "ar", "tr")
    }
    assert {entry["source"] for entry in there.adapters.values()} == {"hub"}


def test_a_run_knows_its_adapters_from_others(command: Callable[..., list[str]], root: Path) -> None:
    commands = [
        command(),
        command("language_adapters.source=local", f"language_adapters.root={root}"),
        command("language_adapters.source=local", "language_adapters.root=elsewhere"),
        command("language_adapters.source=hub", HUB_IDS),
        command("language_adapters.source=hub", HUB_IDS.replace("c0ffee1", "c0ffee2")),
        command("language_adapters.source=hub", "backbone.name=xlmr_base"),
    ]
    configs = [compose_config(arguments) for arguments in commands]
    assert len({RunDirectory(config).fingerprint for config in configs}) == len(commands)
    assert not any("language_adapters" in key for key in choices(configs[0]))  # as before there were other sources
    assert configs[-1].language_adapters.hub == {
        code: f"AdapterHub/xlm-roberta-base-{code}-wiki_pfeiffer" for code in ("en", "ar", "tr")
    }
    assert compose_config([*commands[-1], "language_adapters.hub={tr:me/mine}"]).language_adapters.hub == {
        "en": "AdapterHub/xlm-roberta-base-en-wiki_pfeiffer",
        "ar": "AdapterHub/xlm-roberta-base-ar-wiki_pfeiffer",
        "tr": "me/mine",
    }
    without = [compose_config([*arguments, "variant=t_noo"]) for arguments in (command(), commands[1], commands[3])]
    assert len({RunDirectory(config).fingerprint for config in without}) == 1
    training = [
        compose_config([*arguments, "stage=mlm", "language=sw"]) for arguments in (command(), commands[1], commands[3])
    ]
    assert len({RunDirectory(config).fingerprint for config in training}) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["language_adapters.source=local"], r"source=local needs one: language_adapters.root=DIR"),
        (["language_adapters.root=x"], r"a root goes with source=local"),
        (["language_adapters.source=hub", "language_adapters.root=x"], r"a root goes with source=local"),
        (["language_adapters.hub={sw:a/b}"], r"goes with language_adapters.source=hub"),
        (["language_adapters.source=hub", "language_adapters.hub=a/b"], r"write language_adapters.hub=\{sw:OWNER/NAME"),
        (
            ["language_adapters.source=hub", "language_adapters.hub={sw:3}"],
            r"write language_adapters.hub=\{sw:OWNER/NAME",
        ),
        (
            ["language_adapters.source=hub", "language_adapters.hub={sw:sw-wiki}"],
            r"'sw-wiki' is no id; write OWNER/NAME",
        ),
        (
            ["language_adapters.source=hub", "variant=lort_tnoo"],
            r"variant=lort_tnoo needs .* variant=lnoo_tnoo or lnoo_tort",
        ),
        (["language_adapters.source=hub", "variant=lort_tort"], r"variant=lort_tort needs"),
        (
            ["language_adapters.source=hub", "language_adapters.hub={swa:a/b}"],
            r"unknown language 'swa', did you mean 'sw'",
        ),
        (["language_adapters.source=hub", "language_adapters.missing=train"], r"only adapters of source=trained"),
        (["language_adapters.source=internet"], r"'internet' is not one of"),
    ],
)
def test_sources_that_do_not_go_together_are_refused_before_anything_is_read(
    arguments: list[str], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config(arguments))


def test_every_missing_language_and_the_place_looked_at_are_named(
    local: Callable[..., list[str]], root: Path, hub: FakeHub, command: Callable[..., list[str]]
) -> None:
    for language in ("en", "tr"):
        shutil.rmtree(root / language)
    with pytest.raises(UserError, match=rf"no language adapter for en, tr in {root}; .* such as {root}/en$"):
        execute(local())
    with pytest.raises(
        UserError, match=r"is known for en, tr and backbone.name=tiny .* language_adapters.hub={en:OWNER/NAME}"
    ):
        execute(command("language_adapters.source=hub", "language_adapters.hub={ar:me/ar-adapter}"))
    with pytest.raises(UserError, match="adapter me/nothing: the Hub has no such repository"):
        execute(command("language_adapters.source=hub", HUB_IDS.replace("me/tr-adapter", "me/nothing")))


def test_a_local_adapter_of_another_kind_or_size_is_refused(local: Callable[..., list[str]], root: Path) -> None:
    with pytest.raises(UserError, match=r"en is a language adapter of kind noo .* variant=lort_tnoo needs ort"):
        execute(local("variant=lort_tnoo"))
    for language in ("en", "ar", "tr"):
        (root / language / "training.json").write_text(json.dumps({"kind": "ort"}))
    with pytest.raises(UserError, match=r"en is a language adapter of kind ort .* variant=lnoo_tnoo needs noo"):
        execute(local())
    assert execute(local("variant=lort_tnoo", "optim.ort_lr=1e-3")).adapters["tr"]["kind"] == "ort"
    with pytest.raises(UserError, match=r"has bottleneck 32 .* makes it 16; give variant.language_reduction=2"):
        execute(local("variant=lort_tnoo", "variant.language_reduction=4"))


def test_an_adapter_of_another_language_is_refused_by_its_record(
    local: Callable[..., list[str]], from_hub: Callable[..., list[str]], root: Path, hub: FakeHub
) -> None:
    for folder in (root / "tr", hub.folder / "me" / "tr-adapter" / hub.main):
        (folder / "training.json").write_text(json.dumps({"kind": "noo", "language": "en"}))
    for arguments, fix in (
        (local(), "put the adapter for tr in its place"),
        (from_hub(), r"language_adapters.hub={tr:OWNER"),
    ):
        with pytest.raises(UserError, match=rf"as the language adapter for tr, .* was trained on en; .*{fix}"):
            execute(arguments)
    adapter = language_adapter(compose_config(local()), "tr")
    with pytest.raises(UserError, match="was trained on en"):
        load_language_adapter(Mock(), adapter, Mock())


def test_a_trained_adapter_under_the_name_of_another_kind_is_refused(oracle: Path, tmp_path: Path) -> None:
    adapter = LanguageAdapter("sw", AdapterKind.ort, AdapterSource.trained, str(tmp_path / "sw-ort"))
    shutil.copytree(oracle / "sw", adapter.path)
    library.check_adapter(adapter, "lort_tnoo")
    (adapter.path / "training.json").write_text(json.dumps({"kind": "noo", "language": "sw"}))
    with pytest.raises(UserError, match=r"sw-ort is a language adapter of kind noo .*; move it away, and train one"):
        library.check_adapter(adapter, "lort_tnoo")


@pytest.mark.parametrize(("field", "name"), BACKBONE_FILES.items())
def test_an_adapter_that_was_trained_with_another_tokenizer_or_number_of_heads_is_refused(
    field: str, name: str, local: Callable[..., list[str]], root: Path, backbone: Path
) -> None:
    config = compose_config(local())
    record, sha256 = root / "tr" / "training.json", backbone_files_sha256(config.backbone)[name]
    adapter = language_adapter(config, "tr")
    record.write_text(json.dumps({"kind": "noo", field: sha256}))
    check_fit(adapter, config.variant, config.domain, backbone)
    record.write_text(json.dumps({"kind": "noo", field: "5eed" * 16}))
    sentence = rf"tr was trained with another {name} \(5eed5eed\) than {backbone} holds \({sha256[:8]}\); restore it"
    with pytest.raises(UserError, match=sentence):
        check_fit(adapter, config.variant, config.domain, backbone)


def test_an_orthoadapter_that_was_published_is_not_taken_for_a_plain_one(
    from_hub: Callable[..., list[str]], hub: FakeHub
) -> None:
    (hub.folder / "me" / "tr-adapter" / hub.main / "training.json").write_text(json.dumps({"kind": "ort"}))
    with pytest.raises(UserError, match="me/tr-adapter is a language adapter of kind ort"):
        execute(from_hub())


def test_a_run_is_not_taken_for_finished_or_resumed_with_other_adapters(
    local: Callable[..., list[str]], from_hub: Callable[..., list[str]], root: Path, hub: FakeHub
) -> None:
    for arguments in (local(), from_hub()):
        execute(arguments)
        library.check_run(compose_config(arguments), RunDirectory(compose_config(arguments)))
    (root / "tr" / "README.md").write_text("a word more")  # is not read, and changes nothing
    library.check_run(compose_config(local()), RunDirectory(compose_config(local())))
    assert hub.calls == 3  # looking at a finished run asks no network
    hub.main = "c0ffee2"
    for language in ("en", "tr"):
        hub.add(f"me/{language}-adapter", root / "ar")
    shutil.copytree(root / "ar", root / "tr", dirs_exist_ok=True)
    for arguments, place in ((local(), f"{root}/tr"), (from_hub(), "me/en-adapter")):
        run = RunDirectory(compose_config(arguments))
        with pytest.raises(UserError, match=f"with another language adapter for .. than {place} holds now"):
            library.check_run(compose_config(arguments), run)
        run.result.unlink()
        with pytest.raises(UserError, match=r"was started with other contents of adapter-"):
            execute(arguments)


def test_a_finished_run_stays_finished_when_its_adapters_are_gone(
    from_hub: Callable[..., list[str]], hub: FakeHub
) -> None:
    execute(from_hub())
    shutil.rmtree(hub.folder)
    run = RunDirectory(compose_config(from_hub()))
    library.check_run(run.config, run)
    record = json.loads(run.result.read_text())
    del record["adapters"]["tr"]["sha256"]
    (run.path / "SHA256SUMS").unlink()
    run.result.write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"does not say which language adapter for tr the run read"):
        library.check_run(run.config, run)


def test_each_adapter_is_asked_for_once_in_a_run(from_hub: Callable[..., list[str]], hub: FakeHub) -> None:
    execute(from_hub())
    assert hub.calls == 3


def test_the_training_of_an_adapter_is_not_told_where_a_task_run_takes_its_own() -> None:
    arguments = [
        "variant=lnoo_tnoo",
        "language_adapters.source=trained",
        "language_adapters.invert_before_decoder=true",
    ]
    assert mlm_overrides(arguments, "sw") == ["stage=mlm", arguments[0], arguments[2], "language=sw"]


def test_the_plan_says_where_adapters_come_from(
    local: Callable[..., list[str]], command: Callable[..., list[str]], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(root / "tr")
    for arguments in (local(), command("language_adapters.source=hub", "language_adapters.hub={ar:me/ar-adapter}")):
        config = compose_config(arguments)
        print_plan(config, RunDirectory(config), arguments)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3:6] == [f"  en: {root}/en", f"  ar: {root}/ar", f"  tr: {root}/tr, missing"]
    assert lines[9:12] == ["  en: no id, missing", "  ar: me/ar-adapter", "  tr: no id, missing"]


def test_load_adapter_takes_a_folder_or_an_id(
    backbone: Path, hub: FakeHub, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone))
    assert model.load_adapter("me/ar-adapter", revision="c0ffee1") == "ar"
    assert model.load_adapter("me/en-adapter@c0ffee1", "en") == "en"
    with pytest.raises(UserError, match="adapter me/en-adapter: the Hub's repository has no such revision"):
        model.load_adapter("me/en-adapter", revision="no")
    with pytest.raises(UserError, match="mine/en: the Hub has no such repository"):
        model.load_adapter("mine/en", "other")
    with pytest.raises(UserError, match=r"no adapter in /nowhere/mine/en: adapter_config.json is missing"):
        model.load_adapter("/nowhere/mine/en")
    calls = hub.calls
    monkeypatch.chdir(root.parent)
    assert model.load_adapter("mine/en", "other") == "other"  # a folder that exists is a folder
    assert hub.calls == calls


def test_without_a_network_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("Cannot find an appropriate cached snapshot folder.\nCheck your connection.")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(UserError) as caught:
        adapter_hub.fetch("me/ar-adapter")
    assert "\n" not in str(caught.value)
    assert "adapter me/ar-adapter is not in the local cache" in str(caught.value)


def test_the_hubs_own_client_is_asked_as_it_wants_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path)
    )  # offline (conftest), nothing in the cache
    for cached_only in (False, True):
        with pytest.raises(UserError, match=r"adapter me/nothing is not in the local cache"):
            adapter_hub.fetch("me/nothing", cached_only=cached_only)
    for wrong in ("nothing", "a/b/c", "../b"):
        with pytest.raises(UserError, match="is no adapter on the Hub"):
            adapter_hub.fetch(wrong)


def test_ids_in_conf_have_the_form_of_ids() -> None:
    for file in sorted((ROOT / "conf" / "language").glob("*.yaml")):
        for hub_id in language_config(file.stem).hub_adapters.values():
            assert is_id(hub_id)


def test_a_finished_run_predicts_with_adapters_from_where_it_had_them(
    local: Callable[..., list[str]], from_hub: Callable[..., list[str]], root: Path, tmp_path: Path
) -> None:
    for arguments, place in ((local(), f"in {root}"), (from_hub(), "on the Hub")):
        execute(arguments)
        folder = RunDirectory(compose_config(arguments)).path
        run = open_run(folder)
        assert [line.partition("\t")[0] for line in list_languages(run)] == ["en", "ar", "tr"]
        assert not any("no adapter" in line for line in list_languages(run))
        run.require("tr")
        with pytest.raises(
            UserError, match=rf"no language adapter for 'sw' \(noo\) {place}.*; there: ar, en, tr"
        ) as error:
            run.require("sw")
        assert "train.py" not in str(error.value)  # trains nothing that this run would look at
    with pytest.raises(UserError, match=r"from the Hub; leave --adapters out"):
        open_run(folder, adapters=str(root))
    folder = RunDirectory(compose_config(local())).path
    root.rename(tmp_path / "moved")
    with pytest.raises(UserError, match="no language adapter for 'tr'"):
        open_run(folder).require("tr")
    open_run(folder, adapters=str(tmp_path / "moved")).require("tr")
    shutil.rmtree(tmp_path / "moved" / "tr")
    shutil.copytree(tmp_path / "moved" / "ar", tmp_path / "moved" / "tr")
    with pytest.raises(UserError, match=r"is not the adapter that .* was evaluated with"):
        open_run(folder, adapters=str(tmp_path / "moved")).require("tr")


def test_fetch_brings_the_hubs_adapters(
    from_hub: Callable[..., list[str]], hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_language_adapters(compose_config(from_hub()), from_hub())
    assert hub.calls == 3
    assert capsys.readouterr().out.splitlines()[2] == "language adapter me/ar-adapter@c0ffee1"
    with pytest.raises(UserError, match="the Hub has no such repository"):
        fetch_language_adapters(compose_config(from_hub("language_adapters.hub={tr:me/nothing}")), from_hub())


def test_of_two_trainings_that_end_together_the_first_one_publishes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one's adapter appears after the last look, while this one is being copied."""
    one, two = (Path(shutil.copytree(root / "en", tmp_path / name)) for name in ("one", "two"))
    target = LanguageAdapter("en", AdapterKind.noo, AdapterSource.trained, str(tmp_path / "adapters/en-noo"))
    plain_copy = shutil.copy2

    def copy(source: Path, destination: Path) -> None:
        monkeypatch.setattr(shutil, "copy2", plain_copy)
        library.publish(two, target, {"fingerprint": "2"})
        plain_copy(source, destination)

    monkeypatch.setattr(shutil, "copy2", copy)
    with pytest.raises(
        UserError, match=r"holds an adapter of another training .fingerprint 2, this run's is 1.; move it"
    ):
        library.publish(one, target, {"fingerprint": "1"})
    assert target.record() == {"fingerprint": "2"}
    assert [path.name for path in (tmp_path / "adapters").iterdir()] == ["en-noo"]
    library.publish(two, target, {"fingerprint": "2"})
    assert target.record() == {"fingerprint": "2"}


def test_the_adapters_that_are_needed_are_those_under_the_task_adapter_and_the_sources(
    root: Path,
) -> None:
    """Only en, ar and tr have an adapter: sw is tested without, and a mean waits for what is named by hand alone."""
    common = ("variant=lnoo_tnoo", "task=xnli", "languages=[ar,sw]", f"language_adapters.root={root}")

    def needed(*more: str) -> tuple[list[str], list[str]]:
        config = compose_config([*common, "language_adapters.source=local", *more])
        adapters = (library.needed_adapters(config), library.missing_adapters(config))
        return [one.language for one in adapters[0]], [one.language for one in adapters[1]]

    assert needed() == (["en", "ar", "sw"], ["sw"])
    assert needed("transfer.under=source") == needed("transfer.under=none") == (["en"], [])
    assert needed("transfer.under=[none,mean]") == (["en", "ar"], [])
    assert needed("transfer.under=mean", "transfer.weights={sw:{tr:1,qu:1}}") == (["en", "tr", "qu"], ["qu"])
    assert needed("transfer.under=[source,target]") == (["en", "ar", "sw"], ["sw"])
    assert needed("transfer.under=none", "variant=t_noo") == ([], [])
