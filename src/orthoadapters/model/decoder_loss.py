"""The loss of masked language modelling behind a frozen decoder, in one pass that keeps no logits.

Shapes: M masked subwords, H the width of the decoder's input, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy

from orthoadapters.loss_precision import at_least_fp32, loss_dtype

# ours: subwords of the vocabulary whose logits exist at a time. With 151 masked places they are 10 MB, which a processor's
# cache holds; smaller slices gain nothing, and a GPU starts more kernels for them.
SLICE = 16_384


def decoder_loss(vectors: Tensor, decoder: nn.Linear, labels: Tensor) -> Tensor:
    """Computes the mean cross-entropy of `decoder(vectors)`, a scalar, in fp32 (fp64 for vectors of fp64).

    vectors: (M, H). labels: (M,) int64, the subwords that are hidden. A decoder that is trained takes PyTorch's own way
    through all (M, V) logits, and so does a vocabulary of one slice, where nothing is to be gained. A frozen decoder needs no
    gradient, and of a large vocabulary the logits are never there at once.
    """
    is_trained = torch.is_grad_enabled() and any(parameter.requires_grad for parameter in decoder.parameters())
    if is_trained or len(decoder.weight) <= SLICE:
        logits = decoder(vectors)
        return cross_entropy(at_least_fp32(logits), labels)
    if torch.is_grad_enabled() and vectors.requires_grad:
        return _FrozenDecoderLoss.apply(vectors, decoder, labels)
    return _loss_and_gradient(vectors, decoder, labels, with_gradient=False)[0]


class _FrozenDecoderLoss(torch.autograd.Function):
    """The loss, whose gradient is computed with it: (M, H) numbers are all that the backward pass needs."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, decoder: nn.Linear, labels: Tensor) -> Tensor:
        loss, gradient = _loss_and_gradient(vectors, decoder, labels, with_gradient=True)
        ctx.save_for_backward(gradient.to(vectors.dtype))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer, None, None


def _loss_and_gradient(
    vectors: Tensor, decoder: nn.Linear, labels: Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """Computes the loss and its gradient to the vectors, (M, H); without gradient, zeros stand in its place.

    The softmax over slices is that of online softmax (Milakov and Gimelshein 2018): sums of exponentials relative to the
    greatest logit so far, which are scaled down when a greater one comes. The gradient is the sum of the decoder's rows
    weighted by the softmax, less the row of the label. Matrix products have autocast's precision, which
    leaves products of that precision alone; all else is in `loss_dtype`.
    """
    device = vectors.device.type
    is_mixed = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    narrow, wide = torch.get_autocast_dtype(device) if is_mixed else vectors.dtype, loss_dtype(vectors.dtype)
    x, weight, size = vectors.to(narrow), decoder.weight, len(decoder.weight)
    bias = weight.new_zeros(size) if decoder.bias is None else decoder.bias
    greatest = vectors.new_full((len(x), 1), -torch.inf, dtype=wide)
    total, gradient = torch.zeros_like(greatest), torch.zeros_like(vectors, dtype=wide)
    for start in range(0, size, SLICE):
        rows = weight[start : start + SLICE].to(narrow)
        logits = torch.addmm(bias[start : start + SLICE].to(narrow), x, rows.t()).to(wide)
        before, greatest = greatest, torch.maximum(greatest, logits.amax(1, keepdim=True))
        scale, powers = (before - greatest).exp_(), logits.sub_(greatest).exp_()
        total.mul_(scale).add_(powers.sum(1, keepdim=True))
        if with_gradient:
            gradient.mul_(scale).add_(powers.to(narrow) @ rows)
    targets = weight[labels].to(narrow)
    # The label's logit is rounded as those of the sum are, so that the loss of a certain prediction is not below 0.
    logits = ((x.to(wide) * targets.to(wide)).sum(1) + bias[labels].to(narrow)).to(narrow)
    loss = (greatest + total.log()).squeeze(1) - logits.to(wide)
    return loss.mean(), gradient.div_(total).sub_(targets).div_(len(x)) if with_gradient else gradient
