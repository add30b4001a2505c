"""The sizes that a configuration asks of a backbone: bottlenecks as parts of H, sequences within its positions."""

import logging
from collections.abc import Mapping

from orthoadapters.errors import UserError
from orthoadapters.model.shape import ShapeOwner

log = logging.getLogger(__name__)


def bottleneck(model: ShapeOwner, key: str, reduction: int) -> int:
    """Does as `bottleneck_of`, and logs where d is rounded down."""
    hidden = model.shape.hidden_size
    d = bottleneck_of(hidden, key, reduction)
    if d * reduction != hidden:
        log.info("%s=%d: hidden size %d gives bottleneck %d, rounded down", key, reduction, hidden, d)
    return d


def bottleneck_of(hidden: int, key: str, reduction: int) -> int:
    """Returns d = H // reduction, as AdapterHub computes it. Raises UserError naming `key` if nothing is left."""
    if reduction > hidden:
        raise UserError(f"{key}={reduction} leaves nothing of this backbone's hidden size {hidden}; lower it")
    return hidden // reduction


def check_lengths(positions: int, lengths: Mapping[str, int]) -> None:
    """Raises UserError for a key that asks for more subwords than the backbone has positions."""
    for key, length in lengths.items():
        if length > positions:
            raise UserError(f"{key}={length} is more than the {positions} positions of this backbone; lower it")


def check_adapter_size(location: str, size: int, bottleneck: int, key: str, hidden: int, is_trained: bool) -> None:
    """Raises UserError if the adapter at `location` has another bottleneck than the run.

    key: the key of its reduction. hidden: the backbone's hidden size. is_trained: the adapter was trained by this project.
    """
    if size != bottleneck:
        mend = f"give {key}={hidden // size}"
        if is_trained:
            mend = "train the adapter with the same reduction, elsewhere if need be (paths.adapters=DIR)"
        raise UserError(f"{location} has bottleneck {size} and this run's {key} makes it {bottleneck}; {mend}")
