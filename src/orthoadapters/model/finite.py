"""The check that weights are finite: one NaN in them makes every score of a run worthless."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from orthoadapters.errors import UserError


def check_finite(tensors: Mapping[str, Tensor], file: Path | str, fix: str) -> None:
    """Raises UserError naming the first tensor with a NaN or an infinity, its file and the fix."""
    if name := first_not_finite(tensors):
        count = int((~torch.isfinite(tensors[name].float())).sum())
        raise UserError(f"{file}: tensor {name} has {count} weights that are NaN or infinite; {fix}")


def first_not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Finds the name of the first tensor with a NaN or an infinity; empty if there is none."""
    for name, tensor in tensors.items():
        # The sum reads the weights once and makes no second tensor of their size. Only where it is not finite, a closer
        # look shows whether a weight is not, or the sum alone was too large. Float32 is what all is computed in: a float64
        # beyond its range is infinite there, and of eight bits PyTorch cannot tell.
        if not torch.isfinite(tensor.float().sum()) and not torch.isfinite(tensor.float()).all():
            return name
    return ""
