"""Zero-shot transfer (paper, figure 1c): the language adapter is swapped, the task adapter and its head stay."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orthoadapters.config.schema import AdapterSource, Config
from orthoadapters.data.modules import TaskData
from orthoadapters.errors import UserError
from orthoadapters.evaluation.scoring import EvaluationOutcome, evaluate
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import TaskHead
from orthoadapters.model.sizes import bottleneck, check_adapter_size
from orthoadapters.runs.language_adapter import LanguageAdapter

# The task adapter's name in the stack. A language adapter has its language's code as its name.
TASK_ADAPTER = "task"


@dataclass(frozen=True)
class Stacks:
    """The stacks of one run: in each language its own adapter, and on top of it the one task adapter.

    adapters: the language adapters by language; empty for variants without them. task_adapter: its name in the model;
    None where the backbone itself is trained. bottleneck, backbone_sha256: what every language adapter must fit.
    entries: result.json's entry of each language adapter as it was before training.
    """

    adapters: Mapping[str, LanguageAdapter]
    task_adapter: str | None
    bottleneck: int
    backbone_sha256: str
    entries: dict[str, dict[str, str]]

    def names(self, language: str) -> list[str]:
        """Returns the names of a language's stack, in order; empty where the backbone itself was trained."""
        return [*([language] if self.adapters else []), *([self.task_adapter] if self.task_adapter else [])]


def new_stacks(
    config: Config, model: AdaptedEncoder, adapters: Sequence[LanguageAdapter], backbone_sha256: str
) -> Stacks:
    """Describes the stacks of a configuration on this model, with the entries of the adapters as they are now.

    adapters: a language adapter for each language that is to be scored; none for variants without them.
    """
    reduction = config.variant.language_reduction
    return Stacks(
        {adapter.language: adapter for adapter in adapters},
        task_adapter=TASK_ADAPTER if config.variant.has_task_adapter else None,
        bottleneck=bottleneck(model, "variant.language_reduction", reduction) if adapters else 0,
        backbone_sha256=backbone_sha256,
        entries={adapter.language: adapter.result_entry() for adapter in adapters},
    )


def transfer(
    model: AdaptedEncoder, head: TaskHead, stacks: Stacks, data: TaskData
) -> Iterator[tuple[str, EvaluationOutcome, EvaluationOutcome | None]]:
    """Yields each language with its scores on test and, if it has one, its development set (paper, figure 1c)."""
    for language, test in data.tests.items():
        is_new = swap_in(model, stacks, language)
        on_test = evaluate(model, head, test, data.task.metrics)
        # The epoch was selected before this, and nothing is selected by a target language's development set.
        dev = data.target_devs.get(language)
        on_dev = None if dev is None else evaluate(model, head, dev, data.task.metrics)
        if is_new:
            model.delete_adapter(language)
        yield language, on_test, on_dev


def swap_in(model: AdaptedEncoder, stacks: Stacks, language: str) -> bool:
    """Puts the language's own adapter under the task adapter, and returns whether it was loaded for that.

    Raises UserError as `load_language_adapter`, or if the adapter's files were changed since training began.
    """
    adapter = stacks.adapters.get(language)
    is_new = adapter is not None and language not in model.configs
    if adapter is not None and is_new:
        load_language_adapter(model, adapter, stacks.bottleneck, stacks.backbone_sha256)
        if adapter.result_entry() != stacks.entries.get(language, adapter.result_entry()):
            raise UserError(f"{adapter.location} was changed during this run; give the same command again")
    model.activate(*stacks.names(language))
    return is_new


def load_language_adapter(
    model: AdaptedEncoder, adapter: LanguageAdapter, bottleneck: int, backbone_sha256: str
) -> None:
    """Adds a language adapter to the model under its language's code.

    Raises UserError if it is of another language or size than the run says, or was trained on other backbone weights.
    """
    adapter.check_language()
    model.load_adapter(adapter.path, adapter.language)
    size, is_trained = model.configs[adapter.language].bottleneck, adapter.source is AdapterSource.trained
    check_adapter_size(adapter.location, size, bottleneck, model.hidden_size, is_trained)
    training_sha256 = adapter.record().get("backbone_sha256", backbone_sha256)
    if training_sha256 != backbone_sha256:
        raise UserError(
            f"{adapter.path} was trained on a backbone with other weights ({training_sha256[:8]}, this one's are "
            f"{backbone_sha256[:8]}); name the backbones apart with backbone.name=..., and train the adapter on this one"
        )
