"""Sweeps through a real SLURM: jobs that meet their time limit, are cancelled, wait for a drained node, lose their sweep.

Each ends with what the same runs leave without SLURM, bit for bit. Run by `make test-slurm`.
"""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from orthoadapters.runs.results import read_result
from tests.helpers.commands import ROOT, environment
from tests.helpers.short_runs import execute, numbers, overrides
from tests.slurm.cluster import NODE, ask, cluster, jobs, wait_for

pytestmark = pytest.mark.slurm

LAUNCHER = [
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.gpus_per_node=null",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.mem_gb=1",
]
CELLS = ["variant=t_ort", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=20"]
SEEDS = ("0", "1", "2")
# What runs end with, by their names: numbers, and the SHA-256 of weights, predictions and counts.
Ends = dict[str, tuple[dict[str, Any], dict[str, str]]]
LONGEST = 900.0  # ours: seconds of a sweep on a busy machine
# ours: the time limit of the long cell in minutes. A job of a quiet machine trains after some seconds, and after a minute
# where others keep the cores busy.
MINUTES = 2 if os.getloadavg()[0] < 2 * (os.cpu_count() or 1) else 4
# ours: epochs of the long cell at first; three times as many, until it meets two time limits
EPOCHS = 900 if MINUTES == 2 else 400
# ours: epochs of the short cells, some seconds
SHORT = 60


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with cluster(tmp_path_factory.mktemp("slurm")):
        yield


def contents(out: Path) -> Ends:
    """Collects what the finished runs below a folder must agree in: numbers, weights, predictions and counts."""
    ends = {}
    for file in sorted((out / "runs").rglob("result.json")):
        kept = [one for one in file.parent.rglob("*") if one.suffix in (".safetensors", ".tsv", ".npz", ".npy")]
        digests = {str(one.relative_to(file.parent)): hashlib.sha256(one.read_bytes()).hexdigest() for one in kept}
        ends[str(file.parent.relative_to(out))] = (numbers(read_result(file)), digests)
    return ends


def epochs(count: int, arguments: list[str]) -> list[str]:
    return [f"trainer.max_epochs={count}" if one.startswith("trainer.max_epochs=") else one for one in arguments]


def start(*arguments: str, launcher: Sequence[str] = LAUNCHER) -> "subprocess.Popen[str]":
    """Gives a sweep's command as a user does. Its jobs inherit the environment."""
    command = [sys.executable, str(ROOT / "train.py"), "-m", *launcher, *arguments]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )


def finish(sweep: "subprocess.Popen[str]") -> str:
    """Waits for a sweep's end, shows what it said, and looks for what should not be said."""
    output = sweep.communicate(timeout=LONGEST)[0]
    print(output)
    assert "sacct" not in output
    assert "submitit " not in output
    assert "Traceback" not in output
    return output


def log(out: Path, seed: str) -> str:
    with suppress(ValueError):
        (file,) = (out / "runs").rglob(f"*seed{seed}-*/log.txt")
        return file.read_text()
    return ""


def trains(out: Path, seed: str) -> bool:
    return any(len(file.read_bytes()) > 1000 for file in (out / "runs").rglob(f"*seed{seed}-*/metrics.csv"))


