"""Clocks of the benchmarks: seconds of a device, peak memory, and where the time of a loop goes."""

import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch


def now(machine: torch.device) -> float:
    """Reads the clock when all that was asked of the device is done."""
    if machine.type == "cuda":
        torch.cuda.synchronize(machine)
    return time.perf_counter()


def peak(machine: torch.device) -> int:
    """Returns the most bytes that this process has held: of the GPU's memory, or on a CPU of all memory."""
    if machine.type == "cuda":
        return torch.cuda.max_memory_allocated(machine)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux: KiB


def matrix_peak(machine: torch.device, dtype: torch.dtype, size: int, rounds: int = 10) -> float:
    """Measures FLOP/s of the product of two square matrices, the best of `rounds`: what matrix products reach at most."""
    a, b = (torch.randn(size, size, device=machine).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(rounds):
        start = now(machine)
        torch.mm(a, b)
        best = min(best, now(machine) - start)
    return 2 * size**3 / best


class Stopwatch:
    """The seconds of each part of a loop, between `start` and `stop`.

    A part within another one counts for itself alone, so that the parts' sum is the whole time. What is in no part is
    `rest`. On a GPU every change of part waits for the device: the sum is more than the loop takes without a stopwatch.
    """

    def __init__(self, machine: torch.device, rest: str) -> None:
        self.machine, self.rest, self.seconds = machine, rest, defaultdict[str, float](float)
        self._parts: list[str] = []
        self._last = 0.0

    def start(self) -> None:
        self._parts, self._last = [self.rest], now(self.machine)

    def stop(self) -> None:
        self._count()
        self._parts = []

    def _count(self) -> None:
        time_of_change = now(self.machine)
        self.seconds[self._parts[-1]] += time_of_change - self._last
        self._last = time_of_change

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Counts the block as this part, if the stopwatch runs."""
        if not self._parts:
            yield
            return
        self._count()
        self._parts.append(name)
        yield
        self._count()
        self._parts.pop()

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Counts every call of this object's method as the part `name`."""
        setattr(owner, method, self.wrap(getattr(owner, method), name))

    def wrap(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Returns the function, whose calls count as the part `name`."""

        @wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            with self.part(name):
                return function(*arguments, **keywords)

        return call


class WatchedLoader:
    """A loader whose batches count as the part `loader` of a stopwatch."""

    def __init__(self, loader: Any, watch: Stopwatch) -> None:
        self.loader, self.watch = loader, watch

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        batches = iter(self.loader)
        while True:
            with self.watch.part("loader"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch
