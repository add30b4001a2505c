"""A finished task run, read from its directory to predict with."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orthoadapters.checksums import check_sums
from orthoadapters.config.command import adapter_command
from orthoadapters.config.compose import user_folder
from orthoadapters.config.overrides import override_text
from orthoadapters.config.recorded import read_config
from orthoadapters.config.schema import AdapterSource, Config, Under
from orthoadapters.config.under import choices_under, settle_transfer
from orthoadapters.errors import UserError
from orthoadapters.files import user_path
from orthoadapters.folders import absence
from orthoadapters.hub.offline import NotFetchedError
from orthoadapters.labelling.listing import missing_domain, warn_of_words
from orthoadapters.labelling.requests import check_device, check_language, check_texts, place_of
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.inputs import backbone_files_sha256, check_backbone, read_inputs, weights_sha256
from orthoadapters.runs.language_adapter import LanguageAdapter, adapters_folder
from orthoadapters.runs.places import check_result, find_places
from orthoadapters.runs.results import Result, read_result

# PyTorch takes seconds to import, and a mistyped language should be answered at once.
if TYPE_CHECKING:
    from orthoadapters.evaluation.transfer import Stacks
    from orthoadapters.labelling.free_text import Predictor
    from orthoadapters.labelling.texts import Text
    from orthoadapters.model.encoder import AdaptedEncoder
    from orthoadapters.model.heads import TaskHead

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedRun:
    """A finished task run.

    config: its configuration, in which `open_run` may have named other folders. result: its result.json. inputs: its
    inputs.json. predictors: the one that `label` used last, by device.
    """

    path: Path
    config: Config = field(repr=False)
    result: Result = field(repr=False)
    inputs: dict[str, str] = field(repr=False)
    predictors: "dict[str, Predictor]" = field(default_factory=dict, repr=False, compare=False)

    @property
    def under(self) -> Under:
        """The run's own choice of what is under the task adapter."""
        return choices_under(self.config)[0]

    @property
    def swaps_languages(self) -> bool:
        """Says whether every language is labelled with an adapter of its own."""
        return self.config.variant.has_language_adapter and self.under is Under.target

    def mixtures(
        self, languages: Sequence[str], choices: Sequence[Under] = (), *, has_new_weights: bool = False
    ) -> library.Mixtures:
        """Returns what is under the task adapter, by choice and language; a language that the run tested has its means.

        choices: by default all of the configuration. has_new_weights: the configuration's weights are not the run's.
        """
        means = {} if has_new_weights else self.result.mean_weights
        pool = list(dict.fromkeys([*self.result.test, *languages]))
        return library.mixtures(self.config, languages, pool, choices, means)

    @property
    def trains_backbone(self) -> bool:
        """Says whether the run trained the backbone itself, without adapters."""
        return not self.config.variant.has_task_adapter

    def require(self, language: str) -> None:
        """Raises UserError if the code is none, or the language has no adapter here, or another one than was evaluated."""
        check_language(language)
        warn_of_words(self, language)
        for adapter in library.adapters_in(self.config, self.mixtures([language], [self.under])):
            self._require_adapter(adapter)

    def _require_adapter(self, adapter: LanguageAdapter) -> None:
        language = adapter.language
        if adapter.domain and not adapter.exists:
            raise UserError(missing_domain(self.config, adapter, "--adapters DIR"))
        is_on_hub, is_trained = (adapter.source is source for source in (AdapterSource.hub, AdapterSource.trained))
        if not adapter.exists:
            available = ", ".join(a.language for a in library.available_adapters(self.config)) or "none"
            raise UserError(
                f"no language adapter for '{language}' ({adapter.kind.value}) {self.search_place}; there: {available}"
                + ("" if is_on_hub else "; --adapters DIR names another place")
                + (f", and this trains one: {adapter_command(self.config, language)}" if is_trained else "")
            )
        self.check_same(adapter, "(--adapters DIR), or repeat the run with the new one")

    def check_same(self, adapter: LanguageAdapter, otherwise: str) -> None:
        """Raises UserError if an adapter is another one than the run was evaluated with. otherwise: the rest of the fix."""
        entries = self.result.adapters
        former = adapter.name in entries and library.former_sha256(self.path, entries, adapter)
        if former and adapter.present_sha256() not in (None, former):
            raise UserError(
                f"{adapter.location} is not the adapter that {self.path} was evaluated with; bring that one back {otherwise}"
            )

    def label(
        self, texts: "Sequence[Text]", language: str, *, by_spaces: bool = False, device: str = "auto"
    ) -> list[dict[str, Any]]:
        """Labels texts, and returns for each the object that predict.py --format jsonl writes.

        texts: sentences; where the task takes more than one text, tuples such as (premise, hypothesis). by_spaces: words
        are separated by spaces already, as with --pretokenized. device: one of DEVICES. The model stays loaded for the
        next call, which swaps the language adapter. Raises UserError as `load` and `label_texts` do.
        """
        from orthoadapters.evaluation.transfer import swap_in
        from orthoadapters.labelling.texts import label_texts

        check_texts(texts)
        check_device(device)
        if (predictor := self.predictors.get(device)) is None:
            predictor = self.load(language, device)
            self.predictors.clear()
            self.predictors[device] = predictor
        else:
            self.require(language)
            swap_in(predictor.model, self.stacks(predictor.model, [language]), language, self.under)
        records = label_texts(predictor, texts, language, by_spaces)
        for sentence in predictor.take_remarks():
            log.warning("%s", sentence)
        return records

    def load(self, language: str, device: str, batch_size: int | None = None) -> "Predictor":
        """Loads the model with this language's stack, its head and its tokenizer, to `device` (one of DEVICES).

        Raises UserError if anything is missing, broken, or not what the run was trained with.
        """
        from orthoadapters.config.compose import task_language
        from orthoadapters.data.modules import SCORING_SUBWORDS, TaskData
        from orthoadapters.data.tokenizer import load_tokenizer
        from orthoadapters.evaluation.transfer import swap_in
        from orthoadapters.labelling.free_text import Predictor

        place = place_of(device)
        self.require(language)
        config, folder = self.config, self.backbone_folder()
        tokenizer = load_tokenizer(folder)
        model, head = self.load_model(folder)
        swap_in(model, self.stacks(model, [language]), language, self.under)
        task = replace(config.task, batch_size=batch_size or config.task.batch_size)
        source = task_language(config.source_languages[0], config.paths.config)
        subwords = SCORING_SUBWORDS[place] if batch_size is None else 0
        data = TaskData(config.data, task, source, tokenizer, config.seed, scoring_subwords=subwords)
        splitter = task_language(language, config.paths.config).word_splitter
        return Predictor(model.eval().to(place), head.to(place), data, splitter, config.trainer.precision)

    def backbone_folder(self) -> str:
        """Finds the folder of the pretrained backbone. Raises UserError if it has to be fetched and cannot be."""
        from orthoadapters.model.backbone import backbone_path

        try:
            folder = backbone_path(self.config)
        except NotFetchedError as error:
            raise UserError(f"{error} backbone={self.config.backbone.name}") from error
        check_backbone(self.inputs, backbone_files_sha256(self.config.backbone), folder, self.path)
        return folder

    def load_model(self, folder: str) -> "tuple[AdaptedEncoder, TaskHead]":
        """Loads the backbone in `folder` with the run's task adapter, or the backbone that the run trained; and the head.

        Raises UserError if anything is missing, broken, or not what the run was trained with.
        """
        from orthoadapters.evaluation.transfer import TASK_ADAPTER
        from orthoadapters.model.encoder import AdaptedEncoder
        from orthoadapters.model.saved_head import load_head

        if self.trains_backbone:
            model = AdaptedEncoder.from_pretrained(str(self._part("backbone")))
        else:
            model = AdaptedEncoder.from_pretrained(folder, allow_pickle=self.config.backbone.allow_pickle)
            check_backbone(self.inputs, {"backbone": weights_sha256(model.backbone)}, folder, self.path)
            model.load_adapter(self._part("adapter"), TASK_ADAPTER, with_head=True)
        head = load_head(self._part("head"), self.config.task, model.hidden_size)
        check_sums(self.path, "restore it, or repeat the run", ("adapter/", "head/", "backbone/"))
        return model, head

    def stacks(self, model: "AdaptedEncoder", languages: Sequence[str]) -> "Stacks":
        """Describes the stacks of languages, as the run's own evaluation had them."""
        from orthoadapters.evaluation.transfer import new_stacks

        return new_stacks(self.config, model, self.mixtures(languages, [self.under]), self.inputs["backbone"])

    def _part(self, name: str) -> Path:
        """Finds a folder of the run. Raises UserError if it is missing."""
        folder = self.path / name
        if not folder.is_dir():
            raise UserError(f"{self.path} has no {name}/; restore it, or repeat the run")
        return folder

    @property
    def search_place(self) -> str:
        """The place where language adapters are looked for, as a sentence goes on."""
        on_hub = self.config.language_adapters.source is AdapterSource.hub
        return "on the Hub, as the run names them" if on_hub else f"in {adapters_folder(self.config)}"


