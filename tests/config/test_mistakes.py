"""Overrides that are mistyped, or mean something else than they seem to: the sentence has them as they should be typed."""

import re

import pytest

from orthoadapters.config.command_line import check_command_line
from orthoadapters.config.compose import compose_config
from orthoadapters.config.keys import PATHS
from orthoadapters.config.mistakes import in_shell
from orthoadapters.config.overrides import override_text
from orthoadapters.errors import UserError


@pytest.mark.parametrize(
    "path", ["/data/lang=en/x", "~/data", "/data/müller", "/data/a#b", "/data/a(1)", "a;b", "[a", "{a"]
)
def test_a_value_that_needs_quotes_is_shown_as_the_whole_argument_should_be_typed(path: str) -> None:
    with pytest.raises(UserError) as raised:
        check_command_line([f"data.root={path}"])
    assert str(raised.value).endswith(f"""quote the value: "data.root='{path}'\"""")
    assert compose_config(["data=xtreme", f"data.root='{path}'"]).data.root == path


@pytest.mark.parametrize("path", ["it's", "a$b", 'a"b', "a`b", "a!b"])
def test_what_is_to_be_typed_reaches_hydra_through_a_shell_unchanged(path: str) -> None:
    import shlex

    typed = in_shell(override_text("data.root", path))
    (argument,) = shlex.split(typed)
    assert compose_config(["data=xtreme", argument]).data.root == path