@pytest.fixture(scope="module")
def undisturbed(backbone: Path, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Ends:
    out = tmp_path_factory.mktemp("undisturbed")
    for seed in SEEDS:
        execute(epochs(SHORT, overrides(backbone, world, out, *CELLS, f"seed={seed}")))
    return contents(out)


@pytest.fixture
def short(backbone: Path, world: Path, tmp_path: Path) -> list[str]:
    """The arguments of a sweep of three cells of some seconds, one after the other."""
    arguments = overrides(backbone, world, tmp_path, *CELLS, f"seed={','.join(SEEDS)}")
    return ["hydra.launcher.array_parallelism=1", "hydra.launcher.name=short", *epochs(SHORT, arguments)]


class LongSweep:
    """A sweep of one long cell, which runs beside the others: its time limit is announced half a minute before."""

    def __init__(self, backbone: Path, world: Path, folder: Path, count: int = EPOCHS) -> None:
        def arguments(out: Path) -> list[str]:
            return epochs(count, overrides(backbone, world, out, *CELLS, "seed=7"))

        self.epochs = count
        self.out, self.alone = folder / "out", folder / "alone"
        self.alone_arguments = arguments(self.alone)
        limit = [
            f"hydra.launcher.{one}" for one in (f"timeout_min={MINUTES}", "signal_delay_s=30", "max_num_timeout=100")
        ]
        self.sweep = start(*limit, *arguments(self.out))


@pytest.fixture(scope="module")
def long_sweep(
    slurm: None, backbone: Path, world: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LongSweep]:
    long = LongSweep(backbone, world, tmp_path_factory.mktemp("long"))
    yield long
    if long.sweep.poll() is None:
        long.sweep.kill()
        long.sweep.communicate()


def short_job() -> str:
    """Finds the number of the short sweep's job, or array of jobs, which waits or runs."""
    (number,) = {job.partition("_")[0] for job in jobs("short")}
    return number


def test_a_sweep_in_two_rounds_ends_as_it_does_without_slurm(
    long_sweep: LongSweep, backbone: Path, world: Path, tmp_path: Path
) -> None:
    more = ["variant=t_noo,lnoo_tnoo", "task=udpos", "languages=[tr]", "language_adapters.missing=train"]
    for name, launcher in (("here", []), ("there", LAUNCHER)):
        sweep = start(*overrides(backbone, world, tmp_path / name, *more), launcher=launcher)
        assert "4 cells: 4 finished" in finish(sweep)
        assert sweep.returncode == 0
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(contents(tmp_path / "there")) == 4


def test_a_cancelled_job_holds_up_no_other_and_is_run_by_the_next_command(
    short: list[str], undisturbed: Ends, tmp_path: Path
) -> None:
    sweep = start(*short)
    wait_for(lambda: trains(tmp_path, "0"), "training", LONGEST)
    job = short_job()
    ask("scancel", f"{job}_1")
    ask("scancel", f"{job}_0")
    output = finish(sweep)
    assert sweep.returncode == 1
    assert f"SLURM's job {job}_1 ended without a result" in output
    assert "3 cells: 1 finished, 1 to resume, 1 to run" in output
    assert "stopped at iteration" in log(tmp_path, "0")
    assert "3 cells: 3 finished" in finish(start(*short))
    assert contents(tmp_path) == undisturbed


def test_a_job_that_has_met_its_time_limit_too_often_leaves_its_cell_to_the_next_command(
    short: list[str], tmp_path: Path
) -> None:
    one = [argument for argument in short if not argument.startswith("seed=")]
    sweep = start(*one, "seed=0", "hydra.launcher.timeout_min=5", "hydra.launcher.max_num_timeout=0")
    wait_for(lambda: trains(tmp_path, "0"), "training", LONGEST)
    ask("scancel", "--signal=USR2", short_job())
    output = finish(sweep)
    assert sweep.returncode == 1
    assert "1 cell: 1 to resume" in output
    assert "it was stopped" in output


def test_jobs_wait_for_a_drained_node(short: list[str], undisturbed: Ends, tmp_path: Path) -> None:
    sweep = start(*short)
    wait_for(lambda: trains(tmp_path, "0"), "training", LONGEST)
    job = short_job()
    ask("scontrol", "update", f"nodename={NODE}", "state=drain", "reason=test")
    wait_for(lambda: list((tmp_path / "runs").rglob("result.json")), "the end of the first cell", LONGEST)
    wait_for(lambda: f"{job}_0" not in jobs("short"), "the end of the first job", LONGEST)
    with pytest.raises(AssertionError):
        wait_for(lambda: trains(tmp_path, "1"), "training", 15)
    assert (jobs("short")[f"{job}_1"], jobs("short")[f"{job}_2"]) == ("PENDING", "PENDING")
    ask("scontrol", "update", f"nodename={NODE}", "state=resume")
    assert "3 cells: 3 finished" in finish(sweep)
    assert contents(tmp_path) == undisturbed


def test_a_killed_sweep_leaves_its_jobs_which_the_next_command_waits_for(
    short: list[str], undisturbed: Ends, tmp_path: Path
) -> None:
    sweep = start(*short)
    wait_for(lambda: trains(tmp_path, "0"), "training", LONGEST)
    os.kill(sweep.pid, signal.SIGKILL)
    sweep.communicate()
    again = start(*short)
    assert "3 cells: 3 finished" in finish(again)
    assert again.returncode == 0
    assert "stopped at iteration" not in log(tmp_path, "0")
    assert contents(tmp_path) == undisturbed


def test_a_cell_that_meets_its_time_limit_twice_saves_is_queued_again_and_goes_on(
    long_sweep: LongSweep, backbone: Path, world: Path, tmp_path: Path
) -> None:
    while True:
        output = finish(long_sweep.sweep)
        assert "1 cell: 1 finished" in output
        assert long_sweep.sweep.returncode == 0
        stops = log(long_sweep.out, "7").count("stopped at iteration")
        print(f"{stops} time limits were met in {long_sweep.epochs} epochs")
        if stops >= 2:
            break
        count = 3 * long_sweep.epochs
        long_sweep = LongSweep(backbone, world, tmp_path / str(count), count)
    execute(long_sweep.alone_arguments)
    assert contents(long_sweep.out) == contents(long_sweep.alone)
