"""The way from the command line and `conf/` to a `Config`, with sentences for what is mistyped."""

import copy
import typing
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from orthoadapters.config.domain import settle_domain
from orthoadapters.config.keys import OPEN, OPTIONAL_GROUPS, PATHS, check_items, key_types, values_of
from orthoadapters.config.logger import Variables, environment, settle_logger
from orthoadapters.config.messages import REFUSALS, listing, missing_sentence, nearest, sentence
from orthoadapters.config.mistakes import check_overrides, parse_overrides
from orthoadapters.config.overrides import CONFIG_DIR, own_folder
from orthoadapters.config.own_files import check_file, value_of
from orthoadapters.config.parts import (
    Files,
    Folders,
    compose_files,
    compose_in_parts,
    files_of_group,
    group_names,
    read_group,
    yaml_files,
)
from orthoadapters.config.schema import AdapterSource, Config, LanguageConfig, Stage
from orthoadapters.config.under import named_languages, settle_transfer
from orthoadapters.config.yaml_nodes import time_of_change, yaml_sentence
from orthoadapters.errors import UserError
from orthoadapters.files import real_path, user_path


def conf_folder(package: Path) -> Path:
    """Finds conf/: a wheel has it and multirun_sweeps/ in the package, a checkout beside src/."""
    return (package if (package / "conf").is_dir() else package.parents[1]) / "conf"


# Another folder of the same layout may take its place: whoever reads the configuration looks here.
CONF = conf_folder(Path(__file__).resolve().parents[1])
# The folder that a stage does not read, so that a command without one needs none.
UNREAD = {Stage.mlm: "data.root", Stage.task: "corpus.root"}
ConfigStore.instance().store(name="schema", node=Config)
# conf/config.yaml: a folder that Hydra itself makes may begin with ~, too.
OmegaConf.register_new_resolver("expanduser", lambda path: str(user_path(path)), replace=True)


def compose_config(overrides: Sequence[str]) -> Config:
    """Composes `conf/config.yaml` with Hydra overrides. Raises UserError naming a mistyped key or value, and the nearest.

    The same overrides on the same files are composed once for the same environment, and each caller gets a copy.
    """
    folders = _folders(user_folder(overrides))
    files = tuple((path, path.stat().st_mtime_ns) for folder in folders for path in yaml_files(folder))
    return copy.deepcopy(_compose_once(folders, tuple(in_force(overrides)), files, Path.cwd(), environment()))


@cache
def _compose_once(folders: Folders, overrides: tuple[str, ...], files: Files, cwd: Path, texts: Variables) -> Config:
    groups = group_names(folders)
    parts = parse_overrides(overrides)
    check_overrides(parts, groups)
    try:
        try:
            return settle(compose_in_parts(folders, parts, files, groups))
        except REFUSALS:
            return settle(compose_files(folders, overrides, files))  # its errors name the file
    except yaml.MarkedYAMLError as error:
        raise UserError(yaml_sentence(error)) from error
    except REFUSALS as error:
        raise UserError(sentence(error, sorted(groups.keys() | key_types().keys()), folders)) from error


def compose_of_folder(folder: str, overrides: Sequence[str]) -> None:
    """Composes what Hydra is to show of a user's own folder. Raises UserError as `compose_config` does for its files."""
    folders = _folders(folder)
    try:
        compose_files(folders, tuple(overrides), ())
    except yaml.MarkedYAMLError as error:
        raise UserError(yaml_sentence(error)) from error
    except REFUSALS as error:
        raise UserError(sentence(error, sorted(key_types()), folders)) from error


def _folders(folder: str | Path | None) -> Folders:
    """Lists the folders that files are chosen from: conf/ and, if there is one, the user's own."""
    return (CONF,) if folder is None else (CONF, Path(folder))


def in_force(overrides: Sequence[str]) -> list[str]:
    """Leaves out suite=null and sweep=null, which mean no file of that group, with what they take back."""
    rest: list[str] = []
    for override in overrides:
        key, _, value = override.partition("=")
        if key in OPTIONAL_GROUPS and value == "null":
            rest = [earlier for earlier in rest if earlier.partition("=")[0] != key]
        else:
            rest.append(override)
    return rest


def user_folder(overrides: Sequence[str]) -> Path | None:
    """Finds the user's own folder of configuration files among overrides. Raises UserError if it cannot add to conf/."""
    settings = parse_overrides([override for override in overrides if override.startswith(f"{CONFIG_DIR}=")])
    if (value := settings[-1].value() if settings else None) is None:
        return None
    folder = user_path(str(value), "paths.config").absolute()
    own_folder([], settings)  # which refuses several
    if not folder.is_dir():
        problem = "it is a file and no folder" if folder.exists() else "there is no such folder"
        raise UserError(f"paths.config={value}: {problem}; name one with folders such as variant/ and language/")
    for path in yaml_files(folder):
        for own in (CONF, CONF.parent / "multirun_sweeps"):
            if (own / path.relative_to(folder)).exists():
                raise UserError(
                    f"{path} has the name of a file in {own.name}/, which would be read; give yours another name"
                )
    return folder


def group_files(group: str, folder: str | Path | None = None) -> dict[str, Path]:
    """Finds the files of a group by name. folder: the user's own one (paths.config), which adds to conf/."""
    return files_of_group(_folders(folder), group)


