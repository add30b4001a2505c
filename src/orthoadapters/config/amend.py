"""Overrides on a configuration that exists already, such as a finished run's: files of two groups and values of some keys."""

from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from orthoadapters.config.compose import CONF, group_files, settle
from orthoadapters.config.keys import key_types
from orthoadapters.config.messages import REFUSALS, nearest, sentence
from orthoadapters.config.mistakes import check_overrides, parse_overrides
from orthoadapters.config.own_files import check_file
from orthoadapters.config.parts import read_group
from orthoadapters.config.schema import Config, DataConfig, DomainConfig
from orthoadapters.errors import UserError

# The groups whose files may be chosen anew.
GROUPS = {"data": DataConfig, "domain": DomainConfig}


def amend(config: Config, overrides: Sequence[str], keys: Sequence[str]) -> Config:
    """Returns a copy of the configuration with these overrides.

    keys: those that may be overridden; one that ends in a dot stands for all keys below it, and one of GROUPS for a file of
    that group. Raises UserError for another key, and as `compose_config`.
    """
    files = {group: group_files(group, config.paths.config) for group in GROUPS}
    names = [name for key in keys for name in _names(key)]
    parts = parse_overrides(overrides)
    for part in parts:
        _check_key(part, names)
    check_overrides(parts, {group: list(names_of_group) for group, names_of_group in files.items()})
    try:
        tree = OmegaConf.structured(config)
        for part in (part for part in parts if part.key_or_group in GROUPS):
            group, name = part.key_or_group, str(part.value())
            if name not in files[group]:
                raise UserError(
                    f"{group} has no '{name}'{nearest(name, list(files[group]))}; there are: {', '.join(files[group])}"
                )
            check_file(files[group][name], group)
            tree[group] = read_group(files[group][name], GROUPS[group], CONF)
        ConfigLoaderImpl._apply_overrides_to_config([part for part in parts if part.key_or_group not in GROUPS], tree)
        return settle(tree)
    except REFUSALS as error:
        raise UserError(sentence(error, names)) from error


def _names(key: str) -> list[str]:
    """Lists what a key stands for, as a user writes it."""
    return [name for name in key_types() if name.startswith(key)] if key.endswith(".") else [key]


def _check_key(part: Override, names: Sequence[str]) -> None:
    if not any(part.key_or_group == name or part.key_or_group.startswith(f"{name}.") for name in names):
        text = f"'{part.input_line}' cannot be changed here{nearest(part.key_or_group, names)}"
        raise UserError(f"{text}; there are: {', '.join(names)}")
    if part.is_sweep_override() or part.is_delete() or part.is_add():
        raise UserError(f"'{part.input_line}': one value for a key, as KEY=VALUE; a list is KEY=[VALUE,VALUE]")
