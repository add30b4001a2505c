"""The checks of the orthogonality loss: which losses and ways to minimise it do not go together."""

from orthoadapters.config.schema import Config
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
