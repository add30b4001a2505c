"""Signals to a sweep: its cells on this machine save before anything else ends them."""

import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from orthoadapters.runs.directory import SWEEP
from orthoadapters.sweep.cells import Cell


@contextmanager
def saving_on_signals(cells: Sequence[Cell]) -> Iterator[None]:
    """Lets this sweep's cells on this machine save, on Ctrl-C and SIGTERM, before anything else ends them.

    A launcher such as joblib's kills its workers with all that they started. A second signal ends the sweep at once.
    """
    name = f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"
    os.environ[SWEEP] = name  # the processes that are started from here on inherit it

    def stop(number: int, frame: FrameType | None) -> None:
        for each in former:
            signal.signal(each, signal.SIG_DFL)
        ending = {cell.run.path: cell.run for cell in cells if (pid := cell.run.process_of(name)) and _tell_to_end(pid)}
        while any(run.in_use for run in ending.values()):
            time.sleep(0.1)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)  # as a shell counts it

    signals = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    former = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        del os.environ[SWEEP]


def _tell_to_end(pid: int) -> bool:
    """Tells a cell to save and end. Returns False if it has ended by itself."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True
