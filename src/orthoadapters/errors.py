"""The one exception for a user's mistake: a sentence that names the thing, the place and the fix."""


class UserError(Exception):
    """Shown as its message alone, without a traceback; the command exits with its exit code."""

    exit_code = 1


class MissingSplitError(UserError):
    """A language has no such split in the data: no file of it, or no split of that name on the Hub."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without its full stop, to be put into a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
