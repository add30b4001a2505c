"""The subject of an evaluation: a finished run, or a task adapter with its head that was trained elsewhere.

It is opened, and all that it will read is looked for, without PyTorch.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from orthoadapters.config.amend import amend
from orthoadapters.config.checks import check
from orthoadapters.config.command import adapter_command
from orthoadapters.config.compose import compose_config, task_language, user_folder
from orthoadapters.config.locations import warn_once
from orthoadapters.config.schema import AdapterSource, Config, LanguageConfig, Stage, TransferConfig, Under
from orthoadapters.data.sources.copies import warn_of_same_contents
from orthoadapters.data.sources.read import find_examples, read_examples
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.files import read_json
from orthoadapters.folders import check_writable, obstacle
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.labelling.finished_run import FinishedRun, open_run
from orthoadapters.labelling.listing import missing_domain
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.evaluations import FILE, FOLDER, evaluation_name
from orthoadapters.runs.inputs import examples_sha256, folder_sha256, table_sha256
from orthoadapters.runs.language_adapter import LanguageAdapter
from orthoadapters.stages.adapter_fit import check_fit
from orthoadapters.stages.backbone_fit import backbone_on_this_machine

# What of a finished run's configuration an evaluation may change: where it reads from, and on what it computes.
KEYS = (
    *(
        "languages",
        "data",
        "data.",
        "domain",
        "domain.",
        "language_adapters.source",
        "language_adapters.root",
        "language_adapters.hub",
    ),
    *("task.folder", "task.hub_id", "task.hub_revision", "task.hub_subsets", "task.hub_columns"),
    *("task.files.", "task.batch_size"),
    *(
        "transfer.under",
        "transfer.weights",
        "paths.adapters",
        "paths.cache",
        "paths.config",
        "backbone.path",
        "trainer.accelerator",
        "plan",
    ),
)
# Overrides that begin so name language adapters other than the run's own.
_ADAPTERS = ("language_adapters.", "paths.adapters=")


@dataclass(frozen=True)
class Subject:
    """The subject of one evaluation, with all that it reads but the weights.

    config: the run's with the overrides, or that of the overrides. languages: those that are scored. folder: the directory
    that evaluations/ lies in. run: None for a task adapter from elsewhere. adapter: the folder of that one, with its head.
    mixtures, adapters: what is put under the task adapter, and the language adapters that this takes. inputs: the SHA-256
    of test sets, language adapters and the task adapter, by name.
    """

    config: Config
    languages: list[str]
    overrides: list[str]
    folder: Path
    run: FinishedRun | None
    adapter: Path | None
    mixtures: library.Mixtures
    adapters: list[LanguageAdapter]
    inputs: dict[str, str]

    @property
    def path(self) -> Path:
        """The folder of the evaluation: another one for other languages or other contents."""
        contents: dict[str, Any] = {"inputs": self.inputs, "batch_size": self.config.task.batch_size}
        if self.run is not None:
            contents["run"] = self.run.result.fingerprint
        if [*self.mixtures] != [Under.target]:
            contents["under"] = [[choice.value, weights] for choice, weights in self.mixtures.items()]
        return self.folder / FOLDER / evaluation_name(self.languages, contents)

    @property
    def is_finished(self) -> bool:
        return (self.path / FILE).exists()

    def check_place(self) -> None:
        """Raises UserError if the evaluation's folder cannot be made. That of a run lies in the run and nowhere else."""
        if self.run is None:
            check_writable(self.path, "paths.runs")
        elif why := obstacle(self.path):
            raise UserError(
                f"nothing can be written to {self.path.parent}: {why}; mend that, or copy {self.folder} to a disk "
                "that can be written and evaluate the copy"
            )


def open_subject(folder: Path, overrides: Sequence[str]) -> Subject:
    """Opens a run's directory, or an AdapterHub folder with adapter and head. Raises UserError for what is missing or wrong."""
    if (folder / adapter_hub.FILE).exists():
        return _from_elsewhere(folder, overrides)
    return _finished_run(folder, overrides)


def _finished_run(folder: Path, overrides: Sequence[str]) -> Subject:
    run = open_run(folder)
    config = run.config
    if any(text.startswith("language_adapters.source=") for text in overrides):
        # Root and ids belong to the run's own source.
        config = replace(config, language_adapters=replace(config.language_adapters, root=None, hub=None))
    if any(text.startswith("transfer.") for text in overrides):
        config = replace(config, transfer=_former_transfer(config, overrides))
    # Only composing looks for the folder, and the run's own configuration is not composed anew.
    user_folder(overrides)
    config = amend(config, overrides, KEYS)
    # A run of several processes is scored by one.
    config.trainer.devices = config.trainer.num_nodes = 1
    check(config)
    names_languages = any(text.startswith("languages=") for text in overrides)
    languages = list(dict.fromkeys((config.languages or []) if names_languages else run.result.test))
    run = replace(run, config=config)
    mixtures = run.mixtures(languages, has_new_weights=any(text.startswith("transfer.") for text in overrides))
    adapters = library.adapters_in(config, mixtures)
    if missing := [adapter for adapter in adapters if not adapter.exists]:
        raise UserError(_missing_sentence(run, missing))
    if not any(text.startswith(_ADAPTERS) for text in overrides):
        has_other_domain = any(text.startswith(("domain=", "domain.")) for text in overrides)
        for adapter in (one for one in adapters if not (one.domain and has_other_domain)):
            run.check_same(adapter, "or say that another one is meant: paths.adapters=DIR")
    task_adapter = None if run.trains_backbone else folder / "adapter"
    inputs = _inputs(config, languages, adapters, task_adapter)
    _warn_of_sets_of_the_run(run, inputs)
    return Subject(config, languages, list(overrides), folder, run, None, mixtures, adapters, inputs)


