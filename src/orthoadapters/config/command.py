"""The command that repeats a finished run: the overrides that it recorded, if they still mean the same run."""

import shlex
from typing import Any

from orthoadapters.config.choices import fingerprint
from orthoadapters.config.compose import compose_config
from orthoadapters.errors import UserError


def command(overrides: Any, recorded: str) -> str:
    """Writes the command line of a run from the `overrides` in its result.json's provenance, safe to paste into a shell.

    recorded: the run's fingerprint. Raises UserError with the reason if there is no such command: an earlier version
    recorded no overrides, or conf/ and the code have changed so that these make another run.
    """
    if not isinstance(overrides, list) or not all(isinstance(override, str) for override in overrides):
        raise UserError("This run recorded no command; runs of earlier versions did not.")
    try:
        now = fingerprint(compose_config(overrides))
    except UserError as error:
        raise UserError(f"The command that this run recorded no longer works: {error}.") from error
    line = shlex.join(["python", "train.py", *overrides])
    if now != recorded:
        raise UserError(
            f"No command of this version repeats this run: {line} now means another one (fingerprint {now[:8]}, this "
            f"run's is {recorded[:8]})."
        )
    return line
