"""Vectors of pieces from what stands near them, with which the demo backbone's word embeddings start.

Ours: translations that share neighbours in mixed text lie close together from the first step on. A backbone that has
minutes to learn finds that out late, and pretraining is then over before the languages share a space.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .pieces import UNK

REACH = 4  # ours: pieces to either side that count as near, each by 1 / distance
SMOOTHING = 0.75  # Levy, Goldberg and Dagan 2015, context distribution smoothing


def piece_vectors(texts: Sequence[Sequence[int]], pieces: int, size: int) -> Tensor:
    """Computes unit vectors, (pieces, size), by singular values of positive mutual information; zero for unseen pieces.

    texts: subword ids; special ones (up to UNK) count for nothing.
    Levy, Goldberg and Dagan 2015 (doi.org/10.1162/tacl_a_00134).
    """
    gap = [UNK] * REACH  # so that the end of one text is not near the start of the next
    line = torch.tensor([piece for ids in texts for piece in (*ids, *gap)])
    counts = torch.zeros(pieces, pieces, dtype=torch.float64)
    for distance in range(1, REACH + 1):
        meetings = torch.bincount(line[:-distance] * pieces + line[distance:], minlength=pieces * pieces)
        counts += meetings.view(pieces, pieces) / distance
    counts[: UNK + 1], counts[:, : UNK + 1] = 0.0, 0.0
    counts = counts + counts.T
    total = counts.sum(1)
    context = total**SMOOTHING
    ratio = counts * context.sum() / (total[:, None] * context).clamp(min=1e-9)
    positive = ratio.clamp(min=1.0).log()
    basis, values, _ = torch.linalg.svd(positive)
    vectors = basis[:, :size] * values[:size].sqrt()
    vectors = vectors - vectors.mean(0)
    vectors[total == 0] = 0.0
    return torch.nn.functional.normalize(vectors, dim=1).float()
