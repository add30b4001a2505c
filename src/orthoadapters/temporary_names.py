"""Temporary names, by which the next process knows what a killed one left, and the modes of what gets its final name."""

import glob
import hashlib
import os
import secrets
import shutil
import socket
import stat
from pathlib import Path


def temporary_path(path: Path) -> Path:
    """Returns a name beside `path` for this process alone, and removes what killed processes left under such names."""
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
    for other in path.parent.glob(f".{glob.escape(path.name)}.{host}-*"):
        pid = other.name.removeprefix(f".{path.name}.{host}-").partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)):
            shutil.rmtree(other, ignore_errors=True) if other.is_dir() else other.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{host}-{os.getpid()}-{secrets.token_hex(3)}.tmp")


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        # There, the look would end the process.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It is another account's.
        return True
    return True


def share(folder: Path) -> None:
    """Gives all that is in a new folder the mode that the umask left to the folder: safetensors lets only its owner read."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    for path in folder.rglob("*"):
        path.chmod(mode if path.is_dir() else mode & 0o666)
