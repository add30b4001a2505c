"""The library of language adapters: where a run's adapters come from, which are missing, publishing a new one."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orthoadapters.checksums import check_sums, write_sums
from orthoadapters.config.compose import mlm_overrides
from orthoadapters.config.program import shell_command
from orthoadapters.config.schema import AdapterKind, AdapterSource, Config, Stage, Under
from orthoadapters.config.train_under import training_languages
from orthoadapters.config.under import choices_under, weights_under
from orthoadapters.errors import UserError
from orthoadapters.files import new_folder, read_json, write_text
from orthoadapters.folders import check_inside, exists, names_in
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.language_adapter import RECORD, LanguageAdapter
from orthoadapters.runs.results import read_result

# By choice of transfer.under and tested language: the language adapters with their weights, which sum to 1.
Mixtures = Mapping[Under, Mapping[str, Mapping[str, float]]]
EMPTY: Mapping[str, Mapping[str, float]] = {}


def language_adapter(config: Config, language: str) -> LanguageAdapter:
    """Returns the language's adapter that the configuration names, wherever it comes from."""
    kind, settings = config.variant.language_adapter, config.language_adapters
    if config.stage is Stage.mlm or settings.source is AdapterSource.trained:
        location = adapters_folder(config) / f"{language}-{kind.value}"
        return LanguageAdapter(language, kind, AdapterSource.trained, str(location))
    if settings.source is AdapterSource.hub:
        return LanguageAdapter(language, kind, settings.source, settings.hub.get(language, ""))
    return LanguageAdapter(language, kind, settings.source, str(adapters_folder(config) / language))


def adapters_folder(config: Config) -> Path:
    """Returns the folder that holds a run's trained or local language adapters."""
    settings = config.language_adapters
    if config.stage is Stage.task and settings.source is AdapterSource.local:
        return Path(str(settings.root)).expanduser()
    return Path(config.paths.adapters) / str(config.backbone.name)


def mixtures(
    config: Config,
    codes: Sequence[str],
    languages: Sequence[str],
    choices: Sequence[Under] = (),
    means: Mapping[str, Mapping[str, float]] = EMPTY,
) -> Mixtures:
    """Returns what is under the task adapter, by choice and language to test (codes): language -> weight.

    languages: all of the run, which `mean` takes the adapters of where no weights are given. choices: by default those of
    transfer.under. means: those that are known already. An adapter that is needed as a language's own counts as there: the
    run waits for it, or trains it. Raises UserError as `weights_under`.
    """
    choices = choices or choices_under(config)
    own = {*training_languages(config), *(codes if Under.target in choices else ())}

    def is_there(language: str) -> bool:
        return language in own or language_adapter(config, language).exists

    def weights(choice: Under, code: str) -> Mapping[str, float]:
        is_known = choice is Under.mean and code in means
        return means[code] if is_known else weights_under(config, choice, code, languages, is_there)

    return {choice: {code: weights(choice, code) for code in codes} for choice in choices}


def adapters_in(config: Config, stacks: Mixtures) -> list[LanguageAdapter]:
    """Lists the language adapters that these stacks are made of, each once."""
    codes = [code for by_language in stacks.values() for weights in by_language.values() for code in weights]
    return [language_adapter(config, code) for code in dict.fromkeys(codes)]


def needed_adapters(config: Config) -> list[LanguageAdapter]:
    """Lists the language adapters that a task run reads, those of its training first; none for variants without them."""
    if not config.variant.has_language_adapter:
        return []
    languages = config.evaluated_languages
    adapters = [
        *(language_adapter(config, code) for code in training_languages(config)),
        *adapters_in(config, mixtures(config, languages, languages)),
    ]
    return list({adapter.language: adapter for adapter in adapters}.values())


def available_adapters(config: Config) -> list[LanguageAdapter]:
    """Lists by language the adapters of this run's backbone, kind and source: those on disk or, on the Hub, with an id."""
    kind = config.variant.language_adapter.value
    if config.language_adapters.source is AdapterSource.hub:
        languages = sorted(config.language_adapters.hub)
    elif config.language_adapters.source is AdapterSource.local:
        languages = names_in(adapters_folder(config))
    else:
        names = names_in(adapters_folder(config))
        languages = [name.removesuffix(f"-{kind}") for name in names if name.endswith(f"-{kind}")]
    return [adapter for adapter in (language_adapter(config, language) for language in languages) if adapter.exists]


def missing_adapters(config: Config) -> list[LanguageAdapter]:
    """Lists the language adapters that a task run reads and that do not exist."""
    return [adapter for adapter in needed_adapters(config) if not adapter.exists]


def require(config: Config, overrides: Sequence[str]) -> list[LanguageAdapter]:
    """Lists the language adapters that a task run reads, and fetches those on the Hub.

    Raises UserError naming every missing language and what to do about it (for trained ones, the commands), or as
    `check_adapter` does.
    """
    if missing := missing_adapters(config):
        raise UserError(missing_sentence(config, overrides, missing))
    adapters = needed_adapters(config)
    for adapter in adapters:
        check_adapter(adapter, config.variant.name)
    return adapters


