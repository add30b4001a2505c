"""Masked language modelling: the choice of the subwords to hide, and of what hides them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

# ours: the paper says "masked language modeling" and no more; this is BERT's split (Devlin et al. 2019, section 3.1)
MASK_SHARE = 0.8
RANDOM_SHARE = 0.1  # ours: BERT's too; the rest keeps its subword


@dataclass(frozen=True)
class Masking:
    """The facts about a tokenizer that `mask_tokens` needs, and the probability that a subword is masked."""

    mask_id: int
    vocab_size: int
    special_ids: Tensor  # (S,) int64
    probability: float


def masking_for(tokenizer: PreTrainedTokenizerBase, probability: float) -> Masking:
    """Reads the facts about a tokenizer that masking needs."""
    special_ids = torch.tensor(sorted(set(tokenizer.all_special_ids)), dtype=torch.int64)
    return Masking(tokenizer.mask_token_id, len(tokenizer), special_ids, probability)


def mask_generator(seed: int, epoch: int, batch: int) -> torch.Generator:
    """Makes the random numbers of one batch's mask from its number, so that no generator's state is ever saved."""
    state = np.random.SeedSequence([seed, epoch, batch]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state))


def mask_tokens(
    block_BT: Tensor, generator: torch.Generator, mask_id: int, vocab_size: int, special_ids: Tensor, probability: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Hides each subword with `probability`: 80 % behind <mask>, 10 % behind a random subword, 10 % behind itself.

    block_BT: (B, T) int64. Returns input ids (B, T), masked positions (M,) of the flattened block in order, and the
    original ids there (M,). Special ids are never masked; at least one position always is, or ValueError is raised.
    """
    flat = block_BT.flatten()
    is_maskable = ~torch.isin(flat, special_ids)
    draw = torch.rand(flat.shape, generator=generator)
    is_masked = is_maskable & (draw < probability)
    if not is_masked.any():
        if not is_maskable.any():
            raise ValueError("a batch of nothing but special tokens cannot be masked")
        is_masked[draw.masked_fill(~is_maskable, 2.0).argmin()] = True  # the one nearest to being chosen
    positions = is_masked.nonzero().squeeze(1)
    labels = flat[positions]
    fate = torch.rand(positions.shape, generator=generator)
    anything = torch.randint(vocab_size, positions.shape, generator=generator)
    substitutes = torch.where(fate < MASK_SHARE + RANDOM_SHARE, anything, labels)
    substitutes = torch.where(fate < MASK_SHARE, mask_id, substitutes)
    return flat.index_put((positions,), substitutes).view_as(block_BT), positions, labels
