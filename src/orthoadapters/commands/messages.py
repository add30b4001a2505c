"""The messages of a command that trains: those of the project, and why a run failed, with its exit code."""

import logging
import traceback
from collections.abc import Callable

from orthoadapters.errors import UserError, machine_sentence
from orthoadapters.printing import print_error, start_log


def exit_code_of(run: Callable[[], int | None]) -> int:
    """Calls what runs something. Says on standard error why it fails, and returns the exit code."""
    try:
        return run() or 0
    except UserError as error:
        print_error(error)
        return error.exit_code
    except Exception as error:
        if type(error).__module__.startswith("submitit."):
            # It ends a job in this way that has met its time limit too often; the next command goes on with the cell.
            return 143
        if sentence := machine_sentence(error, "the same command goes on from the last checkpoint"):
            print_error(sentence)
        else:
            # This is a defect of the project, and its traceback is shown.
            traceback.print_exc()
    return 1


def set_up_messages() -> None:
    """Lets the project's own messages pass, and of others' the warnings alone."""
    start_log()
    logging.getLogger("orthoadapters").setLevel(logging.INFO)
