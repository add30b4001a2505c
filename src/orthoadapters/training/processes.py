"""The processes of one run (trainer=ddp): how many there are and which one this is, before they have met."""

import os

from orthoadapters.config.schema import TrainerConfig


def rank(trainer: TrainerConfig) -> int:
    """This process's number; 0 writes the files and speaks. Of torchrun, Lightning's launcher, SLURM, or NODE_RANK.

    A run of one process is 0 whatever the environment says: it may itself be one job of many.
    """
    if trainer.processes == 1:
        return 0
    known = os.environ
    if "RANK" in known:
        return int(known["RANK"])
    if "LOCAL_RANK" not in known and started_together():
        return int(known["SLURM_PROCID"])
    return int(known.get("NODE_RANK", 0)) * trainer.devices + int(known.get("LOCAL_RANK", 0))


def started_together() -> bool:
    """Whether torchrun or srun started all processes; otherwise the first one of each machine starts the others."""
    return "RANK" in os.environ or (int(os.environ.get("SLURM_NTASKS", 1)) > 1 and "SLURM_PROCID" in os.environ)
