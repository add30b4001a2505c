"""The installed command: orthoadapters train|report|predict|evaluate|fetch|publish ARGUMENTS, each as its script."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from orthoadapters.config.version import version_line
from orthoadapters.printing import print_error

# The module of each command; it is imported when it is asked for.
COMMANDS = {
    "train": "orthoadapters.commands.train",
    "report": "orthoadapters.commands.report",
    "predict": "orthoadapters.commands.predict",
    "evaluate": "orthoadapters.commands.evaluate",
    "fetch": "orthoadapters.fetch",
    "publish": "orthoadapters.publish",
}
HELP = """orthoadapters train     train an adapter and test it in every language: one run, or a sweep
orthoadapters report    tables, statistics and pictures of finished runs
orthoadapters predict   label raw text with a finished run
orthoadapters evaluate  score a finished run, or an adapter from elsewhere, without training
orthoadapters fetch     bring what a run reads from the Hugging Face Hub into the caches
orthoadapters publish   upload a finished run's adapter to the Hugging Face Hub

`orthoadapters COMMAND --help` explains each. eval "$(orthoadapters -sc install=bash)" completes the arguments of train."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names. Returns its exit code."""
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments), ""]
    rest = rest[:-1]
    if command in ("", "-h", "--help"):
        print(HELP)
        return 0 if command else 1
    if command == "--version":
        print(version_line())
        return 0
    if command in ("-sc", "--shell-completion"):
        return complete([command, *rest])
    if command not in COMMANDS:
        # This import stands here, as it reads Hydra's errors, and the other commands need not.
        from orthoadapters.config.messages import nearest

        names = list(COMMANDS)
        print_error(f"there is no command '{command}'{nearest(command, names)}; there are: {', '.join(names)}")
        return 1
    return int(import_module(COMMANDS[command]).main(rest))


def complete(arguments: Sequence[str]) -> int:
    """Answers a shell that completes a line: the commands, or with Hydra the arguments of train and fetch."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()
    is_query = any(argument.startswith("query=") for argument in arguments)
    if is_query and (len(words) < 2 or (len(words) == 2 and not line.endswith(" "))):
        print(" ".join(COMMANDS))
        return 0
    if is_query and words[1] not in ("train", "fetch"):
        return 0
    if is_query:
        # Hydra takes the first word alone for the command.
        os.environ["COMP_LINE"] = line.replace(f" {words[1]}", "", 1)
    return int(import_module(COMMANDS["train"]).main(arguments))