def check_adapter(adapter: LanguageAdapter, variant: str) -> None:
    """Raises UserError if one of the adapter's files cannot be read, or if it is of another language or kind."""
    adapter_hub.check_files(adapter.path)
    adapter.check_language()
    is_trained = adapter.source is AdapterSource.trained
    kind = adapter.record().get("kind", adapter.kind.value if is_trained else AdapterKind.noo.value)
    if kind != adapter.kind.value:
        raise UserError(
            f"{adapter.location} is a language adapter of kind {kind} ({RECORD}; without a record, noo), and "
            f"variant={variant} needs {adapter.kind.value}"
            + (f"; move it away, and train one of kind {adapter.kind.value} in its place" if is_trained else "")
        )


def missing_sentence(config: Config, overrides: Sequence[str], missing: Sequence[LanguageAdapter]) -> str:
    """Says which language adapters a task run lacks, where they were looked for, and what to do about it."""
    languages, first = ", ".join(adapter.language for adapter in missing), missing[0]
    if first.source is AdapterSource.hub:
        return (
            f"no language adapter on the Hub is known for {languages} and backbone.name={config.backbone.name} "
            f"(conf/language/); name one with language_adapters.hub={{{first.language}:OWNER/NAME}}, or leave the "
            "language out with languages=[...]"
        )
    parent = Path(first.location).parent
    for adapter in missing:
        if problem := adapter_hub.lack_of_config(adapter.path):
            return problem
    if first.source is AdapterSource.local:
        return (
            f"no language adapter for {languages} in {parent}; language_adapters.source=local reads AdapterHub "
            f"folders named after their languages, such as {first.location}"
        )
    commands = "\n".join(f"  {training_command(overrides, adapter.language)}" for adapter in missing)
    return (
        f"no language adapter for {languages} ({first.kind.value}) in "
        f"{parent}; train {'it' if len(missing) == 1 else 'them'} with:\n{commands}\n"
        "or add language_adapters.missing=train to this command"
    )


def training_command(overrides: Sequence[str], language: str) -> str:
    """Writes the command that trains one missing language adapter, safe to paste into a shell."""
    return shell_command("train", mlm_overrides(overrides, language))


def check_publishable(target: LanguageAdapter, fingerprint: str) -> None:
    """Raises UserError if another run's adapter lies where this run would publish its own."""
    if not target.exists:
        return
    former = target.record().get("fingerprint", "none")
    if former != fingerprint:
        raise UserError(
            f"{target.path} holds an adapter of another training (fingerprint {former[:8]}, this run's is {fingerprint[:8]}); "
            "move it away, or publish elsewhere with paths.adapters=DIR"
        )


def publish(run_adapter: Path, target: LanguageAdapter, record: dict[str, Any]) -> None:
    """Copies a finished run's adapter to where task runs look for it, whole or not at all.

    Raises UserError if another run published its own there, even if that happened only now.
    """
    write_text(run_adapter / RECORD, json.dumps(record, indent=2, sort_keys=True) + "\n")
    fingerprint = str(record.get("fingerprint", "none"))
    check_publishable(target, fingerprint)
    try:
        _copy(run_adapter, target.path)
    except FileExistsError:
        check_publishable(target, fingerprint)


def _copy(run_adapter: Path, target: Path) -> None:
    with new_folder(target, replace=exists(target)) as folder:
        for file in run_adapter.iterdir():
            if file.is_file():
                check_inside(file, run_adapter)
                shutil.copy2(file, folder / file.name)
        write_sums(folder, [path for name in adapter_hub.FILES if (path := folder / name).exists()])


def former_sha256(run: Path, entries: Mapping[str, Mapping[str, Any]], language: str) -> str:
    """Returns the SHA-256 of a language's adapter as a finished run read it. entries: those of its result.json.

    Raises UserError if there is none.
    """
    sha256 = entries.get(language, {}).get("sha256")
    if not isinstance(sha256, str):
        raise UserError(
            f"{run / 'result.json'} does not say which language adapter for {language} the run read (adapters.{language}."
            "sha256); restore it, or move the run away to repeat it"
        )
    return sha256


def check_run(config: Config, run: RunDirectory) -> None:
    """Checks a finished run against the library. An MLM run publishes its adapter again if the library lost it.

    Raises UserError for a task run if one of its language adapters was trained anew since, or if no record of it is left.
    """
    run.check_owner()
    if config.stage is Stage.mlm:
        target = language_adapter(config, config.language.code)
        check_publishable(target, run.fingerprint)
        if not target.exists:
            check_sums(run.path, "restore it, or move the run away to train anew", ("adapter/",))
            record = read_json(run.path / "adapter" / RECORD, "restore it, or move the run away to train anew")
            publish(run.path / "adapter", target, record)
        return
    entries = read_result(run.result).adapters
    # A mean may have been taken before one of its languages had an adapter.
    for adapter in needed_adapters(config):
        if Under.mean in choices_under(config) and adapter.language not in entries:
            continue
        if adapter.present_sha256() not in (None, former_sha256(run.path, entries, adapter.language)):
            raise UserError(
                f"{run.path} was finished with another language adapter for {adapter.language} than {adapter.location} holds "
                "now; move the run away to repeat it, or choose another folder with paths.runs=DIR"
            )
