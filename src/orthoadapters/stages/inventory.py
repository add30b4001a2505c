"""The inventory: everything that runs will read or write is looked for before anything is read or trained.

It loads no PyTorch and fetches nothing, so that plans and sweeps look as well. `stages.reading` reads what was found.
"""

import shlex
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from orthoadapters.config.compose import compose_config, task_language
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.schema import (
    AdapterSource,
    BackboneConfig,
    Config,
    CorpusConfig,
    DataConfig,
    DomainConfig,
    LanguageConfig,
    Missing,
    Stage,
    TaskConfig,
    VariantConfig,
)
from orthoadapters.data.sources.copies import warn_of_same_contents
from orthoadapters.data.sources.read import find_examples, look_for_examples
from orthoadapters.data.sources.text import find_text, has_blocks
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Split
from orthoadapters.files import real_path
from orthoadapters.folders import check_writable
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.backbones import cached_backbone
from orthoadapters.hub.offline import NotFetchedError, is_offline
from orthoadapters.hub.vocabulary import (
    check_padding,
    check_special_tokens,
    check_tokenizer,
    check_vocabulary,
    highest_id,
)
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.language_adapter import LanguageAdapter, language_adapter, trained_adapter
from orthoadapters.stages.adapter_fit import check_fit
from orthoadapters.stages.backbone_fit import backbone_on_this_machine, look_at_layers, look_at_length, look_at_turns


class Inventory:
    """A list of what is missing for one run or several; what several runs share is looked for once.

    problems: a sentence for each thing that only the user can mend. fetches: one for each command whose data, backbone or
    adapters are still to be fetched from the Hub, while HF_HUB_OFFLINE is set. is_sweep: language adapters that are not
    trained yet are cells of their own, or awaited.
    """

    def __init__(self, is_sweep: bool = False) -> None:
        self.is_sweep = is_sweep
        self.problems: list[str] = []
        self.fetches: list[str] = []
        self._former: set[Hashable] = set()
        self._language = cache(task_language)

    def add(self, config: Config, run: RunDirectory, overrides: Sequence[str]) -> None:
        """Looks for everything of one run. overrides: those that gave the configuration."""
        self._add_own(config, run, overrides)
        self._add_missing_adapters(config, overrides)

    def _add_own(self, config: Config, run: RunDirectory, overrides: Sequence[str]) -> None:
        """Looks for everything of one run, but for the adapters that are not trained yet."""
        errors: list[UserError] = []

        def look(call: Callable[..., list[Path] | None], *arguments: object) -> list[Path]:
            key = (call.__name__, *map(repr, arguments))
            if key in self._former:
                return []
            self._former.add(key)
            try:
                return call(*arguments) or []
            except UserError as error:
                errors.append(error)
                return []

        look(check_writable, run.path, "paths.runs")
        folder = Path(config.paths.cache)
        if self.is_sweep and not (folder / "multirun").is_dir():
            # Hydra keeps its own record of a multirun there.
            look(check_writable, folder / "multirun", "paths.cache")
        is_mlm = config.stage is Stage.mlm
        key, length = (
            ("mlm.block_length", config.mlm.block_length) if is_mlm else ("task.max_length", config.task.max_length)
        )
        look(_look_for_backbone, config.backbone, folder)
        look(look_at_length, config.backbone, key, length)
        look(look_at_layers, config.backbone, config.variant)
        if config.unfreeze.per is not None:
            look(look_at_turns, config)
        if is_mlm:
            target = trained_adapter(config).location
            self.problems += filter(None, [adapter_hub.lack_of_config(Path(target))])
            look(check_writable, real_path(target).parent, "paths.adapters")
            count = config.trainer.max_iterations * config.mlm.batch_size + config.mlm.dev_blocks
            blocks = f"{config.mlm.block_length}x{count}"
            look(_look_for_text, config.corpus, config.language, config.seed, blocks, folder)
        else:
            files: list[Path] = []
            for code, split, is_optional in sets_of(config):
                language = self._language(code, config.paths.config)
                files += look(_look_for_examples, config.data, config.task, split, language, is_optional)
            if config.data.source != "hub":
                warn_of_same_contents(files)
        for adapter in library.needed_adapters(config):
            if adapter.exists:
                below = language_adapter(config, adapter.language)
                look(_look_at_adapter, adapter, config.variant, config.domain, config.backbone, below)
        on_hub = [error for error in errors if isinstance(error, NotFetchedError)]
        text_key = "domain.root" if config.trains_domain else "corpus.root"
        self.problems += [str(error).replace("corpus.root", text_key) for error in errors if error not in on_hub]
        self.fetches += [f"{error} {shlex.join(overrides)}" for error in on_hub[:1]]  # one command fetches all of them

    def _add_missing_adapters(self, config: Config, overrides: Sequence[str]) -> None:
        missing = library.missing_adapters(config)
        if not missing or (self.is_sweep and missing[0].source is AdapterSource.trained):
            return
        if config.language_adapters.missing is Missing.train:
            for adapter in missing:
                training = library.training_overrides(overrides, adapter)
                try:
                    config_of_training = compose_config(training)
                except UserError as error:  # such as corpus.root, which the task run itself does not read
                    self.problems.append(str(error))
                    return
                # A domain adapter's language adapter is trained before it.
                self._add_own(config_of_training, RunDirectory(config_of_training), training)
        elif not config.plan or missing[0].source is not AdapterSource.trained:
            self.problems.append(library.missing_sentence(config, overrides, missing))


