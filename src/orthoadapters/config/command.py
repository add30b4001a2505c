"""Commands of a finished run: the one that repeats it, and the one that trains a language adapter that it lacks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orthoadapters.config.choices import fingerprint
from orthoadapters.config.compose import compose_config, group_files, language_overrides
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.overrides import CONFIG_DIR, override_text
from orthoadapters.config.program import shell_command
from orthoadapters.config.schema import AdapterSource, Config, LanguageAdaptersConfig
from orthoadapters.errors import UserError

# The runs of a grid differ in these keys alone.
GRID = ("seed", "optim.lr", "optim.ort_lr")


def command(overrides: Any, run_fingerprint: str) -> str:
    """Writes the command line of a run from the `overrides` in its result.json's provenance, safe to paste into a shell.

    run_fingerprint: the run's own. Raises UserError with the reason if there is no such command: an earlier version
    recorded no overrides, or conf/ and the code have changed so that these make another run.
    """
    if not isinstance(overrides, list) or not all(isinstance(override, str) for override in overrides):
        raise UserError("This run recorded no command; runs of earlier versions did not.")
    try:
        now = fingerprint(_run_of_a_grid(overrides))
    except UserError as error:
        raise UserError(f"The command that this run recorded no longer works: {error}.") from error
    line = shell_command("train", overrides)
    if now != run_fingerprint:
        raise UserError(
            f"No command of this version repeats this run: {line} now means another one (fingerprint {now[:8]}, this "
            f"run's is {run_fingerprint[:8]})."
        )
    return line


def adapter_command(config: Config, language: str, *, of_domain: bool = False) -> str:
    """Writes the command that trains the adapter of a language, or the domain's on it, for a run of this configuration."""
    backbone, folder = config.backbone, config.paths.config
    if backbone.path == DEMO:
        overrides = ["suite=demo"]
    elif backbone.name in group_files("backbone", folder):
        overrides = [f"backbone={backbone.name}"]
    else:
        overrides = ["backbone=local", f"backbone.path={backbone.path}"]
    # A folder that is gone has no files for the command.
    own_folder = [override_text(CONFIG_DIR, folder)] if folder is not None and Path(folder).is_dir() else []
    overrides += [*_variant_overrides(config, own_folder), *language_overrides(language, folder)]
    if of_domain:
        domain = config.domain
        overrides += [f"domain.name={domain.name}", f"domain.kind={domain.kind.value}"]
        overrides += [f"domain.reduction={domain.reduction}", f"domain.root={domain.root or 'DIR'}"]
        overrides += _place_overrides(config.language_adapters, language)
    overrides += [f"paths.adapters={config.paths.adapters}", *own_folder]
    return shell_command("train", ["stage=mlm", *overrides])


def _variant_overrides(config: Config, own_folder: Sequence[str]) -> list[str]:
    """Writes the variant, and what a language adapter's training takes from it where the run had it otherwise.

    A variant that has no file is chosen by its kinds. own_folder: the override that names the user's own files, if any.
    """
    variant, names = config.variant, group_files("variant", config.paths.config)
    choice = f"variant={variant.name if variant.name in names else variant.paper_name}"
    file = compose_config([choice, *own_folder]).variant
    keys = ("language_reduction", "leave_out")
    values = {key: getattr(variant, key) for key in keys if getattr(variant, key) != getattr(file, key)}
    return [choice, *(override_text(f"variant.{key}", value) for key, value in values.items())]


def _place_overrides(adapters: LanguageAdaptersConfig, language: str) -> list[str]:
    """Writes where a run's adapter of a language comes from, if it was not trained here."""
    if adapters.source is AdapterSource.trained:
        return []
    is_local = adapters.source is AdapterSource.local
    hub_id = (adapters.hub or {}).get(language)
    place = {"root": adapters.root} if is_local else {"hub": {language: hub_id}} if hub_id else {}
    values = {"source": adapters.source.value, **place}
    return [override_text(f"language_adapters.{key}", value) for key, value in values.items()]


def _run_of_a_grid(overrides: Sequence[str]) -> Config:
    """Composes overrides, those of GRID's keys apart: a report has hundreds of runs, and composing takes 0.2 s."""
    rates = [override.split("=", 1) for override in overrides if override.split("=", 1)[0] in GRID]
    config = compose_config([o for o in overrides if o.split("=", 1)[0] not in GRID])
    try:
        for key, value in rates:
            if key == "seed":
                config.seed = int(value)
            else:
                setattr(config.optim, key.removeprefix("optim."), float(value))
    except ValueError:
        # The value is no plain number, such as ${task.lr}.
        return compose_config(overrides)
    return config
