"""Composing with Hydra, in parts: what many runs share is composed once, and what each has of its own is set on a copy."""

import errno
import os
import pickle
import typing
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from orthoadapters.config.hydra_code import check_hydra
from orthoadapters.config.keys import key_types
from orthoadapters.config.locations import CODE
from orthoadapters.config.messages import REFUSALS, sentence
from orthoadapters.config.overrides import override_text
from orthoadapters.config.own_defaults import check_defaults
from orthoadapters.config.own_files import (
    check_forms,
    check_keys,
    check_name,
    check_stage,
    check_texts,
    chosen_files,
    is_section,
    may_set,
)
from orthoadapters.config.schema import LanguageConfig, TaskConfig, VariantConfig
from orthoadapters.errors import UserError
from orthoadapters.folders import names_in

# The folders of groups: conf/ and, if there is one, the user's own.
Folders = tuple[Path, ...]
Files = tuple[tuple[Path, int], ...]
# The groups of which sweeps take many files, and whose keys are set by these files and by nothing else in conf/.
APART = {"language": LanguageConfig, "variant": VariantConfig, "task": TaskConfig}


def yaml_files(folder: Path) -> list[Path]:
    """Lists the files of groups, which are one level deep or, as hydra/launcher, two. A user's folder may hold much else.

    An editor's lock is a link that leads nowhere.
    """
    return sorted(path for depth in ("", "*/", "*/*/") for path in folder.glob(f"{depth}*.yaml") if path.is_file())


def files_of_group(folders: Folders, group: str) -> dict[str, Path]:
    """Finds the files of a group by name. Raises UserError for a folder that cannot be read."""
    files: dict[str, Path] = {}
    for folder in folders:
        try:
            files |= _files_by_name(folder / group, tuple(os.listdir(folder / group)))  # noqa: PTH208, it makes no paths
        except ValueError:  # such as a NUL, where a key is looked up as if it were a group
            continue
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                raise UserError(f"{error.filename} cannot be read ({error.strerror}); mend that") from None
    return files


@cache
def _files_by_name(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    """Makes the paths of a folder's files once: a sweep asks for them thousands of times."""
    return {name.removesuffix(".yaml"): folder / name for name in sorted(names) if name.endswith(".yaml")}


def group_names(folders: Folders) -> dict[str, list[str]]:
    """Lists the groups that a file is chosen for, with the names of their files; those of sweeps are not in conf/."""
    groups = {name for folder in folders for name in names_in(folder) if (folder / name).is_dir()} - {"hydra"} | {
        "sweep"
    }
    places = (*folders, folders[0].parent / "multirun_sweeps")
    return {group: sorted(files_of_group(places, group)) for group in sorted(groups)}


def compose_in_parts(
    folders: Folders, parts: Sequence[Override], files: Files, names: Mapping[str, Sequence[str]]
) -> DictConfig:
    """Sets a language, a variant, a task and values on a copy of what Hydra composes of the other choices.

    It makes the same, much faster: Hydra, too, sets values last, in their order. parts: the overrides. files: those of the
    folders, with their times of change. names: those of the files of every group.
    """
    places = (*folders, folders[0].parent / "multirun_sweeps")
    own_files = [
        (part, path)
        for part in parts
        if (path := files_of_group(places, part.key_or_group).get(str(part.value()))) is not None
    ]
    for part, path in own_files:
        check_texts(path, part.key_or_group)
        check_stage(path, part.key_or_group)
        check_keys(path, part.key_or_group)
        check_forms(path, part.key_or_group)
        check_defaults(path, part.key_or_group, names)
    _store_language(parts, files_of_group(folders, "language"))
    others = [(group, path) for part, own in own_files for group, path in _with_choices(part.key_or_group, own, places)]
    apart = [(part, path) for part, path in own_files if _is_apart(part, path, others)]
    texts = {part.input_line for part, _ in apart}
    values = [part for part in parts if _is_value(part, folders)]
    choices = tuple(str(part.input_line) for part in parts if part not in values and part.input_line not in texts)
    config: DictConfig = pickle.loads(
        pickle.dumps(compose_files(folders, choices, files))
    )  # deepcopy takes three times as long
    for part, path in apart:
        config[part.key_or_group] = _section(part.key_or_group, path, path.stat().st_mtime_ns)
    ConfigLoaderImpl._apply_overrides_to_config(values, config)
    for part, path in own_files:
        check_name(path, part.key_or_group)
    return config


@cache
def _section(group: str, path: Path, time: int) -> DictConfig:
    """Reads the keys of a group from its file, once. time: that of its last change. A configuration takes a copy."""
    return typing.cast(DictConfig, OmegaConf.merge(OmegaConf.structured(APART[group]), OmegaConf.load(path)))


def _is_apart(choice: Override, path: Path, others: Sequence[tuple[str, Path]]) -> bool:
    """Tells whether the chosen file sets all keys of its group and no others, and no other file that is chosen sets one.

    others: all files that are chosen, with their groups.
    """
    group = choice.key_or_group
    if group not in APART or choice.input_line != f"{group}={choice.value()}" or not is_section(path):
        return False
    return not any(may_set(other, group) for other_group, other in others if other_group != group)


def _with_choices(group: str, path: Path, places: Folders) -> Iterator[tuple[str, Path]]:
    """Yields a file with its group, and the files that its list of defaults chooses in its place: `override /suite: demo`."""
    yield group, path
    for other, name in chosen_files(path):
        if (file := files_of_group(places, other).get(name)) is not None:
            yield from _with_choices(other, file, places)


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
            config = compose("config", [*overrides, *searchpath], return_hydra_config=bool(own))
            if own:
                check_hydra(config.hydra, own[0])
                with open_dict(config):
                    del config["hydra"]
            return config
    finally:
        GlobalHydra.instance().hydra = before


def read_group(path: Path, schema: type, conf: Path) -> DictConfig:
    """Reads a file of a group alone. schema: the group's dataclass. Raises UserError for a value of another type."""
    group, folders = path.parent.name, (conf, *([] if path.is_relative_to(conf) else [path.parents[1]]))
    section = OmegaConf.create({group: OmegaConf.structured(schema)})
    try:
        section.merge_with({group: OmegaConf.load(path)})
        return typing.cast(DictConfig, section[group])
    except REFUSALS as error:
        raise UserError(sentence(error, list(key_types()), folders, f"{group}/{path.stem}")) from error
