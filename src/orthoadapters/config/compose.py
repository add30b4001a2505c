"""The way from the command line and `conf/` to a `Config`, with sentences for what is mistyped."""

import copy
import dataclasses
import typing
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from orthoadapters.config.messages import nearest, sentence
from orthoadapters.config.schema import AdapterSource, Config, LanguageConfig, Stage
from orthoadapters.errors import UserError, first_line

# Another folder of the same layout may take its place: whoever reads the configuration looks here.
CONF = Path(__file__).resolve().parents[3] / "conf"
ConfigStore.instance().store(name="schema", node=Config)

# Below these keys a file or an override may name keys of its own.
_OPEN = (
    *("language_adapters.hub.", "language.hub_adapters.", "sweep.axes.", "task.hub_train.", "task.hub_subsets."),
    *("task.files.splits.", "task.files.languages.", "task.files.columns.", "task.label_names.", "task.questions."),
)


def compose_config(overrides: Sequence[str]) -> Config:
    """Composes `conf/config.yaml` with Hydra overrides. Raises UserError naming a mistyped key or value, and the nearest.

    The same overrides on the same files are composed once, and each caller gets a copy.
    """
    files = tuple((path, path.stat().st_mtime_ns) for path in sorted(CONF.rglob("*.yaml")))
    return copy.deepcopy(_compose_once(tuple(overrides), files, Path.cwd()))


@cache
def _compose_once(overrides: tuple[str, ...], files: tuple[tuple[Path, int], ...], cwd: Path) -> Config:
    try:
        try:
            return settle(_compose_in_parts(overrides, files))
        except (HydraException, OmegaConfBaseException):
            return settle(_compose_files(overrides, files))  # its errors name the file
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(sentence(error, _settable_keys())) from error


def _compose_in_parts(overrides: tuple[str, ...], files: tuple[tuple[Path, int], ...]) -> DictConfig:
    """Sets a language and values on a copy of what Hydra composes of the other choices: the same in a tenth of the time.

    Hydra, too, sets values last, in their order; and nothing but a language's own file sets a key of `language`.
    """
    parts = OverridesParser.create().parse_overrides(list(overrides))
    languages = [part for part in parts if _has_language_file(part)]
    values = [part for part in parts if _is_value(part)]
    choices = tuple(str(part.input_line) for part in parts if part not in languages and part not in values)
    config = copy.deepcopy(_compose_files(choices, files))
    for part in languages[-1:]:
        file = OmegaConf.load(CONF / "language" / f"{part.value()}.yaml")
        config.language = OmegaConf.merge(OmegaConf.structured(LanguageConfig), file)
    ConfigLoaderImpl._apply_overrides_to_config(values, config)
    return config


def _has_language_file(override: Override) -> bool:
    is_language = override.input_line == f"language={override.value()}"
    return is_language and (CONF / "language" / f"{override.value()}.yaml").exists()


def _is_value(override: Override) -> bool:
    """Tells whether an override sets a value and chooses no file."""
    key = override.key_or_group
    is_choice = override.package is not None or key == "sweep" or key.startswith("hydra") or (CONF / key).is_dir()
    return not is_choice and not override.is_sweep_override()


@cache
def _compose_files(overrides: tuple[str, ...], files: tuple[tuple[Path, int], ...]) -> DictConfig:
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", list(overrides))
    finally:
        GlobalHydra.instance().hydra = before


def check_command_line(arguments: Sequence[str]) -> None:
    """Composes every value that the command line names, sweeps included, before Hydra runs a job.

    Raises UserError as `compose_config`. Commands that only ask Hydra for something (--help, --cfg, --info) pass.
    """
    try:
        options = get_args_parser().parse_args(list(arguments))
        overrides = OverridesParser.create().parse_overrides(options.overrides)
    except OverrideParseException as error:
        raise UserError(f"'{error.override}' is no override; write KEY=VALUE, such as optim.lr=5e-5") from error
    if options.help or options.hydra_help or options.cfg or options.info or options.config_name or options.config_dir:
        return
    axes: list[list[str]] = []
    is_sweep = any(override.get_key_element() == "sweep" for override in overrides)
    for override in overrides:
        key = override.get_key_element() or ""
        if key.startswith("hydra"):
            continue
        if key == "sweep" and override.is_sweep_override():
            raise UserError(f"'{override.input_line}': one sweep at a time; sweep=paper is all of the paper's")
        if override.is_sweep_override() and not options.multirun and not is_sweep:
            raise UserError(
                f"'{override.input_line}' asks for several runs; add -m (--multirun) to the command, or sweep=NAME"
            )
        if isinstance(override.value(), Glob):
            # Hydra itself knows which files match.
            continue
        if override.is_sweep_override():
            axes.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            axes.append([str(override.input_line)])
    # Each value is composed once, not every product of them.
    for position in range(max(map(len, axes), default=1)):
        compose_config([values[min(position, len(values) - 1)] for values in axes])


