"""Hydra's parser of flags on Pythons whose argparse looks at help texts at once."""

import argparse
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hydra._internal.utils import get_args_parser

from orthoadapters.commands import train
from orthoadapters.config.command_line import read_command_line
from orthoadapters.config.hydra_flags import late_help_texts


def check_at_once(parser: argparse.ArgumentParser, action: argparse.Action) -> None:
    """Looks for a % in a help text that was just given, as Python 3.14 does."""
    if action.help is not None and "%" in action.help:
        action.help % {}


@pytest.fixture
def checked_at_once() -> Iterator[None]:
    """An argparse that looks at each help text as soon as a flag is added."""

    def add(parser: argparse.ArgumentParser, *names: str, **options: Any) -> argparse.Action:
        action = plain_add(parser, *names, **options)
        parser._check_help(action)  # type: ignore[attr-defined]
        return action

    plain_add = argparse.ArgumentParser.add_argument
    with (
        patch.object(argparse.ArgumentParser, "_check_help", check_at_once, create=True),
        patch.object(argparse.ArgumentParser, "add_argument", add),
    ):
        yield


@pytest.mark.usefixtures("checked_at_once")
def test_such_an_argparse_refuses_hydras_flags_but_where_they_are_let_through() -> None:
    with pytest.raises(TypeError, match="LazyCompletionHelp"):
        get_args_parser()
    with late_help_texts():
        parser = get_args_parser()
    assert vars(argparse.ArgumentParser)["_check_help"] is check_at_once
    assert parser.parse_args(["-m", "seed=0,1"]).overrides == ["seed=0,1"]


@pytest.mark.usefixtures("checked_at_once")
def test_commands_are_read_and_completed_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_command_line(["-m", "seed=0,1"]).overrides == ["seed=0,1"]
    monkeypatch.setenv("COMP_LINE", "python train.py variant=full")
    assert train.main(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out.split() == ["variant=full_ft"]
