"""The choices of a run: its fingerprint and its name depend on what its numbers depend on, and on nothing else."""

import pytest

from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import compose_config
from orthoadapters.config.trainings import mlm_overrides
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory


def of(*overrides: str) -> str:
    return fingerprint(compose_config(overrides))


def test_a_fingerprint_is_what_the_numbers_depend_on_and_no_more() -> None:
    base = of("variant=lort_tnoo")
    same = [
        "paths.runs=x",
        "logger=none",
        "trainer.log_every=7",
        "optim.ort_lr=1e-6",
        "corpus=text",
        "corpus.root=x",
        "language=tr",
        "trainer.max_iterations=3",
        "languages=[ar,hi,sw,tr,zh]",
    ]
    assert of("variant=lort_tnoo", *same) == base
    other = ["seed=1", "optim.lr=1e-5", "languages=[tr]", "data.limit_train=5", "task=udpos", "variant=lort_tort"]
    for override in other:
        assert of("variant=lort_tnoo", override) != base, override


def test_the_order_of_languages_and_their_repetition_make_no_other_run() -> None:
    assert of("languages=[tr,ar]") == of("languages=[ar,ar,tr]")


def test_a_language_adapters_fingerprint_knows_no_task() -> None:
    mlm = ("stage=mlm", "variant=lort_tnoo", "language=sw", "task=xnli")
    assert of(*mlm) == of("stage=mlm", "variant=lort_tort", "language=sw", "task=udpos")
    assert of(*mlm) != of(*mlm, "mlm.ort_lr=1e-6")


@pytest.mark.parametrize(
    ("run", "key", "other"),
    [
        (["stage=mlm", "variant=lort_tnoo", "language=sw", "data=xtreme"], "data.root", ["stage=task"]),
        (["stage=mlm", "variant=lort_tnoo", "language=sw", "data=conllu"], "data.root", ["stage=task", "task=udpos"]),
        (["variant=full_ft", "corpus=text"], "corpus.root", ["stage=mlm", "variant=lort_tnoo", "language=sw"]),
    ],
)
def test_a_folder_that_a_stage_does_not_read_need_not_be_named_and_makes_no_other_run(
    run: list[str], key: str, other: list[str]
) -> None:
    config, config_with_root = compose_config(run), compose_config([*run, f"{key}=DIR"])
    assert RunDirectory(config).path == RunDirectory(config_with_root).path
    section, name = key.split(".")
    assert [getattr(getattr(one, section), name) for one in (config, config_with_root)] == [None, "DIR"]
    with pytest.raises(UserError, match=f"{key} has no value here"):
        compose_config([*run, *other])


def test_a_run_directorys_name_is_made_of_its_choices() -> None:
    config = compose_config(["variant=t_ort", "task=udpos", "seed=3"])
    name = RunDirectory(config).name
    assert name.startswith("xlmr_base/udpos/t_ort/lr0.0001-ort1e-07-seed3-")
    assert "=" not in name
    assert RunDirectory(compose_config(["stage=mlm", "language=sw"])).name.startswith(
        "xlmr_base/mlm/sw-noo/lr0.0001-seed0-"
    )
    assert "optim.ort_lr" in choices(config)


