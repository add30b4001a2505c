"""A folder of the user's own (--config-dir, paths.config): its files count wherever those of conf/ do."""

import errno
import os
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from orthoadapters.config.amend import amend
from orthoadapters.config.checks import check
from orthoadapters.config.choices import fingerprint
from orthoadapters.config.command import command
from orthoadapters.config.command_line import asks_for_a_sweep, check_command_line, read_command_line
from orthoadapters.config.compose import CONF, compose_config, conf_folder, language_config, settle
from orthoadapters.config.overrides import read_axes
from orthoadapters.config.parts import compose_files
from orthoadapters.config.schema import AdapterKind
from orthoadapters.config.trainings import mlm_overrides
from orthoadapters.errors import UserError
from orthoadapters.stages.subject import KEYS
from orthoadapters.sweep.cells import expand
from tests.helpers.commands import ROOT

BEYOND = (ROOT / "docs" / "beyond.md").read_text()
# The page's own file of a domain.
(DOMAIN,) = re.findall(r"^New file `conf/domain/reviews.yaml`:\n\n```yaml\n(.*?)^```", BEYOND, re.MULTILINE | re.DOTALL)
FILES = {
    "variant/t_mine": "name: t_mine\nlanguage_adapter: none\ntask_adapter: ort\nlanguage_reduction: 2\ntask_reduction: 32\n",
    "language/xq": "code: xq\nname: Exquisite\n",
    "task/mine": "defaults: [udpos]\nname: mine\nlanguages: [en, xq]\n",
    "backbone/mine": "name: mine\npath: BACKBONE\nrevision: null\n",
    "domain/reviews": DOMAIN,
    "sweep/mine": "# @package _global_\nhydra: {mode: MULTIRUN}\nsweep: {name: mine, axes: {variant: [t_noo, t_mine]}}\n",
}

# Nine lists, each of nine times the one before it.
BOMB = "code: xi\na: &a [x]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghij"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(text.replace("BACKBONE", str(folder)))
    return folder


def test_variants_languages_tasks_and_backbones_are_those_of_both_folders(folder: Path) -> None:
    own = ["task=mine", "variant=t_mine", "backbone=mine"]
    config = compose_config([f"paths.config={folder}", *own])
    check(config)
    assert (config.task.name, config.variant.name, config.backbone.name) == ("mine", "t_mine", "mine")
    assert config.evaluated_languages == ["en", "xq"]
    assert language_config("xq", config.paths.config).name == "Exquisite"
    with pytest.raises(UserError, match="variant has no 't_mine'"):
        compose_config(own)
    with pytest.raises(UserError, match="variant has no 't_min', did you mean 't_mine'"):
        compose_config([f"paths.config={folder}", "variant=t_min"])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "xi.yaml is no file but a pipe, socket or device; put the file itself there"),
        (Path.mkdir, "xi.yaml cannot be read (Is a directory); bring it back"),
        (
            lambda path: path.symlink_to("xi.yaml"),
            "xi.yaml cannot be read (Too many levels of symbolic links); bring it",
        ),
        (
            lambda path: path.symlink_to("nowhere"),
            "xi.yaml cannot be read (No such file or directory); bring it back, or",
        ),
        (
            lambda path: path.write_text("code: xi\nname: ${oc.env:NOPE}\n"),
            "xi.yaml: language.name: the environment has no variable NOPE; set it, or write the value itself",
        ),
        (
            lambda path: path.write_text("code: xi\nname: &a [*a]\n"),
            "xi.yaml: with what its aliases (*NAME) stand for, it has more than 100,000 values",
        ),
        (lambda path: path.write_text(BOMB), "it has more than 100,000 values; write them out"),
        (lambda path: path.write_text("code: xi\nname: " + "[" * 5000), "xi.yaml cannot be read (it has brackets in"),
        (
            lambda path: path.write_bytes(b"code: xi\nname: \xff\xfe\n"),
            "xi.yaml cannot be read ('utf-8' codec can't decode",
        ),
    ],
)
def test_a_language_that_cannot_be_read_stops_its_own_runs_alone(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "language" / "xi.yaml"
    path.parent.mkdir()
    make(path)
    own = [f"paths.config={tmp_path}", "task=udpos", "variant=t_noo"]
    check(compose_config([*own, "languages=[tr]"]))
    with pytest.raises(UserError, match=re.escape(says)):
        check(compose_config([*own, "languages=[xi]"]))


def test_a_folder_of_a_group_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def listdir(place: object) -> list[str]:
        if place == folder / "variant":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        return plain_listdir(place)  # type: ignore[call-overload]

    plain_listdir = os.listdir
    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(
        UserError, match=re.escape(f"{folder / 'variant'} cannot be read (Permission denied); mend that")
    ):
        compose_config([f"paths.config={folder}", "variant=t_mine"])


def test_a_domain_is_a_file_which_a_run_or_an_evaluation_chooses(folder: Path, tmp_path: Path) -> None:
    own = f"paths.config={folder}"
    config = compose_config([own, "domain=reviews"])
    check(config)
    assert vars(config.domain) == {"name": "reviews", "kind": AdapterKind.ort, "reduction": 2, "root": "data/reviews"}
    plain = amend(config, ["domain=none"], KEYS)
    assert plain.domain == compose_config([]).domain
    assert amend(plain, ["domain=reviews"], KEYS).domain == config.domain
    assert amend(config, ["domain=reviews", "domain.name=news"], KEYS).domain.name == "news"
    with pytest.raises(UserError, match="domain has no 'review', did you mean 'reviews'"):
        amend(config, ["domain=review"], KEYS)
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "news.yaml").write_text(DOMAIN)
    with pytest.raises(UserError, match="name: reviews in a file whose name is news"):
        compose_config([f"paths.config={tmp_path}", "domain=news"])


