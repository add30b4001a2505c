"""The heads on top of the encoder: the backbone's own head for masked language modelling, and one for each kind of task.

Shapes: B sentences, T subwords, H hidden size, M masked subwords, V vocabulary.
"""

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from orthoadapters.config.schema import TaskKind
from orthoadapters.examples import IGNORE_INDEX
from orthoadapters.loss_precision import at_least_fp32


class MaskedLMHead(nn.Module):
    """The backbone's pretrained head: the parts before the decoder, and the decoder.

    The decoder's weights are the word embeddings where the backbone ties them. `masked_lm` loses its decoder to this head.
    """

    def __init__(self, masked_lm: PreTrainedModel) -> None:
        super().__init__()
        if hasattr(masked_lm, "lm_predictions"):
            # DeBERTa-v3's decoder is no module: its head takes the word embeddings as an argument.
            head, embeddings = masked_lm.lm_predictions.lm_head, masked_lm.get_input_embeddings().weight
            self.decoder = nn.Linear(embeddings.shape[1], embeddings.shape[0], device="meta")
            self.decoder.weight, self.decoder.bias = embeddings, head.bias
            self.parts = nn.Sequential(head.dense, head.transform_act_fn, head.LayerNorm)
            return
        self.decoder = cast(nn.Linear, masked_lm.get_output_embeddings())
        names = [name for name, _ in masked_lm.named_children() if name != masked_lm.base_model_prefix]
        # The module is called lm_head in RoBERTa, cls in BERT; in ELECTRA and ModernBERT, the decoder is beside it.
        self.parts = nn.Sequential(*(getattr(masked_lm, name) for name in names))
        for part in list(self.parts.modules()):
            for name, child in list(part.named_children()):
                if child is self.decoder:
                    setattr(part, name, nn.Identity())

    def forward(self, hidden: Tensor) -> Tensor:
        """Computes (M, V) logits of the (M, H) hidden vectors of masked subwords."""
        return self.decoder(self.parts(hidden))


class ClassificationHead(nn.Module):
    """The classification head of RoBERTa on the first token: dropout, H x H, tanh, dropout, H x labels."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, hidden: Tensor) -> Tensor:
        """Computes (B, labels) logits of the (B, T, H) hidden vectors."""
        x = self.dense(self.dropout(hidden[:, 0])).tanh()
        return self.out(self.dropout(x))

    @staticmethod
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        """Computes L_TASK of single labels (paper, footnote 6, of XNLI): cross-entropy, as the batch's mean.

        logits: (B, labels). labels: (B,).
        """
        return cross_entropy(at_least_fp32(logits), labels)


class MultipleChoiceHead(ClassificationHead):
    """The classification head with one output, the score of an alternative; softmax is over a question's alternatives."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__(hidden, 1, dropout)
        self.alternatives = labels

    def forward(self, hidden: Tensor) -> Tensor:
        """Computes (B, labels) logits of the (B * labels, T, H) hidden vectors: alternatives of a question are neighbours."""
        return super().forward(hidden).view(-1, self.alternatives)


class TokenHead(nn.Module):
    """The head of RoBERTa's token classification: dropout, and one linear map of every subword."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, hidden: Tensor) -> Tensor:
        """Computes (B, T, labels) logits of the (B, T, H) hidden vectors."""
        return self.out(self.dropout(hidden))

    @staticmethod
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        """Computes L_TASK for tagging (paper, footnote 6): a sequence's sum of cross-entropies, as the batch's mean.

        logits: (B, T, labels). labels: (B, T), IGNORE_INDEX where a subword has none.
        """
        total = cross_entropy(
            at_least_fp32(logits).flatten(0, 1), labels.flatten(), ignore_index=IGNORE_INDEX, reduction="sum"
        )
        return total / len(labels)


TaskHead = ClassificationHead | TokenHead
HEADS: dict[TaskKind, type[TaskHead]] = {
    TaskKind.sentence_pair: ClassificationHead,
    TaskKind.sentence: ClassificationHead,
    TaskKind.multiple_choice: MultipleChoiceHead,
    TaskKind.tagging: TokenHead,
}
