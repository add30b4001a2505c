"""From the command line and `conf/` to a checked `Config`, with sentences for what is mistyped."""

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from orthoadapters.config.schema import AdapterSource, Config, LanguageConfig, Stage
from orthoadapters.errors import UserError

CONF = Path(__file__).resolve().parents[3] / "conf"
ConfigStore.instance().store(name="schema", node=Config)


def compose_config(overrides: Sequence[str]) -> Config:
    """Composes `conf/config.yaml` with Hydra overrides. Raises UserError naming a mistyped key or value, and the nearest."""
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return settle(compose("config", list(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_sentence(error, overrides)) from error
    finally:
        GlobalHydra.instance().hydra = before


def check_command_line(arguments: Sequence[str]) -> None:
    """Composes every value that the command line names, sweeps included, before Hydra runs a job.

    Raises UserError as `compose_config`. Commands that only ask Hydra for something (--help, --cfg, --info) pass.
    """
    try:
        given = get_args_parser().parse_args(list(arguments))
        overrides = OverridesParser.create().parse_overrides(given.overrides)
    except OverrideParseException as error:
        raise UserError(f"'{error.override}' is no override; write KEY=VALUE, such as optim.lr=5e-5") from error
    if given.help or given.hydra_help or given.cfg or given.info or given.config_name or given.config_dir:
        return
    values: list[list[str]] = []
    named = any(override.get_key_element() == "sweep" for override in overrides)
    for override in overrides:
        key = override.get_key_element() or ""
        if key.startswith("hydra"):
            continue
        if key == "sweep" and override.is_sweep_override():
            raise UserError(f"'{override.input_line}': one sweep at a time; sweep=paper is all of the paper's")
        if override.is_sweep_override() and not given.multirun and not named:
            raise UserError(
                f"'{override.input_line}' asks for several runs; add -m (--multirun) to the command, or sweep=NAME"
            )
        if isinstance(override.value(), Glob):
            continue  # Hydra itself knows which files match
        if override.is_sweep_override():
            values.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            values.append([str(override.input_line)])
    for position in range(max(map(len, values), default=1)):  # each value once, not their product
        compose_config([choices[min(position, len(choices) - 1)] for choices in values])


def settle(composed: DictConfig) -> Config:
    """Resolves a composed configuration into plain dataclasses. Raises UserError naming a value that is still missing."""
    if unknown := sorted(key for key in set(_given(composed)) - set(_flat(Config)) if not key.startswith(_OPEN)):
        raise UserError(f"there is no key '{unknown[0]}'{_nearest(unknown[0], _known_keys())}")
    if missing := sorted(OmegaConf.missing_keys(composed)):
        raise UserError(f"{missing[0]} has no value here; give it one with {missing[0]}=...")
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), composed))
    assert isinstance(config, Config)
    if config.backbone.name is None:
        config.backbone.name = Path(config.backbone.path).resolve().name
    config.language_adapters.hub = _hub_ids(config)
    _check_loss(config.orthogonality.loss)
    return config


def _check_loss(name: str) -> None:
    """Raises UserError if conf/orthogonality/ has no file for this loss. The functions themselves need PyTorch."""
    known = sorted(path.stem for path in (CONF / "orthogonality").glob("*.yaml"))
    if name not in known:
        raise UserError(
            f"there is no orthogonality.loss '{name}'{_nearest(name, known)}; conf/orthogonality/ has {', '.join(known)}"
        )


def read_config(path: Path) -> Config:
    """The configuration that a run wrote into its config.yaml. Raises UserError if it is missing, broken or no such file."""
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        held.pop("fingerprint")
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), held))
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{path} cannot be read ({str(error).strip().splitlines()[0]}); restore it") from None
    except (AttributeError, TypeError, KeyError):
        raise UserError(f"{path} is not what a run writes; restore it") from None
    return typing.cast(Config, config)


_OPEN = ("language_adapters.hub.", "language.hub_adapters.", "sweep.axes.", "task.hub_train.")  # whose keys are free


