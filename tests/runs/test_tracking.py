"""W&B offline, metrics.csv, and what happens to both when training raises."""

import json
import re
import shlex
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from click import Context
from wandb.cli.cli import cli

from orthoadapters import UserError
from orthoadapters.config.compose import compose_config
from orthoadapters.runs.tracking import check_trackers
from orthoadapters.runs.wandb_session import not_started, upload_command
from orthoadapters.training.alternating import AlternatingTraining
from tests.helpers.commands import demo
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import InThisProcess, run_sweep
from tests.helpers.wandb_records import records
from tests.test_docs import MANUALS, commands


def check_command(command: str) -> None:
    """Lets W&B's own command line read a command, without running it."""
    program, name, *arguments = shlex.split(command)
    assert program == "wandb"
    known = cli.commands[name]
    known.make_parser(Context(known)).parse_args(arguments)


def test_each_run_is_one_wandb_run_that_can_be_sliced(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = overrides(backbone, world, tmp_path, "logger=wandb", "task=udpos", "languages=[tr]")
    first = execute([*given, "variant=t_noo"])
    second = execute([*given, "variant=t_ort"])  # in the same process
    held = [records(tmp_path / "runs" / result.run) for result in (first, second)]
    assert held[0]["id"] != held[1]["id"]
    for result, run in zip((first, second), held, strict=True):
        assert run["name"] == result.run
        assert (run["group"], run["job_type"]) == ("task-udpos", "task")
        assert {"task", result.variant, "udpos", "tiny", "seed0"} == run["tags"]
        assert run["config"]["optim.lr"] == result.lr
        assert run["exit"] == 0
        assert run["steps"] >= 10
        assert run["summary"]["test_tr_f1"] == result.test["tr"]["f1"]
    assert (tmp_path / "runs" / first.run / "metrics.csv").exists()


def test_a_run_that_raises_is_ended_as_failed(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise UserError("no")

    monkeypatch.setattr(AlternatingTraining, "training_step", failing)
    with pytest.raises(UserError, match="no"):
        execute(overrides(backbone, world, tmp_path, "logger=wandb", "task=udpos", "variant=t_noo", "languages=[tr]"))
    assert records(tmp_path / "runs")["exit"] == 1
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.parametrize(("logger", "expected"), [("csv", True), ("none", False)])
def test_the_other_loggers(logger: str, expected: bool, backbone: Path, world: Path, tmp_path: Path) -> None:
    result = execute(
        overrides(backbone, world, tmp_path, f"logger={logger}", "task=udpos", "variant=t_noo", "languages=[tr]")
    )
    assert (tmp_path / "runs" / result.run / "metrics.csv").exists() == expected
    assert not list(tmp_path.rglob("wandb"))


def test_without_a_key_it_goes_offline_and_says_so(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    execute(overrides(backbone, world, tmp_path, "logger=wandb", "task=udpos", "variant=t_noo", "languages=[tr]"))
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "W&B" in line]
    assert "no key found, logging offline" in line
    (command,) = re.findall(r"`(.*)` uploads it later", line)
    check_command(command)
    assert any(fnmatch(str(path), shlex.split(command)[-1]) for path in tmp_path.rglob("offline-run-*"))


def test_with_wandbs_own_folder_the_command_names_the_run_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", f"{tmp_path}/a b")
    command = upload_command(Path("elsewhere"), "run-1")
    check_command(command)
    own = tmp_path / "a b" / "wandb" / "offline-run-20261231_235959-run-1"
    assert [fnmatch(f"{own}{part}", shlex.split(command)[-1]) for part in ("", "-1", "/..-run-2")] == [True, True, True]
    assert not fnmatch(str(own).replace("run-1", "run-2"), shlex.split(command)[-1])


def test_the_documents_give_wandb_commands_that_it_knows() -> None:
    lines = {line for path in MANUALS for line in commands(path) if re.search(r"\bwandb (?!$)", line)}
    assert len(lines) >= 4
    for line in lines:
        check_command(re.search(r"\bwandb .*", line.replace("{} +", "PATH"))[0])  # type: ignore[index]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"WANDB_MODE": "ofline"}, "'ofline'; logger=csv or WANDB_MODE=offline goes on without it"),
        ({"WANDB_MODE": "offline", "WANDB_DIR": "/proc/none"}, "WANDB_DIR=/proc/none cannot be written to"),
        ({"WANDB_MODE": "online"}, "no key found; `wandb login` or WANDB_API_KEY gives one; logger=csv or WANDB_MODE="),
    ],
)
def test_what_keeps_wandb_from_starting_is_said_before_data_are_read(
    variables: dict[str, str], sentence: str, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    given = overrides(backbone, tmp_path / "none", tmp_path, "logger=wandb", "task=udpos", "variant=t_noo")
    with pytest.raises(UserError, match=re.escape(sentence)):
        execute(given)
    assert not (tmp_path / "runs").exists()


def test_offline_already_is_no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert str(not_started(ValueError("why"))) == "W&B did not start: why; logger=csv goes on without it"


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_logger_whose_package_is_missing_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=f"logger={name} needs the package {name}; install it with: pip install {name}"):
        check_trackers(compose_config([f"logger={name}"]).logger)


def test_a_sweep_is_a_group_with_one_more_run_that_holds_its_table(
    backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*demo(backbone, tmp_path), "variant=t_noo", "logger=wandb"]
    assert run_sweep(*arguments, launcher=InThisProcess()) == 0
    (cell,) = tmp_path.glob("runs/tiny/udpos/t_noo/*")
    sweep = tmp_path / "runs" / "tiny" / "sweep-demo"
    assert records(cell)["group"] == "demo"
    held = records(sweep)
    assert (held["group"], held["job_type"], held["exit"]) == ("demo", "sweep", 0)
    assert held["summary"]["finished"] == 1
    (table,) = sweep.rglob("cells_*.table.json")
    logged = json.loads(table.read_text())
    assert logged["columns"] == ["#", "cell", "lr", "ort lr", "seed", "state", "dev", "avg_zero_shot", "time"]
    assert logged["data"][0][1:6] == ["udpos t_noo", "0.001", "", "0", "finished"]
    upload = re.findall(r"`(.*)` uploads it later", capsys.readouterr().err)[-1]
    assert upload == f"find {tmp_path}/runs/tiny -name 'offline-run-*' -exec wandb sync {{}} +"
