"""A run's directory: its name, its fingerprint, what is in it, and whether it is finished."""

import dataclasses
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import yaml

from orthoadapters.config.choices import _plain, fingerprint
from orthoadapters.config.schema import (
    Config,
    Stage,
)
from orthoadapters.errors import UserError
from orthoadapters.files import write_text

LOCK = ".lock"  # in the run directory; held by whoever trains it, with its process and sweep
SWEEP = "ORTHOADAPTERS_SWEEP"  # environment variable: the sweep that a process belongs to


class InUseError(UserError):
    """Another process has the run: a sweep does others first."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


class RunDirectory:
    """`config` decides the name, so that two runs share a directory only if they are the same run."""

    def __init__(self, config: Config) -> None:
        self.config, self.fingerprint = config, fingerprint(config)
        mlm = config.stage is Stage.mlm
        cell = f"{config.language.code}-{config.variant.language_adapter.value}" if mlm else config.variant.name
        rates = f"lr{config.optim.lr:g}" + (f"-ort{config.optim.ort_lr:g}" if config.is_orthogonal else "")
        self.name = "/".join(
            (
                str(config.backbone.name),
                "mlm" if mlm else config.task.name,
                cell,
                f"{rates}-seed{config.seed}-{self.fingerprint[:8]}",
            )
        )
        self.path = Path(config.paths.runs) / self.name
        self.result = self.path / "result.json"
        self.checkpoint = self.path / "checkpoints" / "last.ckpt"
        self.failure = self.path / "failed.txt"  # of a sweep's cell: its command, and what it said
        self.log = self.path / "log.txt"  # what a sweep's cell prints

    @property
    def finished(self) -> bool:
        return self.result.exists()

    @property
    def in_use(self) -> bool:
        """Whether a living process holds the run's lock; a dead one holds none."""
        try:
            with (self.path / LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no such file yet; or no locks here, which whoever tries to hold one is told
            return False
        return False

    def process_of(self, sweep: str) -> int | None:
        """The process that holds the lock, if it is one of this sweep's and on this machine."""
        try:
            pid, host, owner = (self.path / LOCK).read_text().split(" ")
        except (OSError, ValueError):  # ValueError: of an earlier version, or a lock that is just being taken
            return None
        return int(pid) if (host, owner) == (socket.gethostname(), sweep) and self.in_use else None

    def check_owner(self) -> None:
        """Raises UserError if the directory's config.yaml is another configuration's."""
        written = self.path / "config.yaml"
        if not written.exists():
            return
        former = (yaml.safe_load(written.read_text()) or {}).get("fingerprint")
        if former != self.fingerprint:
            raise UserError(
                f"{self.path} belongs to another configuration (fingerprint {str(former)[:8]}, this run's is "
                f"{self.fingerprint[:8]}); move it away, or choose another folder with paths.runs=DIR"
            )

    @contextmanager
    def open(self, inputs: Mapping[str, str]) -> Iterator[None]:
        """Makes the directory, writes config.yaml and inputs.json, and holds the run's lock until the block ends.

        inputs: SHA-256 of everything that is read, by name. Raises UserError if the directory belongs to another
        configuration or was started with other inputs, and InUseError if another process has it or was faster.
        """
        self.check_owner()
        (self.path / "checkpoints").mkdir(parents=True, exist_ok=True)
        with (self.path / LOCK).open("a+") as lock:
            if not _locked(lock):
                raise InUseError(
                    f"{self.path} is being trained by another process; give this command again when that one is done"
                )
            lock.truncate(0)
            lock.write(f"{os.getpid()} {socket.gethostname()} {os.environ.get(SWEEP, '')}")
            lock.flush()
            if self.finished:
                raise InUseError(
                    f"{self.path} was finished by another process meanwhile; the same command shows its scores"
                )
            read = self.path / "inputs.json"
            if read.exists() and (former := json.loads(read.read_text())) != dict(inputs):
                changed = [name for name in sorted({*former, *inputs}) if former.get(name) != inputs.get(name)]
                raise UserError(
                    f"{self.path} was started with other contents of {', '.join(changed)}; bring those back, or move the "
                    "run away to start anew"
                )
            write_text(read, json.dumps(dict(inputs), indent=2, sort_keys=True) + "\n")
            described = {"fingerprint": self.fingerprint} | _plain(dataclasses.asdict(self.config))
            write_text(self.path / "config.yaml", yaml.safe_dump(described, sort_keys=False, allow_unicode=True))
            yield


def _locked(file: TextIO) -> bool:
    """Tries three times, as another process may just be looking whether the lock is free (`in_use`).

    Raises UserError if the file system has no locks.
    """
    for _ in range(3):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)  # ours: a look takes microseconds
        except OSError as error:
            raise UserError(
                f"{file.name} cannot be locked ({error.strerror}), so that two processes could train the same run; give "
                "paths.runs=DIR on a file system with flock (NFS with its lock service, Lustre mounted with -o flock)"
            ) from None
        else:
            return True
    return False
