"""The start of a command that trains: its process, and the messages that it lets pass."""

import logging

from orthoadapters.own_process import start_process
from orthoadapters.printing import start_log


def start_training_command() -> None:
    """Starts the process, and lets the project's own messages pass, and of others' the warnings alone."""
    start_process()
    start_log()
    logging.getLogger("orthoadapters").setLevel(logging.INFO)
