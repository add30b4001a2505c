"""`logger=`: one place or several, W&B's own environment variables, and what W&B would refuse."""

import pytest

from orthoadapters.config.checks import check
from orthoadapters.config.command_line import check_command_line
from orthoadapters.config.compose import compose_config
from orthoadapters.config.logger import PROJECT
from orthoadapters.errors import UserError


@pytest.mark.parametrize(
    ("overrides", "places"),
    [
        ([], "csv wandb"),
        (["logger=csv"], "csv"),
        (["logger=none"], ""),
        (["logger=tensorboard"], "csv tensorboard"),
        (["logger=[csv,wandb]"], "csv wandb"),
        (["logger=[wandb,csv]"], "csv wandb"),
        (["logger=[tensorboard,wandb]"], "csv tensorboard wandb"),
        (["logger.tensorboard=true"], "csv tensorboard wandb"),
        # Earlier versions had this key alone.
        (["logger.kind=csv"], "csv"),
        (["logger.kind=none"], ""),
        (["logger=csv", "logger.kind=wandb"], "csv wandb"),
    ],
)
def test_values_are_logged_in_the_places_that_are_named(overrides: list[str], places: str) -> None:
    check_command_line(overrides)
    logger = compose_config(overrides).logger
    assert [name for name in ("csv", "tensorboard", "wandb") if getattr(logger, name)] == places.split()


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("logger=csv,wandb", r"would run everything once for each; logger=\[csv,wandb\] logs to all"),
        ("logger=null", "write logger=none"),
        ("+logger=tensorboard", "logger is there; write logger=tensorboard"),
        ("logger=[none,csv]", "none goes alone"),
        ("logger=[csv,csv]", "logger has csv twice; name it once"),
        ("logger=[csv,wadb]", "logger has no 'wadb', did you mean 'wandb'"),
        ("logger=tensorbord", "logger has no 'tensorbord', did you mean 'tensorboard'"),
    ],
)
def test_what_is_no_place_is_answered_with_the_right_form(override: str, sentence: str) -> None:
    for arguments in ([override], ["-m", override]):
        with pytest.raises(UserError, match=sentence):
            check_command_line(arguments)


def test_the_environment_gives_what_no_key_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (compose_config([]).logger.project, compose_config([]).logger.tags) == (PROJECT, None)
    for name, value in {
        "WANDB_PROJECT": "p",
        "WANDB_ENTITY": "e",
        "WANDB_RUN_GROUP": "g",
        "WANDB_TAGS": "a, b",
        "WANDB_NOTES": "why",
        "WANDB_NAME": "",
    }.items():
        monkeypatch.setenv(name, value)
    logger = compose_config([]).logger
    assert (logger.project, logger.entity, logger.group, logger.tags, logger.notes) == (
        "p",
        "e",
        "g",
        ["a", "b"],
        "why",
    )
    assert logger.name is None  # an empty variable says nothing
    logger = compose_config(["logger.project=mine", "logger.tags=[]", "logger.group=other"]).logger
    assert (logger.project, logger.tags, logger.group) == ("mine", [], "other")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("logger.project='a/b'", "logger.project='a/b' .* none of / .*; choose another name"),
        (f"logger.project={'p' * 129}", "at most 128 characters"),
        (f"logger.tags=[good,{'t' * 65}]", "'t+' has 65 characters, and W&B takes 1 to 64; shorten it"),
        ("logger.tags=['']", "'' has 0 characters"),
    ],
)
def test_what_wandb_would_refuse_is_refused_before_anything_is_read(
    override: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = ["suite=demo", "language_adapters.missing=train"]
    with pytest.raises(UserError, match=sentence):
        check(compose_config([*suite, override]))
    check(compose_config([*suite, override, "logger=tensorboard"]))
