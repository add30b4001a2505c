"""One run over several processes (trainer=ddp): gradients, and how the processes begin and end together."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, distributed, nn

from orthoadapters.errors import UserError

PARENT = "ORTHOADAPTERS_PARENT"  # process id of whoever started this process for a fit
OF_ONE_FIT = (
    "MASTER_ADDR",
    "MASTER_PORT",
    "NODE_RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    PARENT,
)  # all but ours are Lightning's


class SummedDDP(DDPStrategy):
    """Lightning's DDP without torch's wrapper, whose reducer expects one backward per forward.

    The alternating step has two, the second one through the encoder alone and on fewer parameters: it sums its gradients
    itself, with `sum_gradients`.
    """

    def configure_ddp(self) -> None:
        """Every process starts with the first one's weights; a seed may give others on another kind of machine."""
        assert self.lightning_module is not None
        for parameter in self.lightning_module.parameters():
            if parameter.requires_grad:
                distributed.broadcast(parameter.data, src=0)


def sum_gradients(parameters: Sequence[nn.Parameter], values: Tensor) -> Tensor:
    """Puts the sum of all processes' gradients in place of each one's, and returns the sum of `values`, (N,), likewise.

    In one flat tensor, so that one collective does it. A parameter that the loss does not reach has no gradient, here as
    in every other process.
    """
    reached = [parameter for parameter in parameters if parameter.grad is not None]
    gradients = [parameter.grad.flatten() for parameter in reached if parameter.grad is not None]
    pieces = sum_over_processes(torch.cat([*gradients, values])).split([*map(len, gradients), len(values)])
    for parameter, piece in zip(reached, pieces, strict=False):
        parameter.grad = piece.view_as(parameter)
    return pieces[-1].clone()  # a view would keep all gradients in memory for as long as the loss waits to be logged


def sum_over_processes(values: Tensor) -> Tensor:
    distributed.all_reduce(values)
    return values


def every_process(value: Any) -> list[Any]:
    """The values of all processes, in their order."""
    gathered: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(gathered, value)
    return gathered


def own_seed(rank: int) -> int:
    """A seed of this process's own, so that the shares of a batch do not all get the same dropout."""
    return int(np.random.SeedSequence([torch.initial_seed(), rank]).generate_state(1, np.uint64)[0])


@contextmanager
def together(trainer: pl.Trainer) -> Iterator[None]:
    """Around the fit of several processes. Only the first one comes out of it; the others end, whatever happened.

    The next fit of this command starts others: they find on disk what this one has finished. Raises UserError in the
    first process if another one failed.
    """
    environment, first = set(os.environ), trainer.is_global_zero
    parent = int(os.environ.get(PARENT, os.getppid()))  # asked of the system, it may be dead by now
    os.environ[PARENT] = str(os.getpid())
    if not first:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first one says so and ends the others
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        yield
    except BaseException as error:
        if isinstance(error, RuntimeError):  # perhaps of a collective: the process at its other end is gone
            time.sleep(1)  # its exit code comes after its last connection
            if codes := [code for process in _others(trainer) if (code := process.poll())]:
                raise UserError(
                    f"another process of this run ended with exit code {codes[0]}; what it said, if anything, stands above"
                ) from error
            if not first and os.getppid() != parent:
                raise SystemExit(1) from None
        if not first and isinstance(error, UserError):  # of what all know, such as the loss: the first one says it
            raise SystemExit(0) from None
        raise
    finally:
        if trainer.state.status != "finished":
            for process in _others(trainer):
                process.kill()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        for name in OF_ONE_FIT:
            if name not in environment:
                os.environ.pop(name, None)
    if not first:
        raise SystemExit(0)


def _others(trainer: pl.Trainer) -> list["subprocess.Popen[bytes]"]:
    """The processes that this one started for the fit."""
    return getattr(trainer.strategy.launcher, "procs", [])


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent, which a kill -9 may have ended while a collective waits for it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
