"""The encoder's training pass as a compiled graph (trainer.compile): fewer and larger kernels, for a GPU."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from orthoadapters.model.encoder import INPUTS, AdaptedEncoder
from orthoadapters.model.walks import Encoding

# ours: graphs of one run at most; XNLI has four widths, and L_ORT's pairs need no other graph than the main loss
MOST_GRAPHS = 32


def compile_encode(model: AdaptedEncoder, rows: int) -> Callable[[Mapping[str, Any]], Encoding]:
    """Returns `model.encode` for training batches, compiled into a graph for each shape when a batch of it first comes.

    rows: those of a full batch. An epoch's last batch may have fewer; it comes too seldom for a graph and goes the plain way.
    On a GPU each graph is recorded as a CUDA graph, which launches all its kernels at once. Dropout draws other numbers than
    without compiling; without dropout the results are equal but for rounding.
    """
    # Only a GPU records graphs of kernels.
    mode = "reduce-overhead" if next(model.parameters()).device.type == "cuda" else None
    forward: Callable[..., Encoding] = torch.compile(model.forward, fullgraph=True, dynamic=False, mode=mode)
    torch._dynamo.config.recompile_limit = MOST_GRAPHS

    def encode(batch: Mapping[str, Any]) -> Encoding:
        if len(batch["input_ids"]) != rows:
            return model.encode(batch)
        # What the former replay of a CUDA graph gave is overwritten from here on.
        torch.compiler.cudagraph_mark_step_begin()
        return forward(*(batch.get(name) for name in INPUTS))

    return encode
