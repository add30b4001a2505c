"""A variant, a language and a backbone of a known family are one YAML file each: nothing else is written, and runs work."""

import shutil
from pathlib import Path

import pytest

from orthoadapters import publish
from orthoadapters.config.checks import check
from orthoadapters.config.compose import CONF, compose_config, task_language
from orthoadapters.data.sources.hub import data_set
from orthoadapters.data.sources.text import passages
from orthoadapters.errors import UserError
from orthoadapters.labelling.finished_run import open_run
from tests.helpers.html import shown_page, text
from tests.helpers.short_runs import execute, overrides
from tests.helpers.whole_report import make_report

SHORT = ["trainer.max_epochs=1", "data.limit_train=16"]


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ in which files can be added, where the configuration is read from."""
    folder = tmp_path / "conf"
    shutil.copytree(CONF, folder)
    monkeypatch.setattr("orthoadapters.config.compose.CONF", folder)
    return folder


def test_a_variant_is_one_file(conf: Path, backbone: Path, world: Path, tmp_path: Path) -> None:
    (conf / "variant/t_ort_narrow.yaml").write_text(
        "name: t_ort_narrow\nlanguage_adapter: none\ntask_adapter: ort\nlanguage_reduction: 2\ntask_reduction: 32\n"
    )
    arguments = overrides(backbone, world, tmp_path, "variant=t_ort_narrow", "task=udpos", "languages=[ar]", *SHORT)
    config = compose_config(arguments)
    assert (config.is_orthogonal, config.variant.has_language_adapter) == (True, False)
    result = execute(arguments)
    assert result.run.startswith("tiny/udpos/t_ort_narrow/")
    assert result.choices["variant.task_reduction"] == 32
    assert result.test.keys() == {"en", "ar"}
    card = (tmp_path / "runs" / result.run / "adapter" / "README.md").read_text()
    assert "bottleneck 2" in card  # of the tiny backbone's 64


def test_a_run_with_files_of_ones_own_is_reported_labelled_and_published_without_them(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    for name, content in (
        ("variant/t_mine", "defaults: [t_ort]\nname: t_mine\ntask_reduction: 32\n"),
        ("task/mine", "defaults: [udpos]\nname: mine\nlanguages: [en, ar]\n"),
    ):
        (mine / name).parent.mkdir(parents=True)
        (mine / f"{name}.yaml").write_text(content)
    arguments = overrides(backbone, world, tmp_path, f"paths.config={mine}", "variant=t_mine", "task=mine", *SHORT)
    run = tmp_path / "runs" / execute(arguments).run
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    shown = text(shown_page(*make_report(tmp_path / "runs", pictures=False), Path("report")).root)
    assert ("t_mine" in shown, f"paths.config={mine}" in shown) == (True, True)
    mine.rename(tmp_path / "gone")
    shown = text(shown_page(*make_report(tmp_path / "runs", pictures=False), Path("report")).root)
    assert ("t_mine" in shown, f"paths.config={mine}: there is no such folder" in shown) == (True, True)
    assert len(open_run(run).label(["anna sees dog"], "tr", by_spaces=True)[0]["tags"]) == 3
    assert publish.main([str(run), "--repo", "me/mine"]) == 0
    assert "t_mine" in capsys.readouterr().out


def test_a_language_is_one_file_and_its_data(conf: Path, backbone: Path, world: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(world, data)
    shutil.copy(data / "udpos/test-tr.tsv", data / "udpos/test-sv.tsv")
    shutil.copy(data / "text/tr.txt", data / "text/sv.txt")
    (conf / "language/sv.yaml").write_text("code: sv\nname: Swedish\n")
    assert "sv" not in compose_config(["task=udpos"]).evaluated_languages  # it is tested where it is named
    arguments = overrides(
        backbone,
        data,
        tmp_path,
        "variant=lnoo_tnoo",
        "task=udpos",
        "languages=[sv]",
        *SHORT,
        "trainer.max_iterations=2",
    )
    for language in ("en", "sv"):
        execute([*arguments, "stage=mlm", f"language={language}"])
    result = execute(arguments)
    assert result.test.keys() == {"en", "sv"}
    assert result.test["sv"]["n"] == 14
    assert result.adapters["sv"]["path"].endswith("adapters/tiny/sv-noo")


def test_a_language_without_a_file_is_named_where_it_is_trained_and_found_in_the_data(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(world, data)
    shutil.copy(data / "udpos/test-tr.tsv", data / "udpos/test-xq.tsv")
    shutil.copy(data / "text/tr.txt", data / "text/xq.txt")
    short = [*SHORT, "trainer.max_iterations=2", "languages=[xq]", "task=udpos"]
    settings = overrides(backbone, data, tmp_path, "variant=lnoo_tnoo", *short)
    result = execute([*settings, "stage=mlm", "language=xq", "language.name=Xquish"])
    assert result.adapters["xq"]["path"].endswith("adapters/tiny/xq-noo")
    assert "Xquish" in (tmp_path / "adapters/tiny/xq-noo/README.md").read_text()
    with pytest.raises(UserError, match=r"(?s)no language adapter for en .* language=en\n"):
        execute(settings)
    shutil.rmtree(tmp_path / "adapters")
    with pytest.raises(UserError, match=r"(?s)language=en\n.* language=xq language.name=xq"):
        execute(settings)
    result = execute([*settings, "variant=t_noo"])
    assert {code: scores["n"] for code, scores in result.test.items()} == {"en": 14, "xq": 14}


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (["data=hub", "data.root=null"], r"if facebook/xnli has it, name its subset there: \+\+task.hub_subsets.xq=xq"),
        (["data=hub", "data.root=null", "task=udpos"], r"if google/xtreme has it, .*: \+\+task.hub_subsets.xq=SUBSET"),
        (["suite=demo"], r"the demo world has its own languages alone"),
        (["data=xtreme", "data.root=nowhere"], r"data.root=nowhere has no xnli data for it either"),
        (
            ["data=files", "data.root=x", "task=sib200"],
            r"data.root=x has no sib200 data for it either \(there is no x/xq/test.tsv\); .*: \+\+task.files.languages.xq=NAME",
        ),
    ],
)
def test_a_language_that_neither_a_file_nor_the_data_know_is_refused_with_the_reason(
    choice: list[str], reason: str
) -> None:
    with pytest.raises(UserError, match=rf"unknown language 'xq'.*; conf/language/ has ar, .*; {reason}"):
        check(compose_config(["variant=t_noo", "languages=[xq]", *choice]))


def test_a_language_without_a_file_is_looked_for_in_the_subset_that_is_named_or_in_a_local_data_set(
    tmp_path: Path,
) -> None:
    for choice in (["++task.hub_subsets.xq=xq"], [f"task.hub_id={tmp_path}"]):
        config = compose_config(["variant=t_noo", "task=wikiann", "languages=[xq]", *choice])
        check(config)
        assert data_set(config.task, task_language("xq"))[1] == "xq"
        assert data_set(config.task, task_language("en"))[1] == "en"


def test_a_language_without_a_file_and_without_a_name_names_the_fix() -> None:
    with pytest.raises(UserError, match=r"language has no 'xz'.*; without a file: language=xz language.name=NAME"):
        compose_config(["stage=mlm", "language=xz"])
    config = compose_config(["stage=mlm", "language=xz", "language.name=Xz"])
    with pytest.raises(UserError, match=r"no Wikipedia is known for xz"):
        next(passages(config.corpus, config.language))


def test_a_language_without_a_file_or_without_data_is_refused_before_training(
    conf: Path, backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[sv]")
    with pytest.raises(UserError, match=r"unknown language 'sv', did you mean '..'\?; conf/language/ has ar, de, en"):
        check(compose_config(arguments))
    (conf / "language/sv.yaml").write_text("code: sv\nname: Swedish\n")
    check(compose_config(arguments))
    with pytest.raises(UserError, match=r"there is no .*udpos/test-sv.tsv"):
        execute(arguments)
    assert not (tmp_path / "runs").exists()


def test_a_backbone_of_a_known_family_is_one_file(conf: Path, backbone: Path, world: Path, tmp_path: Path) -> None:
    (conf / "backbone/mine.yaml").write_text(f"name: mine\npath: {backbone}\nrevision: null\nallow_pickle: false\n")
    arguments = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[ar]", *SHORT)
    others = [override for override in arguments if not override.startswith("backbone")]
    result = execute(["backbone=mine", *others])
    assert result.run.startswith("mine/udpos/t_noo/")
    assert result.backbone == "mine"
