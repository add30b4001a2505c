"""The predictions of a model with its active stack, and their scores."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from orthoadapters.data.batching import BatchLoader
from orthoadapters.data.evaluation_set import Evaluation
from orthoadapters.errors import UserError
from orthoadapters.evaluation.metrics import WindowMetric, counts_of, score_of_counts
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import TaskHead
from orthoadapters.orthogonality import layers_orthogonality

NOT_FINITE = (
    "what the model computes is NaN or infinite, though its weights are not, as they are far too large; train with a lower "
    "optim.lr"
)


@dataclass(frozen=True)
class EvaluationOutcome:
    """The scores of one split of one language.

    scores: metric -> fraction in 0..1. predictions: per example a list of its tags, or of its single label.
    counts: metric -> (examples, columns), whose columns' sums make the score (`metrics.counts_of`).
    """

    scores: dict[str, float]
    predictions: list[list[str]]
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)


def forward_precision(precision: str, device: torch.device) -> torch.autocast:
    """Returns the context in which a run's sets are scored: that of its training, whose trainer.precision this is."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed")


@torch.inference_mode()
def measure_orthogonality(model: AdaptedEncoder, evaluation: Evaluation) -> list[float]:
    """Computes the terms of Eq. 2 for the active stack's last adapter: the mean of cos^2 over all real tokens, by layer.

    It is Eq. 2 whatever loss a run trained, so that runs can be compared. The layers are those of
    `model.pair_layers`; the list is empty without an adapter.
    """
    if not model.stack:
        return []
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    layers, tokens = torch.zeros(len(model.pair_layers), device=device), 0
    large = evaluation.loader
    # The means of batches of the run's own size are what earlier versions summed, to the last bit.
    loader = BatchLoader(large.windows, large.batch_size, large.pad_id, large.seed, shuffle=False)
    for batch in loader:
        mask_BT = batch["attention_mask"].to(device, non_blocking=True)
        layers = layers + layers_orthogonality(model.encode(batch, device).pairs, mask_BT) * batch["tokens"]
        tokens += batch["tokens"]
    model.train(was_training)
    means: list[float] = (layers / tokens).tolist()
    return means


@torch.inference_mode()
def window_logits(model: AdaptedEncoder, head: TaskHead, loader: BatchLoader) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields per batch the windows' numbers (B,), and the logits of their subwords (B, T, labels), or (B, labels).

    Raises UserError after the last batch if logits are not finite, as no label can be taken from them.
    """
    device = next(model.parameters()).device
    is_finite = torch.ones((), dtype=torch.bool, device=device)
    for batch in loader:
        logits = head(model.encode(batch, device).hidden)
        # It is read once, at the end, so that the device never waits.
        is_finite &= torch.isfinite(logits).all()
        yield batch["index"], logits
    if not is_finite:
        raise UserError(NOT_FINITE)


@torch.inference_mode()
def evaluate(model: AdaptedEncoder, head: TaskHead, evaluation: Evaluation, metrics: list[str]) -> EvaluationOutcome:
    """Predicts and scores one split of one language with the active stack."""
    was_training = model.training
    model.eval()
    head.eval()
    metric = WindowMetric(metrics, evaluation.windows, evaluation.gold)
    for index, logits in window_logits(model, head, evaluation.loader):
        # The labels are copied to the host after the loop, so that the device never waits.
        metric.update(index, logits.argmax(-1))
    model.train(was_training)
    head.train(was_training)
    predictions = metric.predictions()
    counts = counts_of(metrics, evaluation.gold, predictions, evaluation.windows.label_names)
    return EvaluationOutcome(score_of_counts(counts), predictions, counts)
