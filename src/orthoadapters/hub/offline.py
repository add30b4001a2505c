"""What the Hugging Face Hub does not give, in one sentence that names the command which fetches it."""

from collections.abc import Iterator
from contextlib import contextmanager

from orthoadapters.errors import UserError, first_line

FETCH = "python -m orthoadapters.fetch"


class NotFetchedError(UserError):
    """Something is needed from the Hub, and there is no network. Ends with FETCH, which a command completes."""


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids the network."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def not_fetched(what: str, otherwise: str = "") -> NotFetchedError:
    return NotFetchedError(
        f"{what} is not in the local cache, and HF_HUB_OFFLINE is set; {otherwise}fetch it where there is a network, "
        f"with: {FETCH}"
    )


@contextmanager
def from_hub(what: str, otherwise: str = "") -> Iterator[None]:
    """Turns every way in which `what` cannot be had from the Hub into one sentence, with what to do `otherwise`."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except UserError:  # a sentence already
        raise
    except RevisionNotFoundError as error:
        raise UserError(f"{what}: the Hub's repository has no such revision; correct it, or keep conf/'s") from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{what}: the Hub has no such repository, or this account may not read it; correct the name, or log in with: "
            "hf auth login"
        ) from error
    except Exception as error:  # the exceptions of the Hub's clients have no class of their own in common
        if is_offline() and isinstance(error, ConnectionError | FileNotFoundError | ValueError):
            raise not_fetched(what, otherwise) from error
        if _unreachable(error):
            raise NotFetchedError(
                f"{what} is not in the local cache, and the Hub cannot be reached; {otherwise}fetch it where there is a "
                f"network (with HF_HUB_OFFLINE=1 no command waits for one), with: {FETCH}"
            ) from error
        raise UserError(f"could not load {what}: {first_line(error)}; check its name and configuration") from error


def _unreachable(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, is a network that does not answer."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    while error is not None:
        if isinstance(error, ConnectionError | TimeoutError | LocalEntryNotFoundError):
            return True
        if type(error).__name__ in (
            "ConnectError",
            "ConnectTimeout",
            "ReadTimeout",
            "ReadError",
            "ClientConnectorError",
        ):
            return True  # of httpx or aiohttp, whichever the installed version uses
        error = error.__cause__ or error.__context__
    return False
