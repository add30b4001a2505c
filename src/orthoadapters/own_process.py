"""A command's own process: its streams, its working directory, and the signals that end it."""

import io
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from orthoadapters.errors import UserError


def start_process() -> None:
    """Makes what a command prints harmless for its streams, and lets a closed terminal end it as SIGTERM does.

    What an encoding lacks is written as Python writes it. What goes to a stream that the parent closed goes nowhere:
    otherwise it would go into the next file that is opened, which would get the stream's number.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            _discard(number)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if _is_terminal(stream)]

    def end(number: int, frame: FrameType | None) -> None:
        # A shell and the system may both send it, and a second SIGTERM would end what the first one lets save.
        signal.signal(number, signal.SIG_IGN)
        # Whoever writes to a terminal that is gone gets an error, and would end before it has saved.
        for terminal in terminals:
            _discard(terminal)
        os.kill(os.getpid(), signal.SIGTERM)

    # Windows has no such signal, and nohup has it ignored.
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and _is_free(hangup):
        signal.signal(hangup, end)


def _is_free(number: int) -> bool:
    """Says whether nobody answers a signal yet, and this thread may."""
    return threading.current_thread() is threading.main_thread() and signal.getsignal(number) is signal.SIG_DFL


def _discard(number: int) -> None:
    """Lets what is written to a descriptor go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


def _is_terminal(stream: object) -> bool:
    """Says whether a stream is a terminal; one of a notebook has no descriptor, and is none."""
    return isinstance(stream, io.TextIOWrapper) and stream.isatty()


def check_working_directory() -> None:
    """Raises UserError if the working directory was deleted, which relative paths begin in."""
    try:
        os.getcwd()  # noqa: PTH109 - it names no path
    except OSError as error:
        raise UserError(
            f"the working directory is gone or cannot be read ({error.strerror}); change to another and give the command again"
        ) from None


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Lets SIGTERM end what this process computes in others, and then this process as an exception does.

    Its default would leave temporary files, and the folder of Python's fork server. Whoever answers SIGTERM already goes on
    to do so.
    """
    is_free = _is_free(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends it at once
        for process in multiprocessing.active_children():
            process.terminate()
        raise SystemExit(128 + number)  # as a shell counts it

    if is_free:
        signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if is_free:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
