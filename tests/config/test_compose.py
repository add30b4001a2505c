"""The configuration: what is mistyped or impossible fails at once, with a sentence that names the nearest right thing."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from orthoadapters.config.checks import check
from orthoadapters.config.command_line import check_command_line
from orthoadapters.config.compose import CONF, compose_config, language_config, settle
from orthoadapters.config.schema import AdapterKind
from orthoadapters.config.trainings import mlm_overrides
from orthoadapters.errors import UserError

PAPER = {  # DESIGN's table: language adapter, task adapter, d of XLM-R base
    "full_ft": ("none", "none", None, None),
    "t_noo": ("none", "noo", None, 64),
    "t_ort": ("none", "ort", None, 64),
    "lnoo_tnoo": ("noo", "noo", 384, 48),
    "lnoo_tort": ("noo", "ort", 384, 48),
    "lort_tnoo": ("ort", "noo", 384, 48),
    "lort_tort": ("ort", "ort", 384, 48),
}


@pytest.mark.parametrize("task", ["xnli", "wikiann", "udpos"])
@pytest.mark.parametrize("variant", PAPER)
def test_every_variant_and_task_composes_to_the_papers_choices(variant: str, task: str) -> None:
    config = compose_config([f"variant={variant}", f"task={task}"])
    check(config)
    language, task_adapter, d_language, d_task = PAPER[variant]
    assert (config.variant.language_adapter.value, config.variant.task_adapter.value) == (language, task_adapter)
    if d_language:
        assert 768 // config.variant.language_reduction == d_language
    if d_task:
        assert 768 // config.variant.task_reduction == d_task
    recipe = {"xnli": (30, 32), "udpos": (50, 16), "wikiann": (100, 16)}[task]
    assert (config.trainer.max_epochs, config.task.batch_size) == recipe
    assert (config.task.max_length, config.optim.clip_norm) == (128, 1.0)
    assert config.is_orthogonal == (task_adapter == "ort")


def test_the_mlm_stage_has_the_papers_recipe() -> None:
    config = compose_config(["stage=mlm", "variant=lort_tnoo", "language=sw"])
    check(config)
    assert (config.trainer.max_iterations, config.mlm.batch_size, config.mlm.block_length) == (250000, 8, 128)
    assert (config.optim.lr, config.optim.ort_lr, config.optim.clip_norm) == (1e-4, 1e-7, None)
    assert config.language.name == "Swahili"
    assert config.is_orthogonal


def test_task_languages_are_those_of_table_1() -> None:
    languages = {task: compose_config([f"task={task}"]).task.languages for task in ("xnli", "udpos", "wikiann")}
    assert languages["xnli"] == "en ar hi sw tr zh".split()
    assert languages["udpos"] == "en ar et hi tr zh".split()
    assert languages["wikiann"] == "en ar et hi ilo mhr qu sw tr zh".split()


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("optim.lrr=1e-5", "no key 'optim.lrr', did you mean 'optim.lr'"),
        ("lr=1e-5", "no key 'lr', did you mean 'mlm.lr' or 'optim.lr' or 'task.grid.lr' or 'task.lr'"),
        ("varaint=t_noo", "no key 'varaint', did you mean 'variant'"),
        ("variant=lort_tno", "variant has no 'lort_tno', did you mean 'lort_tnoo'"),
        ("task=xnlii", "task has no 'xnlii', did you mean 'xnli'"),
        ("data.source=hubb", "no data.source 'hubb', did you mean 'hub'"),
        ("language.udpos=udpos.Turkish", "no key 'language.udpos' any more; task.hub_subsets"),
        ("language=swa", "language has no 'swa', did you mean 'sw'"),
        ("seed=zero", "seed: Value 'zero'"),
        ("variant.task_adapter=otr", "'otr' is not one of none, noo, ort, did you mean 'ort'"),
        ("data.limit_train=many", "data.limit_train: Value 'many'"),
        (f"optim.lr=1{'0' * 400}", "optim.lr: the number is beyond what a float holds; write a smaller one"),
        ("+trainer.foo=1", "no key 'trainer.foo'"),
        ("+foo=1", "no key 'foo'"),
        ("backbone=local", "backbone.path has no value here; give it one with backbone.path="),
        ("data=xtreme", "data.root has no value"),
        ("optim.lr", "'optim.lr' is no override; write KEY=VALUE"),
    ],
)
def test_a_mistyped_command_line_names_the_nearest_right_thing(override: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        check_command_line([override])


@pytest.mark.parametrize(
    "overrides",
    [
        ["optim.lr=3e-5", "variant=lort_tort", "task=wikiann", "seed=2", "languages=[tr,sw]"],
        ["task.max_length=64", "suite=demo", "task.batch_size=4", "task=udpos"],
        ["stage=mlm", "+language.hub_adapters.mine=a/b", "language=tr", "mlm.lr=2e-4"],
        ["suite=demo", "language=qtu", "stage=mlm"],
        ["optim.lr=1e-3", "optim.lr=2e-3", "backbone.path='a b'", "backbone=xlmr_large"],
    ],
)
def test_values_set_on_a_copy_of_composed_files_give_what_hydra_composes_of_all_at_once(overrides: list[str]) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        expected = settle(compose("config", overrides))
    assert compose_config(overrides) == expected


def test_several_values_need_the_multirun_flag_and_hydras_own_questions_pass() -> None:
    with pytest.raises(UserError, match=r"asks for several runs; add -m"):
        check_command_line(["variant=t_noo,t_ort"])
    for question in (["--cfg", "job"], ["--info", "defaults"], ["--help"], ["-m", "variant=glob(t_*)"]):
        check_command_line(question)


def test_a_typo_in_a_language_file_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "language").mkdir()
    (tmp_path / "language/xx.yaml").write_text("code: xx\nname: X\nwikipedai: y\n")
    monkeypatch.setattr("orthoadapters.config.compose.CONF", tmp_path)
    with pytest.raises(UserError, match=r"no key 'language.wikipedai' in .*language/xx.yaml, line 3, did you mean 'w"):
        language_config("xx")


def test_every_value_of_a_multirun_is_checked_before_the_first_job() -> None:
    check_command_line(["-m", "seed=1,2", "variant=t_noo,t_ort"])
    with pytest.raises(UserError, match="variant has no 't_ro'"):
        check_command_line(["-m", "seed=1,2", "variant=t_noo,t_ort,t_ro"])


def test_a_mistyped_key_in_a_file_fails_and_names_file_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf/task/mine.yaml").write_text((CONF / "task/udpos.yaml").read_text() + "batch_sise: 3\n")
    monkeypatch.setattr("orthoadapters.config.compose.CONF", tmp_path / "conf")
    with pytest.raises(
        UserError, match=r"'task.batch_sise' in .*conf/task/mine.yaml, line \d+, did you mean 'batch_size'"
    ):
        compose_config(["task=mine"])


def test_the_source_language_is_tested_first_and_once() -> None:
    assert compose_config(["languages=[tr,en,ar]"]).evaluated_languages == ["en", "tr", "ar"]


def test_every_language_of_every_task_has_a_file() -> None:
    for task in ("xnli", "udpos", "wikiann"):
        for code in compose_config([f"task={task}"]).task.languages:
            assert language_config(code).code == code
    with pytest.raises(UserError, match="unknown language 'xx'; conf/language/ has ar, de, en"):
        language_config("xx")


def test_commands_for_missing_adapters_keep_what_the_training_depends_on() -> None:
    arguments = [
        "variant=lort_tort",
        "task=udpos",
        "data=xtreme",
        "data.root=x",
        "optim.lr=1e-3",
        "mlm.lr=1e-3",
        "seed=4",
        "paths.adapters=a",
        "languages=[tr]",
        "trainer.max_epochs=2",
        "trainer.max_iterations=9",
    ]
    result = mlm_overrides(arguments, "tr")
    assert result == [
        "stage=mlm",
        "variant=lort_tort",
        "mlm.lr=1e-3",
        "paths.adapters=a",
        "trainer.max_iterations=9",
        "language=tr",
    ]
    config = compose_config(result)
    check(config)
    assert config.variant.language_adapter is AdapterKind.ort
    assert (config.optim.lr, config.trainer.max_iterations, config.language.code) == (1e-3, 9, "tr")


def test_every_constant_in_conf_says_where_it_comes_from() -> None:
    """Numbers that are choices carry `# paper:` or `# ours:`; names, ids and nulls speak for themselves."""
    for path in [*CONF.rglob("*.yaml"), *(CONF.parent / "multirun_sweeps").rglob("*.yaml")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            value = yaml.safe_load(line.split("#")[0].partition(":")[2].strip())
            values = value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
            if any(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
                assert re.search(r"# (paper|ours): \S", line), f"{path}:{number}: {line}"
