"""Searches folders, following links, and looks whether a folder can be written."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import IO, Any

from orthoadapters.errors import UserError


def exists(path: Path) -> bool:
    """Says whether there is such a file or folder. Raises UserError where this account may not look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no name has a NUL
        return False
    except OSError as error:
        raise UserError(f"{path} cannot be looked at ({error.strerror}); mend that, or choose another folder") from None
    return True


def is_file(path: Path) -> bool:
    """Says whether there is such a file. Raises UserError where this account may not look."""
    return exists(path) and path.is_file()


def absence(path: Path, kind: str = "file") -> str:
    """Says that there is no such file (or kind="folder"), or that the other of the two has its name."""
    if not exists(path):
        return f"there is no {'' if kind == 'file' else 'folder '}{path}"
    if not path.is_file() and not path.is_dir():
        return f"{path} is no {kind} but a pipe, socket or device"
    return f"{path} is a {'folder and no file' if kind == 'file' else 'file and no folder'}"


def names_in(folder: Path) -> list[str]:
    """Lists the names in a folder, in order; none where there is no such folder. Raises UserError if it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}); mend that, or choose another folder") from None


def search(folder: Path, is_match: Callable[[str], bool], problems: list[str]) -> list[Path]:
    """Lists the files and folders below `folder` whose name matches, in order of their paths.

    Links to folders are followed. A folder that several ways lead to is searched once, so that loops end; its own name is
    preferred to that of a link. A folder that cannot be read, and a link that leads nowhere, is named in a sentence
    among the problems. Folders that vanish meanwhile are left out.
    """
    paths: list[Path] = []
    for here, names in _folders(folder, problems):
        paths += [here / name for name in names if is_match(name)]
    return sorted(paths)


def find(folder: Path, pattern: str, problems: list[str]) -> set[Path]:
    """Lists what a pattern means below `folder`, as Path.glob does, which says nothing of folders that cannot be read.

    Such a folder is named in a sentence among the problems. ** follows links, as `search` does.
    """
    places = [folder]
    for part in PurePath(pattern).parts:
        if part == "**":
            folders = [place for place in places if place.is_dir()]
            places = [
                *folders,
                *(path for one in folders for path in search(one, lambda _: True, problems) if path.is_dir()),
            ]
        elif set(part) & {"*", "?", "["}:
            places = [place / name for place in places for name in _names(place, problems) if fnmatchcase(name, part)]
        else:
            places = [place / part for place in places if exists(place / part)]
    return set(places)


def _names(folder: Path, problems: list[str]) -> list[str]:
    """Lists the names in a folder; none in what is no folder, nor in one that cannot be read, which a problem says."""
    try:
        return [entry.name for entry in os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problems.append(f"{error.filename} cannot be read ({error.strerror}): what is in it is left out")
        return []


def _folders(top: Path, problems: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """Yields every folder once, with the names in it; those behind links come last."""
    former: set[tuple[int, int]] = set()
    behind_links = [top]
    while behind_links:
        waiting = [behind_links.pop(0)]
        while waiting:
            here = waiting.pop()
            try:
                entries = sorted(os.scandir(here), key=lambda entry: entry.name)
                status = here.stat()
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    problems.append(f"{error.filename} cannot be read ({error.strerror}): what is in it is left out")
                continue
            identity = status.st_dev, status.st_ino
            if identity in former:
                continue
            former.add(identity)
            folders = [entry for entry in entries if _is_folder(entry)]
            behind_links += [Path(entry.path) for entry in folders if entry.is_symlink()]
            waiting += [Path(entry.path) for entry in reversed(folders) if not entry.is_symlink()]
            # W&B leaves links to runs that it uploaded and removed.
            if here.name != "wandb":
                problems += [
                    f"{entry.path} is a link to {Path(entry.path).readlink()}, which cannot be reached: it is left out"
                    for entry in entries
                    if entry.is_symlink() and _leads_nowhere(Path(entry.path))
                ]
            yield here, [entry.name for entry in entries]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _leads_nowhere(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return path.is_symlink()
    return False


def check_writable(folder: Path, key: str) -> None:
    """Raises UserError unless files can be written in `folder` or, where it is yet to be made, in the nearest one above.

    key: the key that names the folder, for the sentence. Nothing is left behind.
    """
    if why := obstacle(folder):
        raise UserError(f"nothing can be written to {folder}: {why}; choose another folder with {key}=DIR")


def check_new_file(path: Path, flag: str, inputs: Iterable[Path | int] = ()) -> None:
    """Raises UserError if a file cannot be written there, or would take the place of one that is read.

    flag: the one that names the file. inputs: the files that are read, by path or, if they are open, by descriptor.
    Nothing is left behind.
    """
    if path.is_dir():
        raise UserError(f"{flag} {path} is a folder; name a file")
    if any(_is_same_file(path, one) for one in inputs):
        raise UserError(f"{flag} {path} is a file that is read, and would be lost; name another file")
    if path.exists() and not path.is_file():
        # A pipe or a device is written into, whatever its folder allows.
        why = None if os.access(path, os.W_OK) else "this account may not write into it"
    else:
        why = obstacle(path if path.is_symlink() and not path.exists() else Path(os.path.realpath(path)).parent)
    if why:
        raise UserError(f"{flag} {path} cannot be written: {why}; name another file")


def check_loop(stream: IO[Any], source: Path | int) -> None:
    """Raises UserError if a stream is written into the file that is read, by path or descriptor, which would never end."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return  # one of a notebook or a test, which is no file
    if stat.S_ISREG(os.fstat(number).st_mode) and _is_same_file(number, source):
        raise UserError("standard output is the file that is read, and would grow without an end; name another file")


def _is_same_file(path: Path | int, other: Path | int) -> bool:
    """Says whether both are one file, by whatever names and links; a file that is not there is none."""
    try:
        return os.path.samefile(path, other)  # noqa: PTH121 - Path.samefile takes no descriptor
    except OSError:
        return False


def obstacle(folder: Path) -> str | None:
    """Says what keeps files from being written in a folder or, where it is yet to be made, in the nearest one above."""
    place = folder.absolute()
    while not os.path.lexists(place):
        place = place.parent
    try:
        # A file without a name shows more than the permissions do: read-only disks, quotas, servers' own rules.
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError as error:
        if _leads_nowhere(place):
            return f"{place} is a link to {place.readlink()}, which cannot be reached"
        return f"{place} is no folder" if not place.is_dir() else f"{place} cannot be written ({error.strerror})"


def check_inside(path: Path, folder: Path) -> None:
    """Raises UserError if links lead from a file in a folder to one elsewhere, whose content would be given away with it."""
    if not (place := path.resolve()).is_relative_to(folder.resolve()):
        raise UserError(
            f"{path} is a link to {place}, outside of {folder}; put the file itself there, or remove the link"
        )


def last_change(path: Path) -> float:
    """Returns when a file, or a folder or any file in it, was last changed, renamed or put there, as time.time() counts.

    A link on the way counts too, as it can be set to lead elsewhere.
    """
    way = path.absolute()
    stamps = [parent.lstat().st_ctime for parent in (way, *way.parents) if parent.is_symlink()]
    content = [file.stat().st_ctime for file in path.iterdir() if file.exists()] if path.is_dir() else []
    return max([path.stat().st_ctime, *stamps, *content])
