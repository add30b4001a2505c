"""The library of language adapters and domain adapters: which a run needs, which are missing, publishing a new one."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orthoadapters.checksums import check_sums, write_sums
from orthoadapters.config.program import shell_command
from orthoadapters.config.schema import AdapterKind, AdapterSource, Config, Stage, Under
from orthoadapters.config.train_under import training_languages
from orthoadapters.config.trainings import mlm_overrides
from orthoadapters.config.under import choices_under, weights_under
from orthoadapters.errors import UserError
from orthoadapters.files import new_folder, read_json, write_text
from orthoadapters.folders import check_inside, exists, names_in
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.language_adapter import (
    RECORD,
    LanguageAdapter,
    adapters_folder,
    domain_adapter,
    language_adapter,
    trained_adapter,
)
from orthoadapters.runs.results import read_result

# By choice of transfer.under and tested language: the language adapters with their weights, which sum to 1.
Mixtures = Mapping[Under, Mapping[str, Mapping[str, float]]]
EMPTY: Mapping[str, Mapping[str, float]] = {}


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
    """Lists the adapters below the task adapter in these stacks, each once: language adapters, and the domain adapter."""
    codes = [code for by_language in stacks.values() for weights in by_language.values() for code in weights]
    languages = [language_adapter(config, code) for code in dict.fromkeys(codes)]
    return [*languages, *filter(None, [domain_adapter(config)])]


def needed_adapters(config: Config) -> list[LanguageAdapter]:
    """Lists the adapters that a run reads: language adapters, those of training first, and the domain adapter.

    Of stage=mlm, a domain adapter's training alone reads one.
    """
    if config.stage is Stage.mlm:
        return [language_adapter(config, config.language.code)] if config.trains_domain else []
    if not config.variant.has_language_adapter:
        return []
    languages = config.evaluated_languages
    adapters = [
        *(language_adapter(config, code) for code in training_languages(config)),
        *adapters_in(config, mixtures(config, languages, languages)),
    ]
    return list({adapter.name: adapter for adapter in adapters}.values())


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
    """Lists the adapters that a run reads and that do not exist."""
    return [adapter for adapter in needed_adapters(config) if not adapter.exists]


def require(config: Config, overrides: Sequence[str]) -> list[LanguageAdapter]:
    """Lists the adapters that a run reads, and fetches those on the Hub.

    Raises UserError naming every missing one and what to do about it (for trained ones, the commands), or as
    `check_adapter` and `LanguageAdapter.check_below` do.
    """
    if missing := missing_adapters(config):
        raise UserError(missing_sentence(config, overrides, missing))
    adapters = needed_adapters(config)
    for adapter in adapters:
        check_adapter(adapter, config.variant.name)
        adapter.check_below(language_adapter(config, adapter.language))
    return adapters


def check_adapter(adapter: LanguageAdapter, variant: str) -> None:
    """Raises UserError if one of the adapter's files cannot be read, or if it is of another language or kind."""
    adapter_hub.check_files(adapter.path)
    adapter.check_language()
    is_trained = adapter.source is AdapterSource.trained
    kind = adapter.record().get("kind", adapter.kind.value if is_trained else AdapterKind.noo.value)
    if kind != adapter.kind.value:
        raise UserError(
            f"{adapter.location} is a {adapter.role} of kind {kind} ({RECORD}; without a record, noo), and "
            f"variant={variant} needs {adapter.kind.value}"
            + (f"; move it away, and train one of kind {adapter.kind.value} in its place" if is_trained else "")
        )


def missing_sentence(config: Config, overrides: Sequence[str], missing: Sequence[LanguageAdapter]) -> str:
    """Says which adapters a run lacks, where they were looked for, and what to do about it.

    A domain adapter is named if nothing but it is missing: its language adapter is trained first.
    """
    missing = [adapter for adapter in missing if not adapter.domain] or missing
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
    commands = "\n".join(f"  {training_command(overrides, adapter)}" for adapter in missing)
    return (
        f"no {first.role} for {languages} ({first.kind.value}) in "
        f"{parent}; train {'it' if len(missing) == 1 else 'them'} with:\n{commands}\n"
        "or add language_adapters.missing=train to this command"
    )


def training_overrides(overrides: Sequence[str], adapter: LanguageAdapter) -> list[str]:
    """Writes the overrides that train an adapter for the run with `overrides`."""
    return mlm_overrides(overrides, adapter.language, of_domain=bool(adapter.domain))


def training_command(overrides: Sequence[str], adapter: LanguageAdapter) -> str:
    """Writes the command that trains one missing adapter, safe to paste into a shell."""
    training = training_overrides(overrides, adapter)
    # A task run need not say where the domain's text lies.
    has_text = not adapter.domain or any(text.startswith(("domain=", "domain.root=")) for text in training)
    return shell_command("train", training if has_text else [*training, "domain.root=DIR"])


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


def former_sha256(run: Path, entries: Mapping[str, Mapping[str, Any]], adapter: LanguageAdapter) -> str:
    """Returns the SHA-256 of an adapter as a finished run read it. entries: those of its result.json.

    Raises UserError if there is none.
    """
    sha256 = entries.get(adapter.name, {}).get("sha256")
    if not isinstance(sha256, str):
        raise UserError(
            f"{run / 'result.json'} does not say which {adapter.role} for {adapter.language} the run read "
            f"(adapters.{adapter.name}.sha256); restore it, or move the run away to repeat it"
        )
    return sha256


def check_run(config: Config, run: RunDirectory) -> None:
    """Checks a finished run against the library. An MLM run publishes its adapter again if the library lost it.

    Raises UserError if an adapter that the run read was trained anew since, or if no record of it is left.
    """
    run.check_owner()
    if config.stage is Stage.mlm:
        target = trained_adapter(config)
        check_publishable(target, run.fingerprint)
        if not target.exists:
            check_sums(run.path, "restore it, or move the run away to train anew", ("adapter/",))
            record = read_json(run.path / "adapter" / RECORD, "restore it, or move the run away to train anew")
            publish(run.path / "adapter", target, record)
        target.check_below(language_adapter(config, target.language))
        return
    entries = read_result(run.result).adapters
    # A mean may have been taken before one of its languages had an adapter.
    for adapter in needed_adapters(config):
        if Under.mean in choices_under(config) and adapter.name not in entries:
            continue
        if adapter.present_sha256() not in (None, former_sha256(run.path, entries, adapter)):
            raise UserError(
                f"{run.path} was finished with another {adapter.role} for {adapter.language} than {adapter.location} holds "
                "now; move the run away to repeat it, or choose another folder with paths.runs=DIR"
            )
