"""The part of a frozen decoder that the subwords of a text need (mlm.vocabulary=corpus).

Shapes: M masked subwords, H the width of the decoder's input, N subwords of the text.
"""

import torch
from torch import Tensor, nn


class DecoderRows(nn.Module):
    """A copy of the decoder's rows for some subwords: its softmax is over these, and knows no others.

    subwords: (N,) int64, ascending. decoder: the copy, H x N. The copy is made once, and is frozen.
    """

    subwords: Tensor

    def __init__(self, decoder: nn.Linear, subwords: Tensor) -> None:
        super().__init__()
        self.register_buffer("subwords", subwords.to(decoder.weight.device))
        # No weights are drawn on the meta device, so that the run's random numbers stay as they are without this copy.
        self.decoder = nn.Linear(decoder.in_features, len(subwords), bias=decoder.bias is not None, device="meta")
        for name, parameter in decoder.named_parameters():
            copy = nn.Parameter(parameter.detach()[self.subwords], requires_grad=False)
            setattr(self.decoder, name, copy)

    def places(self, labels: Tensor) -> Tensor:
        """Returns each label's place among the subwords, (M,). labels: (M,) int64, all of them among the subwords."""
        return torch.searchsorted(self.subwords, labels)
