"""What one process gains that trains several grid points over one batch: python benchmarks/stacked.py [--shape base]

Grid points share the frozen backbone, and differ in their adapters. Stacked, their weights have one dimension more, and an
adapter's two products are batched ones. What lies between two adapters differs for each point, so that the backbone's own
products are not saved: they are only taken over more rows at a time. It measures a plain task adapter's forward, backward and
Adam step on random subwords, alone and stacked, in turn.
"""

import argparse
import time
from collections.abc import Sequence
from statistics import median

import torch
from torch import Tensor, nn
from transformers import XLMRobertaConfig, XLMRobertaModel

from orthoadapters import AdaptedEncoder
from orthoadapters.adapters import INIT_STD

# XLM-R base, and multilingual-e5-small (their config.json) without most of the vocabulary, of which an iteration uses little.
SHAPES = {
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "small": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536},
    "tiny": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
}
VOCABULARY = 10_000
# ours: UD-POS, the paper's smallest iteration: 16 English sentences of about 25 subwords
BATCH, WIDTH = 16, 25
REDUCTION = 16  # paper: A.3, task adapters
POINTS = (1, 3, 9, 15)  # ours: 9 is the largest grid of the paper (A.2), 15 with five seeds of three rates


class StackedAdapter(nn.Module):
    """Eq. 1 for P grid points at once: `orthoadapters.adapters.Adapter` with weights (P, H, d) and (P, d, H)."""

    def __init__(self, points: int, hidden: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Parameter(INIT_STD * torch.randn(points, hidden, bottleneck))
        self.down_bias = nn.Parameter(torch.zeros(points, 1, bottleneck))
        self.up = nn.Parameter(INIT_STD * torch.randn(points, bottleneck, hidden))
        self.up_bias = nn.Parameter(torch.zeros(points, 1, hidden))

    def forward(self, x_h: Tensor, x_r: Tensor) -> Tensor:
        """Computes x_a, (P * B, T, H), of x_h and x_r, whose first B rows are the first point's."""
        rows = x_h.reshape(len(self.down), -1, x_h.shape[-1])
        hidden = torch.relu(torch.baddbmm(self.down_bias, rows, self.down))
        return torch.baddbmm(self.up_bias, hidden, self.up).view_as(x_h) + x_r


class Training:
    """Trains the adapters of so many points, one step at a time."""

    def __init__(self, config: XLMRobertaConfig, points: int, machine: torch.device) -> None:
        self.model, self.points = AdaptedEncoder(XLMRobertaModel(config)).to(machine).train(), points
        self.model.requires_grad_(False)
        width = config.hidden_size // REDUCTION
        for site in self.model.sites:
            site.adapters["task"] = StackedAdapter(points, config.hidden_size, width).to(machine)
        self.model.stack = ("task",)
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=1e-4)
        self.ids = torch.randint(5, config.vocab_size, (BATCH, WIDTH), device=machine).repeat(points, 1)

    def seconds(self) -> float:
        """Takes one step, and returns how long it took."""
        start = now(self.ids.device)
        self.optimizer.zero_grad()
        # The loss of a head is left out: it is small, and any sum of squares has the same gradient's shape.
        self.model(self.ids).hidden.float().square().mean().backward()
        self.optimizer.step()
        return now(self.ids.device) - start


def now(machine: torch.device) -> float:
    """Reads the clock when all that was asked of the device is done."""
    if machine.type == "cuda":
        torch.cuda.synchronize(machine)
    return time.perf_counter()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=[*SHAPES], default="small")
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args(arguments)
    machine = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = XLMRobertaConfig(
        vocab_size=VOCABULARY, **SHAPES[options.shape], max_position_embeddings=514, type_vocab_size=1
    )
    trainings = [Training(config, points, machine) for points in POINTS]
    seconds: dict[int, list[float]] = {points: [] for points in POINTS}
    for step in range(1 + options.steps):
        for training in trainings:
            taken = training.seconds()
            if step > 0:  # the first one warms up
                seconds[training.points].append(taken)
    alone = median(seconds[1])
    print("points  seconds per step  gain over one after the other")
    for points in POINTS:
        stacked = median(seconds[points])
        print(f"{points:6}  {stacked:16.4f}  {points * alone / stacked:.2f}")


if __name__ == "__main__":
    main()
