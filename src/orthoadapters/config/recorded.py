"""The one way to read a file of YAML that a run wrote, and the configuration in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from orthoadapters.checksums import check_sums
from orthoadapters.config.choices import fingerprint
from orthoadapters.config.compose import CONF
from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError, first_line, is_of_memory
from orthoadapters.files import check_regular

# The loader in C is ten times as fast; not every build of PyYAML has it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, fix: str = "restore it") -> Any:
    """Reads a file of YAML, whatever it holds. Raises UserError with the file and the `fix` if it is missing or broken."""
    check_regular(path)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except Exception as error:
        if is_of_memory(error):
            raise
        # Dates and numbers that are none, and deep brackets, raise exceptions of many types.
        raise UserError(f"{path} cannot be read ({first_line(error)}); {fix}") from None


def _texts(values: object) -> Iterator[str]:
    """Yields all texts in what YAML holds."""
    if isinstance(values, str):
        yield values
    for part in values.values() if isinstance(values, dict) else values if isinstance(values, list) else ():
        yield from _texts(part)


def read_config(path: Path) -> Config:
    """Reads the configuration that a run wrote into its config.yaml. Raises UserError if it is missing or broken."""
    try:
        values = read_yaml(path)
        texts = list(_texts(values))
        if any("${" in text for text in texts):
            # OmegaConf would put in its place what the environment or another key holds.
            raise UserError(f"{path} has ${{...}}, which stands for another value and which no run writes; restore it")
        if any("\0" in text for text in texts):
            raise UserError(f"{path} has a NUL in a text, which no run writes; restore it")
        former = values.pop("fingerprint")
        # Earlier versions had the Hub's treebank of each language here, and knew by the task's name that WikiANN's Chinese
        # words are characters, which its file says now.
        values.get("language", {}).pop("udpos", None)
        if values.get("task", {}).get("name") == "wikiann":
            file = yaml.safe_load((CONF / "task" / "wikiann.yaml").read_text(encoding="utf-8"))
            values["task"].setdefault("character_words", file["character_words"])
        config = cast(Config, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), values)))
        own = fingerprint(config)
    except (ValueError, OverflowError, OmegaConfBaseException) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); restore it") from None
    except (AttributeError, TypeError, KeyError):
        raise UserError(f"{path} is not what a run writes; restore it") from None
    check_sums(path.parent, "restore it", (path.name,))
    if own != former:
        raise UserError(
            f"{path} was changed since it was written: its values are not those of its fingerprint; restore it"
        )
    return config
