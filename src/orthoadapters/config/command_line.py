"""The command line of a run or a sweep: Hydra's flags and the overrides, read and checked before Hydra runs a job."""

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import Glob, Override

from orthoadapters.config import compose
from orthoadapters.config.compose import compose_config, compose_of_folder, group_files, in_force
from orthoadapters.config.hydra_code import sets_hydra
from orthoadapters.config.hydra_flags import late_help_texts
from orthoadapters.config.locations import warn_once
from orthoadapters.config.logger import check_logger_choice
from orthoadapters.config.mistakes import check_axis, check_pattern, in_shell, parse_overrides
from orthoadapters.config.overrides import CONFIG_DIR, override_text, override_values, own_folder
from orthoadapters.config.own_files import check_texts
from orthoadapters.config.parts import yaml_files
from orthoadapters.errors import UserError

# Hydra's launchers that are packages of their own, by the beginning of their names.
LAUNCHERS = {"joblib": "hydra_plugins.hydra_joblib_launcher", "submitit": "hydra_plugins.hydra_submitit_launcher"}
# What Hydra would read in place of conf/, and the cells of a sweep would not.
DEAD_FLAGS = {
    "config_path": "--config-path: the files of conf/ are always read; --config-dir DIR adds a folder of yours to them",
    "config_name": "--config-name: conf/config.yaml is always read first; a file DIR/suite/NAME.yaml with --config-dir DIR "
    "suite=NAME sets whatever you like on top of it",
    "experimental_rerun": "--experimental-rerun: the same command again goes on with a run, or shows its scores",
}


class Options(argparse.Namespace):
    """The options of a command line, with every value of --config-dir in `folders`: Hydra's parser keeps the last alone."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "config_dir" and value is not None:
            self.folders.append(value)


def read_command_line(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads Hydra's flags and the overrides, which lie in `overrides`. Raises UserError for a flag that does not exist.

    --config-dir DIR and paths.config=DIR mean the same; whichever is there, the other is added, with an absolute path.
    """
    with late_help_texts():
        parser = get_args_parser()
    options, unknown = parser.parse_known_intermixed_args(list(arguments), Options(folders=[]))
    options.config_dir = own_folder(flags := list(options.folders))
    if unknown:
        raise UserError(_unknown_flag(unknown[0]))
    if options.shell_completion:
        return options
    options.overrides = in_force(options.overrides)
    overrides = parse_overrides(options.overrides)
    for override in overrides:
        key = override.get_key_element()
        if key == "hydra.searchpath":
            raise UserError(
                f"'{override.input_line}': --config-dir DIR adds a folder, which all cells of a sweep read too"
            )
    options.config_dir = own_folder(flags, overrides)
    if options.config_dir is not None:
        others = [text for text in options.overrides if not text.startswith(f"{CONFIG_DIR}=")]
        options.overrides = [*others, override_text(CONFIG_DIR, options.config_dir)]
    return options


def _unknown_flag(flag: str) -> str:
    if "=" in flag:
        return f"there is no flag {flag}; a key has no dashes before it: {in_shell(flag.lstrip('-'))}"
    return f"there is no flag {flag}; `--help` lists them"


def is_question(options: argparse.Namespace) -> bool:
    """Says whether the command line only asks Hydra for something, such as its help or the composed configuration."""
    return any((options.help, options.hydra_help, options.cfg, options.info, options.shell_completion))


def check_chosen_files(options: argparse.Namespace) -> None:
    """Raises UserError for a chosen file that cannot be read, or that names code. Hydra's own answers need no more of it."""
    for override in parse_overrides(options.overrides):
        if not override.is_sweep_override():
            group = override.key_or_group
            if path := group_files(group, options.config_dir).get(str(override.value())):
                check_texts(path, group)
    if options.config_dir is not None:
        # Hydra runs what its own keys name before it answers.
        values = [value for value in first_values(options) if not value.lstrip("+~").startswith("hydra.")]
        compose_of_folder(options.config_dir, values)


