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


INPUTS = {"backbone": "one hash", "text-qu": "another"}
OVERRIDES = ["sweep=replica_rates", "language=qu", "backbone.path=theirs", "corpus.root=theirs"]


def write(folder: Path, overrides: list[str], inputs: dict[str, str], **changes: float) -> None:
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(record(overrides, **changes)))
    (folder / "inputs.json").write_text(json.dumps(inputs))


@pytest.fixture
def study(repeat: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(repeat, "STUDY", tmp_path)
    monkeypatch.setattr(repeat, "PART", ("qu-noo/a",))
    write(tmp_path / "qu-noo/a", OVERRIDES, INPUTS)
    return tmp_path


def train(repeat: ModuleType, monkeypatch: pytest.MonkeyPatch, status: int, **changes: Any) -> list[list[str]]:
    """Lets training end with this status and write such a result; the commands that are given are in the list."""
    commands: list[list[str]] = []

    def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        (place,) = [one.partition("=")[2] for one in command if one.startswith("paths.runs=")]
        inputs = changes.pop("inputs", INPUTS)
        write(Path(place) / "e5-small/mlm/qu-noo/other-fingerprint", [], inputs, **changes)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(repeat.subprocess, "run", run)
    return commands


def places(folder: Path) -> list[str]:
    return [f"--{name}={folder}" for name in ("backbone", "text", "data")]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 0),
        ({"mlm_loss": 4.519}, 0),
        ({"mlm_loss": 4.521}, 1),
        ({"l_ort": 1.05}, 1),
        ({"mlm_loss": float("nan")}, 1),
        ({"n": 65}, 0),  # a count is no score
    ],
)
def test_a_number_beyond_its_tolerance_fails_the_repetition(
    repeat: ModuleType,
    study: Path,
    changes: dict[str, float],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands = train(repeat, monkeypatch, 0, **changes)
    assert repeat.main(places(study)) == status
    output = capsys.readouterr().out
    assert f"3 numbers were compared; {status} of them" in output
    assert output.count("DIFFERS") == status
    (command,) = commands
    assert command[2:4] == OVERRIDES[:2]
    assert not set(OVERRIDES[2:]) & set(command)
    assert f"backbone.path={study}" in command


def test_a_run_that_cannot_be_repeated_is_one_sentence(
    repeat: ModuleType, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(repeat, monkeypatch, 3)
    assert repeat.main(places(study)) == 1
    assert capsys.readouterr().err == "error: qu-noo/a was not trained again; its command ended with status 3\n"
    train(repeat, monkeypatch, 0, inputs={"backbone": "a third", "text-qu": "another"})
    assert repeat.main(places(study)) == 1
    assert "qu-noo/a was trained on another backbone than the record" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        repeat.main([*places(study)[1:], f"--backbone={study / 'absent'}"])
    assert "there is no folder" in capsys.readouterr().err


def test_the_records_of_the_part_are_there(repeat: ModuleType) -> None:
    for run in repeat.PART:
        result, inputs = repeat.read(ROOT / "experiments/replica" / run)
        assert result["status"] == "finished"
        assert "backbone" in inputs
        assert list(repeat.compare(run, result, result)), run
        assert {place.split("=")[0] for place in repeat.command(result, {})[2:]}.isdisjoint(repeat.PLACES)
