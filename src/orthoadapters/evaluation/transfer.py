"""Zero-shot transfer (paper, figure 1c): the language adapter is swapped, the task adapter and its head stay.

`transfer.under` may put something else under the task adapter than the tested language's own adapter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orthoadapters.config.schema import AdapterSource, Config, Under
from orthoadapters.data.modules import TaskData
from orthoadapters.errors import UserError
from orthoadapters.evaluation.scoring import EvaluationOutcome, evaluate
from orthoadapters.model.average import average_adapters
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import TaskHead
from orthoadapters.model.sizes import bottleneck, check_adapter_size, check_same_layers
from orthoadapters.runs.adapter_library import Mixtures, adapters_in
from orthoadapters.runs.language_adapter import LanguageAdapter

# The names in the stack (language, domain, task). A language adapter has its language's code as its name.
TASK_ADAPTER = "task"
DOMAIN_ADAPTER = "domain"


@dataclass(frozen=True)
class Stacks:
    """The stacks of one run: in each language a language adapter or none, on it a domain adapter or none, and on top of
    them the one task adapter.

    mixtures: what is under the task adapter, by choice and tested language, the run's own choice first. adapters: all
    language adapters that are read, by language; empty for variants without them. task_adapter: its name in the model;
    None where the backbone itself is trained. bottleneck, backbone_sha256, leave_out: what every language adapter must fit.
    entries: result.json's entry of each adapter below as it was before training, by its name there. domain,
    domain_bottleneck: the domain adapter, which stays when the language adapter is swapped, and its size; None without one.
    """

    mixtures: Mixtures
    adapters: Mapping[str, LanguageAdapter]
    task_adapter: str | None
    bottleneck: int
    backbone_sha256: str
    entries: dict[str, dict[str, str]]
    leave_out: tuple[int, ...] = ()
    domain: LanguageAdapter | None = None
    domain_bottleneck: int = 0

    def names(self, language: str) -> list[str]:
        """Returns the names of a stack in order: this language adapter, unless there is none or the name is "", on it the
        domain adapter, and on top the task adapter."""
        return [
            *([language] if self.adapters and language else []),
            *([DOMAIN_ADAPTER] if self.domain else []),
            *([self.task_adapter] if self.task_adapter else []),
        ]

    @property
    def choices(self) -> list[Under]:
        """The choices of what is under the task adapter, the run's own first."""
        return list(self.mixtures)

    @property
    def mean_weights(self) -> dict[str, dict[str, float]]:
        """The weights of the language adapters in each tested language's mean; empty without means."""
        return {language: dict(weights) for language, weights in self.mixtures.get(Under.mean, {}).items()}


def new_stacks(
    config: Config,
    model: AdaptedEncoder,
    mixtures: Mixtures,
    backbone_sha256: str,
    adapters: Sequence[LanguageAdapter] | None = None,
) -> Stacks:
    """Describes the stacks of a configuration on this model, with the entries of the adapters as they are now.

    mixtures: what is to be under the task adapter. adapters: all adapters below it that are read; None: those of these stacks.
    """
    adapters = adapters_in(config, mixtures) if adapters is None else adapters
    languages = {adapter.language: adapter for adapter in adapters if not adapter.domain}
    domain = next((adapter for adapter in adapters if adapter.domain), None)
    reduction = config.variant.language_reduction
    return Stacks(
        mixtures,
        languages,
        task_adapter=TASK_ADAPTER if config.variant.has_task_adapter else None,
        bottleneck=bottleneck(model, "variant.language_reduction", reduction) if languages else 0,
        backbone_sha256=backbone_sha256,
        entries={adapter.name: adapter.result_entry() for adapter in adapters},
        leave_out=tuple(config.variant.leave_out),
        domain=domain,
        domain_bottleneck=bottleneck(model, "domain.reduction", config.domain.reduction) if domain else 0,
    )


def transfer(
    model: AdaptedEncoder, head: TaskHead, stacks: Stacks, data: TaskData, under: Under
) -> Iterator[tuple[str, EvaluationOutcome, EvaluationOutcome | None]]:
    """Yields each language with its scores on test and, if it has one, its development set (paper, figure 1c)."""
    for language, test in data.tests.items():
        name = swap_in(model, stacks, language, under)
        on_test = evaluate(model, head, test, data.task.metrics)
        # The epoch was selected before this, and nothing is selected by a target language's development set.
        dev = data.target_devs.get(language) if under is stacks.choices[0] else None
        on_dev = None if dev is None else evaluate(model, head, dev, data.task.metrics)
        if name:
            model.delete_adapter(name)
        yield language, on_test, on_dev


def swap_in(model: AdaptedEncoder, stacks: Stacks, language: str, under: Under) -> str:
    """Puts under the task adapter what belongs there for a language; returns the name of what was loaded for that, or "".

    Raises UserError as `load_language_adapter`, or if an adapter's files were changed since training began.
    """
    weights = stacks.mixtures[under][language]
    name = next(iter(weights), "") if len(weights) < 2 else f"mean for {language}"
    is_new = name not in ("", *model.configs)
    if is_new and name in weights:
        _load(model, stacks, stacks.adapters[name], name)
    elif is_new:
        _load_mean(model, stacks, name, weights)
    if stacks.domain and DOMAIN_ADAPTER not in model.configs:
        _load(model, stacks, stacks.domain, DOMAIN_ADAPTER)
    model.activate(*stacks.names(name))
    return name if is_new else ""


def _load(model: AdaptedEncoder, stacks: Stacks, adapter: LanguageAdapter, name: str) -> None:
    load_language_adapter(model, adapter, stacks, name)
    if adapter.result_entry() != stacks.entries[adapter.name]:
        raise UserError(f"{adapter.location} was changed during this run; give the same command again")


def _load_mean(model: AdaptedEncoder, stacks: Stacks, name: str, weights: Mapping[str, float]) -> None:
    """Adds the mean of language adapters. All are read from their files: bf16 may have rounded one that was trained on."""
    parts = {f"{language} in the {name}": weight for language, weight in weights.items()}
    for language, part in zip(weights, parts, strict=True):
        _load(model, stacks, stacks.adapters[language], part)
    average_adapters(model, name, parts)
    for part in parts:
        model.delete_adapter(part)


def load_language_adapter(model: AdaptedEncoder, adapter: LanguageAdapter, stacks: Stacks, name: str = "") -> None:
    """Adds a language adapter or a domain adapter to the model, by default under its language's code.

    Raises UserError if it is of another language, size or layers than the run says, or was trained on other backbone weights.
    """
    adapter.check_language()
    name = model.load_adapter(adapter.path, name or adapter.language)
    config, is_trained = model.configs[name], adapter.source is AdapterSource.trained
    bottleneck = stacks.domain_bottleneck if adapter.domain else stacks.bottleneck
    key, hidden = adapter.reduction_key, model.hidden_size
    check_adapter_size(adapter.location, config.bottleneck, bottleneck, key, hidden, is_trained)
    check_same_layers(adapter.location, config.leave_out, stacks.leave_out, is_trained)
    backbone_sha256 = stacks.backbone_sha256
    training_sha256 = adapter.record().get("backbone_sha256", backbone_sha256)
    if training_sha256 != backbone_sha256:
        raise UserError(
            f"{adapter.path} was trained on a backbone with other weights ({training_sha256[:8]}, this one's are "
            f"{backbone_sha256[:8]}); name the backbones apart with backbone.name=..., and train the adapter on this one"
        )
