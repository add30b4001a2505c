"""Gradual unfreezing (Howard and Ruder 2018, arXiv:1801.06146): the top layer's adapter is trained first, then further ones."""

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import nn

from orthoadapters.config.schema import Period, UnfreezeConfig
from orthoadapters.config.training_checks import check_turns
from orthoadapters.model.encoder import AdaptedEncoder


class GradualUnfreezing(Callback):
    """Trains the first of `parts` alone, and one more of them after every `interval` iterations.

    Which parts are trained is a function of the iteration, so that a run that is resumed needs no state of it. A frozen part
    has no gradient: both Adams leave it and their means as they are, and no backward pass goes below the lowest trained part.
    """

    def __init__(self, parts: Sequence[nn.Module], interval: int) -> None:
        self.parts, self.interval = parts, interval

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        for number, part in enumerate(self.parts):
            part.requires_grad_(trainer.global_step >= number * self.interval)


def unfreezing(
    config: UnfreezeConfig, model: AdaptedEncoder, adapter: str | None, iterations: int, epoch: int = 0
) -> list[Callback]:
    """Returns the callback that `unfreeze` asks for; none where all layers are trained from the beginning.

    The order is from the top layer down, with the invertible part of a language adapter at the end, as it lies below all
    layers. iterations: those of the whole training. epoch: those of an epoch, 0 in a stage without epochs. Raises UserError
    for a training that ends before every part is trained.
    """
    if config.per is None or adapter is None:
        return []
    modules, layers = [*model.adapter_modules(adapter)], len(model.layers_with(adapter))
    parts = [*reversed(modules[:layers]), *modules[layers:]]
    unit = epoch if config.per is Period.epoch else 1
    check_turns(config, layers, iterations // unit, has_invertible=len(parts) > layers)
    return [GradualUnfreezing(parts, config.every * unit)]