def settle(composition: DictConfig) -> Config:
    """Resolves a composed configuration into plain dataclasses. Raises UserError naming a value that is still missing."""
    if unknown := sorted(key for key in set(_keys_of(composition)) - _schema_keys() if not key.startswith(_OPEN)):
        raise UserError(f"there is no key '{unknown[0]}'{nearest(unknown[0], _settable_keys())}")
    if missing := sorted(OmegaConf.missing_keys(composition)):
        raise UserError(f"{missing[0]} has no value here; give it one with {missing[0]}=...")
    config = OmegaConf.to_object(composition)
    # The schema is the first default of conf/config.yaml.
    assert isinstance(config, Config)
    if config.backbone.name is None:
        config.backbone.name = Path(config.backbone.path).resolve().name
    config.language_adapters.hub = _hub_ids(config)
    _check_name("orthogonality", "loss", config.orthogonality.loss)
    if isinstance(config.data.source, str) and config.data.source != MISSING:
        _check_name("data", "source", config.data.source)
    return config


def _check_name(group: str, key: str, name: str) -> None:
    """Raises UserError if no file of conf/GROUP names this loss or reader. The functions themselves are not loaded here."""
    files = sorted((CONF / group).glob("*.yaml"))
    names = sorted({str(yaml.safe_load(path.read_text(encoding="utf-8")).get(key)) for path in files})
    if name not in names:
        raise UserError(
            f"there is no {group}.{key} '{name}'{nearest(name, names)}; conf/{group}/ has {', '.join(names)}"
        )


def read_config(path: Path) -> Config:
    """Reads the configuration that a run wrote into its config.yaml. Raises UserError if it is missing or broken."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        values.pop("fingerprint")
        # Earlier versions had the Hub's treebank of each language here, and knew by its name that WikiANN's Chinese words
        # are characters.
        values.get("language", {}).pop("udpos", None)
        if values.get("task", {}).get("name") == "wikiann":
            values["task"].setdefault("character_words", ["zh"])
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), values))
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); restore it") from None
    except (AttributeError, TypeError, KeyError):
        raise UserError(f"{path} is not what a run writes; restore it") from None
    return typing.cast(Config, config)


def _hub_ids(config: Config) -> dict[str, str]:
    """Collects the Hub ids that a task run reads: those of the command line and, for other languages, of conf/language/."""
    ids = {} if config.language_adapters.hub is None else config.language_adapters.hub
    if not isinstance(ids, dict) or not all(isinstance(hub_id, str | None) for hub_id in ids.values()):
        raise UserError(f"language_adapters.hub={ids}: write language_adapters.hub={{sw:OWNER/NAME,tr:OWNER/NAME}}")
    if config.language_adapters.source is not AdapterSource.hub:
        if ids:
            raise UserError("language_adapters.hub goes with language_adapters.source=hub; give both or neither")
        return {}
    if config.stage is not Stage.task:
        return {}
    for code in ids:
        check_language(code)
    hub_ids = {}
    for code in config.evaluated_languages:
        default = language_config(code).hub_adapters.get(str(config.backbone.name))
        if hub_id := ids.get(code, default):
            hub_ids[code] = hub_id
    return hub_ids


def check_language(code: str) -> None:
    """Raises UserError, with the languages that exist, for a code that has no file in conf/language/."""
    folder = CONF / "language"
    if not (folder / f"{code}.yaml").exists():
        codes = sorted(file.stem for file in folder.glob("*.yaml"))
        raise UserError(f"unknown language '{code}'{nearest(code, codes)}; conf/language/ has {', '.join(codes)}")


def language_config(code: str) -> LanguageConfig:
    """Reads `conf/language/CODE.yaml`. Raises UserError listing the languages that exist."""
    check_language(code)
    try:
        values = OmegaConf.load(CONF / "language" / f"{code}.yaml")
        language = OmegaConf.merge(OmegaConf.structured(LanguageConfig), values)
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise UserError(f"conf/language/{code}.yaml: {first_line(error)}") from error
    return typing.cast(LanguageConfig, OmegaConf.to_object(language))


# The choices of a task run that the training of a language adapter does not share.
_OF_TASK_RUNS = tuple(
    "stage= language= task= data= task. data. optim. languages= seed= plan= "
    "language_adapters.missing= language_adapters.source= trainer.max_epochs=".split()
)


def mlm_overrides(task_overrides: Sequence[str], language: str) -> list[str]:
    """Writes the overrides that train the language adapter which a task run with `task_overrides` needs for `language`.

    The seed is left out: one language adapter serves the task runs of every seed.
    """
    common_overrides = [override for override in task_overrides if not override.lstrip("+").startswith(_OF_TASK_RUNS)]
    return ["stage=mlm", *common_overrides, f"language={language}"]


def _settable_keys() -> list[str]:
    """Lists everything that may stand before the = of an override: groups of files and keys of the schema."""
    groups = {folder.name for folder in CONF.iterdir() if folder.is_dir()} | {"sweep"}
    return sorted(groups | _schema_keys())


def _keys_of(composition: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in map(str, composition):
        yield prefix + key
        if OmegaConf.is_dict(composition._get_node(key)):
            yield from _keys_of(composition[key], f"{prefix}{key}.")


@cache
def _schema_keys() -> frozenset[str]:
    return frozenset(_keys_below(Config))


def _keys_below(schema: type, prefix: str = "") -> Iterator[str]:
    types = typing.get_type_hints(schema)
    for field in dataclasses.fields(schema):
        yield prefix + field.name
        if dataclasses.is_dataclass(types[field.name]):
            yield from _keys_below(types[field.name], f"{prefix}{field.name}.")
