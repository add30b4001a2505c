"""Orthogonal Language and Task Adapters in Zero-Shot Cross-Lingual Transfer, arXiv:2012.06460: Eq. 2.

Shapes: B sentences, T subwords, H hidden size, L layers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from orthoadapters.loss_precision import at_least_fp32


def layer_orthogonality(x_h: Tensor, x_a: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """Computes the inner mean of Eq. 2 for one layer: cos(x_h, x_a)^2 averaged over the real tokens of the batch, a scalar.

    x_h, x_a: (B, T, H). attention_mask: (B, T), 0 or False where padded; None: every token is real.
    Computed in fp32 at least: under bf16 the cosine itself would be bf16. Autocast lowers none of these operations.
    """
    squared_BT = cosine_similarity(at_least_fp32(x_h), at_least_fp32(x_a), dim=-1).square()
    if attention_mask is None:
        return squared_BT.mean()
    mask_BT = attention_mask.to(squared_BT.dtype)
    # ours: the mean over real tokens; the paper divides by the padded T
    return (squared_BT * mask_BT).sum() / mask_BT.sum()


def layers_orthogonality(pairs: Sequence[tuple[Tensor, Tensor]], attention_mask: Tensor | None = None) -> Tensor:
    """Computes the terms of the outer sum of Eq. 2: `layer_orthogonality` of every layer, (L,)."""
    return torch.stack([layer_orthogonality(x_h, x_a, attention_mask) for x_h, x_a in pairs])


def orthogonality_loss(pairs: Sequence[tuple[Tensor, Tensor]], attention_mask: Tensor | None = None) -> Tensor:
    """Computes Eq. 2: L_ORT = sum over layers of the mean over tokens of cos(x_h, x_a)^2, a scalar.

    pairs: per layer (x_h, x_a) of the adapter that is being trained, as `AdaptedEncoder` returns them.
    """
    return layers_orthogonality(pairs, attention_mask).sum()
