"""What a configuration asks of a backbone's size: bottlenecks as parts of the hidden size, sequences within its positions."""

import logging
from collections.abc import Mapping

from orthoadapters.errors import UserError
from orthoadapters.model.encoder import AdaptedEncoder

log = logging.getLogger(__name__)


def bottleneck(model: AdaptedEncoder, key: str, reduction: int) -> int:
    """d = H // reduction, rounded down as AdapterHub does; what does not come out even is logged.

    Raises UserError if nothing is left.
    """
    d, rest = divmod(model.hidden_size, reduction)
    if d == 0:
        raise UserError(
            f"{key}={reduction} leaves nothing of this backbone's hidden size {model.hidden_size}; lower it"
        )
    if rest:
        log.info("%s=%d: hidden size %d gives bottleneck %d, rounded down", key, reduction, model.hidden_size, d)
    return d


def check_lengths(model: AdaptedEncoder, lengths: Mapping[str, int]) -> None:
    """Raises UserError for a key that asks for more subwords than the backbone has positions."""
    backbone = model.backbone.config
    taken = (
        backbone.pad_token_id + 1 if backbone.model_type in ("xlm-roberta", "roberta") else 0
    )  # RoBERTa counts from there
    room = backbone.max_position_embeddings - taken
    for key, length in lengths.items():
        if length > room:
            raise UserError(f"{key}={length} is more than the {room} positions of this backbone; lower it")
