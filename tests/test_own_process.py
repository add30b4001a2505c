"""A command's own process: closed streams, narrow encodings, a closed terminal, a deleted working directory."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from orthoadapters.errors import UserError
from orthoadapters.exit_codes import exit_code_of
from orthoadapters.folders import check_loop
from orthoadapters.own_process import check_working_directory
from tests.helpers.commands import environment

START = "import os, signal, sys, time\nfrom orthoadapters.own_process import start_process\nstart_process()\n"


def run_python(tail: str, script: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs a script with bash, which gets its command with a tail such as >&-."""
    command = ["bash", "-c", f'exec "$0" -c "$1" {tail}', sys.executable, START + script]
    return subprocess.run(command, cwd=folder, env=environment() | variables, capture_output=True, timeout=60)


def test_what_is_printed_into_a_closed_stream_reaches_no_file(tmp_path: Path) -> None:
    script = "file = open('file', 'w')\nprint('words', flush=True)\nprint('error', file=sys.stderr, flush=True)"
    assert run_python("<&- >&- 2>&-", script, tmp_path).returncode == 0
    assert (tmp_path / "file").read_bytes() == b""


def test_a_sign_that_an_encoding_lacks_is_written_as_python_writes_it(tmp_path: Path) -> None:
    process = run_python("", "print('12.3\u2020')", tmp_path, PYTHONIOENCODING="ascii")
    assert (process.returncode, process.stdout) == (0, b"12.3\\u2020\n")


@pytest.mark.parametrize("is_ignored", [False, True])
def test_a_closed_terminal_ends_a_command_as_sigterm_does_which_can_still_print(
    is_ignored: bool, tmp_path: Path
) -> None:
    script = (
        "def save(number, frame):\n    print('saving', flush=True)\n    os.replace('ready', 'saved')\n    sys.exit(5)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "open('ready', 'w').close()\n"
        "until = time.monotonic() + (3 if sys.argv[1:] else 60)\n"
        "while time.monotonic() < until:\n    time.sleep(0.01)\n"
    )
    ours, its = os.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(its, termios.TIOCSCTTY, 0)
        if is_ignored:  # as nohup does
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = subprocess.Popen(
        [sys.executable, "-c", START + script, *(["short"] if is_ignored else [])],
        cwd=tmp_path,
        env=environment(),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(its)
    until = time.monotonic() + 60
    while not (tmp_path / "ready").exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.close(ours)
    assert process.wait(60) == (0 if is_ignored else 5)
    assert (tmp_path / "saved").exists() is not is_ignored


def test_the_second_of_two_hangups_is_no_second_sigterm(tmp_path: Path) -> None:
    """A shell tells its jobs that the terminal is closed, and so does the system."""
    script = (
        "def count(number, frame):\n    print('SIGTERM', flush=True)\n"
        "signal.signal(signal.SIGTERM, count)\nprint('ready', flush=True)\n"
        "while sys.stdin.read(1):\n    pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", START + script],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGHUP)
    assert process.stdout.readline() == "SIGTERM\n"
    os.kill(process.pid, signal.SIGHUP)
    output, _ = process.communicate("x", timeout=60)
    assert (process.returncode, output) == (0, "")


def test_a_deleted_working_directory_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UserError, match=r"the working directory is gone .*; change to another"):
        check_working_directory()
    assert exit_code_of(lambda: 0, "") == 1
    assert "error: the working directory is gone" in capsys.readouterr().err


def test_a_stream_into_the_file_that_is_read_is_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "text", tmp_path / "other"
    path.write_text("a\n")
    other.write_text("a\n")
    os.link(path, tmp_path / "link")
    with path.open("a") as stream:
        check_loop(stream, other)
        for source in (path, tmp_path / "link", stream.fileno()):
            with pytest.raises(UserError, match="standard output is the file that is read"):
                check_loop(stream, source)
    with Path(os.devnull).open("w") as stream:
        check_loop(stream, Path(os.devnull))
