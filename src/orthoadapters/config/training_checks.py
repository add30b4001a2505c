"""The checks of choices beyond the paper: orthogonality losses and ways to minimise them, and gradual unfreezing."""

from orthoadapters.config.schema import Config, Period, Stage, UnfreezeConfig
from orthoadapters.errors import UserError


def check_ort(config: Config) -> None:
    """Raises UserError for choices of `ort` and `orthogonality` that exclude each other. Runs without L_ORT read none."""
    ort, loss, processes = config.ort, config.orthogonality.loss, config.trainer.processes
    if not config.is_orthogonal:
        return
    if ort.joint is not None and (ort.share_forward or ort.every > 1):
        key = "ort.share_forward=true" if ort.share_forward else f"ort.every={ort.every}"
        raise UserError(
            f"ort.joint={ort.joint:g} makes one step of both losses, in every iteration and from one forward pass; leave "
            f"{key} out, or ort.joint"
        )
    if loss == "weights" and ort.share_forward:
        raise UserError(
            "orthogonality=weights takes no forward pass that ort.share_forward=true could share; leave one of them out"
        )
    if loss == "subspace" and processes > 1:
        raise UserError(
            f"orthogonality=subspace compares all tokens of a batch, and {processes} processes have a part of it each; use "
            "one (trainer=default), or orthogonality=cosine"
        )


def check_unfreezing(config: Config) -> None:
    """Raises UserError for gradual unfreezing without an adapter or an epoch, and with what may end or compile the training."""
    per, trainer = config.unfreeze.per, config.trainer
    if per is None:
        if config.unfreeze.every != 1:
            raise UserError(
                f"unfreeze.every={config.unfreeze.every} counts nothing yet; add unfreeze.per=epoch or unfreeze.per=iteration"
            )
        return
    if config.stage is Stage.task and not config.variant.has_task_adapter:
        raise UserError(
            f"unfreeze.per={per.value} is for the layers of an adapter, and variant={config.variant.name} trains none; leave "
            "it out, or choose a variant with a task adapter"
        )
    if config.stage is Stage.mlm and per is Period.epoch:
        raise UserError("unfreeze.per=epoch: stage=mlm counts iterations alone; use unfreeze.per=iteration")
    if config.stage is Stage.task and trainer.patience is not None:
        raise UserError(
            f"unfreeze.per={per.value} with trainer.patience={trainer.patience}: training might end before all layers are "
            "trained; leave one of them out"
        )
    if trainer.compile:
        raise UserError(
            f"unfreeze.per={per.value} with trainer.compile=true: every further layer would be compiled anew; leave one of "
            "them out"
        )


def check_turns(config: UnfreezeConfig, layers: int, length: int, *, has_invertible: bool) -> None:
    """Raises UserError for gradual unfreezing of a training that ends before every part of its adapter is trained.

    layers: those with the adapter. has_invertible: the adapter has an invertible part, whose turn comes last. length: that
    of the whole training, in what `config.per` counts.
    """
    per, every = config.per, config.every
    need = (layers - 1 + has_invertible) * every + 1
    if per is not None and need > length:
        what = f"{layers} layers" + (" and the invertible part" if has_invertible else "")
        mends = ["lower unfreeze.every"] if every > 1 else []
        mends += ["take unfreeze.per=iteration"] if per is Period.epoch else []
        raise UserError(
            f"unfreeze.per={per.value} unfreeze.every={every}: the adapter's {what} are all trained from {per.value} {need} "
            f"on, and the training has {length}; {', or '.join([*mends, 'train longer'])}"
        )
