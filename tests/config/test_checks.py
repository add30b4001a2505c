"""The checks: what cannot be run is refused before anything is read, with a sentence that names key and fix."""

import os
from pathlib import Path

import pytest

from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config
from orthoadapters.config.locations import warn_once
from orthoadapters.errors import UserError


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["trainer.precision=16-mixed"], "use bf16-mixed"),
        (["trainer.precision=bf16-true"], "lost in bf16 weights"),
        (
            ["trainer.compile=true", "variant=t_ort", "ort.share_forward=true"],
            "does not go with ort.share_forward=true",
        ),
        (["trainer.compile=true", "trainer=ddp"], "does not go with several processes"),
        (["stage=mlm", "variant=t_noo"], "has no language adapter to train"),
        (["variant.leave_out=[11,10]"], "name the layers in ascending order"),
        (["variant.leave_out=[-1]"], "as numbers from 0 on"),
        (["variant.leave_out=[11,11]"], "variant.leave_out has 11 twice"),
        (
            ["variant=t_noo", "variant.language_adapter=noo", "variant.task_adapter=none"],
            "none of the paper's variants",
        ),
        (["backbone.name=''"], "backbone.name='' is empty, and becomes a part of paths; give it another name"),
        (["backbone.name=/x"], "has an empty part, or begins at the top of the disk"),
        (["backbone.name=../x"], "leads to another folder"),
        (["variant.name=a/./b"], "leads to another folder"),
        (["task.name='a\nb'"], "has a character that cannot be printed"),
        ([f"task.name={'x' * 201}"], "is longer than 200 bytes"),
        (["source_language=a/b"], "source_language='a/b' has a / in it"),
        (["languages=[../ar]"], r"languages\[0\]='../ar' has a / in it"),
        (["languages=[swa]"], "unknown language 'swa', did you mean 'sw'"),
        (["source_language=xx"], "unknown language 'xx'; conf/language/ has ar, de, en"),
        (["variant=t_noo", "variant.task_adapter=ort"], "is variant=t_ort; choose that one"),
        (["seed=-1"], "must lie between 0 and"),
        (
            ["domain.name=a", "variant=t_noo"],
            "domain=a with variant=t_noo: a domain adapter lies on a language adapter",
        ),
        (["domain.name=a", "domain.kind=none"], "a domain adapter is noo or ort; domain=none leaves it out"),
        (["domain.name=a", "domain.reduction=0"], "domain.reduction=0 must be greater than 0"),
        (["domain.name=a/b"], "domain.name='a/b' has a / in it"),
        (["stage=mlm", "domain.name=a"], "domain.root is missing: the folder with the text of a, en.txt"),
        (
            ["stage=mlm", "domain.root=DIR"],
            "domain.root=DIR is the text of a domain without a name; add domain.name=NAME",
        ),
        (["optim.lr=0"], "optim.lr=0.0 must be greater than 0"),
        (["optim.lr=1e39"], "optim.lr=1e.39 becomes 0 or infinity in float32"),
        *(
            (
                [f"{key}=1e-320"],
                f"{key}=1e-320 becomes 0 or infinity in float32, .*; use a number from 1.2e-38 to 3.4e.38",
            )
            for key in ("optim.lr", "optim.ort_lr", "optim.eps", "mlm.lr", "mlm.ort_lr", "task.lr", "ort.joint")
        ),
        *(
            ([f"{key}=1{'0' * 23}"], f"{key}=10{{19}}\\.\\.\\. is more than can be counted to; use 2147483647 at most")
            for key in (
                *("data.limit_train", "data.limit_dev", "data.limit_test", "task.batch_size", "task.max_length"),
                *("trainer.max_iterations", "trainer.max_epochs", "trainer.checkpoint_every", "mlm.dev_blocks"),
                *("domain.reduction", "mlm.block_length"),
            )
        ),
        ([f"variant.leave_out=[{2**31}]"], "variant.leave_out=2147483648 is more than can be counted to"),
        (["ort.every=0"], "ort.every=0 must be greater than 0"),
        (["unfreeze.every=0"], "unfreeze.every=0 must be greater than 0"),
        (["unfreeze.per=epoch", "variant=full_ft"], "is for the layers of an adapter, and variant=full_ft trains none"),
        (
            ["unfreeze.per=epoch", "stage=mlm", "variant=lort_tnoo"],
            "counts iterations alone; use unfreeze.per=iteration",
        ),
        (["unfreeze.per=epoch", "trainer.patience=2"], "might end before all layers are trained"),
        (["unfreeze.per=epoch", "trainer.compile=true"], "every further layer would be compiled anew"),
        (["ort.joint=0"], "ort.joint=0.0 must be greater than 0"),
        (["variant=t_ort", "ort.joint=0.1", "ort.every=2"], "ort.joint=0.1 makes one step .*; leave ort.every=2 out"),
        (["variant=t_ort", "ort.joint=1", "ort.share_forward=true"], "leave ort.share_forward=true out, or ort.joint"),
        (["variant=t_ort", "orthogonality=weights", "ort.share_forward=true"], "takes no forward pass"),
        (["variant=t_ort", "orthogonality=subspace", "trainer=ddp"], "2 processes have a part of it each; use one"),
        (["trainer.patience=0"], "trainer.patience=0 must be greater than 0"),
        (["data.limit_test=0"], "must be greater than 0"),
        (["optim.lr=1e400"], "optim.lr=inf must be greater than 0, and finite"),
        (["trainer.accelerator=tpu"], "not one of auto, cpu, gpu"),
        (
            ["task.metrics=[f1]"],
            "'f1' is not one of accuracy, macro_f1, which are those of kind=sentence_pair; take it",
        ),
        (["task=sib200", "task.metrics=[accuracy,f1_strict]"], "'f1_strict' is not one of accuracy, macro_f1"),
        (
            ["task=xcopa", "task.metrics=[macro_f1]"],
            "'macro_f1' is not one of accuracy, which are those of kind=multiple",
        ),
        (
            ["task=udpos", "task.metrics=[f1_strict]"],
            "f1_strict is for labels O, B-TYPE and I-TYPE, and udpos has 'ADJ'",
        ),
        (
            ["task=xcopa", "data=xtreme", "data.root=DIR"],
            "data=xtreme holds words with tags, .*; task=xcopa is of kind=mul",
        ),
        (["task.metrics=[]"], "task.metrics of xnli is empty, .*; name at least one of accuracy, macro_f1"),
        (["task.labels=[same]"], r"task.labels of xnli is \[same\]; they must be at least two, each once"),
        (
            ["task=wikiann", "task.metrics=[f1,f1]"],
            "task.metrics has f1 twice; name it once, or write what was meant in",
        ),
        (["task.languages=[en,tr,tr]"], "task.languages has tr twice"),
        (["task.character_words=[zh,zh]"], "task.character_words has zh twice"),
        (["task.hub_columns=[a,a]"], "task.hub_columns has a twice"),
        (["task.labels=[a,b,a]"], "task.labels of xnli has 'a' twice; they must be at least two, each once"),
        (["task.labels=[a,'']"], "each once and none of them empty"),
        *(
            (
                [f"task.labels=['a{character}b',c]"],
                r"task.labels of xnli has 'a\\\w+b', in which a character is a tab, a line's",
            )
            for character in ("\t", "\n", "\r", "\u2028", "\x00")
        ),
        (
            ["task=wikiann", "task.metrics=[f1]", "task.labels=[O,B-DISH,I-DRINK]"],
            "task.labels of wikiann has I-DRINK and no B-DRINK, but B-DISH and no I-DISH; mend the name of one",
        ),
        (["mlm.mask_probability=1.5"], "must lie between 0 and 1"),
        (["task.max_length=4"], "leaves no room for words"),
    ],
)
def test_impossible_combinations_are_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config(overrides))