def test_the_flag_of_hydra_and_the_key_mean_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    for arguments in (["--config-dir", folder.name, "task=mine"], [f"paths.config={folder.name}", "task=mine"]):
        check_command_line(arguments)
        options = read_command_line(arguments)
        assert options.config_dir == str(folder)
        assert options.overrides == ["task=mine", f"paths.config={folder}"]


def test_of_several_folders_none_is_taken_and_one_may_be_named_twice(folder: Path, tmp_path: Path) -> None:
    other = f"paths.config={tmp_path}"
    for words in ([other], ["--config-dir", str(tmp_path)], [f"-cd={tmp_path}"]):
        with pytest.raises(UserError, match=r"--config-dir \(or paths.config\) names .* and .*; one folder is read"):
            read_command_line(["--config-dir", str(folder), *words])
    with pytest.raises(UserError, match=r"paths.config\) names .* and .*; one folder is read"):
        compose_config([f"paths.config={folder}", other])
    assert compose_config([f"paths.config={folder}", f"paths.config={folder}"]).paths.config == str(folder)
    assert read_command_line([other, "--config-dir", str(tmp_path)]).overrides == [other]
    assert read_command_line(["--config-dir", str(tmp_path), "--shell-completion"]).config_dir == str(tmp_path)
    with pytest.raises(UserError, match="it is a file and no folder; name one with folders such as variant/"):
        compose_config([f"paths.config={folder}/variant/t_mine.yaml"])


