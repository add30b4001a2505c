"""Hydra's parser of flags on Pythons whose argparse looks at help texts at once."""

import argparse
from typing import Any
from unittest.mock import patch

import pytest
from hydra._internal.utils import get_args_parser

from orthoadapters.config.hydra_flags import late_help_texts


def check_at_once(parser: argparse.ArgumentParser, action: argparse.Action) -> None:
    """Looks for a % in a help text that was just given, as Python 3.14 does."""
    if action.help is not None and "%" in action.help:
        action.help % {}


def test_an_argparse_that_reads_help_texts_at_once_takes_hydras_flags() -> None:
    own_check = vars(argparse.ArgumentParser).get("_check_help")

    def add(parser: argparse.ArgumentParser, *names: str, **options: Any) -> argparse.Action:
        action = plain_add(parser, *names, **options)
        parser._check_help(action)  # type: ignore[attr-defined]
        return action

    plain_add = argparse.ArgumentParser.add_argument
    with (
        patch.object(argparse.ArgumentParser, "_check_help", check_at_once, create=True),
        patch.object(argparse.ArgumentParser, "add_argument", add),
    ):
        with pytest.raises(TypeError, match="LazyCompletionHelp"):
            get_args_parser()
        with late_help_texts():
            parser = get_args_parser()
        assert vars(argparse.ArgumentParser)["_check_help"] is check_at_once
    assert vars(argparse.ArgumentParser).get("_check_help") is own_check
    options = parser.parse_args(["-m", "seed=0,1"])
    assert options.multirun
    assert options.overrides == ["seed=0,1"]
