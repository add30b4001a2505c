"""W&B offline, metrics.csv, and what happens to both when training raises."""

import json
import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wandb.proto import wandb_internal_pb2 as protocol

from orthoadapters import UserError
from orthoadapters.training.alternating import AlternatingTraining
from tests.helpers.commands import demo, train
from tests.helpers.short_runs import execute, overrides


def logged_records(file: Path) -> Iterator[bytes]:
    """W&B's transaction log is a LevelDB log: 32 KiB blocks of (checksum, length, type) and data, after 7 bytes."""
    content, at, parts = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if at % 32768 > 32768 - 7:  # a block's last bytes are padding when no header fits
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        parts += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""


def records(folder: Path) -> dict[str, Any]:
    """What one offline W&B run holds, as soon as W&B's own process has written its end."""
    for _ in range(100):
        held = read_records(folder)
        if held["exit"] is not None:
            return held
        time.sleep(0.1)
    raise AssertionError(f"the W&B run in {folder} was never ended: {held}")


def read_records(folder: Path) -> dict[str, Any]:
    """Its name, group, job type, tags, config, history steps, summary and exit code."""
    (file,) = folder.rglob("run-*.wandb")
    held: dict[str, Any] = {"steps": 0, "summary": {}, "exit": None, "id": None}
    for data in logged_records(file):
        record = protocol.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            held |= {"id": run.run_id, "name": run.display_name, "group": run.run_group, "job_type": run.job_type}
            held["tags"] = set(run.tags)
            held["config"] = {item.key: json.loads(item.value_json) for item in run.config.update}
        elif kind == "history":
            held["steps"] += 1
        elif kind == "summary":
            held["summary"] |= {
                item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.summary.update
            }
        elif kind == "exit":
            held["exit"] = record.exit.exit_code
    return held


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
    monkeypatch.setattr("wandb.api._api_key", None, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    execute(overrides(backbone, world, tmp_path, "logger=wandb", "task=udpos", "variant=t_noo", "languages=[tr]"))
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "W&B" in line]
    assert "no key found, logging offline" in line


def test_a_sweep_is_a_group_with_one_more_run_that_holds_its_table(backbone: Path, tmp_path: Path) -> None:
    given = [*demo(backbone, tmp_path), "variant=t_noo", "logger=wandb"]
    done = train(*given)
    assert done.returncode == 0, done.stderr
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
    (upload,) = re.findall(r"`(.*)` uploads it later", done.stderr)
    assert upload == f"find {tmp_path}/runs/tiny -name 'offline-run-*' -exec wandb sync --append {{}} +"
