"""Composing with Hydra, in parts: the same choices of files are composed once, and values are set on a copy."""

import copy
from collections.abc import Container, Sequence
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from orthoadapters.config.locations import CODE
from orthoadapters.config.overrides import override_text
from orthoadapters.config.own_files import check_name, check_stage, check_texts
from orthoadapters.config.schema import LanguageConfig

# The folders of groups: conf/ and, if there is one, the user's own.
Folders = tuple[Path, ...]
Files = tuple[tuple[Path, int], ...]


def yaml_files(folder: Path) -> list[Path]:
    """Lists the files of groups, which are one level deep or, as hydra/launcher, two. A user's folder may hold much else."""
    return sorted(path for depth in ("", "*/", "*/*/") for path in folder.glob(f"{depth}*.yaml"))


def files_of_group(folders: Folders, group: str) -> dict[str, Path]:
    """Finds the files of a group by name."""
    return {path.stem: path for folder in folders for path in sorted((folder / group).glob("*.yaml"))}


def compose_in_parts(folders: Folders, parts: Sequence[Override], files: Files) -> DictConfig:
    """Sets a language and values on a copy of what Hydra composes of the other choices: the same in a tenth of the time.

    Hydra, too, sets values last, in their order; and nothing but a language's own file sets a key of `language`.
    parts: the overrides. files: those of the folders, with their times of change.
    """
    language_files = files_of_group(folders, "language")
    own_files = [
        (files_of_group(folders, part.key_or_group).get(str(part.value())), part.key_or_group) for part in parts
    ]
    for path, group in own_files:
        if path is not None:
            check_texts(path, group)
            check_stage(path, group)
    _store_language(parts, language_files)
    languages = [
        part for part in parts if part.input_line == f"language={part.value()}" and part.value() in language_files
    ]
    values = [part for part in parts if _is_value(part, folders)]
    choices = tuple(str(part.input_line) for part in parts if part not in languages and part not in values)
    config = copy.deepcopy(compose_files(folders, choices, files))
    for part in languages[-1:]:
        file = OmegaConf.load(language_files[str(part.value())])
        config.language = OmegaConf.merge(OmegaConf.structured(LanguageConfig), file)
    ConfigLoaderImpl._apply_overrides_to_config(values, config)
    for path, group in own_files:
        if path is not None:
            check_name(path, group)
    return config


def _store_language(parts: Sequence[Override], files: Container[str]) -> None:
    """Makes language=CODE language.name=NAME mean a language without a file, to Hydra too."""
    if any(part.key_or_group == "language.name" for part in parts):
        for part in parts:
            if part.key_or_group == "language" and CODE.fullmatch(code := str(part.value())) and code not in files:
                ConfigStore.instance().store(group="language", name=code, node={"code": code})


def _is_value(override: Override, folders: Folders) -> bool:
    """Tells whether an override sets a value and chooses no file."""
    key = override.key_or_group
    is_group = key == "sweep" or any((folder / key).is_dir() for folder in folders)
    is_choice = override.package is not None or key.startswith("hydra") or is_group
    return not is_choice and not override.is_sweep_override()


@cache
def compose_files(folders: Folders, overrides: tuple[str, ...], files: Files) -> DictConfig:
    """Lets Hydra compose all of it. files: those of the folders, with their times of change."""
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    conf, *own = folders
    searchpath = [override_text("hydra.searchpath", [f"file://{folder}" for folder in own])] if own else []
    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            return compose("config", [*overrides, *searchpath])
    finally:
        GlobalHydra.instance().hydra = before