@pytest.mark.parametrize(
    ("run", "default", "other", "elsewhere"),
    [
        ("variant=t_ort", "ort.share_forward=false", "ort.share_forward=true", ["variant=t_noo"]),
        ("variant=t_ort", "ort.every=1", "ort.every=2", ["variant=full_ft"]),
        ("variant=t_ort", "ort.joint=null", "ort.joint=0.1", ["variant=lort_tnoo"]),
        ("variant=t_ort", "orthogonality=cosine", "orthogonality=weights", ["variant=t_noo"]),
        ("variant=t_noo", "variant.leave_out=[]", "variant.leave_out=[11]", ["variant=full_ft"]),
        ("stage=mlm", "mlm.vocabulary=backbone", "mlm.vocabulary=corpus", ["stage=task"]),
        ("variant=lnoo_tnoo", "transfer.under=[target]", "transfer.under=[target,source]", ["variant=t_noo"]),
        ("variant=lnoo_tnoo", "transfer.under=target", "transfer.under=none", ["stage=mlm"]),
        ("variant=t_noo", "trainer.patience=null", "trainer.patience=3", ["stage=mlm", "variant=lnoo_tnoo"]),
    ],
)
def test_a_newer_choice_is_part_of_a_run_that_reads_it_unless_it_is_what_runs_always_had(
    run: str, default: str, other: str, elsewhere: list[str]
) -> None:
    assert of(run, default) == of(run) != of(run, other)
    assert other.partition("=")[0] not in choices(compose_config([run]))
    assert of(*elsewhere, other) == of(*elsewhere)


def test_gradual_unfreezing_is_a_choice_of_its_own_stage_and_its_pace_is_none_without_it() -> None:
    run = "variant=lort_tort"
    assert of(run) == of(run, "unfreeze.every=2") != of(run, "unfreeze.per=epoch")
    assert of(run, "unfreeze.per=epoch") != of(run, "unfreeze.per=epoch", "unfreeze.every=2")
    assert mlm_overrides([run, "unfreeze.per=epoch"], "sw") == mlm_overrides([run], "sw")


def test_a_joint_loss_has_no_rate_of_its_own() -> None:
    joint = ("variant=t_ort", "ort.joint=0.5")
    assert of(*joint) == of(*joint, "optim.ort_lr=1e-3", "optim.ort_eps=1e-3") != of("variant=t_ort", "ort.joint=0.25")
    assert "/lr5e-05-seed0-" in RunDirectory(compose_config(joint)).name


def test_a_language_adapter_shares_the_orthogonality_step_of_the_task_run_that_needs_it_and_no_patience() -> None:
    trained = mlm_overrides(["variant=lort_tort", "ort.every=2", "trainer.patience=3", "variant.leave_out=[11]"], "sw")
    assert [part for part in trained if part.startswith(("ort.", "trainer."))] == ["ort.every=2"]
    # It has adapters in the same layers, too.
    assert compose_config(trained).variant.leave_out == [11]


def test_a_domain_is_a_choice_of_the_runs_that_stack_its_adapter_and_of_the_one_that_trains_it() -> None:
    domain = ["domain.name=reviews", "domain.root=DIR"]
    assert of("domain.kind=ort", "domain.reduction=4") == of() == of("domain=none")
    assert len({of(), of(*domain), of(*domain, "domain.kind=ort"), of("domain.name=news")}) == 4
    assert of(*domain) == of("domain.name=reviews")
    training = ["stage=mlm", *domain]
    assert of(*training) == of(*training, "variant=lnoo_tort", "corpus=text", "corpus.root=ELSEWHERE", "task=udpos")
    assert len({of("stage=mlm"), of(*training), of(*training, "domain.root=DIR2"), of(*training, "language=sw")}) == 4
    assert of(*training) != of(*training, "language_adapters.source=local", "language_adapters.root=DIR")
    config = compose_config([*training, "domain.kind=ort", "variant=lnoo_tnoo"])
    assert (config.is_orthogonal, config.corpus.root) == (True, "DIR")
    assert RunDirectory(config).name.startswith("xlmr_base/mlm/en-noo-reviews-ort/lr0.0001-ort1e-07-seed0-")


def test_the_training_of_a_domain_adapter_keeps_the_domain_and_that_of_a_language_adapter_leaves_it_out() -> None:
    run = ["task=udpos", "domain=reviews", "domain.kind=ort", "language_adapters.source=hub", "seed=3", "corpus=text"]
    language, domain = (mlm_overrides(run, "en", of_domain=of_domain) for of_domain in (False, True))
    assert language == ["stage=mlm", "corpus=text", "language=en"]
    assert domain == ["stage=mlm", *run[1:4], "corpus=text", "language=en"]
