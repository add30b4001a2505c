"""What is under the task adapter in training: the forms of transfer.train_under, their adapters, and mistakes."""

from pathlib import Path

import pytest

from orthoadapters import UserError
from orthoadapters.config.checks import check
from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import Config
from orthoadapters.config.train_under import training_languages
from orthoadapters.runs.adapter_library import needed_adapters


def compose(*overrides: str) -> Config:
    return compose_config(["backbone.name=tiny", "task=udpos", *overrides])


@pytest.mark.parametrize(
    ("overrides", "languages"),
    [
        ([], ["en"]),
        (["transfer=tlr_bilingual", "languages=[ar]"], ["en", "ar"]),
        (["transfer=tlr_target", "languages=[ar]"], ["ar"]),
        (["transfer=tlr_multi", "languages=[ar,tr]"], ["en", "ar", "tr"]),
        (["transfer.train_under=[qu,en,qu]", "languages=[ar]"], ["en", "qu"]),
        (["transfer=tlr_multi", "variant=t_noo"], []),
    ],
)
def test_the_languages_of_each_form(overrides: list[str], languages: list[str]) -> None:
    config = compose(*overrides)
    check(config)
    assert training_languages(config) == languages


def test_the_adapters_of_training_are_needed_before_those_of_the_test() -> None:
    config = compose("transfer.train_under=[sw,en]", "languages=[tr]")
    assert [one.language for one in needed_adapters(config)] == ["en", "sw", "tr"]
    config = compose("transfer=tlr_target", "languages=[tr]", "transfer.under=none")
    assert [one.language for one in needed_adapters(config)] == ["tr"]


def test_equal_languages_are_the_same_run_and_the_source_alone_is_the_run_without_the_key() -> None:
    plain = compose("languages=[ar]")
    assert "transfer.train_under" not in choices(plain)
    assert fingerprint(compose("languages=[ar]", "transfer.train_under=[en]")) == fingerprint(plain)
    bilingual = fingerprint(compose("languages=[ar]", "transfer=tlr_bilingual"))
    assert bilingual == fingerprint(compose("languages=[ar]", "transfer.train_under=[ar,en]")) != fingerprint(plain)
    assert bilingual != fingerprint(compose("languages=[ar]", "transfer=tlr_target"))
    orders = {fingerprint(compose("transfer=tlr_multi", f"languages={codes}")) for codes in ("[ar,tr]", "[tr,ar]")}
    assert len(orders) == 1
    one, other = compose("variant=t_noo", "transfer=tlr_multi"), compose("variant=t_noo")
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["transfer.train_under=bilingul"], "is none of source, bilingual, target, multi, did you mean 'bilingual'"),
        (["transfer.train_under=[]"], "is none of source, bilingual"),
        (
            ["transfer=tlr_bilingual", "languages=[ar,tr]"],
            r"for one target language, and languages=\[ar,tr\]; name one",
        ),
        (["transfer=tlr_target", "languages=[]"], r"for one target language, and languages=\[\]; name one"),
        (
            ["transfer=tlr_multi", "trainer.compile=true"],
            r"transfer.train_under=\[en,ar.*\]: each language adapter would",
        ),
        (["source_language=[en,tr]", "trainer.compile=true"], r"does not go with source_language=\[en,tr\]"),
        (["transfer.train_under=[en,null]"], r"transfer.train_under: '\['en', None\]' is none of source, bil"),
        (["transfer.train_under=[en,xw]"], "transfer.train_under: unknown language 'xw'"),
        (["transfer.train_under=[target,en]"], "transfer.train_under: unknown language 'target'"),
        (["source_language=[en,[tr]]"], "is no language; write its code, or a list"),
        (["variant=t_noo", "transfer.train_under=[5]"], r"transfer.train_under: '\[5\]' is none of"),
        (["variant.leave_out=[[2]]"], "variant.leave_out"),
        (["transfer.train_under=[en,../x]"], "has a / in it, and becomes a part of paths"),
    ],
)
def test_mistakes_are_named(overrides: list[str], sentence: str, backbone: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose(f"backbone.path={backbone}", "backbone.revision=null", *overrides))
