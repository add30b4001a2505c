"""The wait for SLURM's jobs, with a queue and a clock of the test's own. tests/slurm has a real cluster."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orthoadapters.sweep.slurm import GRACE, STOP, Queue, exit_codes


class Cluster:
    """Jobs whose results appear at their moments, in seconds. states: what the queue says of each from a moment on."""

    def __init__(self, folder: Path, results: Mapping[str, float | None], states: Mapping[str, Mapping[int, str]]):
        self.now, self.looks, self.results, self.states = 0.0, 0, results, states
        self.jobs: list[Any] = [
            SimpleNamespace(
                job_id=number,
                paths=SimpleNamespace(result_pickle=folder / number, stdout=folder / "out"),
                exception=lambda: None,
                result=lambda: SimpleNamespace(return_value=0),
            )
            for number in results
        ]

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 10_000, "it waits without end"
        for job in self.jobs:
            at = self.results[job.job_id]
            if at is not None and self.now >= at:
                job.paths.result_pickle.touch()

    def queue(self) -> dict[str, str] | None:
        self.looks += 1
        said = {
            number: [state for at, state in states.items() if at <= self.now] for number, states in self.states.items()
        }
        if any(states and states[-1] == "no answer" for states in said.values()):
            return None
        return {number: states[-1] for number, states in said.items() if states and states[-1] != "gone"}

    def wait(self) -> list[int]:
        return exit_codes(self.jobs, self.queue, self.sleep, lambda: self.now)


def test_a_job_that_is_cancelled_before_it_starts_holds_up_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = {"7_0": {0: "RUNNING"}, "7_1": {0: "PENDING", 50: "gone"}, "7_2": {0: "RUNNING", 60: "NODE_FAIL"}}
    cluster = Cluster(tmp_path, {"7_0": 500, "7_1": None, "7_2": None}, states)
    assert cluster.wait() == [0, STOP, STOP]
    assert cluster.now == pytest.approx(500, abs=2)
    assert capsys.readouterr().err.splitlines() == [
        "SLURM's job 7_1 ended without a result (gone from the queue)",
        "SLURM's job 7_2 ended without a result (NODE_FAIL)",
    ]


def test_a_job_that_is_queued_again_is_waited_for(tmp_path: Path) -> None:
    states = {"7": {0: "RUNNING", 100: "COMPLETING", 110: "PENDING", 300: "RUNNING", 400: "COMPLETED"}}
    assert Cluster(tmp_path, {"7": 400 + GRACE / 2}, states).wait() == [0]


def test_a_queue_that_does_not_answer_loses_no_job(tmp_path: Path) -> None:
    assert Cluster(tmp_path, {"7": 900}, {"7": {0: "RUNNING", 20: "no answer"}}).wait() == [0]


def test_a_job_that_could_not_start_its_cell_is_said_with_its_last_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(tmp_path, {"7": 5}, {})
    trace = "Job (task=0) failed during processing with trace:\n-----\nTraceback (most recent call last):\nOSError: gone\n-----"
    cluster.jobs[0].exception = lambda: RuntimeError(trace)
    assert cluster.wait() == [1]
    assert capsys.readouterr().err == f"SLURM's job 7 failed: OSError: gone; its output is {tmp_path}/out\n"


def test_that_squeue_does_not_answer_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "squeue"
    program.write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    queue = Queue()
    assert [queue(), queue()] == [None, None]
    assert capsys.readouterr().err.count("squeue does not answer (slurm_load_jobs error") == 1
    program.write_text("#!/bin/sh\nprintf '5_0 RUNNING\\n5_1 PENDING\\n'\n")
    assert queue() == {"5_0": "RUNNING", "5_1": "PENDING"}
