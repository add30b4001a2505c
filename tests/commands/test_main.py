"""The commands' arguments: the installed command, Hydra's own flags, completion, versions."""

import logging
import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hydra._internal.utils import create_config_search_path
from packaging.requirements import Requirement

from orthoadapters import exit_codes, fetch, publish
from orthoadapters.commands import evaluate, main, predict, report, train
from orthoadapters.config.command_line import is_for_hydra, read_command_line
from orthoadapters.config.compose import CONF
from orthoadapters.config.version import version_line
from orthoadapters.locks import lock
from tests.helpers.commands import ROOT, environment
from tests.helpers.commands import train as run_train
from tests.helpers.lowest import lowest
from tests.helpers.temporary_conf import temporary_conf

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_installed_command_and_its_parts_are_functions_that_take_arguments() -> None:
    module, _, function = PROJECT["scripts"]["orthoadapters"].partition(":")
    assert getattr(import_module(module), function) is main.main
    for name in main.COMMANDS.values():
        assert callable(import_module(name).main)


def test_the_installed_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in main.COMMANDS if f"orthoadapters {name} " not in shown] == []
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"{version_line()}\n"
    assert main.main([]) == 1
    capsys.readouterr()
    assert main.main(["trian"]) == 1
    assert capsys.readouterr().err == (
        "error: there is no command 'trian', did you mean 'train'?; there are: train, report, predict, evaluate, fetch, "
        "publish\n"
    )


def test_a_mistake_in_a_command_is_its_sentence_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["train", "optim.lrr=1"]) == 1
    assert "no key 'optim.lrr', did you mean 'optim.lr'" in capsys.readouterr().err
    assert main.main(["report", "/nowhere"]) == 1
    assert "/nowhere" in capsys.readouterr().err
    for words, name in (
        ("report --out=", "--out"),
        ("predict RUN --output=", "--output"),
        ("evaluate ~no-such-name/x", "~no"),
    ):
        assert main.main(words.split()) == 1
        assert capsys.readouterr().err.startswith(f"error: {name}")


def test_hydras_own_help_takes_no_notice_of_this_projects_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        train.main(["--hydra-help", "variant=t_noo"])
    assert end.value.code == 0
    assert "Hydra" in capsys.readouterr().out


