"""The provenance of a run's numbers: code, packages, hardware, time."""

import importlib.metadata
import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

# `hardware` alone needs PyTorch: a record's other parts are read without it.
if TYPE_CHECKING:
    import torch

PACKAGES = (
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "omegaconf",
    "transformers",
    "tokenizers",
    "datasets",
    "torchmetrics",
)


def hardware(device: "torch.device", processes: int, cells_per_gpu: int) -> str:
    """Names in words what a run computes on: the same on machines whose times can be compared.

    cells_per_gpu: how many cells of a sweep share a GPU.
    """
    # This import takes seconds elsewhere; whoever has a device has loaded it.
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"
    name += f" shared by {cells_per_gpu} cells" if device.type == "cuda" and cells_per_gpu > 1 else ""
    of_several = f" each, {processes} processes" if processes > 1 else ""
    return f"{name}, {torch.get_num_threads()} threads{of_several}"


def provenance(
    seconds: float,
    wall_seconds: float,
    iterations: int,
    tokens: int,
    device: "torch.device",
    processes: int,
    cells_per_gpu: int,
    overrides: Sequence[str],
) -> dict[str, Any]:
    """Records code, packages, hardware, time and command.

    seconds, tokens: of the training, over all restarts. wall_seconds: the same, with scoring the development set and
    writing checkpoints. overrides: those of the command that finished the run; its relative paths belong to
    working_directory, by which `runs.places` finds them again.
    """
    return {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": bool(_git("status", "--porcelain")),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "hardware": hardware(device, processes, cells_per_gpu),
        "seconds": round(seconds, 3),
        "wall_seconds": round(wall_seconds, 3),
        "steps": iterations,
        "overrides": list(overrides),
        "working_directory": str(Path.cwd()),
        "tokens_per_second": round(tokens / seconds, 1) if seconds else None,
    }


def commit() -> str:
    """Names the commit of this code, and says whether the code was changed since."""
    return (_git("rev-parse", "HEAD") or "unknown") + (" with changes" if _git("status", "--porcelain") else "")


@cache
def _git(*arguments: str) -> str | None:
    """Asks git about the folder of this code, once: what a process has loaded does not change with the folder."""
    # `git status` would lock the repository for a moment, in which a commit of the user's own fails.
    command = ["git", "--no-optional-locks", *arguments]
    try:
        process = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        # The package was installed without its repository, or there is no git.
        return None
    return process.stdout.strip()
