"""The precision in which losses are computed, under bf16 too: fp32 at least."""

import torch
from torch import Tensor


def loss_dtype(dtype: torch.dtype) -> torch.dtype:
    """Returns the precision of a loss over numbers of this one: fp32, or their own where it is higher."""
    return torch.promote_types(dtype, torch.float32)


def at_least_fp32(x: Tensor) -> Tensor:
    """Returns a tensor in the precision of a loss over it."""
    return x.to(loss_dtype(x.dtype))
