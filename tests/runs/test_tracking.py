"""W&B offline, metrics.csv, and what happens to both when training raises."""

import csv
import json
import os
import re
import shlex
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from orthoadapters import UserError
from orthoadapters.runs.tracking import CsvTracker
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
    # What is uploaded names no folder of this machine.
    assert not [file for file in tmp_path.rglob("*.wandb") if str(tmp_path).encode() in file.read_bytes()]


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


@pytest.mark.parametrize(
    ("damage", "rows", "lost"),
    [
        (lambda content: content, [1, 2, 3], ""),
        (
            lambda content: content[:-2],
            [1, 2],
            "1 of the 3 iterations before this start, the first of them iteration 3",
        ),
        (
            lambda content: content.replace(b"2,0.5", b"\0\0\0\xff"),
            [1, 3],
            "no rows of 1 of the 3 .* the first of them iteration 2",
        ),
        (
            lambda content: content.replace(b"2,0.5", b"2" * 5000 + b",0.5"),
            [1, 3],
            "no rows of 1 of the 3 .* iteration 2",
        ),
        (lambda content: content + b"4,0.", [1, 2, 3], ""),
        (lambda content: b"", [], "no rows of 3 of the 3 iterations"),
        (lambda content: b"\0" * 50, [], "no rows of 3 of the 3 iterations"),
        (None, [], "no rows of 3 of the 3 iterations"),
    ],
)
def test_a_damaged_metrics_file_is_repaired_and_what_is_lost_is_said(
    damage: Callable[[bytes], bytes] | None,
    rows: list[int],
    lost: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A row that was cut after the checkpoint is no loss, as its iteration is repeated."""
    path = tmp_path / "metrics.csv"
    first = CsvTracker(path, ["loss", "l_ort"])
    for iteration in (1, 2, 3):
        first.log(iteration, {"loss": 0.5, "l_ort": 1e-9})
    first.close(1)
    content = path.read_bytes()
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(content))
    tracker = CsvTracker(path, ["loss", "l_ort"])
    tracker.resume_from(3)
    tracker.log(4, {"loss": 0.5})
    tracker.close(0)
    with path.open() as file:
        assert [(row["iteration"], row["loss"]) for row in csv.DictReader(file)] == [
            (str(i), "0.5") for i in [*rows, 4]
        ]
    assert re.search(lost, caplog.text) if lost else not caplog.text


ROWS = """iteration,loss,lr,dev_f1
1,2.5,0.1,
2,1e-09,0.1,
2,,,0.25
3,-inf,0.1,
4,1.073501e+07,0.1,
4,,,0.5
"""


@pytest.mark.parametrize(
    ("former", "new", "sentences", "lost"),
    [
        ("", "", "", ""),
        ("loss", "lxss", "damaged: its header was changed at 'lxss'$", ""),
        ("loss,lr", "lr,loss", "damaged: its header was changed at 'lr'$", ""),
        ("lr,", "loss,", "damaged: its header was changed at 'loss'$", ""),
        ("iteration", "jteration", "damaged: its header was changed at 'jteration'$", ""),
        (
            "2,,,0.25",
            "2,,,0.25\n2,,,0.25",
            "damaged: line 5 is the first of 1 that were changed, repeated or moved$",
            "",
        ),
        ("1,2.5,0.1,", "1,2.5,0.1,\n1,2.5,0.1,", "damaged: line 3 is the first of 1 that", ""),
        ("1,2.5,0.1,\n2,1e-09,0.1,", "2,1e-09,0.1,\n1,2.5,0.1,", "damaged: line 3 is the first of 1 that", ""),
        ("2,,,0.25", "2,,,abc2.3", "damaged: line 4 is the first of 1 that", "2,,,0.25\n"),
        ("2,,,0.25", "\0\0\0", "damaged: line 4 is the first of 1 that", "2,,,0.25\n"),
        ("4,,,0.5", "4,,,0.5.5", "damaged: line 7 is the first of 1 that", "4,,,0.5\n"),
        (
            "2,1e-09",
            "2,abc2.3",
            "no rows of 1 of the 4 .* the first of them iteration 2; line 3 is the first of 1 that",
            "2,1e-09,0.1,\n",
        ),
        ("1,2.5", "7,2.5", "the first of them iteration 1; line 3 is the first of 1 that", "1,2.5,0.1,\n"),
        # Only the score on the development set is left of this iteration.
        ("2,1e-09,0.1,\n", "", "no rows of 1 of the 4 .* the first of them iteration 2$", "2,1e-09,0.1,\n"),
        # These iterations are going to be repeated.
        ("4,,,0.5\n", "4,,,0.5\n5,2,0.1,\n5,2,0.1,\n6,2..5,0.1,\n7,", "", ""),
    ],
)
def test_damage_before_the_checkpoint_is_said_and_rows_are_put_in_order(
    former: str, new: str, sentences: str, lost: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(ROWS.replace(former, new, 1))
    columns = ["loss", "lr", "dev_f1"]
    # A process that ends before it trains repairs nothing, so that the next one still says the damage.
    CsvTracker(path, columns).close(1)
    tracker = CsvTracker(path, columns)
    tracker.resume_from(4)
    tracker.close(0)
    assert len(caplog.messages) == bool(sentences)
    assert re.search(sentences, caplog.text.strip())
    assert path.read_text() == ROWS.replace(lost, "", 1)


def test_a_file_of_an_earlier_version_with_fewer_columns_is_not_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("iteration,loss,lr\n1,0.5,0.1\n")
    tracker = CsvTracker(path, ["loss", "grad_norm", "lr"])
    tracker.resume_from(1)
    tracker.close(0)
    assert (path.read_text(), caplog.text) == ("iteration,loss,grad_norm,lr\n1,0.5,,0.1\n", "")


def test_a_pipe_in_the_place_of_metrics_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "metrics.csv")
    with pytest.raises(UserError, match="is no file but a pipe"):
        CsvTracker(tmp_path / "metrics.csv", ["loss"])
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


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
