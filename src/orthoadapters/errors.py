"""The one exception for a user's mistake: a sentence that names the thing, the place and the fix."""


class UserError(Exception):
    """Shown as its message alone, without a traceback; the command exits with code 1."""
