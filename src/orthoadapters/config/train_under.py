"""The language adapters under the task adapter while it is trained: `transfer.train_under`.

A task adapter that has met the target languages' adapters in training is "target language-ready" (TLR; Parović et al. 2023,
arXiv:2306.02767). MAD-X and the paper of this project train on the source language's adapter alone.
"""

from orthoadapters.config.list_checks import say_repetition
from orthoadapters.config.messages import nearest
from orthoadapters.config.schema import Config, Stage, TrainUnder
from orthoadapters.errors import UserError


def settle_train_under(config: Config) -> None:
    """Brings transfer.train_under into its one form: `source`, or the languages that take turns, the source first.

    So runs with the same languages are the same run, however they were named. Raises UserError for what is no such form.
    """
    value, names = config.transfer.train_under, [choice.value for choice in TrainUnder]
    if value == [] or (not isinstance(value, list) and value not in names):
        raise UserError(
            f"transfer.train_under: '{value}' is none of {', '.join(names)}{nearest(str(value), names)}; write one of them, "
            "or a list of languages such as transfer.train_under=[en,sw]"
        )
    if config.stage is Stage.mlm or not config.variant.has_language_adapter:
        return
    languages = _languages(config)
    config.transfer.train_under = TrainUnder.source.value if languages == [config.source_language] else languages


def _languages(config: Config) -> list[str]:
    value, source, targets = config.transfer.train_under, config.source_language, config.target_languages
    if isinstance(value, list):
        say_repetition("transfer.train_under", value)
        return sorted(dict.fromkeys(map(str, value)), key=lambda code: code != source)
    form = TrainUnder(value)
    if form in (TrainUnder.bilingual, TrainUnder.target) and len(targets) != 1:
        raise UserError(
            f"transfer.train_under={value} makes a task adapter for one target language, and languages="
            f"[{','.join(targets)}]; name one, such as languages=[sw], or use transfer.train_under=multi"
        )
    return [*([] if form is TrainUnder.target else [source]), *([] if form is TrainUnder.source else targets)]


def check_train_under(config: Config) -> None:
    """Refuses a compiled graph for each of several languages."""
    if config.stage is Stage.task and config.trainer.compile and len(training_languages(config)) > 1:
        raise UserError(
            f"trainer.compile=true does not go with transfer.train_under={config.transfer.train_under}: each language adapter "
            "would need a graph of its own; leave one of them out"
        )


def training_languages(config: Config) -> list[str]:
    """Lists the languages whose adapters take turns under the task adapter in training; none for variants without them.

    The first one is also under it where the source language's development set is scored: the source, if it is among them.
    """
    if not config.variant.has_language_adapter:
        return []
    value = config.transfer.train_under
    return list(value) if isinstance(value, list) else [config.source_language]
