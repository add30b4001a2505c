"""The parts of a run over several processes (trainer=ddp): sums of gradients, and a common beginning and end."""

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

# The environment variable with the id of the process that started this one for a fit.
PARENT = "ORTHOADAPTERS_PARENT"
# The environment variables that belong to one fit; all but PARENT are Lightning's.
FIT_VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE", PARENT)


class SummedDDP(DDPStrategy):
    """Lightning's DDP without torch's wrapper, whose reducer expects one backward per forward.

    The alternating step has two, the second one through the encoder alone and on fewer parameters: it sums its gradients
    itself, with `sum_gradients`.
    """

    def configure_ddp(self) -> None:
        """Gives every process the first one's weights, as the same seed may give other weights on another kind of machine."""
        assert self.lightning_module is not None
        for parameter in self.lightning_module.parameters():
            if parameter.requires_grad:
                distributed.broadcast(parameter.data, src=0)


def sum_gradients(parameters: Sequence[nn.Parameter], values: Tensor) -> Tensor:
    """Replaces each process's gradients by their sum over all processes, and returns the sum of `values`, (N,).

    All of them go into one flat tensor, so that one collective is enough. A parameter that the loss does not reach has no
    gradient in this process and in every other.
    """
    targets = [parameter for parameter in parameters if parameter.grad is not None]
    gradients = [parameter.grad.flatten() for parameter in targets if parameter.grad is not None]
    pieces = sum_over_processes(torch.cat([*gradients, values])).split([*map(len, gradients), len(values)])
    for parameter, piece in zip(targets, pieces, strict=False):
        parameter.grad = piece.view_as(parameter)
    # A view would keep all gradients in memory for as long as the loss waits to be logged.
    return pieces[-1].clone()


def sum_over_processes(values: Tensor) -> Tensor:
    """Sums `values` over all processes, in place, and returns them."""
    distributed.all_reduce(values)
    return values


def gather_from_processes(value: Any) -> list[Any]:
    """Returns the values of all processes, in the order of their ranks."""
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def process_seed(rank: int) -> int:
    """Returns a seed for this process alone, so that the shares of a batch do not all get the same dropout."""
    return int(np.random.SeedSequence([torch.initial_seed(), rank]).generate_state(1, np.uint64)[0])


@contextmanager
def one_fit_over_processes(trainer: pl.Trainer) -> Iterator[None]:
    """Surrounds the fit of several processes: only the first process leaves this block, the others end in it.

    The next fit of the same command starts new processes, which read from the disk what this fit has written. Raises
    UserError in the first process if another one failed.
    """
    environment, is_first = set(os.environ), trainer.is_global_zero
    # The parent may be dead already, and then the system names another process as the parent.
    parent = int(os.environ.get(PARENT, os.getppid()))
    os.environ[PARENT] = str(os.getpid())
    if not is_first:
        # Ctrl-C reaches all processes. The first one reports it and ends the others.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        yield
    except BaseException as error:
        if isinstance(error, RuntimeError):
            # A collective raises it when another process has ended. That one's exit code comes a moment later.
            time.sleep(1)
            if codes := [code for process in _started_processes(trainer) if (code := process.poll())]:
                raise UserError(
                    f"another process of this run ended with exit code {codes[0]}; what it said, if anything, stands above"
                ) from error
            if not is_first and os.getppid() != parent:
                raise SystemExit(1) from None
        if not is_first and isinstance(error, UserError):
            # Every process raises it, such as for a loss that is not finite. The first one shows it.
            raise SystemExit(0) from None
        raise
    finally:
        if trainer.state.status != "finished":
            for process in _started_processes(trainer):
                process.kill()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        for name in FIT_VARIABLES:
            if name not in environment:
                os.environ.pop(name, None)
    if not is_first:
        raise SystemExit(0)


def _started_processes(trainer: pl.Trainer) -> list["subprocess.Popen[bytes]"]:
    """Returns the processes that this one started for the fit."""
    return getattr(trainer.strategy.launcher, "procs", [])


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent: after a kill -9 of the parent, a collective would wait for it for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