def settle(composition: DictConfig) -> Config:
    """Resolves a composed configuration into plain dataclasses. Raises UserError naming a value that is still missing."""
    values = dict(values_of(typing.cast(dict[str, object], OmegaConf.to_container(composition))))
    if unknown := sorted(key for key in values.keys() - key_types().keys() if not key.startswith(OPEN)):
        raise UserError(f"there is no key '{unknown[0]}'{nearest(unknown[0], list(key_types()))}")
    unread = UNREAD.get(typing.cast(Stage, values["stage"]), "")
    if values.get(unread) == MISSING:
        OmegaConf.update(composition, unread, None)
        del values[unread]
    if missing := sorted(key for key, value in values.items() if value == MISSING):
        raise UserError(missing_sentence(missing[0]))
    check_items(values)
    # The schema is the first default of conf/config.yaml.
    config = typing.cast(Config, OmegaConf.to_object(composition))
    if config.backbone.name is None:
        config.backbone.name = real_path(config.backbone.path).name
    config.task.folder = config.task.folder or config.task.name
    _expand_paths(config)
    settle_logger(config.logger)
    settle_transfer(config)
    settle_domain(config)
    config.language_adapters.hub = _hub_ids(config)
    _check_name("orthogonality", "loss", config.orthogonality.loss, config.paths.config)
    if isinstance(config.data.source, str) and config.data.source != MISSING:
        _check_name("data", "source", config.data.source, config.paths.config)
    return config


def _expand_paths(config: Config) -> None:
    """Puts the home folder in place of a ~ where a run writes. What it reads keeps its name until it is read."""
    paths = config.paths
    for key in PATHS:
        if (path := attrgetter(key)(config)) is not None:
            user_path(str(path), key)
    paths.runs, paths.adapters, paths.cache = map(_without_tilde, (paths.runs, paths.adapters, paths.cache))
    paths.config = None if paths.config is None else str(user_path(paths.config).absolute())


def _without_tilde(path: str) -> str:
    return str(user_path(path)) if path.startswith("~") else path


def _check_name(group: str, key: str, name: str, folder: str | None) -> None:
    """Raises UserError if no file of conf/GROUP names this loss or reader. The functions themselves are not loaded here."""
    files = group_files(group, folder).values()
    names = sorted({str(value_of(path, key)) for path in files})
    if name not in names:
        raise UserError(f"there is no {group}.{key} '{name}'{nearest(name, names)}; {listing(group, names, folder)}")


def _hub_ids(config: Config) -> dict[str, str]:
    """Collects the Hub ids that a run reads: those of the command line and, for other languages, of conf/language/."""
    ids = {} if config.language_adapters.hub is None else config.language_adapters.hub
    if not isinstance(ids, dict) or not all(isinstance(hub_id, str | None) for hub_id in ids.values()):
        raise UserError(f"language_adapters.hub={ids}: write language_adapters.hub={{sw:OWNER/NAME,tr:OWNER/NAME}}")
    if config.language_adapters.source is not AdapterSource.hub:
        if ids:
            raise UserError("language_adapters.hub goes with language_adapters.source=hub; give both or neither")
        return {}
    if config.stage is Stage.mlm:
        codes = [config.language.code] if config.trains_domain else []
    else:
        codes = [*config.evaluated_languages, *named_languages(config)]
        for code in ids.keys() - {*config.evaluated_languages}:
            check_language(code, config.paths.config)
    hub_ids = {}
    for code in dict.fromkeys(codes):
        default = task_language(code, config.paths.config).hub_adapters.get(str(config.backbone.name))
        if hub_id := ids.get(code, default):
            hub_ids[code] = hub_id
    return hub_ids


def check_language(code: str, folder: str | None = None) -> Path:
    """Finds a language's file. folder: the user's own one (paths.config). Raises UserError with the languages that exist."""
    files = group_files("language", folder)
    if code not in files:
        codes = sorted(files)
        raise UserError(f"unknown language '{code}'{nearest(code, codes)}; {listing('language', codes, folder)}")
    return files[code]


def language_config(code: str, folder: str | None = None) -> LanguageConfig:
    """Reads a language's file. Raises UserError as `check_language`, and for a file that is broken or has another's code."""
    path = check_language(code, folder)
    return copy.deepcopy(_language_of(path, time_of_change(path)))


@cache
def _language_of(path: Path, time: int) -> LanguageConfig:
    """Reads a file once. time: that of its last change."""
    check_file(path, "language")
    language = read_group(path, LanguageConfig, CONF)
    try:
        if missing := sorted(key.rpartition(".")[2] for key in OmegaConf.missing_keys(language)):
            raise UserError(f"{path} has no {missing[0]}; write the line `{missing[0]}: ...` into it")
        return typing.cast(LanguageConfig, OmegaConf.to_object(language))
    except REFUSALS as error:  # such as a variable of the environment that is not there
        raise UserError(f"{path}: {sentence(error, [])}") from None


def task_language(code: str, folder: str | None = None) -> LanguageConfig:
    """Reads a language's file. A language without one has its code alone, which is all that a task run needs of it."""
    has_file = code in group_files("language", folder)
    return language_config(code, folder) if has_file else LanguageConfig(code=code, name=code)


def language_overrides(code: str, folder: str | Path | None = None) -> list[str]:
    """Writes the overrides that choose a language for stage=mlm. One without a file needs its name."""
    return [f"language={code}", *([] if code in group_files("language", folder) else [f"language.name={code}"])]
