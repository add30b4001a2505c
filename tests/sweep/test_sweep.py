"""Sweeps that really run: stopped, killed, failing, two at a time, on several launchers."""

import atexit
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from orthoadapters.commands.train import cell
from orthoadapters.config.compose import compose_config
from orthoadapters.config.overrides import read_axes
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.sweep import devices
from orthoadapters.sweep.cells import expand
from orthoadapters.sweep.process import failure_reason, in_own_process, run_cell
from tests.helpers.commands import environment, start, train
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import run_sweep
from tests.helpers.warm_python import launch

pytestmark = pytest.mark.long


def results(out: Path) -> dict[str, Any]:
    """Every result.json by the run's name, without what differs from day to day."""
    contents = {}
    for path in sorted(out.rglob("runs/**/result.json")):
        content = json.loads(path.read_text())
        del content["provenance"]
        for adapter in content["adapters"].values():
            del adapter["path"]
        contents[content["run"]] = content
    return contents


def test_a_failing_cell_stops_nothing_and_is_repeated_alone(
    backbone: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*overrides(backbone, world, tmp_path, "task=udpos", "variant=t_noo"), "languages=[tr],[ar]"]
    obstacle = expand(read_axes(arguments))[0].run.path / "metrics.csv"
    obstacle.mkdir(parents=True)  # a folder where the run will write a file
    assert run_sweep(*arguments) == 1
    output = capsys.readouterr()
    assert "2 cells: 1 finished, 1 failed" in output.out
    (failure,) = tmp_path.rglob("failed.txt")
    command, ending, _, *log = failure.read_text().splitlines()
    assert command.startswith("python train.py backbone=local")
    assert "languages=[tr]" in command
    assert ending == "exit code 1"
    assert "metrics.csv" in log[-1]
    assert not (failure.parent / "result.json").exists()
    (failure_line,) = [line for line in output.err.splitlines() if line.startswith("failed: ")]
    assert str(failure.parent) in failure_line
    assert "metrics.csv" in failure_line
    repeat = next(line for line in output.err.splitlines() if line.startswith("to repeat what failed: "))
    assert repeat.endswith("rerun=failed")
    assert "python train.py -m" in repeat
    assert run_sweep(*arguments, "plan=true") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 cells: 1 finished, 1 failed"

    obstacle.rmdir()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("result.json")}
    assert run_sweep(*arguments, "rerun=failed") == 0
    assert "1 cell: 1 finished" in capsys.readouterr().out
    assert not failure.exists()
    assert len(list(tmp_path.rglob("result.json"))) == 2
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    assert run_sweep(*arguments, "rerun=failed") == 0
    assert "no cell has failed" in capsys.readouterr().out


def test_cells_that_wait_for_language_adapters_are_named_with_the_way_to_train_them(
    backbone: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = overrides(backbone, world, tmp_path, "task=udpos", "languages=[tr]")
    assert run_sweep(*arguments, "variant=lort_tnoo,t_noo") == 1
    assert "2 cells: 1 finished, 1 waiting" in capsys.readouterr().out
    process = train("-m", "hydra/launcher=joblib", *arguments, "variant=lort_tnoo")
    assert process.returncode == 1
    assert "1 cell: 1 waiting" in process.stdout
    sentence = (
        "cells wait for language adapters of en (ort), tr (ort), which this sweep does not train; python train.py -m "
    )
    assert process.stderr.count(f"{sentence}hydra/launcher=joblib ") == 2  # before it starts, and at its end
    assert "language_adapters.missing=train trains them first" in process.stderr
    assert len(list(tmp_path.rglob("result.json"))) == 1


def test_no_cell_is_run_before_every_text_is_read(
    backbone: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    (folder / "text" / "tr.txt").write_text("too short\n")
    assert run_sweep(*overrides(backbone, folder, tmp_path, "stage=mlm"), "language=sw,tr") == 1
    assert "tr.txt" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def training(backbone: Path, world: Path, out: Path, *more: str) -> tuple[list[str], RunDirectory]:
    arguments = overrides(backbone, world, out, "stage=mlm", "language=tr", "trainer.max_iterations=100", *more)
    return arguments, RunDirectory(compose_config(arguments))


def test_a_killed_cell_is_a_failure_with_its_signal(backbone: Path, world: Path, tmp_path: Path) -> None:
    arguments, run = training(backbone, world, tmp_path)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run_cell(arguments, run, cell)))
    thread.start()
    (pid,) = wait_for(lambda: writers(run))
    os.kill(pid, signal.SIGKILL)
    thread.join(timeout=60)
    assert codes == [-signal.SIGKILL]
    assert "killed by SIGKILL" in failure_reason(run)
    assert run_cell(arguments, run, cell) == 0
    assert not run.failure.exists()
    assert json.loads(run.result.read_text())["status"] == "finished"


