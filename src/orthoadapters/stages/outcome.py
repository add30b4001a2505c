"""The signs that a finished training went wrong, though nothing has stopped it, as sentences in the log."""

import logging
from collections.abc import Mapping, Sequence

from orthoadapters.config.schema import Config

FEW = 100  # ours: so many labels are not equal by chance, unless the model gives no other
RISE = 1.1  # ours: L_ORT of adapters that are trained without it ended up to 1.03 times as large (experiments/replica)
log = logging.getLogger(__name__)


def only_label(predictions: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> str | None:
    """Returns the one label that the predictions are, where the gold labels are several; None otherwise.

    predictions, gold: per example a list of its tags, or of its single label.
    """
    labels = {label for row in predictions for label in row}
    is_alone = len(labels) == 1 and sum(map(len, predictions)) >= FEW
    return labels.pop() if is_alone and len({label for row in gold for label in row}) > 1 else None


def warn_of_only_labels(by_language: Mapping[str, str]) -> None:
    """Says of which test sets all predictions are one label. by_language: that label."""
    if by_language:
        log.warning(
            "all predictions are the same label on the test sets of %s: what was trained tells nothing apart there; more "
            "epochs, more data or another optim.lr may",
            ", ".join(f"{code} ({label})" for code, label in by_language.items()),
        )


def warn_of_risen_orthogonality(config: Config, layer_cos2: Mapping[str, Sequence[float]]) -> None:
    """Says if the adapter has clearly more of Eq. 2 after training than before, though Eq. 2 was trained."""
    before, after = (sum(layer_cos2.get(when, ())) for when in ("before", "after"))
    if config.is_orthogonal and config.orthogonality.loss == "cosine" and after > RISE * before:
        keys = "optim.lr or a higher optim.ort_lr" if config.has_ort_step else "optim.lr or a larger ort.joint"
        log.warning(
            "L_ORT is %.4g after training and was %.4g before, on held-out data, though it was trained: the adapter is less "
            "orthogonal than a fresh one; a lower %s may mend it",
            after,
            before,
            keys,
        )
