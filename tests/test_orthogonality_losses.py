"""The losses beyond Eq. 2 against their definitions, and the properties that their docstrings name."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from orthoadapters.orthogonality_losses import layer_subspace, layers_subspace, layers_weights, second_moment

SEEDS = st.integers(0, 2**31)
MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])


def random_pair(seed: int) -> tuple[Tensor, Tensor]:
    x_h, x_a = torch.randn(2, 2, 5, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x_h, x_a


def random_weights(seed: int) -> tuple[Tensor, Tensor]:
    """W_u of two layers, (2, 6, 3), and their W_2, (2, 6, 8)."""
    generator = torch.Generator().manual_seed(seed)
    up, w_2 = (torch.randn(2, 6, width, generator=generator, dtype=torch.float64) for width in (3, 8))
    return up, w_2


def weights_loss(up: Tensor, w_2: Tensor) -> Tensor:
    return layers_weights(up, torch.stack([second_moment(w) for w in w_2]))


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_subspace_is_the_squared_norm_of_the_product_of_centred_rows_of_length_one(seed: int) -> None:
    pair = random_pair(seed)
    x, y = (value[MASK.bool()].numpy() for value in pair)
    x, y = x - x.mean(0), y - y.mean(0)
    x, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y))
    expectation = np.linalg.norm(x.T @ y) ** 2 / len(x) ** 2
    value = layers_subspace([pair], MASK)
    assert value.tolist() == pytest.approx([expectation], rel=1e-9)
    # The same number from products of tokens.
    assert value.item() == pytest.approx(np.mean((x @ x.T) * (y @ y.T)), rel=1e-9)
    assert 0 < value.item() < 1


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_subspace_depends_neither_on_scale_and_shift_nor_on_padding_and_repetition(
    seed: int, scale: float, shift: float
) -> None:
    x_h, x_a = random_pair(seed)
    expectation = layer_subspace(x_h, x_a, MASK)
    torch.testing.assert_close(layer_subspace(scale * x_h + shift, -x_a, MASK), expectation, rtol=1e-6, atol=1e-9)
    padding = (1 - MASK)[..., None] * shift
    torch.testing.assert_close(layer_subspace(x_h + padding, x_a - padding, MASK), expectation, rtol=1e-6, atol=1e-9)
    twice = layer_subspace(torch.cat((x_h, x_h)), torch.cat((x_a, x_a)), torch.cat((MASK, MASK)))
    torch.testing.assert_close(twice, expectation, rtol=1e-6, atol=1e-9)


def test_subspace_is_zero_where_no_feature_goes_with_another_and_one_where_all_do() -> None:
    x, y = torch.zeros(2, 1, 4, 2)
    x[0, :, 0], y[0, :, 1] = torch.tensor([3.0, -3, 3, -3]), torch.tensor([5.0, 5, -5, -5])
    assert layer_subspace(x, y) == 0
    assert layer_subspace(x, 7 * x + 1) == 1
    # Eq. 2 calls the first pair orthogonal too, and of a pair that it calls so, subspace may not: each token's vectors
    # are orthogonal, and one follows from the other.
    assert layer_subspace(x, x.flip(-1)) == 1


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(1e-3, 1e3))
def test_weights_is_the_mean_of_squared_cosines_between_columns_weighted_by_their_lengths(
    seed: int, scale: float
) -> None:
    up, w_2 = random_weights(seed)
    for value, u, w in zip(weights_loss(up, w_2).tolist(), up.numpy(), w_2.numpy(), strict=True):
        columns, others = np.linalg.norm(u, axis=0), np.linalg.norm(w, axis=0)
        cosines = (u / columns).T @ (w / others)
        assert value == pytest.approx(np.average(cosines**2, weights=np.outer(columns**2, others**2)), rel=1e-9)
        assert 0 < value < 1
    torch.testing.assert_close(weights_loss(scale * up, w_2 / scale), weights_loss(up, w_2))


def test_weights_is_zero_for_directions_that_the_layer_does_not_write_in_and_one_for_its_only_one() -> None:
    w_2 = torch.tensor([[[2.0, -1, 5], [0, 0, 0]]])
    ups = torch.tensor([[[0.0], [4]]]), torch.tensor([[[4.0], [0]]]), torch.zeros(1, 2, 1)
    assert [weights_loss(up, w_2).item() for up in ups] == [0, 1, 0]


def test_a_weights_adapter_that_writes_nothing_has_a_finite_gradient() -> None:
    _, w_2 = random_weights(0)
    up = torch.zeros(2, 6, 3, requires_grad=True)
    weights_loss(up, w_2.float()).sum().backward()
    assert up.grad is not None
    assert torch.isfinite(up.grad).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_are_those_of_finite_differences(seed: int) -> None:
    pair = [value.requires_grad_() for value in random_pair(seed)]
    assert torch.autograd.gradcheck(lambda x, y: layer_subspace(x, y, MASK), pair)
    up, w_2 = random_weights(seed)
    assert torch.autograd.gradcheck(lambda up: weights_loss(up, w_2), up.requires_grad_())


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y: layer_subspace(x.view(2, 3, 2), y.view(2, 3, 2)),
        lambda x, y: weights_loss(x.view(1, 4, 3), y.view(1, 4, 3)),
    ],
    ids=["subspace", "weights"],
)
def test_losses_are_fp32_under_bf16_autocast(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    x, y = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(x, y)
    assert value.dtype is torch.float32
    assert torch.equal(value, loss(x, y))
    # Weights and hidden vectors in bf16 are made fp32 before anything is computed.
    assert torch.equal(loss(x.bfloat16(), y.bfloat16()), loss(x.bfloat16().float(), y.bfloat16().float()))
