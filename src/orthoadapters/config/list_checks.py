"""The lists that name a thing twice: it counts once and is said where that changes nothing, and is refused elsewhere."""

from collections.abc import Iterable
from operator import attrgetter

from orthoadapters.config.keys import key_types, takes_list
from orthoadapters.config.locations import warn_once
from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError

# The lists that are sets: what they name once more changes nothing.
SETS = ("languages", "logger.tags", "task.grid.")


def check_lists(config: Config) -> None:
    """Raises UserError for a list that has a value twice. Of a set it is said."""
    for key in key_types():
        if takes_list(key):
            values = attrgetter(key)(config) or ()
            say_repetition(key, values) if key.startswith(SETS) else check_once(key, values)
    check_leave_out(config)


def check_leave_out(config: Config) -> None:
    """Raises UserError for layers that cannot be left out of any backbone."""
    variant, layers = config.variant, list(config.variant.leave_out)
    names = f"variant.leave_out=[{','.join(map(str, layers))}]"
    if not variant.has_task_adapter:
        return  # a variant without adapters reads no such key, so that a sweep over all variants can set it
    if layers != sorted(layers) or min(layers, default=0) < 0:
        raise UserError(f"{names}: name the layers in ascending order, as numbers from 0 on, such as [10,11]")


def check_once(name: str, values: Iterable[object]) -> None:
    """Raises UserError if a value is there twice. name: that of the list, for the sentence."""
    for value in _repetitions(values):
        raise UserError(f"{name} has {value} twice; name it once, or write what was meant in place of one")


def say_repetition(name: str, values: Iterable[object]) -> None:
    """Says which values of a set are there twice. name: that of the set."""
    for value in _repetitions(values):
        warn_once(f"{name} has {value} twice; it counts once")


def _repetitions(values: Iterable[object]) -> list[object]:
    former: list[object] = []
    repetitions: list[object] = []
    for value in values:
        (repetitions if value in former else former).append(value)
    return repetitions
