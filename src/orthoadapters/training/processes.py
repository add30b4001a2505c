"""The rank of this process among those of its run (trainer=ddp), before they are connected."""

import os

from orthoadapters.config.schema import TrainerConfig


def rank(trainer: TrainerConfig) -> int:
    """Returns this process's number, as torchrun, Lightning's launcher, SLURM or NODE_RANK give it.

    Process 0 writes the files and prints. The only process of a run is 0 whatever the environment says: the run may itself
    be one job of many.
    """
    if trainer.processes == 1:
        return 0
    if "RANK" in os.environ:
        return int(os.environ["RANK"])
    if "LOCAL_RANK" not in os.environ and has_launcher():
        return int(os.environ["SLURM_PROCID"])
    return int(os.environ.get("NODE_RANK", 0)) * trainer.devices + int(os.environ.get("LOCAL_RANK", 0))


def has_launcher() -> bool:
    """Says whether torchrun or srun started all processes; if not, the first one of each machine starts the others."""
    return "RANK" in os.environ or (int(os.environ.get("SLURM_NTASKS", 1)) > 1 and "SLURM_PROCID" in os.environ)
