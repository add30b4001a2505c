"""The language adapters under the task adapter when a language is tested, with weights that sum to 1.

Adapters weighted by typological closeness, without any training, are Typologically Informed Parameter Aggregation (TIPA;
Accou and Poelman 2026, arXiv:2601.16629).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from orthoadapters.config.list_checks import say_repetition
from orthoadapters.config.locations import warn_once
from orthoadapters.config.messages import nearest
from orthoadapters.config.schema import Config, Stage, TransferConfig, Under
from orthoadapters.config.train_under import check_train_under, settle_sources, settle_train_under, training_languages
from orthoadapters.errors import UserError
from orthoadapters.files import check_content, user_path

# By tested language, the weights of language adapters.
Weights = Mapping[str, Mapping[str, float]]
FORM = "write transfer.weights={qu:{tr:2,ar:1}}, or name a file of lines LANGUAGE TAB LANGUAGE TAB CLOSENESS"


def settle_transfer(config: Config) -> None:
    """Brings transfer.under into its one form: a choice, or a list of the run's own and the others in the schema's order.

    Also brings source_language and transfer.train_under into theirs. Raises UserError for anything else.
    """
    settle_sources(config)
    transfer = config.transfer
    names = [choice.value for choice in Under]
    texts = transfer.under if isinstance(transfer.under, list) else [transfer.under]
    for text in texts:
        if text not in names:
            raise UserError(
                f"transfer.under: '{text}' is none of {', '.join(names)}{nearest(str(text), names)}; write one of them, or "
                "a list such as transfer.under=[target,source]"
            )
    if not texts:
        raise UserError(f"transfer.under=[] names none; write at least one of {', '.join(names)}")
    say_repetition("transfer.under", texts)
    others = [name for name in names if name in texts[1:] and name != texts[0]]
    transfer.under = [texts[0], *others] if others else texts[0]
    settle_train_under(config)


def choices_under(config: Config) -> list[Under]:
    """Lists what is put under the task adapter, the run's own choice first.

    A variant without language adapters has nothing there, and scores no second time.
    """
    return config.transfer.choices if config.variant.has_language_adapter else [Under.target]


def check_transfer(config: Config) -> None:
    """Refuses weights that are none, weights without a mean, and a form of training that the languages do not have.

    Variants without language adapters read no such key.
    """
    check_train_under(config)
    if config.stage is Stage.mlm or not config.variant.has_language_adapter or config.transfer.weights is None:
        return
    if Under.mean not in config.transfer.choices:
        raise UserError(
            "transfer.weights is for transfer.under=mean; add mean to transfer.under, or leave the weights out"
        )
    for language in all_weights(config.transfer):
        if isinstance(config.transfer.weights, dict) and language not in config.evaluated_languages:
            warn_once(f"transfer.weights names weights for '{language}', which is not tested")


def named_languages(config: Config) -> list[str]:
    """Lists the languages whose adapters transfer.train_under and transfer.weights name."""
    others = (other for weights in all_weights(config.transfer).values() for other in weights)
    return list(dict.fromkeys([*training_languages(config), *others]))


def weights_table(transfer: TransferConfig) -> Path | None:
    """Returns the file of weights; None without one."""
    return user_path(transfer.weights, "transfer.weights") if isinstance(transfer.weights, str) else None


def all_weights(transfer: TransferConfig) -> Weights:
    """Reads transfer.weights as they are, not yet divided by their sum. Raises UserError for what is none."""
    if (path := weights_table(transfer)) is not None:
        if not path.is_file():
            raise UserError(f"transfer.weights={transfer.weights}: there is no such file; {FORM}")
        return _read_table(path, path.stat().st_mtime_ns)
    rows = {} if transfer.weights is None else transfer.weights
    if not isinstance(rows, dict) or not all(isinstance(row, dict) and row for row in rows.values()):
        raise UserError(f"transfer.weights={rows} is no mapping of languages to weights; {FORM}")
    for language, row in rows.items():
        for other, weight in row.items():
            _check_weight(weight, f"transfer.weights.{language}.{other}={weight}")
        if not sum(row.values()):
            raise UserError(f"transfer.weights.{language}: all of its weights are 0; give one of them more")
    return {
        str(language): {str(other): float(weight) for other, weight in row.items()} for language, row in rows.items()
    }


def weights_under(
    config: Config, under: Under, language: str, languages: Sequence[str], is_there: Callable[[str], bool]
) -> dict[str, float]:
    """Returns the language adapters under the task adapter with their weights w_i, which sum to 1; none under `none`.

    languages: those of the run, whose adapters `mean` takes where no weights are given. is_there: says whether a language
    has an adapter; one that is named by hand is needed either way. Raises UserError as `all_weights`, or if no adapter
    that a table names is there.
    """
    if under is Under.none or not config.variant.has_language_adapter:
        return {}
    if under is Under.source:
        return dict.fromkeys(config.source_languages, 1 / len(config.source_languages))
    row = all_weights(config.transfer).get(language) if under is Under.mean else None
    if under is Under.target or (row is None and language in config.source_languages):
        return {language: 1.0}
    is_by_hand = isinstance(config.transfer.weights, dict) and row is not None
    others = dict.fromkeys((code for code in languages if code != language), 1.0) if row is None else row
    if gaps := [code for code in others if not is_by_hand and not is_there(code)]:
        warn_once(
            f"transfer.under=mean: {', '.join(gaps)} has no language adapter, and is left out of the mean for {language}"
        )
    present = {code: weight for code, weight in others.items() if weight and code not in gaps}
    if not present:
        raise UserError(
            f"transfer.under=mean: none of the languages that are to stand in for {language} has a language adapter; name "
            f"one that has, as in transfer.weights={{{language}:{{{config.source_languages[0]}:1}}}}"
        )
    return {code: weight / math.fsum(present.values()) for code, weight in present.items()}


def _check_weight(weight: Any, place: str) -> None:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
        raise UserError(f"{place} is no weight; write a number that is finite and not below 0")


@cache
def _read_table(path: Path, time: int) -> Weights:
    """Reads a file of closeness once. time: that of its last change. A language's closeness to itself is left out."""
    check_content(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8; save it as UTF-8 text") from None
    rows: dict[str, dict[str, float]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != 3:
            raise UserError(
                f"{path}, line {number}: it has {len(fields)} columns; write LANGUAGE TAB LANGUAGE TAB CLOSENESS"
            )
        language, other, text = fields
        try:
            weight = float(text)
        except ValueError:
            if number == 1:
                continue  # the names of the columns
            raise UserError(f"{path}, line {number}: '{text}' is no number; write the closeness as one") from None
        _check_weight(weight, f"{path}, line {number}: {text}")
        row = rows.setdefault(language, {})
        if other in row:
            raise UserError(
                f"{path}, line {number}: {language} and {other} stand there twice; take one of the lines out"
            )
        row[other] = weight
    rows = {language: {o: weight for o, weight in row.items() if o != language} for language, row in rows.items()}
    for language, row in rows.items():
        if row and not sum(row.values()):
            raise UserError(f"{path}: no language is close to {language} in it; give one of them more than 0")
    if not any(rows.values()):
        raise UserError(f"{path} has no line of weights; write LANGUAGE TAB LANGUAGE TAB CLOSENESS")
    return {language: row for language, row in rows.items() if row}