def _hub_ids(config: Config) -> dict[str, str]:
    """The Hub ids that a task run reads: those given, and for its other languages those of conf/language/."""
    given = {} if config.language_adapters.hub is None else config.language_adapters.hub
    if not isinstance(given, dict) or not all(isinstance(hub_id, str | None) for hub_id in given.values()):
        raise UserError(f"language_adapters.hub={given}: write language_adapters.hub={{sw:OWNER/NAME,tr:OWNER/NAME}}")
    if config.language_adapters.source is not AdapterSource.hub:
        if given:
            raise UserError("language_adapters.hub goes with language_adapters.source=hub; give both or neither")
        return {}
    if config.stage is not Stage.task:
        return {}
    for code in given:
        language_config(code)  # refuses what is no language, such as a mistyped one
    found = {}
    for code in config.evaluated_languages:
        known = language_config(code).hub_adapters.get(str(config.backbone.name))
        if hub_id := given.get(code, known):
            found[code] = hub_id
    return found


def language_config(code: str) -> LanguageConfig:
    """Reads `conf/language/CODE.yaml`. Raises UserError listing the languages that exist."""
    path = CONF / "language" / f"{code}.yaml"
    if not path.exists():
        known = sorted(file.stem for file in path.parent.glob("*.yaml"))
        raise UserError(f"unknown language '{code}'{_nearest(code, known)}; conf/language/ has {', '.join(known)}")
    try:
        merged = OmegaConf.merge(OmegaConf.structured(LanguageConfig), OmegaConf.load(path))
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise UserError(f"conf/language/{code}.yaml: {str(error).strip().splitlines()[0]}") from error
    return typing.cast(LanguageConfig, OmegaConf.to_object(merged))


# Choices of a task run that the training of a language adapter does not share.
_TASK_RUN_ONLY = ("stage=", "language=", "task=", "data=", "task.", "data.", "optim.", "languages=", "seed=", "plan=",
                  "language_adapters.missing=", "language_adapters.source=", "trainer.max_epochs=")  # fmt: skip


def mlm_overrides(task_overrides: Sequence[str], language: str) -> list[str]:
    """The overrides that train the language adapter which a task run with `task_overrides` needs for `language`.

    The seed is left out: one language adapter serves the task runs of every seed.
    """
    kept = [override for override in task_overrides if not override.lstrip("+").startswith(_TASK_RUN_ONLY)]
    return ["stage=mlm", *kept, f"language={language}"]


def _sentence(error: Exception, overrides: Sequence[str]) -> str:
    text = " ".join(str(e) for e in (error, error.__cause__) if e is not None)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        return f"{group} has no '{choice}'{_nearest(choice, error.options)}; there are: {', '.join(error.options)}"
    found = re.search(r"Could not override '([^']+)'", text)
    if found and ("not in struct" in text or "To append" in text or "No match" in text):
        key = found[1]
        return f"there is no key '{key}'{_nearest(key, _known_keys())}; `python train.py --help` lists the groups"
    full_key = re.search(r"full_key: (\S+)", text)
    where = re.search(r"In '([^']+)'", text)
    place = f" in conf/{where[1]}.yaml" if where else ""
    if full_key and re.search(r"Key '[^']+' (is )?not in", text):
        return f"there is no key '{full_key[1]}'{place}{_nearest(full_key[1], _known_keys())}"
    problem = next((line for line in text.splitlines() if "Value" in line or "Invalid" in line), text.splitlines()[0])
    problem = re.sub(r"^.*?raised while composing config:\s*|^Error merging override \S+\s*", "", problem).strip()
    invalid = re.search(r"Invalid value '([^']*)', expected one of \[([^\]]*)\]", text)
    if invalid:
        problem = f"'{invalid[1]}' is not one of {invalid[2]}{_nearest(invalid[1], invalid[2].split(', '))}"
    return f"{full_key[1] if full_key else 'the configuration'}{place}: {problem}"


def _nearest(word: str, known: Sequence[str]) -> str:
    close = [key for key in known if key.rpartition(".")[2] == word]  # a bare `lr` means optim.lr, mlm.lr, ...
    close = close or difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return ", did you mean " + " or ".join(f"'{word}'" for word in close) + "?" if close else ""


def _known_keys() -> list[str]:
    groups = [folder.name for folder in CONF.iterdir() if folder.is_dir()] + ["sweep"]
    return sorted(set(groups) | set(_flat(Config)))


def _given(composed: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in map(str, composed):
        yield prefix + key
        if OmegaConf.is_dict(composed._get_node(key)):
            yield from _given(composed[key], f"{prefix}{key}.")


def _flat(schema: type, prefix: str = "") -> Iterator[str]:
    hints = typing.get_type_hints(schema)
    for field in dataclasses.fields(schema):
        kind = hints[field.name]
        yield prefix + field.name
        if dataclasses.is_dataclass(kind):
            yield from _flat(typing.cast(type, kind), f"{prefix}{field.name}.")
