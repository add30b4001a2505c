"""The sizes that a configuration asks of a backbone: bottlenecks as parts of H, sequences within its positions."""

import logging
from collections.abc import Mapping, Sequence

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


def check_layers(layers: int, leave_out: Sequence[int]) -> None:
    """Raises UserError for a layer to be left out that the backbone has not, and if no layer is left."""
    names = ",".join(map(str, leave_out))
    if any(not 0 <= layer < layers for layer in leave_out):
        raise UserError(
            f"variant.leave_out=[{names}] names a layer that this backbone has not; its layers are 0 to {layers - 1}"
        )
    if len(set(leave_out)) == layers:
        raise UserError(f"variant.leave_out=[{names}] names all layers of this backbone; leave adapters in one of them")


def check_same_layers(location: str, leave_out: Sequence[int], run_leave_out: Sequence[int], is_trained: bool) -> None:
    """Raises UserError if the adapter at `location` is left out of other layers than this run's adapters.

    is_trained: the adapter is a language adapter that was trained by this project.
    """
    if [*leave_out] != [*run_leave_out]:
        of_file, of_run = (",".join(map(str, layers)) for layers in (leave_out, run_leave_out))
        mend = f"the adapter goes with runs of variant.leave_out=[{of_file}]"
        if is_trained:
            mend += f"; train one with variant.leave_out=[{of_run}], elsewhere if need be (paths.adapters=DIR)"
        what = f"no adapter in the layers [{of_file}]" if leave_out else "an adapter in every layer"
        raise UserError(f"{location} has {what}, and this run's variant.leave_out is [{of_run}]; {mend}")


def check_adapter_size(location: str, size: int, bottleneck: int, key: str, hidden: int, is_trained: bool) -> None:
    """Raises UserError if the adapter at `location` has another bottleneck than the run.

    key: the key of its reduction. hidden: the backbone's hidden size. is_trained: the adapter was trained by this project.
    """
    if size != bottleneck:
        mend = f"give {key}={hidden // size}"
        if is_trained:
            mend = "train the adapter with the same reduction, elsewhere if need be (paths.adapters=DIR)"
        raise UserError(f"{location} has bottleneck {size} and this run's {key} makes it {bottleneck}; {mend}")