def asks_for_a_sweep(options: argparse.Namespace) -> bool:
    """Says whether several runs are asked for: by -m, or by a sweep's file, whether it says hydra.mode or not.

    A cell of a sweep names the sweep, too, and is one run: hydra.mode=RUN is among its overrides.
    """
    is_one_run = options.run or "hydra.mode=RUN" in options.overrides
    return not is_one_run and (options.multirun or any(text.startswith("sweep=") for text in options.overrides))


def is_for_hydra(options: argparse.Namespace) -> bool:
    """Tells whether Hydra itself has a part in one run: by --run, a key of its own, a user's folder, or a file of conf/."""
    keys = [str(override.key_or_group) for override in parse_overrides(options.overrides)]
    is_named = (
        options.run or options.config_dir is not None or any(key.startswith(("hydra.", "hydra/")) for key in keys)
    )
    return is_named or sets_hydra(compose.CONF, yaml_files(compose.CONF))


def check_command_line(arguments: Sequence[str]) -> None:
    """Composes every value that the command line names, sweeps included, before Hydra runs a job.

    Raises UserError as `compose_config`. Commands that only ask Hydra for something pass.
    """
    options = read_command_line(arguments)
    if is_question(options):
        return
    for flag, sentence in DEAD_FLAGS.items():
        if getattr(options, flag) is not None:
            raise UserError(sentence)
    if options.resolve or options.package:
        raise UserError("--resolve and --package go with --cfg, which shows the configuration")
    if options.run and options.multirun:
        raise UserError("--run and --multirun: choose one of them")
    overrides = parse_overrides(options.overrides)
    is_sweep = asks_for_a_sweep(options)
    _warn_of_keys_given_twice(overrides)
    axes: list[list[str]] = []
    for override in overrides:
        key = str(override.get_key_element())
        if key.startswith("hydra."):
            # Hydra itself knows its own keys.
            continue
        if isinstance(pattern := override.value(), Glob):
            if not key.startswith("hydra/"):
                check_pattern(override, pattern, is_sweep, list(group_files(key, options.config_dir)))
            continue
        if override.key_or_group == "logger":
            check_logger_choice(override, group_files("logger", options.config_dir))
        if override.is_sweep_override():
            check_axis(override, is_sweep)
        if key == "hydra/launcher":
            _check_launcher(str(override.value()))
        if key.startswith("hydra/") and override.value() is None:
            raise UserError(f"{key}=null: Hydra has a default here; leave {key}=null out")
        values = override_values(override)
        if not values:
            raise UserError(f"'{override.input_line}' names no value; give it at least one")
        axes.append(values)
    # Each value is composed once, not every product of them.
    for position in range(max(map(len, axes), default=1)):
        compose_config([values[min(position, len(values) - 1)] for values in axes])


def _warn_of_keys_given_twice(overrides: Sequence[Override]) -> None:
    """Says which value of a key is taken that is given twice with different ones: as in Hydra, the last."""
    last: dict[str, str] = {}
    for override in overrides:
        key, text = str(override.get_key_element()), str(override.input_line)
        if last.setdefault(key, text) != text:
            warn_once(f"{last[key]} and {text}: the last one counts; leave the other out")
        last[key] = text


def _check_launcher(name: str) -> None:
    """Raises UserError for a launcher whose package is not installed."""
    for start, module in LAUNCHERS.items():
        if name.startswith(start) and find_spec(module) is None:
            raise UserError(
                f"hydra/launcher={name} needs a package that is not here: pip install 'orthoadapters[launchers]'"
            )


def first_values(options: argparse.Namespace) -> list[str]:
    """Takes the first value of each override: what Hydra can show of a sweep, whose cells have one value each."""
    overrides = parse_overrides(options.overrides)
    return [str(o.input_line) if isinstance(o.value(), Glob) else override_values(o)[0] for o in overrides]
