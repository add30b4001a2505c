"""Hydra's own parser of flags, on every Python."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def late_help_texts() -> Iterator[None]:
    """Lets Hydra make its parser of flags.

    From Python 3.14 on, argparse looks at each help text as soon as a flag is added. Hydra 1.3 gives --shell-completion an
    object whose text is made only when it is printed, and argparse refuses that ("badly formed help string"). Both are
    others' code, so that argparse's check is put aside while Hydra makes its parser, and no longer.
    """
    if not hasattr(argparse.ArgumentParser, "_check_help"):
        yield
        return
    from unittest.mock import patch  # it takes a while to load, and other Pythons do without

    with patch.object(argparse.ArgumentParser, "_check_help", lambda parser, action: None):
        yield
