"""W&B's own command line, asked whether it knows a command."""

import shlex

from click import Context
from wandb.cli.cli import cli


def check_command(command: str) -> None:
    """Lets W&B's own command line read a command, without running it."""
    program, name, *arguments = shlex.split(command)
    assert program == "wandb"
    known = cli.commands[name]
    known.make_parser(Context(known)).parse_args(arguments)
