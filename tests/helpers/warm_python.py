"""Commands in processes of their own that need not import PyTorch again: a server that has imported it forks each one.

Starting `python train.py` takes seconds, nearly all of them imports. A forked command has its own session, streams,
environment, signals and exit code, as a shell would give them to it. What a command imports, and when, is no matter for
these processes: tests of that start Python itself.
"""

import atexit
import gc
import json
import multiprocessing.spawn
import multiprocessing.util
import os
import resource
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.helpers.warm_child import answer_signals, end_at_once, fork_server_code, serve_children, warm_fork_server

HEAVY = (
    "orthoadapters.commands.train",
    "orthoadapters.stages.task",
    "orthoadapters.stages.language_adapter",
    "hydra",
    "wandb",
)
# Of conf/, what nearly all commands of the tests choose; Hydra composes them once for all of these commands.
FILES = (
    "backbone=local",
    "backbone.path=.",
    "data=xtreme",
    "data.root=.",
    "corpus=text",
    "corpus.root=.",
    "logger=csv",
)
ROOT = Path(__file__).resolve().parents[2]
SERVER = "WARM_PYTHON"  # the environment's variable with the process that owns the server, and with the server's folder
LOOK = 0.01  # seconds between two looks at a command's state


class Command:
    """A running command, with the part of subprocess.Popen's interface that tests use."""

    def __init__(self, folder: Path, one_stream: bool) -> None:
        self.folder, self.one_stream = folder, one_stream
        self.pid = int(_content(folder / "pid"))

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while the command runs."""
        path = self.folder / "code"
        return int(path.read_text()) if path.exists() else None

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Waits for the command's end, and returns what it wrote to standard output and to standard error."""
        _content(self.folder / "code", timeout)
        texts = [(self.folder / name).read_text(errors="replace") for name in ("out", "err")]
        return texts[0], "" if self.one_stream else texts[1]


def launch(
    script: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    one_stream: bool = False,
    file_limit: int | None = None,
) -> Command:
    """Starts a script. one_stream: both streams go into one. file_limit: the largest file in bytes that it may write."""
    folder = Path(tempfile.mkdtemp(prefix="command-"))
    request: dict[str, Any] = {
        "folder": str(folder),
        "argv": [str(script), *arguments],
        "environment": dict(environment),
    }
    request |= {"cwd": str(cwd), "one_stream": one_stream, "file_limit": file_limit}
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(_server() / "commands"))
        asker.sendall(json.dumps(request).encode())
    return Command(folder, one_stream)


def share_server() -> None:
    """Lets all processes of a test run, this one's children, have one server; it ends with this process."""
    if SERVER not in os.environ:
        folder = tempfile.mkdtemp(prefix="warm-")
        os.environ[SERVER] = f"{os.getpid()} {folder}"
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def renew_server() -> None:
    """Lets the commands from here on have a server of their own, which starts in the environment as it is now."""
    os.environ.pop(SERVER, None)
    _server.cache_clear()
    share_server()


@cache
def _server() -> Path:
    """Starts the server if no process of this test run has done so, and returns its folder."""
    _, name = os.environ[SERVER].split(maxsplit=1)
    folder = Path(name)
    with FileLock(folder / "lock"):
        if not (folder / "pid").exists():
            paths = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
            environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
            process = subprocess.Popen([sys.executable, "-m", __name__], env=environment, start_new_session=True)
            _write(folder / "pid", process.pid)
    _wait(lambda: (folder / "commands").exists(), folder, 300)
    return folder


def start_fork_servers_warm() -> None:
    """Lets multiprocessing fork the fork servers of this process from the server; they would import PyTorch otherwise."""
    spawn = multiprocessing.util.spawnv_passfds

    def spawn_warm(path: bytes, arguments: Sequence[str], numbers: Sequence[int]) -> int:
        if fork_server_code(arguments) is not None:
            path = (_server() / "python").read_bytes()
        return spawn(path, arguments, numbers)

    multiprocessing.util.spawnv_passfds = spawn_warm  # type: ignore[assignment]


def _wait(has_come: Callable[[], bool], folder: Path, timeout: float) -> bool:
    """Waits until something has come; returns whether it has, in this time and while the server of the folder lives."""
    server = Path("/proc") / (folder / "pid").read_text()
    end = time.monotonic() + timeout
    while not has_come():
        if time.monotonic() > end or not server.exists():
            return False
        time.sleep(LOOK)
    return True


def _content(path: Path, timeout: float = 300) -> str:
    """Waits for a file, and returns what is in it."""
    if not _wait(path.exists, _server(), timeout):
        raise subprocess.TimeoutExpired(str(path), timeout)
    return path.read_text()


def _write(path: Path, value: int) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(str(value))
    temporary.rename(path)


def serve(listener: socket.socket, owner: int) -> dict[str, Any] | None:
    """Reads requests and forks twice for each: a keeper, which waits for the exit code, and in it the command.

    Returns the request in the command's process, and None in the server when its owner has ended.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    listener.settimeout(1)
    while Path(f"/proc/{owner}").exists():
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as file:
                content = file.read()
            if os.fork() != 0:
                continue
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            request: dict[str, Any] = json.loads(content)
            child = os.fork()
            if child == 0:
                return request
            os.setsid()  # signals to the command's group, or to the tests', are not meant for the keeper
            folder = Path(request["folder"])
            _write(folder / "pid", child)
            _, status = os.waitpid(child, 0)
            _write(folder / "code", os.waitstatus_to_exitcode(status))
            os._exit(0)
    return None


def become(request: dict[str, Any]) -> None:
    """Makes this process the command of a request: session, streams, environment, folder, limits and signals."""
    os.setsid()
    folder = Path(request["folder"])
    out = os.open(folder / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    err = out if request["one_stream"] else os.open(folder / "err", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    (folder / "err").touch()
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
        os.dup2(descriptor, number)
    sys.stdin = os.fdopen(0)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", buffering=1) for number in (1, 2))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    if request["file_limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_limit"],) * 2)
    answer_signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # a test that started a cell may have started the server too
    sys.argv = request["argv"]
    sys.path[0] = str(Path(sys.argv[0]).parent)


def run_server(owner: int, folder: Path) -> None:
    """Imports, and then forks what is asked for until the owner has ended."""
    for module in HEAVY:
        import_module(module)
    import_module("orthoadapters.config.compose").compose_config(FILES)
    gc.freeze()  # the children need not look through all that was imported
    python = serve_children()
    (folder / "python").write_text(python)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "new"))
        listener.listen()
        (folder / "new").rename(folder / "commands")
        command = serve(listener, owner)
    if command is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    become(command)
    sys.executable = python
    multiprocessing.spawn.set_executable(python)
    multiprocessing.util.spawnv_passfds = warm_fork_server()  # type: ignore[assignment]
    end_at_once(lambda: runpy.run_path(sys.argv[0], run_name="__main__"))


if __name__ == "__main__":
    owner, folder = os.environ[SERVER].split(maxsplit=1)
    run_server(int(owner), Path(folder))
