"""W&B offline, metrics.csv, and what happens to both when training raises."""

import json
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from orthoadapters import UserError
from orthoadapters.training.alternating import AlternatingTraining
from tests.helpers.commands import demo
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import InThisProcess, run_sweep
from tests.helpers.wandb_commands import check_command
from tests.helpers.wandb_records import records


def test_each_run_is_one_wandb_run_that_can_be_sliced(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = overrides(backbone, world, tmp_path, "logger=wandb", "task=udpos", "languages=[tr]")
    first = execute([*arguments, "variant=t_noo"])
    second = execute([*arguments, "variant=t_ort"])  # in the same process
    contents = [records(tmp_path / "runs" / result.run) for result in (first, second)]
    assert contents[0]["id"] != contents[1]["id"]
    for result, run in zip((first, second), contents, strict=True):
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


@pytest.mark.parametrize(("logger", "expectation"), [("csv", True), ("none", False)])
def test_the_other_loggers(logger: str, expectation: bool, backbone: Path, world: Path, tmp_path: Path) -> None:
    result = execute(
        overrides(backbone, world, tmp_path, f"logger={logger}", "task=udpos", "variant=t_noo", "languages=[tr]")
    )
    assert (tmp_path / "runs" / result.run / "metrics.csv").exists() == expectation
    assert not list(tmp_path.rglob("wandb"))


def test_without_a_key_it_goes_offline_and_says_so(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    execute(overrides(backbone, world, tmp_path, "logger=wandb", "task=udpos", "variant=t_noo", "languages=[tr]"))
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("W&B: ")]
    assert "no key found, logging offline" in line
    (command,) = re.findall(r"`(.*)` uploads it later", line)
    check_command(command)
    assert any(fnmatch(str(path), shlex.split(command)[-1]) for path in tmp_path.rglob("offline-run-*"))


def test_a_sweep_is_a_group_with_one_more_run_that_holds_its_table(
    backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*demo(backbone, tmp_path), "variant=t_noo", "logger=wandb"]
    assert run_sweep(*arguments, launcher=InThisProcess()) == 0
    (cell,) = tmp_path.glob("runs/tiny/udpos/t_noo/*")
    sweep = tmp_path / "runs" / "tiny" / "sweep-demo"
    assert records(cell)["group"] == "demo"
    contents = records(sweep)
    assert (contents["group"], contents["job_type"], contents["exit"]) == ("demo", "sweep", 0)
    assert contents["summary"]["finished"] == 1
    (table,) = sweep.rglob("cells_*.table.json")
    table_record = json.loads(table.read_text())
    assert table_record["columns"] == ["#", "cell", "lr", "ort lr", "seed", "state", "dev", "avg_zero_shot", "time"]
    assert table_record["data"][0][1:6] == ["udpos t_noo", "0.001", "", "0", "finished"]
    upload = re.findall(r"`(.*)` uploads it later", capsys.readouterr().err)[-1]
    check_command(upload[upload.index("wandb sync") :])
    assert upload == f"find -L {tmp_path}/runs/tiny -name 'offline-run-*' -exec wandb sync {{}} +"