def print_variable(overrides: Sequence[str]) -> int:
    """Stands in for a cell."""
    print(os.environ["A_VARIABLE"], flush=True)
    return 0


def test_a_cell_has_the_variables_that_hydra_sets(backbone: Path, world: Path, tmp_path: Path) -> None:
    arguments, run = training(backbone, world, tmp_path)
    assert run_cell(arguments, run, print_variable, {"A_VARIABLE": "its value"}) == 0
    assert run.log.read_text() == "its value\n"


def end_with_an_exit_function(overrides: Sequence[str]) -> int:
    """Stands in for a cell whose packages register what is to be done at its end."""
    atexit.register(print, "tidied up", flush=True)
    return 0


def test_a_cell_does_what_its_packages_registered_for_its_end(backbone: Path, world: Path, tmp_path: Path) -> None:
    """W&B removes its temporary folders so."""
    arguments, run = training(backbone, world, tmp_path)
    assert run_cell(arguments, run, end_with_an_exit_function) == 0
    assert run.log.read_text() == "tidied up\n"


def test_a_run_directory_that_cannot_be_made_is_one_sentence(backbone: Path, world: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments, run = training(backbone, world, tmp_path, f"paths.runs={tmp_path}/file")
    with pytest.raises(
        UserError, match=r"cannot be made \(Not a directory\); choose another folder with paths.runs=DIR"
    ):
        run_cell(arguments, run, cell)


def writers(run: RunDirectory) -> list[int]:
    """Processes that write the run's metrics."""
    metrics = run.path / "metrics.csv"
    processes = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            links = [link.readlink() for link in folder.iterdir()]
        except OSError:  # it ended meanwhile
            continue
        if metrics.resolve() in links:
            processes.append(int(folder.parent.name))
    return processes


def wait_for(look: Any, seconds: float = 120) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := look():
            return value
        time.sleep(0.05)
    raise AssertionError("nothing happened")


def test_a_file_that_cannot_be_written_fails_the_cell_and_leaves_nothing_half_done(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments, run = training(backbone, world, tmp_path, "trainer.max_iterations=6", "trainer.checkpoint_every=3")
    limit = 20_000  # bytes per file: enough for a log, not for a checkpoint; a full disk looks the same to who writes
    process = start("-m", *arguments, file_limit=limit)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "1 cell: 1 failed" in output
    place = run.checkpoint.with_name(f".{run.checkpoint.name}.tmp")
    assert f"{place} cannot be written or read (File too large)" in failure_reason(run)
    assert "Traceback" not in output
    assert not list(run.path.rglob("*.tmp"))
    assert not run.checkpoint.exists()
    assert execute(arguments).status == "finished"


def test_a_disk_that_takes_no_blocks_ends_the_sweep_with_a_sentence(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments, run = training(backbone, world, tmp_path)
    limit = 5_000  # bytes per file: enough for what is said, not for the blocks of the text
    process = start("-m", *arguments, one_stream=False, file_limit=limit)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    (sentence,) = [line for line in error.splitlines() if line.startswith("error: ")]
    assert f"{tmp_path}/cache/text-" in sentence
    assert "cannot be written or read (File too large); make room" in sentence
    assert sentence.endswith("; the same command goes on with what is not finished")
    assert "Traceback" not in error
    assert not run.path.exists()


def test_a_defect_in_a_cell_is_shown_whole(tmp_path: Path) -> None:
    run = RunDirectory(compose_config([f"paths.runs={tmp_path}"]))
    run.path.mkdir(parents=True)
    run.failure.write_text(
        "command\nexit code 1\n\na line\nTraceback (most recent call last):\n  File x\nKeyError: 1\n"
    )
    lines = ["KeyError: 1 (exit code 1)", "    Traceback (most recent call last):", "      File x", "    KeyError: 1"]
    assert failure_reason(run).splitlines() == lines


@pytest.mark.parametrize(
    ("number", "tell", "launcher"),
    [
        (signal.SIGINT, os.kill, "basic"),  # the sweep alone: it passes it on
        (signal.SIGTERM, os.killpg, "basic"),  # all processes of a job, as clusters do
        (signal.SIGHUP, os.killpg, "basic"),  # as a terminal does that is closed
        (signal.SIGTERM, os.kill, "joblib"),  # which kills its workers and all that they started
    ],
)
def test_a_stopped_sweep_lets_its_cell_save_and_goes_on_from_there(
    number: signal.Signals, tell: Any, launcher: str, backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments, run = training(
        backbone, world, tmp_path, "trainer.checkpoint_every=100000", "trainer.max_iterations=300"
    )
    arguments = [f"hydra/launcher={launcher}", *arguments]
    # A test runner's workers ignore Ctrl-C, and so would what they start.
    process = start("-m", *arguments)
    wait_for(lambda: (run.path / "metrics.csv").exists() and len((run.path / "metrics.csv").read_bytes()) > 500)
    tell(process.pid, number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == (143 if number == signal.SIGHUP else 128 + number), output
    assert "Traceback" not in output
    assert run.checkpoint.exists()
    assert not run.failure.exists()
    assert not writers(run)
    assert "stopped at iteration" in run.log.read_text()
    if launcher == "joblib":
        assert run_sweep(*arguments) == 0
    else:
        assert "to resume" in train("-m", *arguments, "plan=true").stdout
        execute(arguments)
    rows = (run.path / "metrics.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(1, 301))


def test_a_signal_to_all_processes_of_a_job_does_not_end_the_server_of_its_cells(tmp_path: Path) -> None:
    """Nobody would learn then how its cells end: a job that a cluster cancels would count as failed."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nfrom pathlib import Path\nfrom orthoadapters.sweep.process import in_own_process\n"
        "if __name__ == '__main__':\n"
        "    print(Path(f'/proc/{in_own_process(os.getppid)}/status').read_text())\n"
    )
    output, _ = launch(script, [], environment(), tmp_path, True).communicate(timeout=120)
    (blocked,) = [int(line.split()[1], 16) for line in output.splitlines() if line.startswith("SigBlk:")]
    assert all(blocked >> (number - 1) & 1 for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2))


def test_a_worker_with_a_start_method_of_its_own_starts_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """joblib's workers name theirs loky; Python 3.14 counts it among all start methods, and a child does not know it."""
    former = multiprocessing.get_start_method(allow_none=True)
    import_module("joblib.externals.loky.backend.context")
    try:
        multiprocessing.set_start_method("loky", force=True)
        monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["loky", "fork", "spawn", "forkserver"])
        assert in_own_process(os.getpid) != os.getpid()
    finally:
        multiprocessing.set_start_method(former, force=True)


def test_what_a_killed_sweep_computes_in_a_process_of_its_own_ends_with_it(tmp_path: Path) -> None:
    script, pid = tmp_path / "script.py", tmp_path / "pid"
    work = "(__import__('pathlib').Path('new').write_text(str(__import__('os').getpid())), "
    work += "__import__('os').rename('new', 'pid'), __import__('time').sleep(600))"
    script.write_text(
        "from orthoadapters.sweep.process import in_own_process\n"
        f"if __name__ == '__main__':\n    in_own_process(eval, {work!r})\n"
    )
    process = launch(script, [], environment(), tmp_path, True)
    wait_for(pid.exists)
    os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid.read_text()}").exists(), 60)


@pytest.mark.parametrize("length", [20, 90])  # a socket's path has 107 bytes at most
def test_sigterm_ends_what_a_sweep_computes_in_a_process_of_its_own_and_leaves_nothing(
    length: int, tmp_path: Path
) -> None:
    script, pid = tmp_path / "script.py", tmp_path / "pid"
    work = "(__import__('pathlib').Path('new').write_text(str(__import__('os').getpid())), "
    work += "__import__('os').rename('new', 'pid'), __import__('time').sleep(600))"
    script.write_text(
        "from orthoadapters.sweep.process import in_own_process\n"
        "from orthoadapters.own_process import ending_on_sigterm\n"
        "if __name__ == '__main__':\n"
        f"    with ending_on_sigterm():\n        in_own_process(eval, {work!r})\n"
    )
    with TemporaryDirectory(dir="/tmp") as short:
        temporary = Path(short, "t" * (length - len(short) - 1))
        temporary.mkdir()
        variables = environment() | {"TMPDIR": str(temporary)}
        process = subprocess.Popen(
            [sys.executable, str(script)], cwd=tmp_path, env=variables, stderr=subprocess.PIPE, text=True
        )
        wait_for(lambda: pid.exists() or process.poll() is not None)
        # The fork server's socket is there, if its path is not too long for one.
        assert any(temporary.iterdir()) == (length == 20)
        sockets = set(Path("/tmp").glob("pymp-*"))
        process.terminate()
        _, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (143, "")
        assert not Path(f"/proc/{pid.read_text()}").exists()
        assert list(temporary.iterdir()) == []
        assert length == 20 or sockets - set(Path("/tmp").glob("pymp-*"))


def test_a_sweep_killed_three_times_ends_with_the_results_of_its_runs_alone(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    """Its cells are two language adapters, and the task adapter that stands on them."""
    randomly = random.Random()
    out = tmp_path / "sweep"

    def command(folder: Path) -> list[str]:
        sizes = ["languages=[tr]", "trainer.max_iterations=20", "trainer.max_epochs=6", "trainer.checkpoint_every=5"]
        choices = ["task=udpos", "variant=lort_tort", "language_adapters.missing=train"]
        return ["-m", *overrides(backbone, world, folder, *choices, *sizes)]

    for kill, count in enumerate((1, 2, 3)):
        process = start(*command(out))
        wait_for(lambda: len(list(out.rglob("metrics.csv"))) >= count or process.poll() is not None)  # noqa: B023
        time.sleep(randomly.uniform(0, 0.3))
        assert process.poll() is None, process.communicate()
        if kill == 1:  # only the sweep is killed; its cell notices it, and the next sweep waits for the cell
            os.kill(process.pid, signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert len(results(out)) < 3
    rerun = train(*command(out))
    assert rerun.returncode == 0, rerun.stderr
    assert "3 cells: 3 finished" in rerun.stdout
    for undisturbed in expand(read_axes(command(tmp_path / "undisturbed")[1:])):
        execute(undisturbed.overrides)
    assert len(results(out)) == 3
    assert results(out) == results(tmp_path / "undisturbed")


def test_two_sweeps_at_once_run_no_cell_twice_and_both_end_with_all_of_them(
    backbone: Path, world: Path, tmp_path: Path
) -> None:
    arguments = [
        "-m",
        *overrides(backbone, world, tmp_path, "task=udpos", "languages=[tr]", "language_adapters.missing=train"),
    ]
    both = [start(*arguments, "variant=lnoo_tnoo,t_noo") for _ in range(2)]
    for process in both:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        assert "4 cells: 4 finished" in output
    logs = list(tmp_path.rglob("log.txt"))
    assert len(logs) == 4
    for log in logs:
        count = log.read_text().count("\nresult: ") - log.read_text().count("finished before: ")
        assert count == 1, log.read_text()
        assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    "launcher", [["joblib", "hydra.launcher.n_jobs=2"], ["submitit_local"]], ids=lambda launcher: launcher[0]
)
def test_other_launchers_run_the_same_sweep(
    launcher: Sequence[str], backbone: Path, world: Path, tmp_path: Path
) -> None:
    name, *more = launcher
    arguments = overrides(backbone, world, tmp_path, "task=udpos", "languages=[tr]", "language_adapters.missing=train")
    process = train("-m", f"hydra/launcher={name}", *more, *arguments, "variant=lnoo_tnoo")
    assert process.returncode == 0, process.stderr
    assert "3 cells: 3 finished" in process.stdout
    lines = re.findall(r"\[\d/3\] (.*) finished", process.stderr)
    assert len(lines) == 3
    assert lines[-1].startswith("udpos lnoo_tnoo")  # after the adapters that it needs


def test_each_cell_has_a_gpu_of_its_own_and_waits_for_a_free_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(devices, "WAIT", 0.01)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-5")
    environments: list[dict[str, str]] = []

    def third() -> None:
        with devices.one_gpu("auto") as environment:
            environments.append(environment)

    with devices.one_gpu("auto") as first:
        with devices.one_gpu("auto") as second:
            assert [first, second] == [{"CUDA_VISIBLE_DEVICES": "2"}, {"CUDA_VISIBLE_DEVICES": "GPU-5"}]
            thread = threading.Thread(target=third)
            thread.start()
            thread.join(timeout=0.1)
            assert thread.is_alive()
        thread.join(timeout=10)
        assert environments == [second]
    with devices.one_gpu("cpu") as environment:
        assert environment == {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with devices.one_gpu("auto") as environment:
        assert environment == {}


def test_as_many_cells_as_the_sweep_says_share_a_gpu_and_its_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(devices, "WAIT", 0.01)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    config = compose_config(["sweep.cells_per_gpu=2"])
    assert [devices.cells_at_once(jobs, config) for jobs in (1, 3, 64)] == [1, 3, 4]
    assert devices.cells_at_once(64, compose_config(["trainer.accelerator=cpu"])) == 64
    fifth: list[dict[str, str]] = []

    def wait() -> None:
        with devices.one_gpu("auto", 2) as environment:
            fifth.append(environment)

    with ExitStack() as others:
        with devices.one_gpu("auto", 2) as first:
            three = [others.enter_context(devices.one_gpu("auto", 2)) for _ in range(3)]
            assert [place["CUDA_VISIBLE_DEVICES"] for place in (first, *three)] == ["0", "1", "0", "1"]
            thread = threading.Thread(target=wait)
            thread.start()
            thread.join(timeout=0.1)
            monkeypatch.setenv("SLURM_JOB_ID", "7")  # another job's GPU 0 may be another one
            with devices.one_gpu("auto", 2) as environment:
                assert environment == {"CUDA_VISIBLE_DEVICES": "0"}
            assert fifth == []
        thread.join(timeout=10)
        assert fifth == [{"CUDA_VISIBLE_DEVICES": "0"}]
    assert capsys.readouterr().err == "waiting for a GPU: 2 of these cells on each of 2 (sweep.cells_per_gpu)\n"
    fractions: list[float] = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.set_per_process_memory_fraction", fractions.append)
    for cells in (1, 4):
        devices.bound_memory(cells)
    assert fractions == [0.95 / 4]
