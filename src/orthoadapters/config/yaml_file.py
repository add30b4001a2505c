"""The one way to read a file of YAML that a run wrote."""

from pathlib import Path
from typing import Any

import yaml

from orthoadapters.errors import UserError, first_line

# The loader in C is ten times as fast; not every build of PyYAML has it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, fix: str = "restore it") -> Any:
    """Reads a file of YAML, whatever it holds. Raises UserError with the file and the `fix` if it is missing or broken."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except Exception as error:
        # Dates and numbers that are none, and deep brackets, raise exceptions of many types.
        raise UserError(f"{path} cannot be read ({first_line(error)}); {fix}") from None