def _former_transfer(config: Config, overrides: Sequence[str]) -> TransferConfig:
    """Keeps the run's own weights only where the overrides leave both the weights and a mean."""
    keys = {text.partition("=")[0].lstrip("+") for text in overrides}
    has_mean = Under.mean in config.transfer.choices and "transfer.under" not in keys
    is_kept = has_mean and not any(key.startswith("transfer.weights") for key in keys)
    return replace(config.transfer, weights=config.transfer.weights if is_kept else None)


def _from_elsewhere(folder: Path, overrides: Sequence[str]) -> Subject:
    keys = {text.partition("=")[0] for text in overrides}
    if not {"variant", "task"} <= keys or not {"backbone", "suite"} & keys:
        raise UserError(
            f"{folder} holds an adapter that no run here trained; say what it is, such as variant=lnoo_tnoo task=wikiann "
            "backbone=xlmr_base languages=[en,sw], and where its language adapters are (language_adapters.source=...)"
        )
    config = compose_config(overrides)
    check(config)
    if config.stage is not Stage.task or not config.variant.has_task_adapter:
        raise UserError(f"variant={config.variant.name} stage={config.stage.value} has no task adapter; choose another")
    if not (folder / adapter_hub.HEAD_FILE).exists():
        raise UserError(
            f"{folder} has no head ({adapter_hub.HEAD_FILE}), so it predicts nothing; with `adapters`, "
            "save_adapter(DIR, NAME, with_head=True) saves both"
        )
    languages = list(dict.fromkeys(config.languages)) if config.languages is not None else config.evaluated_languages
    mixtures = library.mixtures(config, languages, list(dict.fromkeys([*config.evaluated_languages, *languages])))
    adapters = library.adapters_in(config, mixtures)
    if missing := [adapter for adapter in adapters if not adapter.exists]:
        codes = ", ".join(adapter.name for adapter in missing)
        raise UserError(
            f"no adapter for {codes} ({missing[0].kind.value}): {missing[0].location or 'no id on the Hub'} is missing; "
            "language_adapters.source=local language_adapters.root=DIR reads a folder per language"
        )
    inputs = _inputs(config, languages, adapters, folder)
    parts = (str(config.backbone.name), config.task.name, config.variant.name)
    runs = Path(config.paths.runs, *parts, f"elsewhere-{inputs['task-adapter'][:8]}")
    return Subject(config, languages, list(overrides), runs, None, folder, mixtures, adapters, inputs)


def adapter_name(folder: Path) -> str:
    """Reads the name that an adapter's file gives it, without anybody's path."""
    return str(read_json(folder / adapter_hub.FILE).get("name") or folder.resolve().name)


def _inputs(
    config: Config, languages: Sequence[str], adapters: Sequence[LanguageAdapter], task_adapter: Path | None
) -> dict[str, str]:
    """Reads and hashes all test sets and adapters, by name."""
    if not languages:
        raise UserError("languages=[] names none; name one, such as languages=[sw]")
    backbone = backbone_on_this_machine(config.backbone)
    for adapter in adapters:
        library.check_adapter(adapter, config.variant.name)
        if backbone is not None:
            check_fit(adapter, config.variant, config.domain, backbone)
    inputs = {} if task_adapter is None else {"task-adapter": folder_sha256(task_adapter, adapter_hub.FILES)}
    sets = {code: task_language(code, config.paths.config) for code in languages}
    if config.data.source != "hub":
        # Pointers and pages in place of files are named before their lines are read.
        warn_of_same_contents(chain.from_iterable(_files(config, language) for language in sets.values()))
    for code, language in sets.items():
        examples = read_examples(config.data, config.task, "test", language)
        inputs[f"test-{code}"] = examples_sha256(examples)
    inputs |= table_sha256(config)
    return inputs | {f"adapter-{adapter.name}": adapter.result_entry()["sha256"] for adapter in adapters}


def _files(config: Config, language: LanguageConfig) -> Iterator[Path]:
    """Finds the files of a language's test set and, if it has one, of its development set."""
    yield from find_examples(config.data, config.task, "test", language)
    with suppress(MissingSplitError):
        yield from find_examples(config.data, config.task, "dev", language)


def _warn_of_sets_of_the_run(run: FinishedRun, inputs: Mapping[str, str]) -> None:
    """Warns of a test set with the same examples as another set that the run trained on, selected on or was tested on."""
    names = {sha256: name for name, sha256 in run.inputs.items() if name.startswith(("train", "dev", "test-"))}
    for name, sha256 in inputs.items():
        if name.startswith("test-") and (other := names.get(sha256, name)) != name:
            warn_once(
                f"{name} has the same examples as {other}, which {run.path} read: a score on it says nothing of another set; "
                "bring the right file"
            )


def _missing_sentence(run: FinishedRun, missing: Sequence[LanguageAdapter]) -> str:
    missing = [adapter for adapter in missing if not adapter.domain] or missing
    first = missing[0]
    if first.domain:
        return missing_domain(run.config, first, "paths.adapters=DIR")
    codes = ", ".join(adapter.language for adapter in missing)
    text = f"no language adapter for {codes} ({first.kind.value}) {run.search_place}"
    if first.source is AdapterSource.hub:
        return f"{text}; name one with language_adapters.hub={{{first.language}:OWNER/NAME}}"
    text += "; paths.adapters=DIR, or language_adapters.source=local language_adapters.root=DIR, names another place"
    if first.source is AdapterSource.trained:
        text += "; to train:" + "".join(f"\n  {adapter_command(run.config, adapter.language)}" for adapter in missing)
    return text
