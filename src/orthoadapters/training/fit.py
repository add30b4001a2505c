"""One training, on Lightning's Trainer, from its last checkpoint if it has one."""

import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.exceptions import SIGTERMException

from orthoadapters.config import TrainerConfig
from orthoadapters.data.batching import BlockLoader, Epochs
from orthoadapters.errors import UserError
from orthoadapters.runs import RunDirectory
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.callbacks import KeepLast, ProgressBar


def device(trainer: TrainerConfig) -> torch.device:
    """Where a run computes. Raises UserError if a GPU is asked for and there is none."""
    if trainer.accelerator == "gpu" and not torch.cuda.is_available():
        raise UserError("trainer.accelerator=gpu: PyTorch sees no CUDA device here; use trainer.accelerator=cpu")
    return torch.device("cuda" if trainer.accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def fit(
    config: TrainerConfig,
    run: RunDirectory,
    module: AlternatingTraining,
    loader: Epochs | BlockLoader,
    title: str,
    callbacks: Sequence[Callback] = (),
) -> None:
    """Takes every batch of `loader` once; afterwards the module is back on the run's device."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # what it says of devices, result.json says too
    keep = KeepLast(run.checkpoint, config.checkpoint_every, config.checkpoint_minutes)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")  # workers, missing loggers: all by design here
        trainer = pl.Trainer(
            accelerator="gpu" if device(config).type == "cuda" else "cpu",
            devices=1,
            precision=config.precision,  # type: ignore[arg-type]  # checks.check allows only these two
            max_epochs=1,  # the loader holds all epochs, so that every resume is one in the middle of an epoch
            max_steps=len(loader),
            callbacks=[*callbacks, ProgressBar(title), keep],
            logger=False,
            limit_val_batches=0,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        try:
            if run.checkpoint.exists():
                _check_readable(run.checkpoint)
            trainer.fit(
                module, train_dataloaders=loader, ckpt_path=str(run.checkpoint) if run.checkpoint.exists() else None
            )
        except SystemExit as stop:  # what Lightning makes of Ctrl-C and, at the end of an iteration, of SIGTERM
            saved = f"{run.checkpoint}" if run.checkpoint.exists() else "the start, as no checkpoint was written yet"
            print(f"stopped at iteration {trainer.global_step}; the same command goes on from {saved}", file=sys.stderr)
            raise SystemExit(143 if isinstance(stop, SIGTERMException) else 130) from None  # as a shell counts them
    if trainer.global_step < len(loader):
        raise SystemExit(f"{run.path}: stopped at iteration {trainer.global_step} of {len(loader)}")
    module.recorder.flush()
    module.to(device(config))


def _check_readable(checkpoint: Path) -> None:
    try:
        torch.load(checkpoint, "cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises of many types for a broken file
        raise UserError(
            f"{checkpoint} cannot be read ({str(error).splitlines()[0]}); delete it to start this run from its beginning"
        ) from None