@pytest.mark.parametrize(
    ("labels", "warning"),
    [
        ("O,B-DISH,I-DISH,I-DRINK", "has I-DRINK and no B-DRINK; add it, unless the data have none"),
        ("O,I-DISH,I-DRINK", ""),
        ("O,B-DISH,I-DISH,B-DRINK", ""),
    ],
)
def test_a_type_that_no_label_begins_is_named(labels: str, warning: str, caplog: pytest.LogCaptureFixture) -> None:
    check(compose_config(["variant=t_noo", "task=wikiann", f"task.labels=[{labels}]"]))
    assert warning in caplog.text
    assert len(caplog.records) == bool(warning)


def test_a_run_without_target_languages_says_so(caplog: pytest.LogCaptureFixture) -> None:
    warn_once.cache_clear()
    check(compose_config(["variant=t_noo", "languages=[]"]))
    assert caplog.messages == ["languages=[]: no target language is tested, and en alone is"]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("languages=[tr,ar,tr]", "languages has tr twice; it counts once"),
        ("transfer.under=[none,source,none]", "transfer.under has none twice; it counts once"),
        ("task.grid.lr=[5e-5,0.00005]", "task.grid.lr has 5e-05 twice; it counts once"),
        ("logger.tags=[a,a]", "logger.tags has a twice; it counts once"),
    ],
)
def test_what_a_set_names_twice_counts_once_and_is_said(
    override: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    warn_once.cache_clear()
    check(compose_config([override, "logger=wandb", f"seed={len(sentence)}"]))
    assert caplog.messages == [sentence]


def test_a_code_in_capitals_is_near() -> None:
    with pytest.raises(UserError, match="unknown language 'TR', did you mean 'tr'"):
        check(compose_config(["variant=t_noo", "languages=[TR]"]))


@pytest.mark.parametrize("labels", [2, 20])
@pytest.mark.parametrize("task", ["xnli", "sib200", "udpos", "xcopa"])
def test_any_number_of_labels_from_two_on_is_accepted(task: str, labels: int) -> None:
    names = ",".join(f"label{n}" for n in range(labels))
    check(compose_config([f"task={task}", f"task.labels=[{names}]", "task.metrics=[accuracy]", "backbone=local",
                          "backbone.path=."]))  # fmt: skip


@pytest.mark.parametrize("key", ["paths.adapters", "language_adapters.root", "backbone.path"])
def test_something_else_where_a_folder_should_be_is_named_as_what_it_is(key: str, tmp_path: Path) -> None:
    own = ["variant=lnoo_tnoo", "task=udpos"]
    own += ["language_adapters.source=local"] if key == "language_adapters.root" else []
    own += ["backbone=local"] if key == "backbone.path" else []
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, kind in (("file", "a file and no folder"), ("pipe", "no folder but a pipe, socket or device")):
        with pytest.raises(UserError, match=rf"^{tmp_path / name} is {kind}; .*{key}"):
            check(compose_config([*own, f"{key}={tmp_path / name}"]))


def test_a_folder_that_a_variant_does_not_read_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for own in (
        ["variant=t_ort", f"paths.adapters={tmp_path / 'file'}"],
        [
            "variant=lnoo_tnoo",
            "language_adapters.source=local",
            "language_adapters.root=.",
            f"paths.adapters={tmp_path}/file",
        ],
    ):
        check(compose_config(["task=udpos", *own]))
