"""SLURM: a sweep's cells as jobs, which are waited for by their results and by the queue.

submitit waits by the cluster's accounts (sacct). Where a cluster keeps none, a job that is cancelled before it starts would be
waited for without end, with four lines on the terminal at each look. Where it keeps some, one lost job would end the round of
all others.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

# ours: seconds between two looks for results, which are files
WAIT = 1.0
# ours: seconds between two looks at the queue, which many sweeps may ask at once
EVERY = 30.0
# ours: seconds until the result of a job that has left the queue can be seen over a shared file system
GRACE = 30.0
# The states of a job that will not run again, in the words of squeue, which forgets a job after the cluster's MinJobAge.
ABSENCE = "gone from the queue"
FINAL = {ABSENCE, *"BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY TIMEOUT".split()}
# The exit code of a cell whose job is lost: it was stopped, from outside.
STOP = 143
# The arguments of sbatch that submitit names alike on all clusters.
COMMON = set("timeout_min cpus_per_task gpus_per_node tasks_per_node mem_gb nodes name stderr_to_stdout".split())


class SlurmLauncher:
    """Hydra's SLURM launcher with a wait of its own. launcher: Hydra's, which makes the jobs and runs in them."""

    def __init__(self, launcher: Any) -> None:
        self.launcher = launcher

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        """Submits the cells as one array of jobs, and waits for their exit codes."""
        import submitit
        from hydra.core.singleton import Singleton

        parameters = dict(self.launcher.params)
        executor = submitit.AutoExecutor(
            parameters.pop("submitit_folder"),
            cluster="slurm",
            slurm_max_num_timeout=parameters.pop("max_num_timeout"),
        )
        executor.update_parameters(
            **{key if key in COMMON else f"slurm_{key}": value for key, value in parameters.items()}
        )
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        count = len(job_overrides)
        jobs = executor.map_array(
            self.launcher,
            [list(overrides) for overrides in job_overrides],
            ["hydra.sweep.dir"] * count,
            numbers,
            [f"job_id_for_{number}" for number in numbers],
            [Singleton.get_state()] * count,
        )
        return [SimpleNamespace(return_value=code) for code in exit_codes(jobs, Queue())]


def exit_codes(
    jobs: Sequence[Any],
    queue: Callable[[], Mapping[str, str] | None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[int]:
    """Waits for submitit's jobs; returns their exit codes in that order, STOP for one that ends without a result.

    queue: reads the states of the account's jobs by their ids; None if it cannot be read now.
    """
    codes: dict[str, int] = {}
    ends: dict[str, float] = {}
    look = clock()
    while True:
        for job in jobs:
            if job.job_id not in codes and job.paths.result_pickle.exists():
                codes[job.job_id] = _exit_code(job)
        open_ids = [job.job_id for job in jobs if job.job_id not in codes]
        if not open_ids:
            return [codes[job.job_id] for job in jobs]
        if clock() - look >= EVERY:
            states, look = queue(), clock()
            for number in [] if states is None else open_ids:
                state = (states or {}).get(number, ABSENCE)
                if state not in FINAL:
                    ends.pop(number, None)
                elif look - ends.setdefault(number, look) >= GRACE:
                    print(f"SLURM's job {number} ended without a result ({state})", file=sys.stderr)
                    codes[number] = STOP
        sleep(WAIT)


def _exit_code(job: Any) -> int:
    """Reads the result of a job that has one; says in a sentence why it has no exit code."""
    error = job.exception()
    if error is None:
        return int(job.result().return_value)
    lines = [line for line in str(error).splitlines() if line.strip(" -")]
    why = next((line for line in reversed(lines) if "Error" in line), lines[0])
    print(f"SLURM's job {job.job_id} failed: {why}; its output is {job.paths.stdout}", file=sys.stderr)
    return 1


class Queue:
    """SLURM's queue, as squeue shows it. That it does not answer is said once."""

    def __init__(self) -> None:
        self.has_said = False

    def __call__(self) -> dict[str, str] | None:
        """Reads the states of this account's jobs by their ids; None if squeue does not answer."""
        command = ["squeue", "--me", "--noheader", "--array", "--states=all", "--format=%i %T"]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode == 0:
            return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines() if line.strip())
        if not self.has_said:
            why = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
            print(f"squeue does not answer ({why}); it is asked again every {EVERY:.0f} s", file=sys.stderr)
            self.has_said = True
        return None
