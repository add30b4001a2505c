"""The checksums of what is written for long: SHA256SUMS in a folder, which `sha256sum --check SHA256SUMS` reads too.

A folder without that file is one of an earlier version, or from elsewhere, and is read as it is.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from orthoadapters.errors import UserError
from orthoadapters.files import check_regular, write_text

FILE = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f]+)")


def write_sums(folder: Path, files: Iterable[Path], texts: Mapping[str, str] | None = None) -> None:
    """Writes the checksums of files below a folder, whole or not at all.

    texts: the names of UTF-8 files that are written afterwards, each with its content.
    """
    sums = {file.relative_to(folder).as_posix(): _sha256(file, *stamp(file)) for file in files}
    sums |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in (texts or {}).items()}
    write_text(folder / FILE, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))


def write_sum(file: Path, content: Path) -> None:
    """Writes the checksum of one file beside it, as FILE.sha256. content: where its content lies as yet."""
    write_text(beside(file), f"{_sha256(content, *stamp(content))}  {file.name}\n")


def check_sums(folder: Path, fix: str, parts: tuple[str, ...] = ("",)) -> None:
    """Raises UserError if a file is not what was written, by the folder's checksums. parts: how names begin that are read."""
    for name, digest in _read(folder / FILE):
        if not name.startswith(parts):
            continue
        if (place := PurePosixPath(name)).is_absolute() or ".." in place.parts:
            raise UserError(f"{folder / FILE} names {name!r}, which lies outside of {folder}; bring it back")
        _check(folder / name, digest, folder / FILE, f"{fix}, or delete {FILE} if the change is meant")


def check_sum(file: Path, fix: str) -> None:
    """Raises UserError if a file is not what was written, by the checksum beside it, if there is one."""
    for name, digest in _read(beside(file)):
        if name != file.name:
            raise UserError(f"{beside(file)} is the checksum of {name}, as if both were copied or renamed; {fix}")
        _check(file, digest, beside(file), fix)


def beside(file: Path) -> Path:
    """Returns the place of the checksum of one file."""
    return file.with_name(f"{file.name}.sha256")


def _read(path: Path) -> list[tuple[str, str]]:
    """Reads the names of a file of checksums, each with its SHA-256; none if there is no such file."""
    try:
        return _parse(path, *stamp(path))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); bring it back") from None


@cache
def _parse(path: Path, *stamp: int) -> list[tuple[str, str]]:
    """Reads a file of checksums, once as long as its stamp is the same: a report asks for each language's of a run."""
    check_regular(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    matches = [_LINE.fullmatch(line) for line in lines]
    if not lines or None in matches:
        raise UserError(f"{path} is damaged: it is not as `sha256sum` writes checksums; bring it back")
    return [(match[2], match[1]) for match in matches if match]


def _check(file: Path, digest: str, sums: Path, fix: str) -> None:
    check_regular(file)
    try:
        actual = _sha256(file, *stamp(file))
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}), which {sums} names; {fix}") from None
    if actual != digest:
        raise UserError(f"{file} is damaged, or was changed since it was written: {sums} has another SHA-256; {fix}")


def stamp(file: Path) -> tuple[int, int, int]:
    """Returns what tells a file from its former contents: its times and its size. A copy may keep the first time."""
    status = file.stat()
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


@cache
def _sha256(file: Path, *stamp: int) -> str:
    """Hashes a file, once as long as its stamp is the same."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
