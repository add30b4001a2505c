"""The repetition of a part of the study (make replica), with training replaced by what it would write."""

import importlib
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.helpers.commands import ROOT

SCORES = {"mlm_loss": 4.5, "l_ort": 1.25, "mlm_loss_without_adapter": 6.75, "n": 64}


@pytest.fixture
def repeat(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "experiments/replica"))
    return importlib.import_module("repeat")


def record(overrides: list[str], **changes: float) -> dict[str, Any]:
    return {"test": {"qu": SCORES | changes}, "provenance": {"overrides": overrides}}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 0),
        ({"mlm_loss": 4.519}, 0),
        ({"mlm_loss": 4.521}, 1),
        ({"l_ort": 1.2}, 1),
        ({"mlm_loss": float("nan")}, 1),
        ({"n": 65}, 0),  # a count is no score
    ],
)
def test_a_number_beyond_its_tolerance_fails_the_repetition(
    repeat: ModuleType,
    changes: dict[str, float],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands: list[list[str]] = []

    def train(command: list[str], cwd: Path, check: bool) -> None:
        commands.append(command)
        (place,) = [one.partition("=")[2] for one in command if one.startswith("paths.runs=")]
        folder = Path(place) / "e5-small/mlm/qu-noo/other-fingerprint"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(record([], **changes)))

    monkeypatch.setattr(repeat, "STUDY", tmp_path)
    monkeypatch.setattr(repeat, "PART", ("qu-noo/a",))
    monkeypatch.setattr(repeat.subprocess, "run", train)
    (tmp_path / "qu-noo/a").mkdir(parents=True)
    overrides = ["sweep=replica_rates", "language=qu", "backbone.path=theirs", "corpus.root=theirs"]
    (tmp_path / "qu-noo/a/result.json").write_text(json.dumps(record(overrides)))
    places = [f"--{name}={tmp_path}" for name in ("backbone", "text", "data")]
    assert repeat.main(places) == status
    output = capsys.readouterr().out
    assert f"3 numbers were compared; {status} of them" in output
    assert output.count("DIFFERS") == status
    (command,) = commands
    assert command[2:4] == ["sweep=replica_rates", "language=qu"]
    assert "backbone.path=theirs" not in command
    assert f"backbone.path={tmp_path}" in command


def test_a_run_that_ends_badly_fails_the_repetition(
    repeat: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(command: list[str], cwd: Path, check: bool) -> None:
        raise subprocess.CalledProcessError(3, command)

    monkeypatch.setattr(repeat.subprocess, "run", stop)
    assert repeat.main([f"--{name}={tmp_path}" for name in ("backbone", "text", "data")]) == 1
    assert "ended with status 3" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        repeat.main([f"--backbone={tmp_path / 'absent'}", f"--text={tmp_path}", f"--data={tmp_path}"])
    assert "there is no folder" in capsys.readouterr().err


def test_the_records_of_the_part_are_there(repeat: ModuleType) -> None:
    for run in repeat.PART:
        result = json.loads((ROOT / "experiments/replica" / run / "result.json").read_text())
        assert result["status"] == "finished"
        assert list(repeat.compare(run, result, result)), run
        assert {place.split("=")[0] for place in repeat.command(result, {})[2:]}.isdisjoint(repeat.PLACES)
