"""The losses that the orthogonality step may minimise, by name: Eq. 2, and two that go beyond the paper.

Shapes: B sentences, T subwords, N = B * T, H hidden size, F feed-forward size, d bottleneck size, L layers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from orthoadapters.errors import UserError
from orthoadapters.loss_precision import at_least_fp32
from orthoadapters.orthogonality import layers_orthogonality

# A loss of hidden vectors: the pairs and the mask of `layers_orthogonality`, and one value per layer, (L,). The optimizer of
# L_ORT minimises the sum of these values.
LayersLoss = Callable[[Sequence[tuple[Tensor, Tensor]], Tensor | None], Tensor]


@dataclass(frozen=True)
class WeightsLoss:
    """A loss of weights alone, which takes no forward pass.

    prepare: the frozen W_2 of one layer, (H, F) -> what a step needs of it, computed once. layers: the trained W_u of all
    layers, (L, H, d), and what `prepare` gave for each, stacked -> one value per layer, (L,).
    """

    prepare: Callable[[Tensor], Tensor]
    layers: Callable[[Tensor, Tensor], Tensor]


OrthogonalityLoss = LayersLoss | WeightsLoss


def layer_subspace(x_h: Tensor, x_a: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """Computes ||X_h^T X_a||_F^2 / n^2 of one layer, a scalar in 0..1, over the batch's n real tokens.

    The difference loss of Domain Separation Networks (Bousmalis et al. 2016, arXiv:1608.06019) and Adversarial Multi-task
    Learning (Liu et al. 2017, arXiv:1704.05742): the rows of X_h and X_a are tokens, the mean over tokens is taken from
    each column, and then each row gets the length 1, as Bousmalis et al. do it. It is 0 if no feature of x_h goes
    together with one of x_a over the tokens, whereas Eq. 2 compares the two vectors of each token with each other.
    Divided by n^2 (ours) it is a mean over pairs of tokens, of cos(x_h, x_h') cos(x_a, x_a'): a batch that has every
    token twice has the same value. The n pairs of a token with itself add 1/n, which small batches feel.
    x_h, x_a: (B, T, H). attention_mask: (B, T), 0 or False where padded; None: every token is real. In fp32 or more.
    """
    mask_BT = torch.ones_like(x_h[..., 0]) if attention_mask is None else attention_mask
    with _no_autocast(x_h.device):
        x_NH, y_NH = (at_least_fp32(x).flatten(0, 1) for x in (x_h, x_a))
        mask_N1 = mask_BT.to(x_NH.dtype).reshape(-1, 1)
        n = mask_N1.sum()
        x_NH, y_NH = (x - (x * mask_N1).sum(0) / n for x in (x_NH, y_NH))
        # ours: 2NH^2 operations. The same number from the two N x N products takes 4N^2H, which is less for N < H/2 alone,
        # where either is little beside the forward pass.
        product_HH = (normalize(x_NH, dim=1) * mask_N1).T @ normalize(y_NH, dim=1)
        return product_HH.square().sum() / n.square()


def layers_subspace(pairs: Sequence[tuple[Tensor, Tensor]], attention_mask: Tensor | None = None) -> Tensor:
    """Computes `layer_subspace` of every layer, (L,)."""
    return torch.stack([layer_subspace(x_h, x_a, attention_mask) for x_h, x_a in pairs])


def second_moment(w_HF: Tensor) -> Tensor:
    """Computes W_2 W_2^T / ||W_2||_F^2, (H, H): how much the layer writes in which direction; its trace is 1."""
    with _no_autocast(w_HF.device):
        w_HF = at_least_fp32(w_HF)
        return w_HF @ w_HF.T / w_HF.square().sum()


def layers_weights(up_LHd: Tensor, moments_LHH: Tensor) -> Tensor:
    """Computes ||W_u^T W_2||_F^2 / (||W_u||_F^2 ||W_2||_F^2) of every layer, (L,), in 0..1. Ours, in fp32 or more.

    What an adapter adds to the residual is a sum of W_u's columns (and b_u, the same for every token), and what the layer
    adds is one of the columns of its second feed-forward matrix W_2. The paper wants the first to be new beside the second.
    W_2's columns span all of R^H where F >= H, but they favour directions: this is the mean of cos^2 over all pairs of a
    column of W_u and one of W_2, each weighted by its squared length. It is 1/H for random directions, and least
    where the adapter writes in those that the layer hardly writes in. Against W_d one would ask what the adapter reads.
    up_LHd: W_u as `nn.Linear` holds it, a column for each of d. moments_LHH: `second_moment` of each W_2.
    """
    with _no_autocast(up_LHd.device):
        up_LHd = at_least_fp32(up_LHd)
        lengths_L = up_LHd.square().sum((1, 2))
        # An adapter that writes nothing has the value 0.
        return (up_LHd * (moments_LHH @ up_LHd)).sum((1, 2)) / lengths_L.clamp_min(torch.finfo(up_LHd.dtype).tiny)


def _no_autocast(device: torch.device) -> torch.autocast:
    """Returns the context without autocast, which would compute products in bf16. The meta device has no autocast."""
    return torch.autocast("cpu" if device.type == "meta" else device.type, enabled=False)


# The losses by the names that the files of conf/orthogonality/ give them.
LOSSES: dict[str, OrthogonalityLoss] = {
    "cosine": layers_orthogonality,
    "subspace": layers_subspace,
    "weights": WeightsLoss(second_moment, layers_weights),
}


def named_loss(name: str) -> OrthogonalityLoss:
    """Returns the loss that `orthogonality.loss` names. Raises UserError if LOSSES has none of that name."""
    if name not in LOSSES:
        raise UserError(
            f"orthogonality.loss={name}: conf/orthogonality/ names it, and LOSSES in "
            "src/orthoadapters/orthogonality_losses.py has no function for it; add one there, or use one of "
            f"{', '.join(LOSSES)}"
        )
    return LOSSES[name]
