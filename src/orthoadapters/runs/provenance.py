"""Where the numbers of a run come from."""

import importlib.metadata
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def hardware(device: torch.device, processes: int) -> str:
    """What a run computes on, in words: equal on machines whose times can be compared."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"
    together = f" each, {processes} processes" if processes > 1 else ""
    return f"{name}, {torch.get_num_threads()} threads{together}"


def provenance(
    seconds: float, wall_seconds: float, iterations: int, tokens: int, device: torch.device, processes: int,
    overrides: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """Which code, packages and hardware; `seconds` and tokens are the training's, over all restarts.

    wall_seconds: the same with scoring the development set and writing checkpoints. overrides: those of the command that
    finished the run.
    """
    return {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": bool(_git("status", "--porcelain")),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "hardware": hardware(device, processes),
        "seconds": round(seconds, 3),
        "wall_seconds": round(wall_seconds, 3),
        "steps": iterations,
        "overrides": list(overrides),
        "tokens_per_second": round(tokens / seconds, 1) if seconds else None,
    }


def commit() -> str:
    """This code's commit in words."""
    return (_git("rev-parse", "HEAD") or "unknown") + (" with changes" if _git("status", "--porcelain") else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None  # installed without its repository
    return done.stdout.strip()
