"""The one rule of all lists: what stands twice in one is a slip, and is refused before anything is read."""

from collections.abc import Iterable
from operator import attrgetter

from orthoadapters.config.keys import key_types, takes_list
from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError


def check_lists(config: Config) -> None:
    """Raises UserError for a list that has a value twice. `logger.tags` are looked at where W&B is logged to."""
    for key in key_types():
        if takes_list(key) and key != "logger.tags":
            check_once(key, attrgetter(key)(config) or ())


def check_once(name: str, values: Iterable[object]) -> None:
    """Raises UserError if a value is there twice. name: that of the list, for the sentence."""
    former: list[object] = []
    for value in values:
        if value in former:
            raise UserError(f"{name} has {value} twice; name it once, or write what was meant in place of one")
        former.append(value)
