"""SLURM with one node, this machine, in a folder of its own: Debian's slurm-wlm and munge, nothing of the system's."""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "squeue", "sbatch", "srun", "scancel", "scontrol")
NONE = "SLURM is not installed, and nothing was checked; on Debian: apt-get install slurm-wlm munge"
PATIENCE = 60.0  # ours: seconds for a daemon on a busy machine
NODE = socket.gethostname().split(".")[0]
# cred_expire is what a job that is queued again waits; 120 is SLURM's own.
CONF = """
ClusterName=one
SlurmctldHost={node}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=20
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobRequeue=1
KillWait=30
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
NodeName={node} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=8000 State=UNKNOWN
PartitionName=cpu Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


def missing_program() -> str | None:
    return next((program for program in PROGRAMS if shutil.which(program) is None), None)


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Starts munge, SLURM's controller and its node, and ends them with all jobs when the block ends, however it ends.

    SLURM's programs find it by SLURM_CONF, which is set for the block.
    """
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True)
    # munge wants a socket that everybody reaches.
    for place in (folder, folder / "munge"):
        place.chmod(0o711)
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (one, other)]
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(folder=folder, node=NODE, user=getpass.getuser(), ports=ports, cores=os.cpu_count() or 1)
    )
    (folder / "munge" / "key").write_bytes(secrets.token_bytes(128))
    (folder / "munge" / "key").chmod(0o600)
    places = [f"--{name}={folder}/munge/{name.split('-')[0]}" for name in ("socket", "key-file", "pid-file")]
    places += [f"--{name}={folder}/munge/{name.split('-')[0]}" for name in ("log-file", "seed-file")]
    os.environ["SLURM_CONF"] = str(conf)
    try:
        # A temporary folder may be readable by its owner alone, which munge refuses without this flag.
        subprocess.run(["munged", "--force", "--num-threads=1", *places], check=True)
        subprocess.run(["slurmctld"], check=True)
        wait_for(lambda: ask("scontrol", "ping", check=False).startswith("Slurmctld(primary) at"), "the controller")
        subprocess.run(["slurmd"], check=True)
        wait_for(lambda: "idle" in ask("sinfo", "--noheader", "--format=%T"), "the node")
        yield
    finally:
        pids = [_pid(folder / name) for name in ("slurmd.pid", "slurmctld.pid", "munge/pid")]
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], check=False)
        try:
            wait_for(lambda: not ask("squeue", "--noheader", "--me", check=False), "the end of all jobs")
        finally:
            subprocess.run(["scontrol", "shutdown"], check=False)
            for pid in [pid for pid in pids if pid is not None]:
                _end(pid)
            del os.environ["SLURM_CONF"]


def ask(*command: str, check: bool = True) -> str:
    """Runs one of SLURM's programs and returns what it prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=check).stdout.strip()


def jobs(name: str) -> dict[str, str]:
    """Reads the states of the jobs of this name that wait or run, by their ids."""
    lines = ask("squeue", "--noheader", "--array", f"--name={name}", "--format=%i %T").splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def wait_for(look: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not look():
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.2)


def _pid(file: Path) -> int | None:
    return int(file.read_text()) if file.exists() else None


def _end(pid: int) -> None:
    """Waits for a daemon to end, and ends it if it does not."""
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, 0 if number is None else number)
            wait_for(lambda: not _lives(pid), f"the end of {pid}", 10)
            return
        except ProcessLookupError:
            return
        except AssertionError:
            continue


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


if __name__ == "__main__":
    program = missing_program()
    sys.exit(f"test-slurm: {NONE} ({program} is missing)" if program else None)
