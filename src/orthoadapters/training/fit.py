"""One fit of Lightning's Trainer, from its last checkpoint if there is one."""

import logging
import sys
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor

from orthoadapters.config.schema import TrainerConfig
from orthoadapters.data.batch_content import batch_content
from orthoadapters.data.modules import MLMData, TaskData
from orthoadapters.errors import NotFiniteError, UserError, first_line, is_of_memory
from orthoadapters.files import check_content
from orthoadapters.model.compiled import compile_encode
from orthoadapters.model.finite import check_finite
from orthoadapters.model.precision import store_frozen_in_bf16
from orthoadapters.runs.directory import RunDirectory, changed_inputs
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.callbacks import CtrlCException, KeepLast
from orthoadapters.training.checkpoint_file import DirectCheckpointIO
from orthoadapters.training.distributed import SummedDDP, one_fit_over_processes
from orthoadapters.training.processes import rank
from orthoadapters.training.progress import ProgressBar


def device(trainer: TrainerConfig) -> torch.device:
    """Returns the device of a run. Raises UserError if more GPUs are asked for than there are."""
    if trainer.accelerator == "gpu" and not torch.cuda.is_available():
        raise UserError("trainer.accelerator=gpu: PyTorch sees no CUDA device here; use trainer.accelerator=cpu")
    if trainer.accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if trainer.devices > (count := torch.cuda.device_count()):
        raise UserError(
            f"trainer.devices={trainer.devices}: PyTorch sees {count} CUDA devices here; lower it, or use "
            "trainer.accelerator=cpu"
        )
    return torch.device("cuda", rank(trainer) % trainer.devices) if trainer.processes > 1 else torch.device("cuda")


def fit(
    config: TrainerConfig,
    run: RunDirectory,
    module: AlternatingTraining,
    data: TaskData | MLMData,
    title: str,
    callbacks: Sequence[Callback] = (),
) -> None:
    """Takes every training batch of `data` once, unless a callback ends the training.

    Afterwards the module is back on the run's device. With several processes (trainer=ddp) only the first one returns; the
    others have nothing left to do and exit.
    """
    # result.json records the devices, so that Lightning need not print them.
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if config.precision == "bf16-mixed":
        store_frozen_in_bf16(module)
    if config.compile:
        module.encode = compile_encode(module.model, data.training.batch_rows)
    identity = {"fingerprint": run.fingerprint} | run.inputs
    last = KeepLast(run.checkpoint, identity, config.checkpoint_every, config.checkpoint_minutes, config.log_every)
    with warnings.catch_warnings():
        # Lightning warns of what is by design here: no worker processes, no logger, no validation loop.
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        # Where srun is installed, it also advises to start every run of several processes with it.
        warnings.filterwarnings("ignore", "The `srun` command is available")
        trainer = _trainer(config, data.iterations, [*callbacks, ProgressBar(title), last])
        try:
            if run.checkpoint.exists():
                _check_readable(run.checkpoint, config.processes, callbacks, last)
            processes = one_fit_over_processes(trainer) if config.processes > 1 else nullcontext()
            with processes, last.stopping_on_ctrl_c():
                checkpoint = str(run.checkpoint) if run.checkpoint.exists() else None
                trainer.fit(module, datamodule=data, ckpt_path=checkpoint)
            if checkpoint and last.iteration == 0:
                # After a checkpoint of the last iteration Lightning starts no training, but the trackers still go on from it.
                module.recorder.resume_from(trainer.global_step)
            if last.is_stopping:
                raise last.stop_exception()
        except NotFiniteError as error:
            good = f"the last good checkpoint is {run.checkpoint}, of iteration {last.iteration}"
            content = batch_content(data, error.iteration)
            raise UserError(
                f"{error.what} at iteration {error.iteration}, whose batch has {content}; {error.fix}; "
                f"{good if last.iteration else 'no checkpoint was written yet'}"
            ) from None
        except SystemExit as stop:
            # Lightning raises it for SIGTERM at the end of an iteration, and for a second Ctrl-C at once.
            if not trainer.is_global_zero:
                raise
            place = f"{run.checkpoint}" if run.checkpoint.exists() else "the start, as no checkpoint was written yet"
            print(f"stopped at iteration {trainer.global_step}; the same command goes on from {place}", file=sys.stderr)
            # A shell gives a process that a signal has ended the exit code 128 + the signal's number.
            is_sigterm = isinstance(stop, SIGTERMException) and not isinstance(stop, CtrlCException)
            raise SystemExit(143 if is_sigterm else 130) from None
    if trainer.global_step < data.iterations and not trainer.should_stop:
        raise SystemExit(f"{run.path}: stopped at iteration {trainer.global_step} of {data.iterations}")
    module.recorder.flush()
    module.to(device(config))


