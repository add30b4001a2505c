"""Overrides on a configuration that exists already, such as a finished run's: files of data/ and values of some keys."""

import dataclasses
import typing
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from orthoadapters.config.compose import CONF, settle
from orthoadapters.config.messages import nearest, sentence
from orthoadapters.config.schema import Config, DataConfig
from orthoadapters.errors import UserError


def amend(config: Config, overrides: Sequence[str], keys: Sequence[str]) -> Config:
    """Returns a copy of the configuration with these overrides.

    keys: those that may be overridden; one that ends in a dot stands for all keys below it, and "data" for a file of
    conf/data. Raises UserError for another key, and as `compose_config`.
    """
    try:
        parts = [_parse(text) for text in overrides]
        for part in parts:
            _check_key(part, keys)
        tree = OmegaConf.structured(config)
        for part in (part for part in parts if part.key_or_group == "data"):
            tree.data = _data_file(str(part.value()))
        ConfigLoaderImpl._apply_overrides_to_config([part for part in parts if part.key_or_group != "data"], tree)
        return settle(tree)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(sentence(error, [field for key in keys for field in _names(key)])) from error


def _parse(text: str) -> Override:
    try:
        part = OverridesParser.create().parse_override(text)
    except HydraException:
        raise UserError(f"'{text}' is no override; write KEY=VALUE, such as languages=[sw,yo]") from None
    if part.is_sweep_override() or part.is_delete() or part.is_add():
        raise UserError(f"'{text}': one value for a key, as KEY=VALUE; a list is KEY=[VALUE,VALUE]")
    return part


def _check_key(part: Override, keys: Sequence[str]) -> None:
    key = part.key_or_group
    if not any(key == one or (one.endswith(".") and key.startswith(one)) for one in keys):
        names = [name for one in keys for name in _names(one)]
        raise UserError(
            f"'{part.input_line}' cannot be changed here{nearest(key, names)}; there are: {', '.join(names)}"
        )


def _names(key: str) -> list[str]:
    """Lists what a key stands for, as a user writes it."""
    if not key.endswith("."):
        return [key]
    schema = typing.get_type_hints(Config)[key.removesuffix(".")]
    return [key + field.name for field in dataclasses.fields(schema)]


def _data_file(name: str) -> typing.Any:
    files = sorted(path.stem for path in (CONF / "data").glob("*.yaml"))
    if name not in files:
        raise UserError(f"data has no '{name}'{nearest(name, files)}; there are: {', '.join(files)}")
    return OmegaConf.merge(OmegaConf.structured(DataConfig), OmegaConf.load(CONF / "data" / f"{name}.yaml"))
