"""Pickles of weights, looked into without reading a weight, so that a damaged one or one with code is said before a run.

PyTorch's own reader (`weights_only`) runs no code, and has the last word. Here the pickle's instructions alone are read.
"""

import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from orthoadapters.errors import UserError, first_line

# What a pickle of tensors may name; PyTorch's reader knows no other names, and not all of these.
NAMES = re.compile(
    r"collections\.(OrderedDict|Counter)|_codecs\.encode|(__)?builtin(s|__)\.(bytearray|set|complex)"
    r"|torch\.([A-Z]\w*|device|bool|per_\w+|[a-z]+[0-9]\w*)|torch(\.cuda)?(\.sparse)?\.\w+(Tensor|Storage)"
    r"|torch\.(storage\.\w+|_utils\._rebuild_\w+|_tensor\._rebuild_\w+)"
    r"|torch\.(nn\.parameter\.Parameter|serialization\._get_layout)"
)
# Instructions that name things in other ways, which that reader does not know.
OTHER_WAYS = ("STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4")
# The number that PyTorch before 1.6 begins its files with, pickled. Four more pickles follow: the weights are the fourth.
FORMER = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
FORMER_PICKLES = 5
# What damage raises: a changed length may ask for more memory than there is.
DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, ArithmeticError, RuntimeError, MemoryError)


def check_pickle(path: Path, fix: str) -> None:
    """Raises UserError if a file of PyTorch's is cut off or damaged, or if its pickle names more than tensors are made of."""
    try:
        with path.open("rb") as file:
            for name in _names(file):
                if not NAMES.fullmatch(name):
                    raise UserError(
                        f"{path} holds more than tensors ({name}) and is not loaded, as code is not run; {fix}"
                    )
    except DAMAGE as error:
        raise UserError(f"{path} cannot be read, it may be cut off: {first_line(error)}; {fix}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); bring it back") from None


def _names(file: IO[bytes]) -> Iterator[str]:
    """Yields what the pickles in a file name, such as torch._utils._rebuild_tensor_v2. Raises ValueError if one is broken."""
    start = file.read(len(FORMER))
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(file) as archive:
            records = [part for part in archive.namelist() if part.endswith("/data.pkl")]
            if len(records) != 1:
                raise ValueError("it has no data.pkl")
            with archive.open(records[0]) as record:
                yield from _names_in_pickle(record)
        return
    for _ in range(FORMER_PICKLES if start == FORMER else 1):
        yield from _names_in_pickle(file)
    if start != FORMER:
        raise ValueError("PyTorch wrote no such file")


def _names_in_pickle(file: IO[bytes]) -> Iterator[str]:
    """Yields the names in one pickle; of those that other instructions make, what stands last before them."""
    texts: list[str] = []
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "GLOBAL":
            yield str(argument).replace(" ", ".")
        elif operation.name in OTHER_WAYS:
            yield ".".join(texts[-2:]) + f" by {operation.name}"
        elif isinstance(argument, str):
            texts.append(argument)
