"""Copies among the files that a run reads: by their names, beside the files of a split, and by their contents."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from orthoadapters.config.locations import warn_once

log = logging.getLogger(__name__)


def warn_of_copies(paths: Sequence[Path], folder: str) -> None:
    """Warns of a file whose name is another one's with something added: test-orig.tsv, test (1).tsv, test.tsv.bak.

    Parts of one set, such as test-0.tsv and test-1.tsv, have names of which none holds another. folder: the key that names
    the folder of the files, for the sentence.
    """
    for path in paths:
        for other in paths:
            if _is_longer(path.name.removesuffix(".gz"), other.name.removesuffix(".gz")):
                log.warning(
                    "%s stands beside %s, and both are read; if one is a copy of the other, its examples count twice: move "
                    "it out of %s",
                    path, other.name, folder,
                )  # fmt: skip
                break


def warn_of_same_contents(paths: Iterable[Path]) -> None:
    """Warns of files of one run that hold the same, byte by byte. Only those of the same size are read."""
    former: dict[tuple[int, str], Path] = {}
    sizes = {path: path.stat().st_size for path in dict.fromkeys(paths)}
    counts = Counter(sizes.values())
    for path, size in sizes.items():
        if not size or counts[size] == 1:
            continue
        with path.open("rb") as file:
            other = former.setdefault((size, hashlib.file_digest(file, "sha256").hexdigest()), path)
        if other is not path:
            warn_once(
                f"{path} has the same contents as {other}, and both are read: their examples count twice, or one stands in "
                "place of another set; bring the right file, or take the copy away"
            )


def _is_longer(name: str, other: str) -> bool:
    """Says whether a name is another one with something before it, behind it, or before its ending."""
    if (len(name), name) <= (len(other), other):
        return False
    stem = PurePath(other).stem
    before, is_inside, behind = name.partition(stem)
    if not is_inside:
        return False
    # A letter or number beside the stem makes another word, as test and testament, part-1 and part-10.
    return not (before[-1:].isalnum() or behind[:1].isalnum())
