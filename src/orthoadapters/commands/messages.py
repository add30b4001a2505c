"""The messages of the project that a command lets pass."""

import logging

from orthoadapters.own_process import start_process
from orthoadapters.printing import start_log


def set_up_messages() -> None:
    """Lets the project's own messages pass, and of others' the warnings alone."""
    start_process()
    start_log()
    logging.getLogger("orthoadapters").setLevel(logging.INFO)
