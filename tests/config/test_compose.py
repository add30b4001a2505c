"""The configuration: what is mistyped or impossible fails at once, with a sentence that names the nearest right thing."""

import re
from pathlib import Path

import pytest
import yaml

from orthoadapters.config.checks import check
from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import CONF, check_command_line, compose_config, language_config, mlm_overrides
from orthoadapters.config.schema import AdapterKind
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory

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
        ("language=swa", "language has no 'swa', did you mean 'sw'"),
        ("seed=zero", "seed: Value 'zero'"),
        ("variant.task_adapter=otr", "'otr' is not one of none, noo, ort, did you mean 'ort'"),
        ("data.limit_train=many", "data.limit_train: Value 'many'"),
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


def test_several_values_need_the_multirun_flag_and_hydras_own_questions_pass() -> None:
    with pytest.raises(UserError, match=r"asks for several runs; add -m"):
        check_command_line(["variant=t_noo,t_ort"])
    for question in (["--cfg", "job"], ["--info", "defaults"], ["--help"], ["-m", "variant=glob(t_*)"]):
        check_command_line(question)


def test_a_typo_in_a_language_file_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "language").mkdir()
    (tmp_path / "language/xx.yaml").write_text("code: xx\nname: X\nwikipedai: y\n")
    monkeypatch.setattr("orthoadapters.config.compose.CONF", tmp_path)
    with pytest.raises(UserError, match=r"conf/language/xx.yaml: Key 'wikipedai' not in 'LanguageConfig'"):
        language_config("xx")


def test_every_value_of_a_multirun_is_checked_before_the_first_job() -> None:
    check_command_line(["-m", "seed=1,2", "variant=t_noo,t_ort"])
    with pytest.raises(UserError, match="variant has no 't_ro'"):
        check_command_line(["-m", "seed=1,2", "variant=t_noo,t_ort,t_ro"])


def test_a_mistyped_key_in_a_file_fails_and_names_file_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    import orthoadapters.config.compose as compose

    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf/task/mine.yaml").write_text((CONF / "task/udpos.yaml").read_text() + "batch_sise: 3\n")
    monkeypatch.setattr(compose, "CONF", tmp_path / "conf")
    with pytest.raises(
        UserError, match=r"no key 'task.batch_sise' in conf/task/mine.yaml, did you mean 'task.batch_size'"
    ):
        compose_config(["task=mine"])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["trainer.precision=16-mixed"], "use bf16-mixed"),
        (["trainer.precision=bf16-true"], "lost in bf16 weights"),
        (["stage=mlm", "variant=t_noo"], "has no language adapter to train"),
        (
            ["variant=t_noo", "variant.language_adapter=noo", "variant.task_adapter=none"],
            "none of the paper's variants",
        ),
        (["languages=[swa]"], "unknown language 'swa', did you mean 'sw'"),
        (["source_language=xx"], "unknown language 'xx'; conf/language/ has ar, en"),
        (["variant=t_noo", "variant.task_adapter=ort"], "is variant=t_ort; choose that one"),
        (["seed=-1"], "must lie between 0 and"),
        (["optim.lr=0"], "optim.lr=0.0 must be greater than 0"),
        (["data.limit_test=0"], "must be greater than 0"),
        (["trainer.accelerator=tpu"], "not one of auto, cpu, gpu"),
        (["task.metrics=[f1]"], "not one of accuracy"),
        (["mlm.mask_probability=1.5"], "must lie between 0 and 1"),
        (["task.max_length=4"], "leaves no room for words"),
    ],
)
def test_impossible_combinations_are_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config(overrides))


def test_the_source_language_is_tested_first_and_once() -> None:
    assert compose_config(["languages=[tr,en,ar]"]).evaluated_languages == ["en", "tr", "ar"]


def test_every_language_of_every_task_has_a_file() -> None:
    for task in ("xnli", "udpos", "wikiann"):
        for code in compose_config([f"task={task}"]).task.languages:
            assert language_config(code).code == code
    with pytest.raises(UserError, match="unknown language 'xx'; conf/language/ has ar, en"):
        language_config("xx")


def test_a_fingerprint_is_what_the_numbers_depend_on_and_no_more() -> None:
    base = compose_config(["variant=lort_tnoo"])
    same = ["paths.runs=x", "logger=none", "trainer.log_every=7", "optim.ort_lr=1e-6", "corpus=text", "corpus.root=x",
            "language=tr", "trainer.max_iterations=3", "languages=[ar,hi,sw,tr,zh]"]  # fmt: skip
    for override in same:
        extra = ["corpus.root=x"] if override == "corpus=text" else []
        if override == "corpus.root=x":
            extra = ["corpus=text"]
        assert fingerprint(compose_config(["variant=lort_tnoo", override, *extra])) == fingerprint(base), override
    order = [fingerprint(compose_config([f"languages={given}"])) for given in ("[tr,ar]", "[ar,tr]", "[ar,ar,tr]")]
    assert len(set(order)) == 1
    for override in (
        "seed=1",
        "optim.lr=1e-5",
        "languages=[tr]",
        "data.limit_train=5",
        "task=udpos",
        "variant=lort_tort",
    ):
        assert fingerprint(compose_config(["variant=lort_tnoo", override])) != fingerprint(base), override
    mlm = [
        ["stage=mlm", f"variant={v}", "language=sw", f"task={t}"]
        for v in ("lort_tnoo", "lort_tort")
        for t in ("xnli", "udpos")
    ]
    assert len({fingerprint(compose_config(each)) for each in mlm}) == 1
    assert fingerprint(compose_config([*mlm[0], "mlm.ort_lr=1e-6"])) != fingerprint(compose_config(mlm[0]))


def test_a_run_directorys_name_is_made_of_its_choices() -> None:
    config = compose_config(["variant=t_ort", "task=udpos", "seed=3"])
    name = RunDirectory(config).name
    assert name.startswith("xlmr_base/udpos/t_ort/lr0.0001-ort1e-07-seed3-")
    assert "=" not in name
    assert RunDirectory(compose_config(["stage=mlm", "language=sw"])).name.startswith(
        "xlmr_base/mlm/sw-noo/lr0.0001-seed0-"
    )
    assert "optim.ort_lr" in choices(config)


def test_commands_for_missing_adapters_keep_what_the_training_depends_on() -> None:
    given = ["variant=lort_tort", "task=udpos", "data=xtreme", "data.root=x", "optim.lr=1e-3", "mlm.lr=1e-3", "seed=4",
             "paths.adapters=a", "languages=[tr]", "trainer.max_epochs=2", "trainer.max_iterations=9"]  # fmt: skip
    made = mlm_overrides(given, "tr")
    assert made == [
        "stage=mlm",
        "variant=lort_tort",
        "mlm.lr=1e-3",
        "paths.adapters=a",
        "trainer.max_iterations=9",
        "language=tr",
    ]
    config = compose_config(made)
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
