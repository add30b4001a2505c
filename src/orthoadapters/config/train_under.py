"""The language adapters under the task adapter while it is trained: `transfer.train_under`.

A task adapter that has met the target languages' adapters in training is "target language-ready" (TLR; Parović et al. 2023,
arXiv:2306.02767). MAD-X and the paper of this project train on the source language's adapter alone.
"""

from orthoadapters.config.list_checks import say_repetition
from orthoadapters.config.messages import nearest
from orthoadapters.config.schema import Config, Stage, TrainUnder
from orthoadapters.errors import UserError


def settle_sources(config: Config) -> None:
    """Brings source_language into its one form: a language, or a list of several in the order in which they were named.

    Raises UserError for anything else.
    """
    codes = config.source_language if isinstance(config.source_language, list) else [config.source_language]
    if not codes or not all(isinstance(code, str) and code for code in codes):
        raise UserError(
            f"source_language={config.source_language} is no language; write its code, or a list such as "
            "source_language=[en,de]"
        )
    say_repetition("source_language", codes)
    codes = list(dict.fromkeys(codes))
    config.source_language = codes[0] if len(codes) == 1 else codes


def settle_train_under(config: Config) -> None:
    """Brings transfer.train_under into its one form: `source`, or the languages that take turns, the sources first.

    So runs with the same languages are the same run, however they were named. Raises UserError for what is no such form.
    """
    value, names = config.transfer.train_under, [choice.value for choice in TrainUnder]
    is_list = isinstance(value, list) and bool(value) and all(isinstance(code, str) for code in value)
    if not is_list and not (isinstance(value, str) and value in names):
        raise UserError(
            f"transfer.train_under: '{value}' is none of {', '.join(names)}{nearest(str(value), names)}; write one of them, "
            "or a list of languages such as transfer.train_under=[en,sw]"
        )
    if config.stage is Stage.mlm or not config.variant.has_language_adapter:
        return
    languages = _languages(config)
    is_plain = value == TrainUnder.source.value or languages == config.source_languages[:1] == config.source_languages
    config.transfer.train_under = TrainUnder.source.value if is_plain else languages


def _languages(config: Config) -> list[str]:
    value, sources, targets = config.transfer.train_under, config.source_languages, config.target_languages
    if isinstance(value, list):
        say_repetition("transfer.train_under", value)
        targets = [code for code in value if code not in sources]
        return [*(code for code in sources if code in value), *sorted({*targets})]
    form = TrainUnder(value)
    if form in (TrainUnder.bilingual, TrainUnder.target) and len(targets) != 1:
        raise UserError(
            f"transfer.train_under={value} makes a task adapter for one target language, and languages="
            f"[{','.join(targets)}]; name one, such as languages=[sw], or use transfer.train_under=multi"
        )
    # The order of targets is no choice.
    return [*([] if form is TrainUnder.target else sources), *([] if form is TrainUnder.source else sorted(targets))]


def check_train_under(config: Config) -> None:
    """Refuses a compiled graph for each of several language adapters."""
    languages = training_languages(config)
    if config.stage is Stage.task and config.trainer.compile and len(languages) > 1:
        key = "transfer.train_under" if has_turns(config) else "source_language"
        raise UserError(
            f"trainer.compile=true does not go with {key}=[{','.join(languages)}]: each language adapter would need a graph of "
            "its own; leave one of them out"
        )


def training_languages(config: Config) -> list[str]:
    """Lists the languages whose adapters are under the task adapter in training; none for variants without them."""
    if not config.variant.has_language_adapter:
        return []
    return list(config.transfer.train_under) if has_turns(config) else config.source_languages


def has_turns(config: Config) -> bool:
    """Says whether transfer.train_under names other languages than the source's own."""
    return config.variant.has_language_adapter and isinstance(config.transfer.train_under, list)


def dev_stack_language(config: Config, source: str) -> str:
    """Returns the language whose adapter is under the task adapter where a source's development set is scored.

    It is the source's own, or the first of transfer.train_under if the source's is not among them.
    """
    languages = training_languages(config)
    return source if source in languages or not languages else languages[0]
