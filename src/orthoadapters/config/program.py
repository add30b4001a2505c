"""The project's commands as they are typed here: by their scripts in a checkout, by the installed command elsewhere."""

import shlex
from collections.abc import Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
SCRIPTS = ("train", "report", "predict", "evaluate")


def program(command: str) -> list[str]:
    """Returns the words that start one of the commands, such as `python train.py`."""
    if (PACKAGE / "conf").is_dir():
        # A wheel has conf/ in the package, and no scripts.
        return ["orthoadapters", command]
    return ["python", f"{command}.py"] if command in SCRIPTS else ["python", "-m", f"orthoadapters.{command}"]


def shell_command(command: str, arguments: Sequence[str] = ()) -> str:
    """Writes a whole command, safe to paste into a shell."""
    return shlex.join([*program(command), *arguments])
