"""The loss behind a frozen decoder is the cross-entropy of all logits, and so is its gradient."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from orthoadapters.model import decoder_loss as module
from orthoadapters.model.decoder_loss import decoder_loss

# The vocabulary is no multiple of the slices.
PLACES, WIDTH, VOCABULARY, SLICE = 5, 6, 50, 16


@pytest.fixture(autouse=True)
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", SLICE)


def inputs(dtype: torch.dtype = torch.float32, bias: bool = True) -> tuple[Tensor, nn.Linear, Tensor]:
    torch.manual_seed(0)
    decoder = nn.Linear(WIDTH, VOCABULARY, bias=bias, dtype=dtype).requires_grad_(False)
    # Logits this large overflow where nothing is subtracted before the exponential.
    vectors = (100 * torch.randn(PLACES, WIDTH, dtype=dtype)).requires_grad_()
    return vectors, decoder, torch.randint(VOCABULARY, (PLACES,))


@pytest.mark.parametrize("bias", [True, False])
def test_loss_and_gradient_equal_those_of_all_logits(bias: bool) -> None:
    vectors, decoder, labels = inputs(bias=bias)
    loss = decoder_loss(vectors, decoder, labels)
    expectation = cross_entropy(decoder(vectors), labels)
    torch.testing.assert_close(loss, expectation, rtol=1e-6, atol=0)
    gradients = [torch.autograd.grad(3 * one, vectors)[0] for one in (loss, expectation)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-5, atol=1e-7)


def test_the_gradient_is_that_of_differences_in_fp64() -> None:
    vectors, decoder, labels = inputs(torch.float64)
    vectors = (vectors / 100).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: decoder_loss(x, decoder, labels), vectors)


def test_under_bf16_it_is_as_near_to_the_truth_as_all_logits_are() -> None:
    vectors, decoder, labels = inputs()
    vectors = (vectors / 100).detach().requires_grad_()
    truth = cross_entropy(decoder(vectors), labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = [decoder_loss(vectors, decoder, labels), cross_entropy(decoder(vectors).float(), labels)]
    (g_truth, g_ours, g_plain) = (torch.autograd.grad(one, vectors)[0] for one in (truth, *losses))
    assert losses[0].dtype is torch.float32
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-3, atol=0)
    assert (g_ours - g_truth).norm() < 1.5 * (g_plain - g_truth).norm() < 0.1 * g_truth.norm()


def test_without_a_gradient_it_is_the_same_loss() -> None:
    vectors, decoder, labels = inputs()
    loss = decoder_loss(vectors, decoder, labels)
    with torch.inference_mode():
        assert torch.equal(decoder_loss(vectors, decoder, labels), loss)


def test_a_decoder_that_is_trained_gets_its_gradient() -> None:
    vectors, decoder, labels = inputs()
    decoder.requires_grad_(True)
    decoder_loss(vectors, decoder, labels).backward()
    expectation = torch.autograd.grad(cross_entropy(decoder(vectors), labels), decoder.weight)[0]
    torch.testing.assert_close(decoder.weight.grad, expectation)


class Sizes(TorchDispatchMode):
    """The number of elements of the largest tensor that an operation gave."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.largest = max(self.largest, result.numel())
        return result


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_no_logits_but_those_of_a_slice_are_ever_there(device: str) -> None:
    vectors, decoder, labels = inputs()
    vectors, decoder, labels = vectors.detach().to(device).requires_grad_(), decoder.to(device), labels.to(device)
    with Sizes() as sizes:
        decoder_loss(vectors, decoder, labels).backward()
    # Slices of the decoder's weights are the larger ones here.
    assert sizes.largest == SLICE * WIDTH
    assert vectors.grad is not None
    assert vectors.grad.shape == vectors.shape
