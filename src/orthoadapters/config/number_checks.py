"""The checks of numbers: those out of their range, of the program or of the arithmetic of weights."""

from operator import attrgetter

from orthoadapters.config.keys import key_types
from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError
from orthoadapters.json_text import short_number

SHORTEST = 8  # ours: subwords; the special ones and a few words
LARGEST = 2**31 - 1  # ours: no run counts as far, and the product of two such numbers has room in 64 bits
# ours: the smallest and the largest number that float32, which weights are trained in, has with all its digits
FLOAT32 = 2.0**-126, (2 - 2.0**-23) * 2.0**127


def check_numbers(config: Config) -> None:
    """Refuses numbers out of their range."""
    mlm, task, trainer, data = config.mlm, config.task, config.trainer, config.data
    positive = {f"optim.{key}": value for key, value in vars(config.optim).items()} | {
        "ort.every": config.ort.every,
        "ort.joint": config.ort.joint,
        "unfreeze.every": config.unfreeze.every,
        "trainer.max_epochs": trainer.max_epochs,
        "trainer.patience": trainer.patience,
        "trainer.max_iterations": trainer.max_iterations,
        "trainer.checkpoint_every": trainer.checkpoint_every,
        "trainer.checkpoint_minutes": trainer.checkpoint_minutes,
        "trainer.log_every": trainer.log_every,
        "trainer.layers_every": trainer.layers_every,
        "trainer.devices": trainer.devices,
        "trainer.num_nodes": trainer.num_nodes,
        "sweep.cells_per_gpu": config.sweep.cells_per_gpu,
        "task.batch_size": task.batch_size,
        "mlm.batch_size": mlm.batch_size,
        "mlm.dev_blocks": mlm.dev_blocks,
        "variant.language_reduction": config.variant.language_reduction,
        "variant.task_reduction": config.variant.task_reduction,
        "data.limit_train": data.limit_train,
        "data.limit_dev": data.limit_dev,
        "data.limit_test": data.limit_test,
    }
    for key, value in positive.items():
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{key}={value} must be greater than 0, and finite")
    for key, length in {"mlm.block_length": mlm.block_length, "task.max_length": task.max_length}.items():
        if length < SHORTEST:
            raise UserError(f"{key}={length} leaves no room for words; use {SHORTEST} or more")
    if not 0 < mlm.mask_probability < 1:
        raise UserError(f"mlm.mask_probability={mlm.mask_probability} must lie between 0 and 1")
    if not 0 <= config.seed < 2**32:
        raise UserError(f"seed={short_number(str(config.seed))} must lie between 0 and 4294967295")
    _check_sizes(config)


def _check_sizes(config: Config) -> None:
    """Refuses whole numbers that the program cannot count to, and factors that float32 makes 0 or infinity of."""
    for key in key_types().keys() - {"seed"}:
        value = attrgetter(key)(config)
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) > LARGEST:
                raise UserError(
                    f"{key}={short_number(str(number))} is more than can be counted to; use {LARGEST} at most"
                )
    optim, mlm, task = config.optim, config.mlm, config.task
    # The stage gives its rates to optim, so that they come first.
    factors = {"mlm.lr": mlm.lr, "mlm.ort_lr": mlm.ort_lr, "task.lr": task.lr, "task.ort_lr": task.ort_lr}
    factors |= {f"optim.{key}": value for key, value in vars(optim).items()} | {"ort.joint": config.ort.joint}
    smallest, largest = FLOAT32
    for key, factor in factors.items():
        # Another check refuses what is not positive, where it is read.
        if factor is not None and factor > 0 and not smallest <= factor <= largest:
            raise UserError(
                f"{key}={factor} becomes 0 or infinity in float32, which weights are trained in; use a number from "
                f"{smallest:.2g} to {largest:.2g}"
            )
