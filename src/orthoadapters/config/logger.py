"""The keys of `logger`, and W&B's own environment variables in place of those that are not given."""

import os
from collections.abc import Collection

from hydra.core.override_parser.types import Override

from orthoadapters.config.list_checks import check_once
from orthoadapters.config.messages import nearest
from orthoadapters.config.schema import LoggerConfig, LoggerKind
from orthoadapters.errors import UserError

# W&B's environment variables, by the key that each one stands in for.
VARIABLES = {
    "project": "WANDB_PROJECT",
    "entity": "WANDB_ENTITY",
    "group": "WANDB_RUN_GROUP",
    "name": "WANDB_NAME",
    "tags": "WANDB_TAGS",
    "notes": "WANDB_NOTES",
}
# The project that a run is logged to if nobody names one.
PROJECT = "orthoadapters"  # ours: the name of this package
# W&B takes no longer project, name or group, and none of these characters in a project (wandb 0.31, wandb_settings.py).
LONGEST, NOT_IN_A_PROJECT = 128, "/\\#?%:"
LONGEST_TAG = 64  # wandb 0.31 refuses longer tags

Variables = tuple[str | None, ...]


def environment() -> Variables:
    """Returns the values of the variables, None for those that are not set."""
    return tuple(os.environ.get(variable) for variable in VARIABLES.values())


def settle_logger(logger: LoggerConfig) -> None:
    """Fills in the keys that were not given."""
    if logger.kind is not None:
        logger.csv, logger.tensorboard = logger.kind is not LoggerKind.none, False
        logger.wandb = logger.kind is LoggerKind.wandb
    for key, variable in VARIABLES.items():
        text = os.environ.get(variable)
        if getattr(logger, key) is None and text:
            setattr(logger, key, [tag.strip() for tag in text.split(",")] if key == "tags" else text)
    logger.project = logger.project or PROJECT


def check_logger_choice(override: Override, files: Collection[str]) -> None:
    """Raises UserError for what Hydra would read otherwise than it is meant, or answer in its own words.

    files: the names of the group's files.
    """
    line = override.input_line
    if override.is_sweep_override():
        several = ",".join(map(str, override.sweep_string_iterator()))
        raise UserError(f"'{line}' would run everything once for each; logger=[{several}] logs to all of them")
    names = override.value()
    if names is None:
        raise UserError(f"'{line}': write logger=none to log nowhere")
    if not isinstance(names, list):
        return
    if "none" in names and len(names) > 1:
        raise UserError(f"'{line}': none goes alone; leave it out, or write logger=none")
    check_once("logger", names)
    for name in map(str, names):
        if name not in files:
            raise UserError(
                f"logger has no '{name}'{nearest(name, sorted(files))}; there are: {', '.join(sorted(files))}"
            )


def check_logger(logger: LoggerConfig) -> None:
    """Refuses a project or a tag that W&B would refuse only once everything is read."""
    if not logger.wandb:
        return
    project = logger.project or PROJECT
    if len(project) > LONGEST or set(project) & set(NOT_IN_A_PROJECT):
        raise UserError(
            f"logger.project='{project}' (or WANDB_PROJECT): W&B takes at most {LONGEST} characters, and none of "
            f"{' '.join(NOT_IN_A_PROJECT)}; choose another name"
        )
    for tag in logger.tags or []:
        if not 1 <= len(tag) <= LONGEST_TAG:
            raise UserError(
                f"logger.tags (or WANDB_TAGS): '{tag}' has {len(tag)} characters, and W&B takes 1 to {LONGEST_TAG}; "
                "shorten it"
            )
