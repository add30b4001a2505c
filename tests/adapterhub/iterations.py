"""The side of `adapters` in `make bench-adapters`: what it trains, on a backbone so small that its seconds mean nothing."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import turns
import turns_theirs

SMALL = {"VOCABULARY": 60, "HIDDEN": 32, "LAYERS": 2, "HEADS": 2, "INTERMEDIATE": 64, "POSITIONS": 140}
# The library's own scripts train the head with a language adapter, but for the decoder, which is the word embeddings.
TRAINED = {
    "mlm": (".adapters.language.", "invertible_adapters.language.", "lm_head.dense.", "lm_head.layer_norm."),
    "task": (".adapters.task.", "classifier."),
}


def check(kind: str, pad: int | None) -> None:
    """Raises AssertionError unless an iteration is one of the kind that this project is held against."""
    model = turns_theirs.random_model(kind)
    batch = turns_theirs.random_batch(kind, 0, pad, torch.Generator().manual_seed(1))
    rows, width = batch["input_ids"].shape
    assert (rows, width) == turns.BLOCKS if kind == "mlm" else rows == turns.BATCH[kind], kind
    assert pad is None or width == pad, kind
    model(**batch).loss.backward()
    reached = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    trained = TRAINED["mlm" if kind == "mlm" else "task"]
    assert all(any(one in name for one in trained) for name in reached), sorted(reached)
    assert all(any(one in name for name in reached) for one in trained), sorted(reached)
    layers = {name.split(".layer.")[1].split(".")[0] for name in reached if ".layer." in name}
    assert len(layers) == SMALL["LAYERS"], layers


if __name__ == "__main__":
    for name, value in SMALL.items():
        setattr(turns_theirs, name, value)
    turns.BOTTLENECKS.update(language=16, task=8)
    checks = [("mlm", None), *((task, pad) for task in turns.BATCH for pad in (None, 128))]
    for kind, pad in checks:
        check(kind, pad)
    print(f"{len(checks)} kinds of iterations of `adapters` train what they should")