def open_run(
    folder: str | Path,
    adapters: str | None = None,
    backbone: str | None = None,
    config_dir: str | None = None,
    under: str | None = None,
) -> FinishedRun:
    """Reads a task run's records.

    folder: its run directory. adapters, backbone, config_dir: folders in place of its paths.adapters, backbone.path and
    paths.config, if those were moved. under: a choice in place of its transfer.under. Raises UserError if the run is not
    finished, is none of the task stage, or a record cannot be read.
    """
    folder = user_path(str(folder))
    if not folder.is_dir():
        raise UserError(f"{absence(folder, 'folder')}; train.py prints where it writes a run's result.json")
    if not (folder / "result.json").exists():
        raise UserError(f"{folder} has no result.json, so it is no finished run; repeat the command that began it")
    result = read_result(folder / "result.json")
    if result.task is None:
        raise UserError(f"{folder} trained a language adapter, which labels nothing; give the directory of a task run")
    config = read_config(folder / "config.yaml")
    check_result(config, folder, result)
    find_places(config, folder, result)
    if adapters is not None:
        source = config.language_adapters.source
        if source is AdapterSource.hub:
            raise UserError(f"{folder} has its language adapters from the Hub; leave --adapters out")
        if source is AdapterSource.local:
            config.language_adapters.root = str(user_path(str(adapters), "adapters"))
        else:
            config.paths.adapters = str(user_path(str(adapters), "adapters"))
    if backbone is not None:
        config.backbone.path, config.backbone.revision = str(user_path(str(backbone), "backbone")), None
    if config_dir is not None:
        config.paths.config = str(user_folder([override_text("paths.config", config_dir)]))
    if under is not None:
        config.transfer.under = under
        settle_transfer(config)
    inputs = {"backbone": "", **read_inputs(folder, "restore it, or repeat the run")}
    return FinishedRun(folder, config, result, inputs)
