"""The command itself: exit codes, one sentence for a user's mistake, plan, skip, multirun, Ctrl-C."""

import json
import re
import signal
import time
from pathlib import Path

import pytest
import torch

from tests.helpers.commands import start, train
from tests.helpers.short_runs import overrides


def test_a_typo_gets_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    outcome = train("optim.lrr=1e-5", cwd=tmp_path)
    assert outcome.returncode == 1
    assert outcome.stderr.strip() == (
        "error: there is no key 'optim.lrr', did you mean 'optim.lr'?; `python train.py --help` lists the groups"
    )
    assert outcome.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_one_run_then_skip_then_plan(backbone: Path, world: Path, tmp_path: Path) -> None:
    arguments = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[ar,tr]")
    plan = train(*arguments, "plan=true")
    assert plan.returncode == 0, plan.stderr
    assert ": to run" in plan.stdout
    assert list(tmp_path.iterdir()) == []
    outcome = train(*arguments)
    assert outcome.returncode == 0, outcome.stderr
    assert "avg_zero_shot" in outcome.stdout
    assert "…" not in outcome.stdout  # nothing is cut, however narrow the terminal
    assert "Traceback" not in outcome.stderr
    assert "\r" not in outcome.stderr  # no progress bar where there is no terminal
    (result,) = tmp_path.rglob("result.json")
    before = result.stat().st_mtime_ns
    again = train(*arguments)
    assert again.returncode == 0
    assert "finished before" in again.stdout
    assert result.stat().st_mtime_ns == before
    assert ": finished" in train(*arguments, "plan=true").stdout


def test_missing_adapters_are_trained_first_on_request_and_a_multirun_ends_with_one_table(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments = overrides(backbone, world, tmp_path, "task=udpos", "languages=[tr]")
    first = train(*arguments, "variant=lort_tnoo")
    assert first.returncode == 1
    assert "no language adapter for en, tr (ort)" in first.stderr
    assert "Traceback" not in first.stderr
    outcome = train("--multirun", *arguments, "variant=lort_tnoo,lort_tort,t_noo", "language_adapters.missing=train")
    assert outcome.returncode == 0, outcome.stderr
    assert len(list(tmp_path.rglob("runs/**/result.json"))) == 5
    table = outcome.stdout[outcome.stdout.index("udpos: f1 x 100") :]
    assert [line.split()[1] for line in table.splitlines() if line.startswith("│")] == [
        "lort_tnoo",
        "lort_tort",
        "t_noo",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_how_to_go_on_and_goes_on(
    number: signal.Signals, backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments = overrides(
        backbone,
        world,
        tmp_path,
        "stage=mlm",
        "language=tr",
        "trainer.max_iterations=300",
        "trainer.checkpoint_every=5",
    )
    process = start(*arguments, one_stream=False)
    while not list(tmp_path.rglob("last.ckpt")):
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert "the same command goes on from" in err
    assert "Traceback" not in err
    # It ended its iteration and saved, and no work is lost.
    (stop,) = re.findall(r"stopped at iteration (\d+)", err)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    assert torch.load(checkpoint, weights_only=True)["global_step"] == int(stop)
    assert ("Ctrl-C again" in err) == (number == signal.SIGINT)
    assert not list(tmp_path.rglob("result.json"))
    assert ": to be resumed" in train(*arguments, "plan=true").stdout
    outcome = train(*arguments)
    assert outcome.returncode == 0, outcome.stderr
    (result,) = tmp_path.rglob("result.json")
    assert json.loads(result.read_text())["provenance"]["steps"] == 300
    rows = next(tmp_path.rglob("metrics.csv")).read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(1, 301))
