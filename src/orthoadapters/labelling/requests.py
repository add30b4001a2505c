"""The checks of what a program, or the command line, asks of a finished run."""

from collections.abc import Iterable, Mapping

from orthoadapters.config.names import name_problem
from orthoadapters.errors import UserError

DEVICES = ("auto", "cpu", "cuda")


def check_texts(texts: object) -> None:
    """Raises UserError if `texts` is one text, or no list of them or the like."""
    if isinstance(texts, str | bytes):
        raise UserError('label takes a list of texts; write label(["..."], ...) for a single one')
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping):
        raise UserError(f'texts={texts!r} is no list of texts; write label(["...", "..."], ...)')


def check_language(language: object, key: str = "language=", fix: str = "give one code, such as 'sw'") -> None:
    """Raises UserError if a language's code is none that could be a part of a file's name: key and code, problem, fix."""
    problem = name_problem(language) if isinstance(language, str) else "is no text"
    if problem:
        raise UserError(f"{key}{language!r} {problem}; {fix}")


def check_device(device: object) -> None:
    """Raises UserError if `device` is none of DEVICES."""
    if not isinstance(device, str) or device not in DEVICES:
        raise UserError(f"device={device!r} is none that a run can be loaded to; there are {', '.join(DEVICES)}")


def place_of(device: str) -> str:
    """Returns what PyTorch calls the device, one of DEVICES. Raises UserError if it is none of them or is not here."""
    import torch

    check_device(device)
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda: PyTorch sees no CUDA device here; choose the device cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
