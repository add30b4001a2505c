"""An adapter whose parameters are the weighted mean of other adapters'."""

from collections.abc import Mapping

import torch

from orthoadapters.errors import UserError
from orthoadapters.model.encoder import AdaptedEncoder


@torch.no_grad()
def average_adapters(model: AdaptedEncoder, name: str, weights: Mapping[str, float]) -> None:
    """Adds an adapter with theta = sum_i w_i theta_i (TIPA; Accou and Poelman 2026, arXiv:2601.16629).

    theta: all parameters, those of the invertible part included. weights: w_i by the adapters' names in the model; they sum
    to 1. The sum is in fp64, so that equal adapters give their own parameters. Raises UserError unless all have one size.
    """
    first, *others = weights
    config = model.configs[first]
    for other in others:
        if model.configs[other] != config:
            raise UserError(
                f"the adapters '{first}' and '{other}' have different sizes ({config}, {model.configs[other]}), and no mean; "
                "give weights to adapters of one size alone"
            )
    model.add_adapter(name, config)
    parameters = {other: model.adapter_parameters(other) for other in weights}
    for key, mean in model.adapter_parameters(name).items():
        terms = [weight * parameters[other][key].double() for other, weight in weights.items()]
        mean.copy_(torch.stack(terms).sum(dim=0))