@pytest.mark.parametrize("key", PATHS)
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", "{} is empty, as it becomes where a shell's variable has no value; write the whole path"),
        ("$HOME/runs", "{} has $HOME in '$HOME/runs', which no shell replaced, as in single quotes; write the whole"),
        ("$OF_NOBODY", "{} has $OF_NOBODY in '$OF_NOBODY', which no shell"),
        ("/a$HOME", "{} has $HOME in '/a$HOME', which no shell"),
        ("'s3://bucket/x'", "{} is the address 's3://bucket/x', and files of this machine alone are read and written"),
    ],
)
def test_a_path_that_the_shell_left_empty_or_unfilled_is_refused(
    key: str, path: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home")
    with pytest.raises(UserError, match=re.escape(sentence.format(key))):
        compose_config([f"{key}={path}"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("languages={tr:1,sw:2}", 'languages takes a list; write "languages=[tr,sw]"'),
        ("variant=1", "variant has no '1'; there are: full_ft, lnoo_tnoo"),
        ("-m variant=range(1,3)", "variant has no '1'; there are: full_ft, lnoo_tnoo"),
        ("hydra/launcher=slurm", "hydra/launcher has no 'slurm', did you mean 'submitit_slurm'?"),
        ("trainer=null", "trainer=null: every run has a file of this group; there are: ddp, default"),
        ("task=udpos task.name=xnli", "'task.name=xnli': xnli is another task; choose task=xnli, or another name"),
        ("backbone=xlmr_base backbone.name=mbert", "mbert is another backbone; choose backbone=mbert, or another name"),
        ("-m seed=glob(*)", "glob() is for names of files, and seed has none; write seed=VALUE,VALUE"),
        ("-m variant=glob(z*)", "'variant=glob(z*)' means none of the files of variant; there are: full_ft, lnoo_tnoo"),
        ("variant=glob(t_*)", "'variant=glob(t_*)' asks for several runs; add -m"),
        ("-m sweep=glob(*)", "one sweep at a time"),
        ("language=en language.code=sw", "the code is that of the language's file; write language=sw"),
        (
            "paths.runs=${HOME}/a",
            "${HOME} stands for another key, and there is none; write the whole value, or ${oc.env:",
        ),
        ("logger=null", "write logger=none to log nowhere"),
        ("data=null", "data=null: every run has a file of this group; there are: "),
        ("seed=null", "seed cannot be null; it takes a whole number"),
        ("optim=null", "optim cannot be null; it takes keys of its own, such as optim.lr=..."),
        ("optim=5", "'optim=5': optim takes keys of its own, such as optim.lr=..."),
        ("variant.task_adapter=null", "it takes one of none, noo, ort"),
        ("-m optim.lr=interval(1e-5,1e-4)", "is no list of values; name them: KEY=VALUE,VALUE"),
        ("sweep=xnli optim.lr=interval(1e-5,1e-4)", "is no list of values; name them: KEY=VALUE,VALUE"),
        ("optim.lr=interval(1e-5,1e-4)", "is no list of values; name them: KEY=VALUE,VALUE"),
        ("languages=ar", 'languages takes a list; write "languages=[ar]"'),
        ("languages=ar,tr", 'languages takes a list; write "languages=[ar,tr]"'),
        ("languages=(ar,tr)", 'is no list; write "languages=[ar,tr]"'),
        ("task.metrics=f1", 'task.metrics takes a list; write "task.metrics=[f1]"'),
        ("-m seed=range(3,1)", "'seed=range(3,1)' names no value; give it at least one"),
        ("hydra/launcher=null", "leave hydra/launcher=null out"),
        ("~optim.clip_norm", "a key cannot be taken out; optim.clip_norm=null leaves it without a value"),
        ("~seed", "a key cannot be taken out; it takes a whole number"),
        ("~variant", "every run has a file of this group; choose another one with variant=NAME"),
        ("~optim.clip", "there is no key 'optim.clip', did you mean"),
        ("+optim.lr=5e-5", "adds a key, and optim.lr is there; write optim.lr=5e-5"),
        ("+variant=t_noo", "adds a key, and variant is there; write variant=t_noo"),
        ("++variant=t_noo", "adds a key, and variant is there; write variant=t_noo"),
        ("variant=[t_noo,t_ort]", "gives one run several values; several runs: -m variant=t_noo,t_ort"),
        ("-m task=[xnli,udpos]", "gives one run several values; several runs: -m task=xnli,udpos"),
        ("optim.lr=[1e-5,1e-4]", "gives one run several values; several runs: -m optim.lr=1e-5,1e-4"),
        ("sweep=[xnli,udpos]", "one sweep at a time"),
        ("data.root=a,b", """or quotes if it is one value: "data.root='a,b'\""""),
        ("variant=t_noo,", "'variant=t_noo,' cannot be read; write variant=NAME"),
        ("=3", "'=3' is no override; write KEY=VALUE"),
        ("--optim.lr=3", "there is no flag --optim.lr=3; a key has no dashes before it: optim.lr=3"),
        ("--resolve", "--resolve and --package go with --cfg"),
        ("--config-name mine", "a file DIR/suite/NAME.yaml with --config-dir DIR"),
        ("--config-path /mine", "--config-dir DIR adds a folder of yours"),
        ("hydra.searchpath=[file:///mine]", "--config-dir DIR adds a folder"),
        ("hydra/launcher=joblub", "hydra/launcher has no 'joblub', did you mean 'joblib'"),
    ],
)
def test_a_mistake_is_answered_with_its_cause_and_what_to_type(arguments: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        check_command_line(arguments.split(" "))


@pytest.mark.parametrize(
    "arguments",
    [
        "suite=null",
        "sweep=null",
        "~sweep",
        "suite=demo suite=null",
        "++optim.lr=5e-5",
        "languages=${task.languages}",
        "+language.hub_adapters.mine=me/mine",
        "-m languages=[ar],[tr]",
        "-m seed=range(3)",
        "variant=t_noo -m seed=1,2",
        "data.limit_train=null",
    ],
)
def test_what_is_meant_so_passes(arguments: str) -> None:
    check_command_line(arguments.split(" "))


def test_null_takes_back_a_suite_as_if_it_had_not_been_named() -> None:
    assert compose_config(["suite=demo", "suite=null"]) == compose_config([])


def test_a_launcher_that_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orthoadapters.config.command_line.find_spec", lambda name: None)
    with pytest.raises(UserError, match=re.escape("pip install 'orthoadapters[launchers]'")):
        check_command_line(["-m", "hydra/launcher=submitit_slurm"])


def test_a_key_that_is_given_twice_is_said_with_the_value_that_counts(caplog: pytest.LogCaptureFixture) -> None:
    check_command_line(["variant=t_noo", "seed=3", "variant=t_noo"])
    assert caplog.text == ""
    check_command_line(["variant=t_noo", "seed=3", "variant=t_ort", "seed=4"])
    assert "variant=t_noo and variant=t_ort: the last one counts; leave the other out" in caplog.text
    assert "seed=3 and seed=4: the last one counts" in caplog.text