def check_inventory(config: Config, run: RunDirectory, overrides: Sequence[str]) -> None:
    """Raises UserError naming everything that a run would read or write and that is not there."""
    inventory = Inventory()
    inventory.add(config, run, overrides)
    raise_all([*inventory.problems, *inventory.fetches])


def check_plan(config: Config, run: RunDirectory, overrides: Sequence[str]) -> None:
    """Does so for a run that is only planned. What is to be fetched first is said, and no error: a plan needs no network."""
    inventory = Inventory()
    inventory.add(config, run, overrides)
    say_fetches(inventory)
    raise_all(inventory.problems)


def say_fetches(inventory: Inventory) -> None:
    """Prints what a plan's runs would have to fetch first."""
    for sentence in dict.fromkeys(inventory.fetches):
        print(f"missing: {sentence}", file=sys.stderr)


def raise_all(problems: Sequence[str]) -> None:
    """Raises UserError with all of these sentences, if there is one."""
    if problems:
        raise UserError("\nerror: ".join(dict.fromkeys(problems)))


def _look_for_backbone(backbone: BackboneConfig, cache: Path) -> None:
    if backbone.path == DEMO:
        if not any(cache.glob("demo-backbone-*/")):
            check_writable(cache, "paths.cache")
        return
    folder = cached_backbone(backbone.path, backbone.revision, backbone.allow_pickle)
    if folder is None:
        return
    check_tokenizer(folder)
    if (highest := highest_id(folder)) is not None:
        check_vocabulary(folder, highest)
        check_padding(folder)
    check_special_tokens(folder)


def sets_of(config: Config) -> Iterator[tuple[str, Split, bool]]:
    """Yields the sets that a task run reads: the language, the split, and whether the language may be without it."""
    for code in config.evaluated_languages:
        is_source = code in config.source_languages
        splits: tuple[Split, ...] = ("train", "dev", "test") if is_source else ("test", "dev")
        yield from ((code, split, split == "dev" and not is_source) for split in splits)


def data_files(config: Config) -> list[Path]:
    """Lists the files of the sets that a task run reads, as far as they are still there."""
    files: list[Path] = []
    for code, split, _ in sets_of(config):
        with suppress(UserError):
            files += find_examples(config.data, config.task, split, task_language(code, config.paths.config))
    return files


def _look_for_examples(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, is_optional: bool
) -> list[Path]:
    try:
        return look_for_examples(data, task, split, language)
    except MissingSplitError:
        if not is_optional:
            raise
    return []


def _look_for_text(corpus: CorpusConfig, language: LanguageConfig, seed: int, blocks: str, cache: Path) -> None:
    """Looks for the text, and whether the cache takes the blocks that are cut from it, unless they may be there."""
    find_text(corpus, language, seed, blocks, cache)
    if not has_blocks(cache, f"{corpus.source.value}-{language.code}-seed{seed}-*-{blocks}-*.npy"):
        check_writable(cache, "paths.cache")


def _look_at_adapter(
    adapter: LanguageAdapter,
    variant: VariantConfig,
    domain: DomainConfig,
    backbone: BackboneConfig,
    below: LanguageAdapter,
) -> None:
    """Looks at an adapter's files; at those of one on the Hub only if they were fetched before.

    below: the language adapter of the adapter's language, on which a domain adapter lies.
    """
    if adapter.source is AdapterSource.hub:
        try:
            adapter_hub.fetch(adapter.location, cached_only=True)
        except UserError:
            if is_offline():
                raise
            return
    library.check_adapter(adapter, variant.name)
    adapter.check_below(below)
    if (folder := backbone_on_this_machine(backbone)) is not None:
        check_fit(adapter, variant, domain, folder)
