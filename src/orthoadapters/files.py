"""Reads records, looks what a file is, and writes files and folders that are there whole or not at all."""

import errno
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from orthoadapters.errors import UserError, naming
from orthoadapters.file_formats import BEGINNING, encoding_of, is_tensor, packer_of
from orthoadapters.json_text import parse_json
from orthoadapters.temporary_names import share, temporary_path

# What begins as an address does: s3://bucket, file:///data.
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# A variable as a shell writes it.
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
# ours: bytes of the longest header that is read, as in the safetensors library
LONGEST_HEADER = 100_000_000
# ours: one fix for every file of weights
COPY_AGAIN = "copy it again from where it is whole, or download it again"


def read_json(path: Path, fix: str = "restore it", texts: Collection[str] = ()) -> dict[str, Any]:
    """Reads a file of one JSON object.

    texts: the fields that are text where they are there. Raises UserError with the file and the `fix` if it is missing,
    broken or another.
    """
    check_regular(path)
    try:
        record = parse_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {fix}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {fix}") from None
    except (ValueError, RecursionError) as error:
        _check_begin(path)
        raise UserError(f"{path} is not JSON ({error}); {fix}") from None
    if not isinstance(record, dict):
        raise UserError(f"{path} is not JSON with fields; {fix}")
    for name in texts:
        if not isinstance(record.get(name, ""), str):
            raise UserError(f"{path} is damaged: its field '{name}' is no text; {fix}")
    return record


def check_regular(path: Path) -> None:
    """Raises UserError for a pipe, socket or device, which would be waited for, or read without an end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{path} is no file but a pipe, socket or device; put the file itself there")


def check_content(path: Path, *, is_binary: bool = False) -> None:
    """Raises UserError if the file cannot be read, or if something lies there in its place.

    That is the pointer that Git LFS leaves where it did not bring the file, the page that a server sent instead, or UTF-16.
    is_binary: the file holds weights, so that any text in its place is a server's answer too, and a file of safetensors must
    be whole.
    """
    start = _check_begin(path, is_binary=is_binary)
    if not is_binary and (encoding := encoding_of(start)):
        raise UserError(f"{path}: the file is {encoding}; save it as UTF-8")
    if is_binary and start.strip() and all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in start):
        raise UserError(
            f"{path} holds no weights but a text, which begins {start[:60].decode()!r}; download the file again"
        )
    if is_binary and not start:
        raise UserError(f"{path} cannot be read, it is empty; {COPY_AGAIN}")
    if is_binary and path.suffix == ".safetensors":
        read_safetensors_header(path)


def _check_begin(path: Path, is_binary: bool = False) -> bytes:
    """Reads a file's beginning. Raises UserError as `check_content` does for what may lie in any file's place."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            start = file.read(BEGINNING)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); bring it back") from None
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"version https://git-lfs"):
        raise UserError(
            f"{path} is a pointer of Git LFS and not the file itself; `git lfs pull` in its folder brings the file"
        )
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"404: not found")):
        raise UserError(
            f"{path} is a web page that a download brought in place of the file; download it again (from the Hub with "
            "`hf download`, or by the address with /resolve/ in place of /blob/)"
        )
    if (packer := packer_of(start)) and not is_binary and path.suffix not in (".gz", ".xz", ".bz2", ".zip", ".zst"):
        raise UserError(f"{path} is packed with {packer}, which its name does not say; unpack it")
    return start


def read_safetensors_header(path: Path) -> dict[str, Any]:
    """Reads the names of a file's tensors, each with its `dtype` and `shape`, without reading a weight.

    Raises UserError if the file is cut off, or is no file of safetensors.
    """
    header: dict[str, Any] = {}
    why = "it does not begin as safetensors do"
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = parse_json(file.read(length).decode()) if 0 < length <= LONGEST_HEADER else {}
            actual = file.seek(0, os.SEEK_END)
        header.pop("__metadata__", None)
        size = 8 + length + max(entry["data_offsets"][1] for entry in header.values())
        if wrong := [name for name, entry in header.items() if not is_tensor(entry)]:
            why = f"its header gives {wrong[0][:60]!r} no type, shape and place that fit together"
        else:
            why = "" if size == actual else f"its header asks for {size} bytes and it has {actual}"
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); bring it back") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        pass  # the sentence is that of its beginning
    if why:
        raise UserError(f"{path} cannot be read, it may be cut off: {why}; {COPY_AGAIN}")
    return header


def user_path(text: str, name: str = "a path") -> Path:
    """Reads a path that a user wrote: a ~ at its beginning is a home folder.

    name: the key or flag that gives it. Raises UserError if it is empty or an address, if a shell's variable still stands in
    it, or if there is no such home.
    """
    if not text:
        raise UserError(f"{name} is empty, as it becomes where a shell's variable has no value; write the whole path")
    if ADDRESS.match(text):
        raise UserError(
            f"{name} is the address '{text}', and files of this machine alone are read and written; give a path"
        )
    for match in VARIABLE.finditer(text):
        if text.startswith("$") or (match[1] or match[2]) in os.environ:
            raise UserError(
                f"{name} has {match[0]} in '{text}', which no shell replaced, as in single quotes; write the whole path, or "
                "use double quotes"
            )
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"{text}: there is no home folder {text.partition('/')[0]}; write the whole path") from None


def real_path(path: str | Path) -> Path:
    """Follows all links. Of a link to itself it returns the link, for which Path.resolve raises RuntimeError."""
    return Path(os.path.realpath(path))


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 file that is there whole or not at all."""
    write_files({path: text})


def write_files(contents: Mapping[Path, str | bytes]) -> None:
    """Writes files, UTF-8 where they are text. None takes the place of a former one before all are on the disk."""
    with ExitStack() as stack:
        for path, content in contents.items():
            with stack.enter_context(_temporary_name(path)).open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                _to_disk(file)


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Yields a UTF-8 file under a temporary name; when the block ends well, flushes it to disk and renames it to `path`."""
    with _temporary_name(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file
        _to_disk(file)


def _to_disk(file: IO[Any]) -> None:
    file.flush()
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())


@contextmanager
def _temporary_name(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`, which becomes `path` when the block ends well.

    Of a pipe or a device it yields the path itself, as it is to be written into and never replaced. A link stays one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    path = real_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        with naming(path):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(folder: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yields a temporary folder that takes the name `folder`, in place of a former one, when the block ends well.

    replace: if false, it raises FileExistsError where there is one by then, whatever another process does meanwhile.
    """
    # Where it is a link, the folder that it leads to is replaced, and the link stays.
    folder = real_path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(folder)
    temporary.mkdir()
    try:
        with naming(folder):
            yield temporary
        share(temporary)
        if replace and folder.exists():
            former = temporary.with_name(f"{temporary.name}.former")
            folder.replace(former)
            temporary.replace(folder)
            shutil.rmtree(former)
        else:
            _rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename(folder: Path, name: Path) -> None:
    """Gives a folder a name in one step. Raises FileExistsError if a folder with something in it has it."""
    try:
        folder.rename(name)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(name)) from None
        raise
