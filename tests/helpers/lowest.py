"""Prints the oldest packages that pyproject.toml allows, as requirements for pip: `make test-bounds`."""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def lowest(project: Path = PROJECT) -> list[str]:
    """Returns NAME==VERSION for each dependency, those of extras included, with the version that its >= names."""
    table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = [text for name, texts in table["optional-dependencies"].items() if name != "all" for text in texts]
    return [re.sub(r"^([\w-]+)>=([\w.]+).*$", r"\1==\2", text) for text in [*table["dependencies"], *extras]]


if __name__ == "__main__":
    print("\n".join(lowest()))
