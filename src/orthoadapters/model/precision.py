"""The precision in which frozen weights are stored."""

import torch
from torch import nn


def store_frozen_in_bf16(module: nn.Module) -> None:
    """Stores the weights of frozen linear maps in bf16, as autocast reads them: no number of a run under autocast changes.

    Otherwise autocast would round all of them anew in every forward pass, and keep the copies for the backward pass. Word
    embeddings stay as they are, also where a decoder shares them, and so does all that is trained or is no matrix product.
    """
    embeddings = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    for part in module.modules():
        if not isinstance(part, nn.Linear) or id(part.weight) in embeddings:
            continue
        for parameter in part.parameters():
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(torch.bfloat16)
