"""A finished task run, brought back from its directory to predict with."""

import logging
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orthoadapters.config.compose import CONF, read_config
from orthoadapters.config.schema import AdapterSource, Config
from orthoadapters.errors import UserError
from orthoadapters.files import read_json
from orthoadapters.hub.offline import NotFetchedError
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.inputs import weights_sha256
from orthoadapters.runs.results import Result, read_result

if TYPE_CHECKING:  # torch takes seconds to import, and a mistyped language should be answered at once
    from orthoadapters.evaluation.transfer import Stacks
    from orthoadapters.labelling.free_text import Predictor
    from orthoadapters.model.encoder import AdaptedEncoder

log = logging.getLogger(__name__)
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class FinishedRun:
    """config: the run's own, with the places that were given for it. result: its result.json. inputs: its inputs.json."""

    path: Path
    config: Config
    result: Result
    inputs: dict[str, str]

    @property
    def swaps_languages(self) -> bool:
        return self.config.variant.has_language_adapter

    @property
    def trains_backbone(self) -> bool:
        return not self.config.variant.has_task_adapter

    def languages(self) -> Iterator[str]:
        """A line per language that can be predicted, or that was evaluated: code, and score on test or what is wrong."""
        metric = self.config.task.metrics[0]
        there = (
            [adapter.language for adapter in library.available_adapters(self.config)] if self.swaps_languages else []
        )
        for language in dict.fromkeys([*self.result.test, *there]):
            scores = self.result.test.get(language)
            shown = "not evaluated" if scores is None else f"{metric} {100 * scores[metric]:.2f} (n = {scores['n']})"
            gone = self.swaps_languages and language not in there
            yield f"{language}\t{shown}" + (f"; no adapter {self._searched_place}" if gone else "")
        if not self.swaps_languages:
            yield f"any other\tvariant={self.config.variant.name} has no language adapter; the code decides how words are split"

    def require(self, language: str) -> None:
        """Raises UserError if the language has no adapter here, or another one than was evaluated."""
        if not self.swaps_languages:
            if not (CONF / "language" / f"{language}.yaml").exists():
                log.warning(
                    "conf/language/ has no '%s': its words are split as those of no language in particular", language
                )
            return
        adapter = library.language_adapter(self.config, language)
        on_hub, trained = (adapter.source is source for source in (AdapterSource.hub, AdapterSource.trained))
        if not adapter.exists:
            there = ", ".join(a.language for a in library.available_adapters(self.config)) or "none"
            raise UserError(
                f"no language adapter for '{language}' ({adapter.kind.value}) {self._searched_place}; there: {there}"
                + ("" if on_hub else "; --adapters DIR names another place")
                + (f", and this trains one: {self._training_command(language)}" if trained else "")
            )
        used = self.result.adapters.get(language)
        if used is not None and adapter.present_sha256() not in (None, used["sha256"]):
            raise UserError(
                f"{adapter.location} is not the adapter that {self.path} was evaluated with; bring that one back "
                "(--adapters DIR), or repeat the run with the new one"
            )

    def load(self, language: str, device: str, batch_size: int | None = None) -> "Predictor":
        """The model with this language's stack, its head and its tokenizer, on `device` (one of DEVICES).

        Raises UserError if anything is missing, broken, or not what the run was trained with.
        """
        import torch

        from orthoadapters.config.compose import language_config
        from orthoadapters.data.modules import TaskData
        from orthoadapters.data.tokenizer import load_tokenizer
        from orthoadapters.evaluation.transfer import TASK_ADAPTER, swap_in
        from orthoadapters.labelling.free_text import Predictor
        from orthoadapters.model.backbone import backbone_path
        from orthoadapters.model.encoder import AdaptedEncoder
        from orthoadapters.model.saved_head import load_head

        if device == "cuda" and not torch.cuda.is_available():
            raise UserError("--device cuda: PyTorch sees no CUDA device here; use --device cpu")
        where = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        self.require(language)
        config = self.config
        try:
            pretrained = backbone_path(config)
        except NotFetchedError as error:
            raise UserError(f"{error} backbone={config.backbone.name}") from error
        tokenizer = load_tokenizer(pretrained)
        if self.trains_backbone:
            model = AdaptedEncoder.from_pretrained(str(self._part("backbone")))
        else:
            model = AdaptedEncoder.from_pretrained(pretrained, allow_pickle=config.backbone.allow_pickle)
            found, known = weights_sha256(model.backbone), self.inputs["backbone"]
            if found != known:
                raise UserError(
                    f"the backbone in {pretrained} has other weights ({found[:8]}) than {self.path} was trained on "
                    f"({known[:8]}); --backbone PATH names another place"
                )
            model.load_adapter(self._part("adapter"), TASK_ADAPTER, with_head=True)  # which head/ holds too
        head = load_head(self._part("head"), config.task, model.hidden_size)
        swap_in(model, self._stacks(model, language), language)
        task = replace(config.task, batch_size=batch_size or config.task.batch_size)
        source = language_config(config.source_language)
        data = TaskData(config.data, task, source, tokenizer, config.seed)
        return Predictor(model.eval().to(where), head.to(where), data)

    def _stacks(self, model: "AdaptedEncoder", language: str) -> "Stacks":
        """The stack of one language, as the evaluation had it."""
        from orthoadapters.evaluation.transfer import TASK_ADAPTER, Stacks

        adapters = {language: library.language_adapter(self.config, language)} if self.swaps_languages else {}
        return Stacks(
            adapters,
            task_adapter=None if self.trains_backbone else TASK_ADAPTER,
            bottleneck=model.hidden_size // self.config.variant.language_reduction,
            backbone_sha256=self.inputs["backbone"],
            entries={code: adapter.result_entry() for code, adapter in adapters.items()},
        )

    def _part(self, name: str) -> Path:
        folder = self.path / name
        if not folder.is_dir():
            raise UserError(f"{self.path} has no {name}/; restore it, or repeat the run")
        return folder

    @property
    def _searched_place(self) -> str:
        on_hub = self.config.language_adapters.source is AdapterSource.hub
        return "on the Hub, as the run names them" if on_hub else f"in {library.adapters_folder(self.config)}"

    def _training_command(self, language: str) -> str:
        backbone = self.config.backbone
        if backbone.path == "demo":
            chosen = ["suite=demo"]
        elif (CONF / "backbone" / f"{backbone.name}.yaml").exists():
            chosen = [f"backbone={backbone.name}"]
        else:
            chosen = ["backbone=local", f"backbone.path={backbone.path}"]
        chosen += [
            f"variant={self.config.variant.name}",
            f"language={language}",
            f"paths.adapters={self.config.paths.adapters}",
        ]
        return shlex.join(["python", "train.py", "stage=mlm", *chosen])


def open_run(folder: Path, adapters: str | None = None, backbone: str | None = None) -> FinishedRun:
    """Reads a task run's records. adapters, backbone: in place of its paths.adapters and backbone.path, if they were moved.

    Raises UserError if the run is not finished, is none of the task stage, or a record cannot be read.
    """
    if not folder.is_dir():
        raise UserError(f"there is no run directory {folder}; train.py prints where it writes result.json")
    if not (folder / "result.json").exists():
        raise UserError(
            f"{folder} has no result.json, so it is no finished run; give the command that started it again"
        )
    result = read_result(folder / "result.json")
    if result.task is None:
        raise UserError(f"{folder} trained a language adapter, which labels nothing; give the directory of a task run")
    config = read_config(folder / "config.yaml")
    if adapters is not None:
        source = config.language_adapters.source
        if source is AdapterSource.hub:
            raise UserError(f"{folder} has its language adapters from the Hub; leave --adapters out")
        if source is AdapterSource.local:
            config.language_adapters.root = adapters
        else:
            config.paths.adapters = adapters
    if backbone is not None:
        config.backbone.path, config.backbone.revision = backbone, None
    inputs = read_json(folder / "inputs.json", "restore it, or repeat the run")
    return FinishedRun(folder, config, result, inputs)