@pytest.mark.parametrize("suite", ["other", "sets", "adds", "takes"])
@pytest.mark.parametrize("variant", ["t_mine", "on_top", "global"])
def test_a_variant_put_into_what_is_composed_without_it_is_what_hydra_makes_of_both(
    suite: str, variant: str, tmp_path: Path
) -> None:
    files = {
        "variant/t_mine": FILES["variant/t_mine"],
        "variant/on_top": "defaults: [t_mine]\nname: on_top\ntask_reduction: 4\n",
        "variant/global": "# @package _global_\nmlm: {batch_size: 2}\nvariant:\n  "
        + FILES["variant/t_mine"].replace("\n", "\n  ").replace("mine", "global"),
        "suite/other": "# @package _global_\nseed: 1\n",
        "suite/sets": "# @package _global_\nvariant: {task_reduction: 8}\nlanguage: {name: Another}\n",
        "suite/adds": "# @package _global_\ndefaults: [sets]\n",
        "suite/takes": "# @package _global_\ndefaults:\n  - _self_\n  - override /variant: t_ort\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(text)
    overrides = (f"suite={suite}", f"variant={variant}", "language=tr", f"paths.config={tmp_path}")
    config = compose_config(overrides)
    assert config == settle(compose_files((CONF, tmp_path), overrides, ()))
    own_reduction = {"t_mine": 32, "on_top": 4, "global": 32}[variant]
    assert config.variant.task_reduction == (8 if suite in ("sets", "adds") else own_reduction)


def test_a_suite_that_a_sweep_chooses_counts_as_one_that_is_named(tmp_path: Path) -> None:
    files = {
        "suite/sets": "# @package _global_\nvariant: {task_reduction: 8}\ntask: {max_length: 64}\nlanguage: {name: Another}\n",
        "sweep/mine": "# @package _global_\ndefaults:\n  - override /suite: sets\nsweep: {name: mine}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(text)
    overrides = ("sweep=mine", "variant=t_ort", "task=udpos", "language=tr", f"paths.config={tmp_path}")
    config = compose_config(overrides)
    assert config == settle(compose_files((CONF, tmp_path), overrides, ()))
    assert (config.variant.task_reduction, config.task.max_length, config.language.name) == (8, 64, "Another")
    config = compose_config([*overrides[1:]])
    assert config == settle(compose_files((CONF, tmp_path), overrides[1:], ()))
    assert (config.task.max_length, config.task.batch_size) == (128, 16)


def test_the_folder_changes_no_runs_name(folder: Path) -> None:
    assert fingerprint(compose_config([f"paths.config={folder}"])) == fingerprint(compose_config([]))


def test_a_sweep_of_ones_own_has_cells_that_find_the_folder_alone(folder: Path) -> None:
    given = read_command_line(
        ["--config-dir", str(folder), "sweep=mine", "task=mine", "optim.ort_lr=1e-7", "optim.lr=1e-4"]
    ).overrides
    cells = expand(read_axes(given))
    assert {cell.config.variant.name for cell in cells} == {"t_noo", "t_mine"}
    for cell in cells:
        assert compose_config(cell.overrides).evaluated_languages == ["en", "xq"]
        line = command(list(cell.overrides), cell.run.fingerprint)
        assert f"paths.config={folder}" in line
    assert f"paths.config={folder}" in mlm_overrides(cells[0].overrides, "xq")


def test_a_sweep_of_ones_own_need_not_name_hydras_mode(folder: Path) -> None:
    for words in (["sweep=mine"], ["-m", "seed=0,1"]):
        assert asks_for_a_sweep(read_command_line(["--config-dir", str(folder), *words]))
    for words in (["seed=0"], ["sweep=mine", "sweep=null"], ["sweep=mine", "hydra.mode=RUN"], ["--run", "sweep=mine"]):
        assert not asks_for_a_sweep(read_command_line(["--config-dir", str(folder), *words]))


def test_a_folder_of_any_name_serves(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "a b#ü(1)=x"
    mine.symlink_to(folder)
    arguments = ["--config-dir", str(mine), "variant=t_mine"]
    check_command_line(arguments)
    assert compose_config(read_command_line(arguments).overrides).paths.config == str(mine)


def test_a_task_without_a_grid_is_run_alone_and_refused_where_a_sweep_needs_its_rates(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    text = (CONF / "task" / "udpos.yaml").read_text().replace("name: udpos", "name: plain")
    (tmp_path / "task" / "plain.yaml").write_text(re.sub(r"(?m)^grid:\n(  .*\n)*", "", text))
    own = [f"paths.config={tmp_path}", "task=plain"]
    check(compose_config(own))
    assert len(expand(read_axes([*own, "seed=1,2"]))) == 2
    for variant, rate in (("t_noo", "lr"), ("lnoo_tnoo", "lr_with_language_adapters")):
        sentence = f"sweep=udpos tries the learning rates of task.grid, and task=plain has no task.grid.{rate};"
        with pytest.raises(UserError, match=re.escape(sentence)):
            expand(read_axes([*own, "sweep=udpos", f"variant={variant}"]))
    rates = ["sweep=udpos", "variant=t_ort", "optim.lr=1e-4,2e-4"]
    with pytest.raises(UserError, match=r"no task\.grid\.ort_lr; .* give optim.ort_lr=RATE,RATE"):
        expand(read_axes([*own, *rates]))
    assert len(expand(read_axes([*own, *rates, "optim.ort_lr=1e-7"]))) == 2


def test_an_axis_of_a_sweep_is_a_list(tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep/mine.yaml").write_text("# @package _global_\nsweep: {name: mine, axes: {variant: t_noo}}\n")
    with pytest.raises(UserError, match=re.escape("sweep.axes.variant takes a list of values, such as [t_noo]")):
        expand(read_axes([f"paths.config={tmp_path}", "sweep=mine"]))


@pytest.mark.parametrize(
    ("name", "text", "choice", "sentence"),
    [
        (
            "task/bad",
            "defaults: [udpos]\nbatch_sise: 3\n",
            "task=bad",
            "no key 'task.batch_sise' in FILE, line 2, did you mean 'batch_size'?",
        ),
        (
            "task/bad",
            "defaults: [udpos]\nbatch_size: many\n",
            "task=bad",
            "task.batch_size in FILE, line 2: Value 'many'",
        ),
        (
            "task/bad",
            "defaults: [udposs]\n",
            "task=bad",
            "FILE, line 1: task has no 'udposs', did you mean 'udpos'?",
        ),
        (
            "task/bad",
            "name: bad\nkind: tagging\n",
            "task=bad",
            "task.batch_size has no value here; give it one with task.batch_size=..., or write it into the task's file",
        ),
        (
            "suite/bad",
            "# @package _global_\noptim: {lrr: 1}\n",
            "suite=bad",
            "no key 'optim.lrr' in FILE, line 2, did you mean 'lr'?",
        ),
        (
            "suite/bad",
            "optim: {lr: 1}\n",
            "suite=bad",
            "FILE sets keys of all groups, so its first line must be: # @package",
        ),
        (
            "sweep/bad",
            "sweep: {name: bad}\n",
            "sweep=bad",
            "FILE sets keys of all groups, so its first line must be: # @pa",
        ),
        (
            "language/bad",
            "code: bad\n",
            "source_language=sx",
            "conf/language/ and FOLDER have ar, bad",
        ),
    ],
)
def test_a_mistake_in_a_file_of_ones_own_names_that_file(
    tmp_path: Path, name: str, text: str, choice: str, sentence: str
) -> None:
    file = tmp_path / f"{name}.yaml"
    file.parent.mkdir()
    file.write_text(text)
    whole = sentence.replace("FILE", str(file)).replace("FOLDER", f"{file.parent}/")
    with pytest.raises(UserError, match=re.escape(whole)):
        check(compose_config([f"paths.config={tmp_path}", choice]))


def test_data_of_ones_own_with_a_mistake_name_their_file_in_an_evaluation(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/bad.yaml").write_text("source: hub\nroot: null\nrooot: x\n")
    sentence = f"there is no key 'data.rooot' in {tmp_path}/data/bad.yaml, line 3, did you mean 'root'?"
    with pytest.raises(UserError, match=re.escape(sentence)):
        amend(compose_config([f"paths.config={tmp_path}"]), ["data=bad"], ["data"])


def test_a_line_that_a_copied_language_file_has_of_another_language_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "language").mkdir()
    english = (CONF / "language" / "en.yaml").read_text()
    (tmp_path / "language" / "xq.yaml").write_text(english.replace("code: en", "code: xq").replace("English", "Xquish"))
    own = f"paths.config={tmp_path}"
    check(compose_config(["stage=mlm", "variant=lort_tnoo", "language=xq", own]))
    assert (
        f"{tmp_path}/language/xq.yaml, line 3: `wikipedia: 20231101.en` stands in {CONF}/language/en.yaml too"
        in caplog.text
    )
    assert "xlm-roberta-base-en-wiki_pfeiffer` stands in" in caplog.text
    assert "name: " not in caplog.text
    caplog.clear()
    check(compose_config(["languages=[qtu,qel,zh]", "variant=t_noo", "suite=demo", own]))
    assert caplog.text == ""


def test_a_language_file_that_is_no_utf8_is_refused_where_it_is_chosen_alone(tmp_path: Path) -> None:
    (tmp_path / "language").mkdir()
    (tmp_path / "language" / "xq.yaml").write_text("code: xq\nname: Xquish\nwikipedia: null\n", encoding="utf-16")
    words = ["stage=mlm", "variant=lort_tnoo", f"paths.config={tmp_path}"]
    check(compose_config([*words, "language=sw"]))
    sentence = f"{tmp_path}/language/xq.yaml: the file is UTF-16; save it as UTF-8"
    with pytest.raises(UserError, match=re.escape(sentence)):
        check(compose_config([*words, "language=xq"]))
    with pytest.raises(UserError, match=re.escape(sentence)):
        check(compose_config(["task=udpos", "variant=t_noo", "languages=[en,xq]", f"paths.config={tmp_path}"]))


def test_a_file_with_a_name_of_the_projects_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "language").mkdir()
    (tmp_path / "language/sw.yaml").write_text("code: sw\nname: Mine\n")
    sentence = (
        f"{tmp_path}/language/sw.yaml has the name of a file in conf/, which would be read; give yours another name"
    )
    with pytest.raises(UserError, match=re.escape(sentence)):
        compose_config([f"paths.config={tmp_path}"])
    with pytest.raises(UserError, match="there is no such folder"):
        compose_config([f"paths.config={tmp_path}/none"])


def test_conf_is_in_the_package_of_a_wheel_and_beside_src_in_a_checkout(tmp_path: Path) -> None:
    package = tmp_path / "src" / "orthoadapters"
    package.mkdir(parents=True)
    assert conf_folder(package) == tmp_path / "conf"
    (package / "conf").mkdir()
    assert conf_folder(package) == package / "conf"


def test_a_home_folder_is_meant_wherever_a_path_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    config = compose_config(
        [f"paths.{key}='~/{key}'" for key in ("runs", "adapters", "cache")] + ["paths.config='~/mine'"]
    )
    assert vars(config.paths) == {
        "runs": f"{tmp_path}/runs",
        "adapters": f"{tmp_path}/adapters",
        "cache": f"{tmp_path}/cache",
        "config": f"{tmp_path}/mine",
    }
    for key in ("paths.runs", "data.root"):
        with pytest.raises(UserError, match="there is no home folder ~nobody-of-this-name; write the whole path"):
            compose_config([f"{key}='~nobody-of-this-name/x'"])
