"""Eq. 1, the invertible adapter and the site, against closed forms."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from orthoadapters.adapters import Adapter, AdapterSite, InvertibleAdapter
from orthoadapters.config.schema import Pair


class Output(nn.Module):
    """A layer's output sub-module as transformers has it."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.dropout, self.LayerNorm = nn.Linear(12, 8), nn.Dropout(0.0), nn.LayerNorm(8)


def test_eq_1_is_relu_down_up_plus_residual() -> None:
    adapter = Adapter(4, 2)
    with torch.no_grad():
        adapter.down.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, -1.0, 0, 0]]))
        adapter.down.bias.copy_(torch.tensor([0.5, 0.0]))
        adapter.up.weight.copy_(torch.tensor([[2.0, 0], [0, 3.0], [0, 0], [1.0, 1.0]]))
        adapter.up.bias.copy_(torch.tensor([0.0, 0, 7.0, 0]))
    x_h, x_r = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]), torch.tensor([[[10.0, 20.0, 30.0, 40.0]]])
    # down: relu(1 + 0.5) = 1.5, relu(-2) = 0; up: (3, 0, 7, 1.5)
    assert torch.equal(adapter(x_h, x_r), torch.tensor([[[13.0, 20.0, 37.0, 41.5]]]))


def test_fresh_weights_are_those_of_adapterhub() -> None:
    torch.manual_seed(0)
    adapter = Adapter(400, 200)
    for linear in (adapter.down, adapter.up):
        assert linear.weight.std().item() == pytest.approx(0.02, rel=0.02)
        assert not linear.bias.any()


@given(st.integers(0, 2**31), st.sampled_from([4, 8, 10]))
def test_the_inverse_undoes_the_invertible_adapter(seed: int, hidden: int) -> None:
    torch.manual_seed(seed)
    adapter = InvertibleAdapter(hidden, 3).double()
    x = torch.randn(2, 3, hidden, dtype=torch.double)
    y = adapter(x)
    assert not torch.equal(x, y)
    torch.testing.assert_close(adapter.inverse(y), x)


def test_nice_coupling_by_hand() -> None:
    adapter = InvertibleAdapter(8, 3)
    x = torch.randn(2, 5, 8)
    y1 = x[..., :4] + adapter.F(x[..., 4:])
    torch.testing.assert_close(adapter(x), torch.cat((y1, x[..., 4:] + adapter.G(y1)), -1))


def test_a_site_without_a_stack_is_the_layers_own_output() -> None:
    output = Output()
    site = AdapterSite(output)
    site.adapters["sw"] = Adapter(8, 2)
    d, a = torch.randn(2, 3, 12), torch.randn(2, 3, 8)
    hidden, pair = site(d, a)
    assert pair is None
    assert torch.equal(hidden, output.LayerNorm(output.dense(d) + a))


def test_a_stack_of_two_follows_the_recurrence() -> None:
    site = AdapterSite(Output())
    site.adapters["sw"], site.adapters["ner"] = Adapter(8, 4), Adapter(8, 2)
    d, a = torch.randn(2, 3, 12), torch.randn(2, 3, 8)
    hidden, pair = site(d, a, ("sw", "ner"))
    r0 = site.dense(d)
    r1 = site.adapters["sw"](site.LayerNorm(r0 + a), r0)
    x_h = site.LayerNorm(r1 + a)
    x_a = site.adapters["ner"](x_h, r1)
    assert pair is not None
    torch.testing.assert_close(pair[0], x_h)
    torch.testing.assert_close(pair[1], x_a)
    torch.testing.assert_close(hidden, site.LayerNorm(x_a + a))


def test_pair_update_leaves_the_residual_out() -> None:
    site = AdapterSite(Output())
    task_adapter = Adapter(8, 2)
    site.adapters["sw"], site.adapters["ner"] = Adapter(8, 4), task_adapter
    d, a = torch.randn(2, 3, 12), torch.randn(2, 3, 8)
    hidden, pair = site(d, a, ("sw", "ner"), Pair.update)
    assert pair is not None
    torch.testing.assert_close(pair[1], task_adapter.update(pair[0]), atol=1e-6, rtol=1e-5)
    assert torch.equal(hidden, site(d, a, ("sw", "ner"))[0])


@pytest.mark.parametrize("stack", [("tr",), ("sw", "tr")])
def test_an_adapter_that_is_left_out_of_a_layer_changes_nothing_there_and_has_no_pair(stack: tuple[str, ...]) -> None:
    site, d, a = AdapterSite(Output()), torch.randn(1, 1, 12), torch.randn(1, 1, 8)
    site.adapters["sw"] = Adapter(8, 2)
    hidden, pair = site(d, a, stack)
    assert pair is None
    assert torch.equal(hidden, site(d, a, stack[:-1])[0])
