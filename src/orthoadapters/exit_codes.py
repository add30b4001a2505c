"""The exit code of a command, and the sentence that says why it failed."""

import sys
from collections.abc import Callable

from orthoadapters.errors import UserError, machine_sentence
from orthoadapters.own_process import check_working_directory
from orthoadapters.printing import discard_rest, print_error

# What a shell gives a process that SIGPIPE ends.
BROKEN_PIPE = 141
# What it gives one that Ctrl-C ends.
CTRL_C = 130


def exit_code_of(run: Callable[[], int | None], fix: str) -> int:
    """Calls what a command does. Says on standard error why it fails, and returns the exit code.

    fix: what to do after a disk was mended. Raises what is neither a user's mistake nor the machine's failure: a defect of the
    project.
    """
    try:
        check_working_directory()
        return run() or 0
    except UserError as error:
        print_error(error)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read has read enough.
        discard_rest()
        return BROKEN_PIPE
    except Exception as error:
        if type(error).__module__.startswith("submitit."):
            # It ends a job in this way that has met its time limit too often; the next command goes on with the cell.
            return 143
        if (sentence := machine_sentence(error, fix)) is None:
            raise
        print_error(sentence)
        return 1


def stoppable_exit_code_of(run: Callable[[], int | None], fix: str) -> int:
    """Does as `exit_code_of` for a command that Ctrl-C ends with no more than a sentence.

    What runs one cell of a sweep must not answer it: the sweep would go on with the next cell.
    """
    try:
        return exit_code_of(run, fix)
    except KeyboardInterrupt:
        print(f"stopped; {fix}", file=sys.stderr)
        return CTRL_C
