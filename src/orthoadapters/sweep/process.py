"""One cell in a process of its own: a crash, a kill or a poisoned GPU ends that cell and no other.

The process runs what train.py runs with the cell's overrides. It is forked from a server that has imported PyTorch and holds
nothing else, so that starting one takes no seconds.
"""

import atexit
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

from orthoadapters.config.program import shell_command
from orthoadapters.errors import UserError
from orthoadapters.files import write_text
from orthoadapters.runs.directory import SWEEP, InUseError, RunDirectory
from orthoadapters.sweep.devices import VISIBLE, bound_memory, one_gpu

T = TypeVar("T")
# What runs a cell (commands/train.py): it takes the overrides and returns the exit code.
Command = Callable[[Sequence[str]], int]
# The server that forks the cells imports these once, and PyTorch with them.
PRELOAD = ["orthoadapters.stages.task", "orthoadapters.stages.language_adapter"]
# Python's own ways to start a process. `get_all_start_methods` also has those of packages, from Python 3.14 on.
OWN_START_METHODS = ("fork", "spawn", "forkserver")
# The exit codes after Ctrl-C and SIGTERM, also before training began: they were asked for, and are no failure.
STOP_CODES = (130, 143, -signal.SIGTERM)
# SLURM announces the end of a job's time with one of these, to every process of the job; submitit answers it.
TIME_OUT = (signal.SIGUSR1, signal.SIGUSR2)
# ours: the longest TMPDIR, in bytes, that holds the server's socket. A socket's path has up to 103 bytes on macOS and 107 on
# Linux, and Python adds 32 to TMPDIR (/pymp-xxxxxxxx/listener-xxxxxxxx).
LONGEST_TMPDIR = 71
# ours: lines of the log that failed.txt repeats, enough for the longest of tracebacks
LOG_LINES = 200


def run_cell(
    overrides: Sequence[str], run: RunDirectory, command: Command, environment: Mapping[str, str] | None = None
) -> int:
    """Runs one cell and waits for it; its output is added to log.txt, a failure is described in failed.txt.

    command: what runs it. environment: variables that Hydra's job has set (hydra.job.env_set). Returns the exit code,
    negative for a signal. If this process is interrupted or gets SIGTERM, it tells the cell to save its checkpoint first. If
    it is killed, the cell notices and saves too.
    """
    try:
        run.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{run.path} cannot be made ({error.strerror}); choose another folder with paths.runs=DIR"
        ) from None
    before = run.log.stat().st_size if run.log.exists() else 0
    context = _fork_server()
    cells_per_gpu = run.config.sweep.cells_per_gpu
    with one_gpu(run.config.trainer.accelerator, cells_per_gpu) as gpu:
        # The server may have been started before the sweep was named.
        variables = {**(environment or {}), SWEEP: os.environ.get(SWEEP, ""), **gpu}
        arguments = (command, list(overrides), str(run.log), variables, cells_per_gpu if VISIBLE in gpu else 1)
        process = context.Process(target=_train, args=arguments)
        process.start()
        try:
            _join(process)
        except BaseException:
            process.terminate()
            try:
                process.join()
            except BaseException:  # a second Ctrl-C ends the cell at once
                process.kill()
                raise
            raise
    code = process.exitcode or 0
    if code in (0, InUseError.exit_code, *STOP_CODES):
        if code == 0:
            run.failure.unlink(missing_ok=True)
        return code
    with suppress(OSError):  # on a full disk, the closing summary says it all the same
        write_text(run.failure, _failure_text(overrides, code, run.log, before))
    return code


def in_own_process(function: Callable[..., T], *arguments: object) -> T:
    """Calls a module's function in a process of its own, and returns its value; what it loads is gone with the process."""
    with ProcessPoolExecutor(1, mp_context=_fork_server(), initializer=_follow_parent) as pool:
        return pool.submit(function, *arguments).result()


def _fork_server() -> ForkServerContext:
    """Starts the server that forks cells, if there is none yet."""
    if multiprocessing.get_start_method() not in OWN_START_METHODS:
        # A worker of joblib has a start method of its own, which Python does not know in a child process.
        multiprocessing.set_start_method("forkserver", force=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    # Starting the resource tracker unblocks signals, so that it comes first.
    resource_tracker.ensure_running()
    # The server inherits the blocked signals. Otherwise a signal to all processes of a job would end it, and nobody would
    # learn how its cells end. The server ends with its parent.
    former_mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGHUP, *TIME_OUT))
    _make_socket_folder()
    forkserver.ensure_running()
    signal.pthread_sigmask(signal.SIG_SETMASK, former_mask)
    return context


def _make_socket_folder() -> None:
    """Makes the folder of the server's socket, if there is none yet: in TMPDIR, or in /tmp where TMPDIR is too long."""
    former = tempfile.gettempdir()
    if len(os.fsencode(former)) > LONGEST_TMPDIR:
        tempfile.tempdir = "/tmp"  # Python makes a folder there that is this user's alone
    try:
        util.get_temp_dir()
    finally:
        tempfile.tempdir = former


def _join(process: BaseProcess) -> None:
    """Waits for the cell. If the sweep was killed, nobody else ends the cell, so a launcher's worker ends it and itself."""
    worker, sweep = multiprocessing.current_process().name != "MainProcess", os.getppid()
    while process.exitcode is None:
        process.join(timeout=1)
        if worker and os.getppid() != sweep:
            process.terminate()
            process.join()
            os._exit(143)  # an exception would be kept by the worker as the result of its job


def _failure_text(overrides: Sequence[str], code: int, log: Path, start: int) -> str:
    """Writes failed.txt: the cell's command, how it ended, and the end of its log. start: the log's size before the cell."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    ending = f"exit code {code}"
    if code < 0:
        ending = f"killed by {signal.Signals(-code).name}, by the system if memory ran out"
    return "\n".join([shell_command("train", overrides), ending, "", *lines[-LOG_LINES:]]) + "\n"


def failure_reason(run: RunDirectory) -> str:
    """Says why a cell failed: its sentence or the end of its log in one line, and the traceback if there is one."""
    try:
        _, ending, _, *lines = run.failure.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return "not recorded, as the disk was full or the process killed"
    sentences = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback ")]
    traceback = [f"    {line}" for line in lines[starts[-1] :]] if starts and not sentences else []
    return "\n".join([f"{(sentences or lines or [''])[-1]} ({ending})", *traceback])


def _train(
    command: Command, overrides: list[str], log: str, environment: Mapping[str, str], cells_per_gpu: int
) -> None:
    """Runs the command in the cell's process. Ctrl-C and a closed terminal are for its parent, which ends it by SIGTERM."""
    for number in (signal.SIGINT, signal.SIGHUP, *TIME_OUT):
        signal.signal(number, signal.SIG_IGN)
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    _follow_parent()
    bound_memory(cells_per_gpu)
    try:
        sys.exit(command(overrides))
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out, and W&B's temporary folders would stay


def _follow_parent() -> None:
    """Lets SIGTERM end this process again, and ends it when its parent is gone, which nobody else would."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Waits until the parent is gone, and then ends this process as SIGTERM does."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
