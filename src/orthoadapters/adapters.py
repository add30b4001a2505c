"""Orthogonal Language and Task Adapters in Zero-Shot Cross-Lingual Transfer, arXiv:2012.06460: Eq. 1 and where it sits.

Shapes: B sentences, T subwords, H hidden size, d bottleneck size. These letters, with L layers, M masked subwords and V
vocabulary, mean the same in every docstring of the package, and as the end of a tensor's name they are its shape.
The numbers are those of AdapterHub's `pfeiffer` (`seq_bn`) and `pfeiffer+inv` configurations; `tests/oracle/` proves it
against the `adapters` library.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from orthoadapters.config.schema import Pair

# ours: AdapterHub's `init_weights: bert`, N(0, 0.02) with zero biases; the paper gives none
INIT_STD = 0.02


@dataclass(frozen=True)
class AdapterConfig:
    """The size of one adapter: `bottleneck` is d; `invertible_bottleneck` is the width of F and G, None for the default.

    leave_out: the layers that get no adapter, numbered from 0 and in ascending order (AdapterHub's field of this name).
    """

    bottleneck: int
    invertible: bool = False
    invertible_bottleneck: int | None = None
    leave_out: tuple[int, ...] = ()

    def invertible_width(self, embedding_size: int) -> int:
        """Returns the width of F and G on embeddings of this size."""
        # ours: AdapterHub's reduction factor 2, of half an embedding
        return self.invertible_bottleneck or embedding_size // 4


class Adapter(nn.Module):
    """Eq. 1: x_a = g(x_h W_d) W_u + x_r, with the biases that AdapterHub's adapters have; g is relu."""

    def __init__(self, hidden: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Linear(hidden, bottleneck)
        self.up = nn.Linear(bottleneck, hidden)
        _initialise(self)

    def update(self, x_h: Tensor) -> Tensor:
        """Computes g(x_h W_d) W_u, (B, T, H): what the adapter adds to the residual."""
        return self.up(torch.relu(self.down(x_h)))

    def forward(self, x_h: Tensor, x_r: Tensor) -> Tensor:
        """Computes x_a, (B, T, H), of the input x_h and the residual x_r, (B, T, H) each."""
        return self.update(x_h) + x_r


class InvertibleAdapter(nn.Module):
    """The NICE coupling (Dinh et al. 2015) after the embeddings, as in MAD-X: y1 = x1 + F(x2), y2 = x2 + G(y1).

    x1, x2 are the halves of a vector x, and y1, y2 those of y; x and y have the width of the embeddings.
    """

    def __init__(self, hidden: int, bottleneck: int) -> None:
        super().__init__()
        half = hidden // 2
        self.F = nn.Sequential(nn.Linear(half, bottleneck), nn.ReLU(), nn.Linear(bottleneck, half))
        self.G = nn.Sequential(nn.Linear(half, bottleneck), nn.ReLU(), nn.Linear(bottleneck, half))
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x1, x2 = x.chunk(2, dim=-1)
        y1 = x1 + self.F(x2)
        return torch.cat((y1, x2 + self.G(y1)), dim=-1)

    def inverse(self, y: Tensor) -> Tensor:
        """Computes the x that `forward` makes y of."""
        y1, y2 = y.chunk(2, dim=-1)
        x2 = y2 - self.G(y1)
        return torch.cat((y1 - self.F(x2), x2), dim=-1)


class AdapterSite(nn.Module):
    """The module in the place of a post-LayerNorm layer's output (second feed-forward matrix, dropout, LayerNorm).

    The adapters of the stack are applied in order; with an empty stack the layer is the backbone's own.
    """

    def __init__(self, output: nn.Module) -> None:
        super().__init__()
        self.dense = cast(nn.Linear, output.dense)
        self.dropout = cast(nn.Dropout, output.dropout)
        self.LayerNorm = cast(nn.LayerNorm, output.LayerNorm)
        self.adapters = nn.ModuleDict()

    def forward(
        self, intermediate: Tensor, attention_output: Tensor, stack: Sequence[str] = (), pair: Pair = Pair.output
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Returns the layer's output (B, T, H) and the pair (x_h, x_a) of the stack's last adapter, None if it is not here."""
        r = self.dropout(self.dense(intermediate))
        return apply_stack(self.adapters, stack, r, lambda r: self.LayerNorm(r + attention_output), pair)


class PreNormSite(nn.Module):
    """The module at the end of a pre-LayerNorm layer, after its feed-forward block: the same sum without a LayerNorm.

    Eq. 1 takes x_r from the feed-forward block's output and x_h from the sum that the layer hands on. A pre-LayerNorm layer
    closes without a LayerNorm, so that x_h is the residual stream after the feed-forward block. AdapterHub's `seq_bn` gives
    the same: `residual_before_ln` makes x_r the block's output, `original_ln_before` adds the stream before the adapter, and
    `original_ln_after` adds it again after it, each with the layer's LayerNorm where the layer has one there
    (`adapters` 1.3.0, Llama's and GPT-2's layers, and layers of `AdapterModelInterface`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.adapters = nn.ModuleDict()

    def forward(
        self, feed_forward: Tensor, stream: Tensor, stack: Sequence[str] = (), pair: Pair = Pair.output
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Does as `AdapterSite`, with the feed-forward block's output and the residual stream before it, (B, T, H) each."""
        return apply_stack(self.adapters, stack, feed_forward, lambda r: stream + r, pair)


Site = AdapterSite | PreNormSite


def apply_stack(
    adapters: nn.ModuleDict, stack: Sequence[str], r: Tensor, close: Callable[[Tensor], Tensor], pair: Pair
) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
    """Applies the adapters of the stack to a feed-forward block's output r, (B, T, H), each on what the one before gave.

    An adapter that is left out of this layer changes nothing. close: makes a layer's output of r, which is what an adapter
    sees as x_h. Returns what a site does.
    """
    x_h = x_a = None
    residual = r
    for name in stack:
        x_h = x_a = None
        if name in adapters:
            residual = r
            x_h = close(r)
            r = x_a = adapters[name](x_h, residual)
    if x_h is None or x_a is None:
        return close(r), None
    return close(r), (x_h, x_a if pair is Pair.output else x_a - residual)


def _initialise(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=INIT_STD)
            nn.init.zeros_(part.bias)
