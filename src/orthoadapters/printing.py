"""The printing for a person: sentences and log lines, without characters that a terminal would obey."""

import argparse
import logging
import os
import re
import sys
from typing import Any

# Control characters but tabs and line feeds, Unicode's own line ends, and what turns the direction of writing.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Writes a text as Python would write those of its characters that move the cursor, colour, or hide what stands there."""
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), str(text))


def print_error(error: object) -> None:
    """Prints an error's sentence on standard error."""
    print(f"error: {printable(error)}", file=sys.stderr)


class Parser(argparse.ArgumentParser):
    """A parser of a command's arguments whose messages repeat them without what a terminal would obey."""

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(printable(message), file)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def start_log() -> None:
    """Lets Python's logging write its warnings to standard error, each as it is. The first call in a process counts."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def discard_rest() -> None:
    """Discards what standard output still holds, as Python's own flush at exit would fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