@pytest.mark.parametrize("command", [train.main, report.main, predict.main, evaluate.main, fetch.main, publish.main])
def test_every_command_says_its_version(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(command)
    with suppress(SystemExit):  # argparse's way
        command(["--version"])
    assert capsys.readouterr().out == f"{version_line()}\n"


def test_hydra_shows_one_run_of_a_multirun(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--multirun", "--cfg", "job", "--package", "variant", "variant=t_ort,t_noo", "seed=1,2"]) == 0
    shown = capsys.readouterr()
    assert "name: t_ort" in shown.out
    assert shown.err == "# one run of several: variant=t_ort seed=1\n"


def test_a_broken_file_is_a_sentence_where_hydra_would_show_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "task" / "broken.yaml"
    file.parent.mkdir()
    file.write_text("name: broken\n  kind: tagging\n")
    assert train.main(["--config-dir", str(tmp_path), "--cfg", "job", "task=broken"]) == 1
    assert capsys.readouterr().err.startswith(f"error: {file}, line 2: ")


def test_hydra_answers_in_lines_that_it_says_once() -> None:
    done = run_train("--info", "searchpath")
    lines = [line for line in done.stdout.splitlines() if line.startswith("| main") or line.startswith("| ortho")]
    assert [line.split("|")[2].strip() for line in lines] == [f"file://{CONF}", f"file://{CONF.parent}/multirun_sweeps"]
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("line", "completions"),
    [
        (
            "python train.py variant=l",
            ["variant=lnoo_tnoo", "variant=lnoo_tort", "variant=lort_tnoo", "variant=lort_tort"],
        ),
        ("orthoadapters train sweep=x", ["sweep=xnli"]),
        ("orthoadapters tr", ["train", "report", "predict", "evaluate", "fetch", "publish"]),
        ("orthoadapters report runs", []),
    ],
)
def test_a_shell_completes(
    line: str, completions: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    command = train.main if line.startswith("python") else main.main
    assert command(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out.split() == completions


@pytest.mark.parametrize("script", ["train.py", "orthoadapters"])
def test_completion_is_installed_for_the_command_that_is_typed(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script])
    assert train.main(["-sc", "install=bash"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith(f"-F hydra_bash_completion {'python' if script == 'train.py' else 'orthoadapters'}")


def test_another_program_of_hydras_gets_no_folder_of_this_project(tmp_path: Path) -> None:
    def providers(folder: Path) -> list[str]:
        return [element.provider for element in create_config_search_path(str(folder)).get_path()]

    assert "orthoadapters" in providers(CONF)
    assert "orthoadapters" not in providers(tmp_path)


def test_every_dependency_has_a_pin_that_its_bounds_allow() -> None:
    extras = [text for name, texts in PROJECT["optional-dependencies"].items() if name != "all" for text in texts]
    pins = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if "==" in line:
            pin = Requirement(line.partition("#")[0])
            pins[pin.name.lower().replace("_", "-")] = str(pin.specifier).removeprefix("==")
    for text in [*PROJECT["dependencies"], *extras]:
        needed = Requirement(text)
        assert needed.specifier.contains(pins[needed.name.lower().replace("_", "-")]), text


def test_every_dependency_has_a_lower_bound_that_can_be_tried() -> None:
    oldest = [Requirement(text) for text in lowest()]
    extras = [text for name, texts in PROJECT["optional-dependencies"].items() if name != "all" for text in texts]
    for needed, one in zip(map(Requirement, [*PROJECT["dependencies"], *extras]), oldest, strict=True):
        (version,) = one.specifier
        assert (needed.name, version.operator) == (one.name, "==")
        assert needed.specifier.contains(version.version)


def test_a_lock_holds_among_processes_and_falls_with_its_file(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open() as second:
        assert lock(first)
        assert not lock(second)
        first.close()
        assert lock(second)
    with (tmp_path / "lock").open() as first, (tmp_path / "lock").open() as second:
        assert lock(first, share=True)
        assert lock(second, share=True)


def test_where_there_is_no_flock_another_lock_does_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert lock(first)
        monkeypatch.setitem(sys.modules, "fcntl", None)
        assert not lock(second)
        first.close()
        assert lock(second)


def test_nothing_is_imported_that_one_kind_of_system_alone_has() -> None:
    code = "import sys; sys.modules['fcntl'] = None; import orthoadapters.commands.train, orthoadapters.sweep.devices"
    assert subprocess.run([sys.executable, "-c", code], env=environment()).returncode == 0


def test_questions_leave_logging_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    assert train.main(["--cfg", "job", "--package", "seed"]) == 0
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize(
    ("module", "name", "words", "fix"),
    [
        (report, "_report", ["x"], "give the command again"),
        (publish, "publish", ["x", "--repo", "a/b"], "give the command again"),
        (evaluate, "_evaluate", ["x"], "the same command begins anew"),
        (fetch, "fetch", ["task=udpos"], "the same command goes on with what is missing"),
    ],
)
def test_ctrl_c_is_answered_in_a_sentence(
    module: ModuleType,
    name: str,
    words: list[str],
    fix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, name, stop)
    assert module.main(words) == 130
    assert capsys.readouterr().err == f"stopped; {fix}\n"


def test_ctrl_c_ends_predict_without_a_word_among_the_labels(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "predict", stop)
    assert predict.main(["RUN", "--language", "sw"]) == 130
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_before_a_training_begins_promises_no_checkpoint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run_one", stop)
    assert train.main(["task=udpos"]) == 130
    assert capsys.readouterr().err.endswith("or begins anew where none was written yet\n")


def test_a_reader_that_has_enough_ends_a_command_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        raise BrokenPipeError

    monkeypatch.setattr(exit_codes, "discard_rest", lambda: None)  # which is for the process's own standard output
    assert exit_codes.exit_code_of(run, "") == 141
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "arguments",
    [["hydra.run.dir=x"], ["+hydra.job.env_set.A=1"], ["hydra/job_logging=default"], ["--run", "sweep=demo"]],
)
def test_a_run_that_says_something_to_hydra_is_hydras(arguments: list[str]) -> None:
    assert is_for_hydra(read_command_line(arguments))
    assert not is_for_hydra(read_command_line(["suite=demo", "variant=t_noo"]))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("suite/mine.yaml", "", "# @package _global_\nseed: 1\nhydra:\n  job:\n    env_set: {OMP_NUM_THREADS: 1}\n"),
        ("suite/mine.yaml", "", "# @package _global_\ndefaults:\n  - override hydra/job_logging: default\nseed: 1\n"),
        ("config.yaml", "    dir: .\n", "    dir: elsewhere\n"),
        ("config.yaml", "hydra/job_logging: none", "hydra/job_logging: default"),
    ],
)
def test_a_file_of_conf_that_says_something_to_hydra_is_heard(
    file: str, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = temporary_conf(tmp_path, monkeypatch) / file
    assert not is_for_hydra(read_command_line(["suite=demo"]))
    text = path.read_text() if old else ""
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else new)
    assert is_for_hydra(read_command_line(["suite=demo"]))


def test_files_of_conf_that_nobody_chooses_may_be_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = temporary_conf(tmp_path, monkeypatch)
    (conf / "variant" / "other.yaml").write_bytes(b"name: \xff\xfe\n")
    (conf / "variant" / ".#t_noo.yaml").symlink_to("me@here")  # an editor's lock
    paths = [f"paths.{name}={tmp_path / name}" for name in ("runs", "adapters", "cache")]
    assert train.main(["suite=demo", "variant=full_ft", "task=udpos", "plan=true", "logger=csv", *paths]) == 0
    assert capsys.readouterr().err == ""


def test_a_suite_may_make_a_multirun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = (
        "# @package _global_\ndefaults:\n  - demo@_here_\nhydra:\n  mode: MULTIRUN\nsweep:\n  axes:\n    seed: [0, 1]\n"
    )
    (temporary_conf(tmp_path, monkeypatch) / "suite/mine.yaml").write_text(suite)
    paths = [f"paths.{name}={tmp_path / name}" for name in ("runs", "adapters", "cache")]
    with suppress(SystemExit):
        train.main(["suite=mine", "variant=full_ft", "plan=true", "logger=csv", *paths])
    assert "2 cells: 2 to run" in capsys.readouterr().out
