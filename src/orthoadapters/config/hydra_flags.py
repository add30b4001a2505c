"""Hydra's own parser of flags, made so that it can be had on every Python."""

import argparse

from hydra._internal.utils import get_args_parser


def hydra_parser() -> argparse.ArgumentParser:
    """Makes the parser of Hydra's flags and the overrides.

    From Python 3.14 on, argparse looks at each help text as soon as a flag is added. Hydra 1.3 gives --shell-completion an
    object whose text is made only when it is printed, which argparse refuses then ("badly formed help string").
    """
    if not hasattr(argparse.ArgumentParser, "_check_help"):
        return get_args_parser()
    from unittest.mock import patch  # it takes a while to load, and other Pythons do without

    with patch.object(argparse.ArgumentParser, "_check_help", lambda parser, action: None):
        return get_args_parser()
