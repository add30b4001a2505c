"""W&B on this machine: its mode, the folder of its files, whether it will start, and how to upload an offline run."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from orthoadapters.errors import UserError

# The modes of W&B in which nothing is sent; dryrun is an older word of W&B's for offline.
OFFLINE = ("offline", "dryrun")
NOT_SENDING = (*OFFLINE, "disabled")
# A whole path in a value or in an override; the groups are what stands before it, and its last part.
PLACE = re.compile(r"""(^|[=\[{:,'"])~?/(?!/)(?:[^/,\]}'"]+/)*([^/,\]}'"]*)""")


def wandb_mode() -> str:
    """Returns what WANDB_MODE or the command `wandb offline` says; else online with a key and offline without."""
    return _explicit_mode() or ("online" if _has_key(verify=False) else "offline")


def _explicit_mode() -> str | None:
    """Returns the mode that somebody has chosen; None if nobody has."""
    import wandb

    if mode := os.environ.get("WANDB_MODE"):
        return mode
    settings = wandb.Settings(silent=True)
    settings.update_from_system_settings()
    return settings.mode if "mode" in settings.model_fields_set else None


def _has_key(verify: bool) -> bool:
    """Says whether somebody is logged in; with `verify`, W&B's server is asked. Raises W&B's errors."""
    import wandb

    wandb.setup(wandb.Settings(silent=True))
    return wandb.login(prompt=False, verify=verify)


def say_if_offline(upload: str) -> None:
    """Prints how to upload a run, if it will be an offline one."""
    if wandb_mode() in OFFLINE:
        why = "" if _explicit_mode() else "no key found, "
        print(f"W&B: {why}logging offline; `{upload}` uploads it later", file=sys.stderr)


def wandb_folder(folder: Path) -> Path:
    """Returns the folder of W&B's files: `wandb/` in WANDB_DIR, or in the run's own folder."""
    return Path(os.environ.get("WANDB_DIR") or folder).expanduser() / "wandb"


def upload_command(folder: Path, run_id: str) -> str:
    """Writes the command that uploads an offline W&B run, with all parts that its restarts have made."""
    own = f"-{run_id}*" if os.environ.get("WANDB_DIR") else ""
    return f"wandb sync {shlex.quote(str(wandb_folder(folder)))}/offline-run-*{own}"


def check_wandb(otherwise: str = "logger=csv") -> None:
    """Asks W&B for its settings and, online, its server for the login. Raises UserError if one of the two is refused.

    otherwise: what goes on without W&B.
    """
    if folder := os.environ.get("WANDB_DIR"):
        try:
            wandb_folder(Path()).mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=wandb_folder(Path())).close()
        except OSError as error:
            raise UserError(f"WANDB_DIR={folder} cannot be written to ({error.strerror}); choose another") from None
    import wandb

    # A process that is started later, perhaps on another machine, would look for the service that this one has started.
    has_service = wandb.env.SERVICE in os.environ
    try:
        mode = wandb_mode()
        wandb.setup(wandb.Settings(silent=True, mode=mode))  # type: ignore[arg-type]
        if mode not in NOT_SENDING and not _has_key(verify=True):
            raise UserError("no key found; `wandb login` or WANDB_API_KEY gives one")
    except Exception as error:
        # W&B raises errors of many types, and each means the same to the reader.
        raise start_error(error, otherwise) from error
    finally:
        if not has_service:
            wandb.teardown()


def start_error(error: Exception, otherwise: str = "logger=csv") -> UserError:
    """Makes the error that says why W&B did not start, and how to go on without it."""
    offline = "" if is_told_offline() else " or WANDB_MODE=offline"
    return UserError(f"W&B did not start: {reason(error)}; {otherwise}{offline} goes on without it")


def is_told_offline() -> bool:
    """Says whether WANDB_MODE keeps W&B from sending anything, so that nobody need be advised to set it."""
    return os.environ.get("WANDB_MODE") in NOT_SENDING


def reason(error: Exception) -> str:
    """Writes W&B's own message in one line; of settings that it refuses, each with its value."""
    import pydantic

    if isinstance(error, pydantic.ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}, not {e['input']!r}" for e in error.errors())
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def quiet_settings() -> Any:
    """Makes the settings of each W&B run: it prints nothing, and uploads no name of this machine, its folders or its user."""
    import wandb

    return wandb.Settings(
        silent=True, console="off", host="", program="", x_disable_meta=True, x_disable_machine_info=True
    )


def without_places(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves of every folder of this machine its own name: what is uploaded is read by others."""
    return {key: _without_place(value) for key, value in values.items()}


def _without_place(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without_place(part) for part in value]
    return PLACE.sub(r"\1\2", value) if isinstance(value, str) else value
