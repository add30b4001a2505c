"""The precision of losses."""

import torch
from torch import Tensor


def at_least_fp32(x: Tensor) -> Tensor:
    """Returns a tensor in fp32, and in its own precision where that is higher: losses are computed so under bf16 too."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
