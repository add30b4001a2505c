"""Stage 1 (paper, figure 1a): a language adapter, trained by masked language modelling on text of its language."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from orthoadapters.config.schema import OptimConfig, OrtConfig
from orthoadapters.data.batching import Batch
from orthoadapters.errors import UserError
from orthoadapters.evaluation.scoring import NOT_FINITE
from orthoadapters.model.decoder_loss import decoder_loss
from orthoadapters.model.decoder_rows import DecoderRows
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.orthogonality import layers_orthogonality
from orthoadapters.orthogonality_losses import OrthogonalityLoss
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.record import Recorder


def mlm_loss(
    model: AdaptedEncoder,
    hidden: Tensor,
    positions: Tensor,
    labels: Tensor,
    invert: bool,
    rows: DecoderRows | None = None,
) -> Tensor:
    """Returns L_MLM, the cross-entropy over the masked places: a scalar. No logits are computed for the other places.

    hidden: (B, T, H). positions: (M,) indices into the flattened (B * T). labels: (M,) the original subwords. rows: the
    subwords that the softmax is over, the labels among them; None: the whole vocabulary.
    """
    vectors, decoder = model.decoder_input(hidden.flatten(0, 1)[positions], invert=invert)
    if rows is not None:
        decoder, labels = rows.decoder, rows.places(labels)
    return decoder_loss(vectors, decoder, labels)


class MLMTraining(AlternatingTraining):
    """Trains `adapter`, the last of the active stack, with L_MLM: a language adapter alone, or a domain adapter on one.

    invert: whether the invertible adapter is undone before the decoder, as MAD-X describes. rows: the subwords that the
    softmax is over; None: the whole vocabulary.
    """

    def __init__(
        self,
        model: AdaptedEncoder,
        adapter: str,
        orthogonal: bool,
        optim: OptimConfig,
        recorder: Recorder,
        invert: bool,
        layers_loss: OrthogonalityLoss = layers_orthogonality,
        ort: OrtConfig | None = None,
        rows: DecoderRows | None = None,
    ) -> None:
        super().__init__(model, adapter, None, orthogonal, optim, recorder, layers_loss, ort)
        self.invert, self.rows = invert, rows

    def main_loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        # Blocks are never padded, so that there is no attention mask.
        return mlm_loss(self.model, hidden, batch["positions"], batch["labels"], self.invert, self.rows)


@torch.inference_mode()
def score_held_out(
    model: AdaptedEncoder,
    loader: Iterable[Batch],
    invert: bool,
) -> tuple[dict[str, float], list[float]]:
    """Returns L_MLM per masked subword on held-out blocks and, where an adapter is active, Eq. 2 in all and per layer.

    The first part has the keys `mlm_loss` and `l_ort`; the second one is empty without an adapter. Raises UserError if a
    loss is not finite.
    """
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    loss, layers = torch.zeros((), device=device), torch.zeros(len(model.pair_layers), device=device)
    places = tokens = 0
    for batch in loader:
        encoding = model.encode(batch, device)
        count = len(batch["labels"])
        positions = batch["positions"].to(device, non_blocking=True)
        labels = batch["labels"].to(device, non_blocking=True)
        batch_loss = mlm_loss(model, encoding.hidden, positions, labels, invert)
        loss, places, tokens = loss + batch_loss * count, places + count, tokens + batch["input_ids"].numel()
        if model.stack:
            layers = layers + layers_orthogonality(encoding.pairs, None) * batch["input_ids"].numel()
    model.train(was_training)
    scores, means = {"mlm_loss": float(loss) / places}, (layers / tokens).tolist()
    if not all(map(math.isfinite, [*scores.values(), *means])):
        raise UserError(NOT_FINITE)
    return (scores | {"l_ort": sum(means)}, means) if model.stack else (scores, [])
