"""Eq. 2 against closed forms and an independent implementation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

from orthoadapters.orthogonality import layer_orthogonality, orthogonality_loss


def random_pairs(seed: int, layers: int = 2) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(2, 5, 6, generator=generator), torch.randn(2, 5, 6, generator=generator)) for _ in range(layers)
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_it_is_the_sum_over_layers_of_the_mean_over_real_tokens_of_the_squared_cosine(seed: int) -> None:
    pairs = random_pairs(seed)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    expectation = sum(
        np.mean([(1 - cosine(x_h[b, t].numpy(), x_a[b, t].numpy())) ** 2 for b, t in mask.nonzero().tolist()])
        for x_h, x_a in pairs
    )
    assert orthogonality_loss(pairs, mask).item() == pytest.approx(expectation, abs=1e-6)


def test_orthogonal_is_zero_and_parallel_is_the_number_of_layers() -> None:
    x = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    y = torch.tensor([[[0.0, 3.0], [5.0, 0.0]]])
    assert orthogonality_loss([(x, y)] * 3) == 0
    assert orthogonality_loss([(x, -4 * x)] * 3) == 3


def test_padding_does_not_change_it() -> None:
    pairs = random_pairs(0)
    pairs_with_padding = [(torch.cat((a, 9 * a), 1), torch.cat((b, -a), 1)) for a, b in pairs]
    mask = torch.tensor([[True] * 5 + [False] * 5] * 2)
    torch.testing.assert_close(orthogonality_loss(pairs_with_padding, mask), orthogonality_loss(pairs))


def test_it_is_fp32_under_bf16_autocast() -> None:
    pairs = random_pairs(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = orthogonality_loss(pairs)
    assert loss.dtype is torch.float32
    assert torch.equal(loss, orthogonality_loss(pairs))


def test_its_gradient_is_finite_at_a_zero_vector() -> None:
    x_h, x_a = torch.randn(1, 2, 4), torch.zeros(1, 2, 4, requires_grad=True)
    layer_orthogonality(x_h, x_a).backward()
    assert x_a.grad is not None
    assert torch.isfinite(x_a.grad).all()


def test_gradient_steps_make_the_pair_orthogonal() -> None:
    torch.manual_seed(0)
    x_h, x_a = torch.randn(1, 4, 6), torch.nn.Parameter(torch.randn(1, 4, 6))
    adam = torch.optim.Adam([x_a], lr=0.1)
    for _ in range(200):
        adam.zero_grad()
        orthogonality_loss([(x_h, x_a)]).backward()
        adam.step()
    assert orthogonality_loss([(x_h, x_a)]) < 1e-4
