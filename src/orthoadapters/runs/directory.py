"""A run's directory: its name, its fingerprint, what is in it, and whether it is finished."""

import dataclasses
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import yaml

from orthoadapters import checksums
from orthoadapters.config.choices import fingerprint, plain_values
from orthoadapters.config.names import adapter_name
from orthoadapters.config.recorded import read_yaml
from orthoadapters.config.schema import Config, Stage
from orthoadapters.errors import UserError
from orthoadapters.files import read_json, write_text
from orthoadapters.folders import exists
from orthoadapters.locks import lock

# The file in the run directory that the process which trains the run holds locked; it names that process and its sweep.
LOCK = ".lock"
# The environment variable that names the sweep which a process belongs to.
SWEEP = "ORTHOADAPTERS_SWEEP"

# The files that a run writes into its directory, and commands read.
RECORD_FILES = ("result.json", "config.yaml", "inputs.json", "metrics.csv")

# Names in inputs.json that are newer than some runs, which are gone on with as if they had recorded what is there now.
NEWER_INPUTS = ("tokenizer", "config.json")


def changed_inputs(former: Mapping[str, object], inputs: Mapping[str, str]) -> list[str]:
    """Names what a run was started with other contents of. former: what is recorded. inputs: what is there now."""
    newer = {name: inputs[name] for name in NEWER_INPUTS if name in inputs}
    former = newer | dict(former)
    return [name for name in sorted({*former, *inputs}) if former.get(name) != inputs.get(name)]


class InUseError(UserError):
    """The error that another process has the run: a sweep runs other cells first."""

    # EX_TEMPFAIL of sysexits.h: try again later.
    exit_code = 75


class RunDirectory:
    """The folder of one run. `config` decides its name: two runs share a directory only if they are the same run."""

    def __init__(self, config: Config) -> None:
        self.config, self.fingerprint = config, fingerprint(config)
        # The SHA-256 of everything that the run reads, by name; known once it is open.
        self.inputs: dict[str, str] = {}
        mlm = config.stage is Stage.mlm
        subject = adapter_name(config, config.language.code) if mlm else config.variant.name
        rates = f"lr{config.optim.lr:g}" + (f"-ort{config.optim.ort_lr:g}" if config.has_ort_step else "")
        self.name = "/".join(
            (
                str(config.backbone.name),
                "mlm" if mlm else config.task.name,
                subject,
                f"{rates}-seed{config.seed}-{self.fingerprint[:8]}",
            )
        )
        self.path = Path(config.paths.runs) / self.name
        self.result = self.path / "result.json"
        self.checkpoint = self.path / "checkpoints" / "last.ckpt"
        # Only sweeps write these two: how a cell failed (its command and the end of its log), and all that it printed.
        self.failure = self.path / "failed.txt"
        self.log = self.path / "log.txt"

    @property
    def is_finished(self) -> bool:
        return exists(self.result)

    @property
    def weights(self) -> list[Path]:
        """The files of adapter, head or backbone, predictions and counts; without the card, which is edited by hand."""
        folders = [self.path / name for name in ("adapter", "head", "backbone", "predictions")]
        files = [file for folder in folders if folder.is_dir() for file in folder.iterdir() if file.is_file()]
        files += (self.path / "sentences").rglob("*.npz")
        return [file for file in files if file.suffix != ".md" and not file.name.startswith(".")]

    @property
    def records(self) -> list[Path]:
        """The records that are there when the run is about to be finished."""
        return [path for name in RECORD_FILES if (path := self.path / name).is_file() and path != self.result]

    @property
    def in_use(self) -> bool:
        """Says whether a living process holds the run's lock; a dead one holds none."""
        try:
            with (self.path / LOCK).open("r") as file:
                return not lock(file, share=True)
        except OSError:
            # There is no such file yet; or the file system has no locks, which `open` will say.
            return False

    def process_of(self, sweep: str) -> int | None:
        """Finds the process that holds the lock, if it is one of this sweep's and on this machine."""
        try:
            pid, host, owner = (self.path / LOCK).read_text().split(" ")
        except (OSError, ValueError):
            # A ValueError means that an earlier version wrote the lock, or that a process is just taking it.
            return None
        return int(pid) if (host, owner) == (socket.gethostname(), sweep) and self.in_use else None

    def check_owner(self) -> None:
        """Raises UserError if the directory's config.yaml is another configuration's."""
        path = self.path / "config.yaml"
        if not exists(path):
            return
        former = _read_fingerprint(path)
        if former != self.fingerprint:
            raise UserError(
                f"{self.path} belongs to another configuration (fingerprint {str(former)[:8]}, this run's is "
                f"{self.fingerprint[:8]}); move it away, or choose another folder with paths.runs=DIR"
            )

    def _take(self, file: TextIO) -> bool:
        """Tries three times to lock the run, as another process may just be looking whether the lock is free (`in_use`).

        Raises UserError if the file system has no locks.
        """
        try:
            for _ in range(3):
                if lock(file):
                    return True
                # ours: a look takes microseconds
                time.sleep(0.1)
        except OSError as error:
            raise UserError(
                f"{file.name} cannot be locked ({error.strerror}), so that two processes could train the same run; give "
                "paths.runs=DIR on a file system with flock (NFS with its lock service, Lustre mounted with -o flock)"
            ) from None
        return False

    @contextmanager
    def open(self, inputs: Mapping[str, str]) -> Iterator[None]:
        """Makes the directory, writes config.yaml and inputs.json, and holds the run's lock until the block ends.

        inputs: SHA-256 of everything that the run reads, by name. Raises UserError if the directory belongs to another
        configuration or was started with other inputs, and InUseError if another process has it or was faster.
        """
        self.check_owner()
        (self.path / "checkpoints").mkdir(parents=True, exist_ok=True)
        with (self.path / LOCK).open("a+") as file:
            if not self._take(file):
                raise InUseError(
                    f"{self.path} is being trained by another process; give this command again when that one is done"
                )
            file.truncate(0)
            file.write(f"{os.getpid()} {socket.gethostname()} {os.environ.get(SWEEP, '')}")
            file.flush()
            if self.is_finished:
                raise InUseError(
                    f"{self.path} was finished by another process meanwhile; the same command shows its scores"
                )
            # A run that was stopped just before its result has one, and will write another.
            (self.path / checksums.FILE).unlink(missing_ok=True)
            path = self.path / "inputs.json"
            former = read_json(path, "move the run away to start anew") if path.exists() else dict(inputs)
            if names := changed_inputs(former, inputs):
                raise UserError(
                    f"{self.path} was started with other contents of {', '.join(names)}; bring those back, or move the "
                    "run away to start anew"
                )
            write_text(path, json.dumps(dict(inputs), indent=2, sort_keys=True) + "\n")
            record = {"fingerprint": self.fingerprint} | plain_values(dataclasses.asdict(self.config))
            write_text(self.path / "config.yaml", yaml.safe_dump(record, sort_keys=False, allow_unicode=True))
            self.inputs = dict(inputs)
            yield


def _read_fingerprint(path: Path) -> str | None:
    """Reads the fingerprint in a run's config.yaml, None if it has none. Raises UserError if the file is broken."""
    record = read_yaml(path, "restore it, or move the run away")
    checksums.check_sums(path.parent, "restore it, or move the run away", (path.name,))
    return record.get("fingerprint") if isinstance(record, dict) else None
