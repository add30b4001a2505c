"""Python processes that a command of `warm_python` starts by itself: forks of a warm process too.

Launchers and Lightning start `sys.executable`. In a warm command this names a small script, which hands its arguments,
environment, folder and open files to a server, waits for the process that the server forks, and ends as that one ends.
"""

import atexit
import json
import multiprocessing.spawn
import multiprocessing.util
import os
import runpy
import select
import signal
import socket
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

LOOK = 0.005  # seconds between two looks at a child's state
HIGH = 500  # descriptors from here on are free in all processes of the tests
MOST = 200  # descriptors that one message may hold

CLIENT = """#!{python} -SEs
import json, os, signal, socket, sys
if "submitit.local._local" in sys.argv:  # it is known by its process id, and imports little
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
connection = socket.socket(socket.AF_UNIX)
numbers = []
for name in os.listdir("/proc/self/fd"):
    if int(name) != connection.fileno() and os.path.exists("/proc/self/fd/" + name):
        numbers.append(int(name))
connection.connect({address!r})
blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
request = dict(argv=sys.argv[1:], environment=dict(os.environ), cwd=os.getcwd())
request.update(numbers=numbers, blocked=blocked, pid=os.getpid())
content = json.dumps(request).encode()
socket.send_fds(connection, [len(content).to_bytes(8, "big")], numbers)
connection.sendall(content)
child = int.from_bytes(connection.recv(8), "big")
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT):
    signal.signal(number, lambda number, frame: os.kill(child, number))
code = int.from_bytes(connection.recv(8), "big", signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


def serve_children() -> str:
    """Starts the server, which ends with the process that called; returns the script that stands for `sys.executable`."""
    folder = Path(tempfile.mkdtemp(prefix="python-"))
    script, address = folder / "python", str(folder / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    script.write_text(CLIENT.format(python=sys.executable, address=address))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    parent = os.getpid()
    if os.fork() == 0:
        _serve(listener, parent)
    listener.close()
    return str(script)


def _serve(listener: socket.socket, parent: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    os.setsid()
    listener.settimeout(1)
    while os.getppid() == parent:
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            if os.fork() == 0:
                _keep(connection)
            connection.close()
    os._exit(0)


def _keep(connection: socket.socket) -> None:
    """Forks the process that is asked for, and kills it when the one that stands for it is killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, descriptors, *_ = socket.recv_fds(connection, 8, MOST)
    content = b""
    while len(content) < int.from_bytes(size, "big"):
        content += connection.recv(2**20)
    child = os.fork()
    if child == 0:
        connection.close()
        os.setsid()
        request = json.loads(content)
        take_over(request, descriptors)
        os.getppid = lambda: _parent(request["pid"])
        _run(request["argv"])
    connection.sendall(child.to_bytes(8, "big"))
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if select.select([connection], [], [], LOOK)[0]:
            os.kill(child, signal.SIGKILL)
            os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(code.to_bytes(8, "big", signed=True))
    os._exit(0)


def _parent(pid: int) -> int:
    """Returns the parent of the process that stands for this one, as the system has it now."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def take_over(request: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Gives this process the open files, environment, folder and blocked signals of the one that asked."""
    high = range(HIGH, HIGH + len(descriptors))
    for descriptor, number in zip(descriptors, high, strict=True):
        os.dup2(descriptor, number)
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) not in high:
            with suppress(OSError):
                os.close(int(path.name))
    for descriptor, number in zip(high, request["numbers"], strict=True):
        os.dup2(descriptor, number, inheritable=True)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    signal.pthread_sigmask(signal.SIG_SETMASK, request["blocked"])


def answer_signals() -> None:
    """Lets this process answer signals as a command that a shell starts does, whatever the test runner ignores.

    Its workers ignore Ctrl-C, and all of it ignores a closed terminal under nohup.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _run(arguments: list[str]) -> None:
    """Does what Python does with these arguments: [flags] -m MODULE, -c CODE or SCRIPT, with what follows."""
    answer_signals()
    sys.stdin = os.fdopen(0)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", buffering=1) for number in (1, 2))
    multiprocessing.util.spawnv_passfds = warm_fork_server()  # type: ignore[assignment]
    while arguments[0] in ("-u", "-B", "-E", "-s"):
        arguments = arguments[1:]
    if arguments[0] in ("-m", "-c"):
        sys.path[0] = ""
        sys.argv = arguments[1:]
        if arguments[0] == "-m":
            end_at_once(lambda: runpy.run_module(arguments[1], run_name="__main__", alter_sys=True))
        sys.argv[0] = "-c"
        end_at_once(lambda: exec(arguments[1], vars(sys.modules["__main__"])))
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).parent)
    end_at_once(lambda: runpy.run_path(arguments[0], run_name="__main__"))


def end_at_once(run: Callable[[], object]) -> None:
    """Runs a script, and ends this process as Python would, but does not take PyTorch's modules apart: half a second.

    What ends in a traceback, as Ctrl-C does, ends as Python ends it.
    """
    code: object = None
    try:
        run()
    except SystemExit as error:
        code = error.code
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120  # Python's own for streams that cannot be flushed
    os._exit(int(code or 0) & 0xFF)


def fork_server_code(arguments: Sequence[str]) -> tuple[str, list[str]] | None:
    """Finds the code of a fork server among Python's arguments, and what follows it; None if another process is started."""
    if "-c" not in arguments:
        return None
    at = list(arguments).index("-c") + 1
    return (arguments[at], list(arguments[at + 1 :])) if "multiprocessing.forkserver" in arguments[at] else None


def warm_fork_server() -> Callable[[bytes, Sequence[str], Sequence[int]], int]:
    """Forks a process that waits to become a command's fork server; returns what asks it to, as `spawnv_passfds` does.

    It is forked before the command's script runs, so that it holds none of the script's state. It gets the environment,
    the folder, the blocked signals and the open files that the command has when it starts its server.
    """
    asker, waiter = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        asker.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as Python's own fork server does
        message, descriptors, *_ = socket.recv_fds(waiter, 2**20, MOST)
        if not message:
            os._exit(0)
        request: dict[str, Any] = json.loads(message)
        take_over(request, descriptors)
        sys.argv = ["-c", *request["argv"]]
        # It ends with SystemExit. Further up, sockets would be closed whose numbers the server's own pipes have now.
        with suppress(SystemExit):
            exec(request["code"], {"__name__": "server"})
        os._exit(0)
    waiter.close()

    spawn = multiprocessing.util.spawnv_passfds

    def ask(path: bytes, arguments: Sequence[str], numbers: Sequence[int]) -> int:
        if (code := fork_server_code(arguments)) is None:
            return spawn(path, arguments, numbers)
        blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
        numbers = [0, 1, 2, *numbers]
        request: dict[str, Any] = {"code": code[0], "argv": code[1], "numbers": numbers, "blocked": blocked}
        request |= {"environment": dict(os.environ), "cwd": str(Path.cwd())}
        socket.send_fds(asker, [json.dumps(request).encode()], numbers)
        asker.close()
        return pid

    return ask
