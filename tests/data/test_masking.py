"""Masking: the shares, what is never masked, and that a batch's mask depends on its number alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from orthoadapters.data.masking import mask_generator, mask_tokens, masking_for
from tests.helpers.tiny_tokenizer import tiny_tokenizer

SPECIAL = torch.tensor([0, 1, 2, 3, 999])
MASK, VOCABULARY = 999, 100_000


def mask(
    block: torch.Tensor, seed: int = 0, probability: float = 0.15
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return mask_tokens(block, mask_generator(seed, 0, 0), MASK, VOCABULARY, SPECIAL, probability)


def test_fifteen_percent_are_masked_and_split_eighty_ten_ten() -> None:
    block = torch.randint(1000, VOCABULARY, (400, 500), generator=torch.Generator().manual_seed(0))
    ids, positions, labels = mask(block)
    inputs = ids.flatten()[positions]
    n = len(positions)
    assert n / block.numel() == pytest.approx(0.15, abs=0.004)  # five standard deviations of 200,000 draws
    assert (inputs == MASK).sum().item() / n == pytest.approx(0.8, abs=0.012)
    share = (inputs == labels).sum().item() / n
    assert share == pytest.approx(0.1, abs=0.009)
    assert ((inputs != MASK) & (inputs != labels)).sum().item() / n == pytest.approx(0.1, abs=0.009)
    substitutes = inputs[(inputs != MASK) & (inputs != labels)].double()
    assert substitutes.mean().item() == pytest.approx(VOCABULARY / 2, rel=0.05)  # drawn from the whole vocabulary


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_labels_are_the_originals_and_nothing_else_changes(b: int, t: int, seed: int, probability: float) -> None:
    block = torch.randint(0, 30, (b, t), generator=torch.Generator().manual_seed(seed))
    block[0, 0] = 17  # at least one subword that may be masked
    before = block.clone()
    ids, positions, labels = mask(block, seed, probability)
    assert torch.equal(block, before)
    assert ids.shape == block.shape
    assert ids.dtype == torch.int64
    assert torch.equal(block.flatten()[positions], labels)
    assert len(positions) >= 1
    assert positions.tolist() == sorted(set(positions.tolist()))
    assert not torch.isin(labels, SPECIAL).any()
    is_plain = torch.ones(b * t, dtype=torch.bool)
    is_plain[positions] = False
    assert torch.equal(ids.flatten()[is_plain], block.flatten()[is_plain])


def test_certainty_masks_everything_but_special_tokens() -> None:
    block = torch.tensor([[0, 50, 60, 2, 70, 2]])
    assert mask(block, probability=1.0)[1].tolist() == [1, 2, 4]


def test_one_place_is_masked_even_if_none_was_drawn() -> None:
    block = torch.tensor([[0, 50, 60, 2]])
    for seed in range(20):
        _, positions, labels = mask(block, seed, probability=0.0)
        assert len(positions) == 1
        assert labels.item() in (50, 60)


def test_a_batch_of_special_tokens_alone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nothing but special tokens"):
        mask(torch.tensor([[0, 2, 1]]))


def test_masks_depend_on_seed_epoch_and_batch_and_not_on_global_random_state() -> None:
    block = torch.randint(1000, VOCABULARY, (8, 128))
    torch.manual_seed(1)
    first = mask_tokens(block, mask_generator(7, 2, 3), MASK, VOCABULARY, SPECIAL, 0.15)
    torch.manual_seed(2)
    again = mask_tokens(block, mask_generator(7, 2, 3), MASK, VOCABULARY, SPECIAL, 0.15)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in ((8, 2, 3), (7, 3, 3), (7, 2, 4), (7, 3, 2)):
        different = mask_tokens(block, mask_generator(*other), MASK, VOCABULARY, SPECIAL, 0.15)
        assert not torch.equal(first[0], different[0])


def test_masking_is_read_off_the_tokenizer() -> None:
    masking = masking_for(tiny_tokenizer(), 0.15)
    assert (masking.mask_id, masking.vocab_size, masking.special_ids.tolist()) == (40, 41, [0, 1, 2, 3, 40])
