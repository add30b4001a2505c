"""What is under the task adapter at test: the forms of transfer.under, weights by hand and from a file, and mistakes."""

from pathlib import Path

import pytest

from orthoadapters import UserError
from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config
from orthoadapters.config.locations import warn_once
from orthoadapters.config.schema import Config, Under
from orthoadapters.config.under import choices_under, weights_under

MEAN = ("transfer.under=mean", "task=udpos", "languages=[ar,tr,qu]")


def compose(*overrides: str) -> Config:
    return compose_config(["backbone.name=tiny", *overrides])


def weights(config: Config, language: str, there: str = "en ar tr sw", under: Under = Under.mean) -> dict[str, float]:
    return weights_under(config, under, language, config.evaluated_languages, lambda code: code in there.split())


def test_a_choice_and_a_list_of_choices_have_one_form_each() -> None:
    assert compose("transfer.under=[source]").transfer.under == "source"
    assert compose("transfer.under=[mean,none,target,none,mean]").transfer.under == ["mean", "target", "none"]
    assert choices_under(compose("transfer.under=[none,target]")) == [Under.none, Under.target]
    assert choices_under(compose("transfer.under=[none,target]", "variant=t_noo")) == [Under.target]


def test_target_source_and_none_are_one_adapter_or_no_adapter() -> None:
    config = compose(*MEAN)
    assert weights(config, "qu", "", Under.target) == {"qu": 1.0}
    assert weights(config, "qu", "", Under.source) == {"en": 1.0}
    assert weights(config, "en", "", Under.none) == weights(compose("variant=t_noo"), "en", "", Under.target) == {}


def test_a_mean_without_weights_is_of_the_runs_other_languages_that_have_an_adapter(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = compose(*MEAN)
    assert weights(config, "qu", "en ar tr qu") == pytest.approx({"en": 1 / 3, "ar": 1 / 3, "tr": 1 / 3})
    assert weights(config, "ar", "en ar tr") == {"en": 0.5, "tr": 0.5}
    assert "qu has no language adapter, and is left out of the mean for ar" in caplog.text
    assert weights(config, "en") == {"en": 1.0}


def test_weights_by_hand_are_divided_by_their_sum_and_need_their_adapters() -> None:
    config = compose(*MEAN, "transfer.weights={qu:{tr:2,ar:1,sw:0},en:{tr:1}}")
    assert weights(config, "qu", "") == pytest.approx({"tr": 2 / 3, "ar": 1 / 3})
    assert weights(config, "en") == {"tr": 1.0}
    assert weights(config, "ar") == {"en": 0.5, "tr": 0.5}


@pytest.mark.parametrize("header", ["", "language\tother\tcloseness\n"])
def test_a_table_of_closeness_gives_weights_to_those_that_have_an_adapter(
    header: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = tmp_path / "closeness.tsv"
    warn_once.cache_clear()
    table.write_text(f"{header}qu\ttr\t0.6\n\nqu\tsw\t0.2\nqu\tay\t0.9\nqu\tqu\t1\nxx\ten\t1\n")
    config = compose(*MEAN, f"transfer.weights={table}")
    check(config)
    assert weights(config, "qu") == pytest.approx({"tr": 0.75, "sw": 0.25})
    assert "ay has no language adapter, and is left out of the mean for qu" in caplog.text


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["transfer.under=targt"],
            "transfer.under: 'targt' is none of target, source, none, mean, did you mean 'target'?",
        ),
        (["transfer.under=[]"], r"transfer.under=\[\] names none"),
        (["transfer.under=null"], "transfer.under: 'None' is none of target"),
        (["transfer.weights={qu:{tr:1}}"], "transfer.weights is for transfer.under=mean; add mean"),
        ([*MEAN, "transfer.weights={qu:tr}"], "is no mapping of languages to weights; write transfer.weights="),
        ([*MEAN, "transfer.weights={qu:{}}"], "is no mapping of languages to weights"),
        ([*MEAN, "transfer.weights=3"], "is no mapping of languages to weights"),
        ([*MEAN, "transfer.weights={qu:{tr:-1}}"], "transfer.weights.qu.tr=-1 is no weight"),
        ([*MEAN, "transfer.weights={qu:{tr:nan}}"], "transfer.weights.qu.tr=nan is no weight"),
        ([*MEAN, "transfer.weights={qu:{tr:inf}}"], "transfer.weights.qu.tr=inf is no weight"),
        ([*MEAN, "transfer.weights={qu:{tr:true}}"], "transfer.weights.qu.tr=True is no weight"),
        ([*MEAN, "transfer.weights={qu:{tr:0}}"], "transfer.weights.qu: all of its weights are 0"),
        ([*MEAN, "transfer.weights=nowhere.tsv"], "transfer.weights=nowhere.tsv: there is no such file"),
    ],
)
def test_a_mistake_is_one_sentence(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose("backbone=xlmr_base", *overrides))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no line of weights"),
        ("qu\tqu\t1\n", "has no line of weights"),
        ("qu tr 1\n", "line 1: it has 1 columns"),
        ("a\tb\tc\nqu\ttr\tnear\n", "line 2: 'near' is no number"),
        ("qu\ttr\t-1\n", "line 1: -1 is no weight"),
        ("qu\ttr\tnan\n", "line 1: nan is no weight"),
        ("qu\ttr\t1\nqu\ttr\t2\n", "line 2: qu and tr stand there twice"),
        ("qu\ttr\t0\n", "no language is close to qu"),
        ("qu\ttr\t1\xe9\n".encode("latin-1").decode("latin-1"), "is no number|UTF-8|line 1"),
    ],
)
def test_a_mistake_in_a_table_is_named_with_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    table = tmp_path / "closeness.tsv"
    table.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=f"closeness.tsv.*({sentence})"):
        check(compose("backbone=xlmr_base", *MEAN, f"transfer.weights={table}"))


def test_a_mean_of_nothing_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "closeness.tsv"
    table.write_text("qu\tay\t1\n")
    with pytest.raises(
        UserError, match="none of the languages that are to stand in for qu has a language adapter; name"
    ):
        weights(compose(*MEAN, f"transfer.weights={table}"), "qu")


def test_weights_of_a_language_that_is_not_tested_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    check(compose(*MEAN, "backbone=xlmr_base", "transfer.weights={quu:{tr:1}}"))
    assert "transfer.weights names weights for 'quu', which is not tested" in caplog.text