def _trainer(config: TrainerConfig, iterations: int, callbacks: list[Callback]) -> pl.Trainer:
    """Builds the Trainer, without those of its parts that this project replaces (docs/architecture.md says why)."""
    is_distributed = config.processes > 1
    return pl.Trainer(
        accelerator="gpu" if device(config).type == "cuda" else "cpu",
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy=SummedDDP() if is_distributed else "auto",
        # A run of one process may itself be part of a larger SLURM job, whose environment is not meant for it.
        plugins=[DirectCheckpointIO(), *([] if is_distributed else [LightningEnvironment()])],
        precision=config.precision,  # type: ignore[arg-type]  # config.checks allows only two of Lightning's values
        # The training loader holds all epochs, so that every resume is one in the middle of an epoch.
        max_epochs=1,
        max_steps=iterations,
        callbacks=callbacks,
        logger=False,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


# The parts of a checkpoint that a run is resumed from: Lightning's own, and those of `AlternatingTraining`.
PARTS = {"state_dict", "optimizer_states", "loops", "callbacks", "recorder", "rng"}


def _check_readable(checkpoint: Path, processes: int, callbacks: Sequence[Callback], last: KeepLast) -> None:
    """Raises UserError if it is damaged, or is of another run or number of processes, each of which has its own dropout.

    A byte that is not what was written counts as damage, and so does a weight or an optimizer's mean that is not finite.
    """
    check_content(checkpoint, is_binary=True)
    fix = "delete it to start this run from its beginning"
    try:
        # PyTorch does not look at the checksums of the parts, which it writes.
        with zipfile.ZipFile(checkpoint) as file:
            part = file.testzip()
        if part is not None:
            raise ValueError(f"its part {part} was changed since it was written")
        content = torch.load(checkpoint, "cpu", weights_only=True, mmap=True)
        is_ours = isinstance(content, dict) and content.keys() >= PARTS
        if not is_ours or not content["callbacks"].keys() >= {one.state_key for one in callbacks if one.state_dict()}:
            raise ValueError("it is none that a run has written")
        # Those of earlier versions do not name their run.
        former = content["callbacks"].get(last.state_key, {}).get("run", last.run)
        names = changed_inputs(former, last.run)
    except Exception as error:
        if is_of_memory(error):
            raise
        # A broken file makes torch raise exceptions of many types.
        raise UserError(f"{checkpoint} cannot be read ({first_line(error)}); {fix}") from None
    if names:
        raise UserError(
            f"{checkpoint} is another run's, with other {', '.join(names)}; bring back this run's own, or {fix}"
        )
    check_finite(dict(_tensors(content)), checkpoint, fix)
    count = len(content["rng"]) if isinstance(content["rng"], list) else 1
    if count != processes:
        raise UserError(
            f"{checkpoint} was written by {count} process(es) and this command asks for {processes}; give "
            f"trainer.devices={count} as before, or {fix}"
        )


def _tensors(content: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yields all tensors in what a checkpoint holds, by the names of what they are in."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, dict | list | tuple):
        for key, part in content.items() if isinstance(content, dict) else enumerate(content):
            yield from _tensors(part, f"{name}.{key}" if name else str(key))
