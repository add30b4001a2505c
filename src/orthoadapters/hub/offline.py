"""The sentences for everything that the Hugging Face Hub does not give. They name the command that fetches it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orthoadapters.config.program import shell_command
from orthoadapters.errors import UserError, first_line

FETCH = shell_command("fetch")
# The errors of httpx and aiohttp where no connection is made. Which of the two is installed depends on the Hub's client.
CLIENT_ERRORS = ("ConnectError", "ConnectTimeout", "ReadTimeout", "ReadError", "ClientConnectorError")


class NotFetchedError(UserError):
    """The error where something is needed from the Hub without a network. Its sentence ends with FETCH.

    Whoever prints it adds the overrides of the command that was given.
    """


def is_offline() -> bool:
    """Returns whether HF_HUB_OFFLINE forbids the network."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def datasets_cache() -> Path:
    """Finds the folder in which `datasets` keeps what it loaded, without importing it where nobody has yet."""
    if "datasets" in sys.modules:
        return Path(sys.modules["datasets"].config.HF_DATASETS_CACHE)
    from huggingface_hub import constants

    return Path(os.environ.get("HF_DATASETS_CACHE", f"{constants.HF_HOME}/datasets")).expanduser()


def cache_error(what: str, otherwise: str = "") -> NotFetchedError:
    """Makes the error for `what` that the cache lacks while HF_HUB_OFFLINE is set; `otherwise` as in `from_hub`."""
    return NotFetchedError(
        f"{what} is not in the local cache, and HF_HUB_OFFLINE is set; {otherwise}fetch it where there is a network, "
        f"with: {FETCH}"
    )


@contextmanager
def from_hub(what: str, otherwise: str = "") -> Iterator[None]:
    """Turns every error of getting `what` from the Hub into one sentence.

    otherwise: another way out than fetching it, put into the sentence where there is no network; empty if there is none.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except UserError:
        # Its message is a sentence already.
        raise
    except RevisionNotFoundError as error:
        raise UserError(f"{what}: the Hub's repository has no such revision; correct it, or keep conf/'s") from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{what}: the Hub has no such repository, or this account may not read it; correct the name, or log in with: "
            "hf auth login"
        ) from error
    except Exception as error:
        # The errors of the Hub's clients have no class in common.
        if is_offline() and isinstance(error, ConnectionError | FileNotFoundError | ValueError):
            raise cache_error(what, otherwise) from error
        if _is_unreachable(error):
            raise NotFetchedError(
                f"{what} is not in the local cache, and the Hub cannot be reached; {otherwise}fetch it where there is a "
                f"network (with HF_HUB_OFFLINE=1 no command waits for one), with: {FETCH}"
            ) from error
        raise UserError(f"could not load {what}: {first_line(error)}; check its name and configuration") from error


def _is_unreachable(error: BaseException | None) -> bool:
    """Returns whether an error, or one that it was raised from, says that the network does not answer."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    while error is not None:
        if isinstance(error, ConnectionError | TimeoutError | LocalEntryNotFoundError):
            return True
        if type(error).__name__ in CLIENT_ERRORS:
            return True
        error = error.__cause__ or error.__context__
    return False
