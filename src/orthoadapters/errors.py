"""The one exception for a user's mistake: a sentence that names the thing, the place and the fix."""


class UserError(Exception):
    """A user's mistake. Commands print its message alone, without a traceback, and exit with its exit code."""

    exit_code = 1


class MissingSplitError(UserError):
    """A language without such a split in the data: there is no file of it, or no split of that name on the Hub."""


class NotFiniteError(UserError):
    """A NaN or an infinity in training. what: the value that is not finite. iteration: the first one that has it."""

    fix = "a lower optim.lr usually mends it"

    def __init__(self, what: str, iteration: int) -> None:
        super().__init__(f"{what} at iteration {iteration}; {self.fix}")
        self.what, self.iteration = what, iteration


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message without its full stop, to be put into a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
