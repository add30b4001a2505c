"""The swap (paper, figure 1c), predictions, and their scores."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from orthoadapters.data.modules import Evaluation
from orthoadapters.data.windows import join_windows
from orthoadapters.heads import SentencePairHead, TokenHead
from orthoadapters.metrics import score
from orthoadapters.model import AdaptedEncoder


@dataclass(frozen=True)
class Scored:
    """scores: metric -> fraction in 0..1. predictions: one list of tags per sentence, or a list of one label per pair."""

    scores: dict[str, float]
    predictions: list[list[str]]


def swap_language(model: AdaptedEncoder, language_adapter: str | None, task_adapter: str | None) -> None:
    """Zero-shot transfer: the same task adapter on top of the target language's adapter instead of the source's."""
    model.activate(*(name for name in (language_adapter, task_adapter) if name is not None))


@torch.inference_mode()
def predict(
    model: AdaptedEncoder, head: SentencePairHead | TokenHead, loader: Iterable[dict[str, Any]], count: int
) -> list[list[int]]:
    """Label ids of `count` windows, in their order: one per pair, or one per subword (the caller picks first subwords)."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    head.eval()
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    for batch in loader:
        hidden = model(batch["input_ids"].to(device), batch["attention_mask"].to(device)).hidden
        kept.append((batch["index"], head(hidden).argmax(-1)))
    model.train(was_training)
    head.train(was_training)
    predicted: list[list[int]] = [[] for _ in range(count)]
    for index, ids in kept:  # brought over after the loop, so that the device never waits
        for window, row in zip(index.tolist(), ids.cpu().reshape(len(index), -1).tolist(), strict=True):
            predicted[window] = row
    return predicted


def evaluate(
    model: AdaptedEncoder, head: SentencePairHead | TokenHead, evaluation: Evaluation, metrics: list[str]
) -> Scored:
    """Scores the active stack on one split of one language."""
    ids = predict(model, head, evaluation.loader, len(evaluation.windows))
    predictions = join_windows(evaluation.windows, ids)
    return Scored(score(metrics, evaluation.gold, predictions), predictions)
