"""What stands on top of the encoder: the backbone's own masked-language-model head, and the two task heads."""

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from orthoadapters.config.schema import TaskKind

IGNORED = -100  # ours: PyTorch's ignore_index, the label of every subword that is not the first of its word


class MaskedLMHead(nn.Module):
    """The backbone's pretrained head; the decoder's weights are the word embeddings where the backbone ties them."""

    def __init__(self, masked_lm: PreTrainedModel) -> None:
        super().__init__()
        names = [name for name, _ in masked_lm.named_children() if name != masked_lm.base_model_prefix]
        self.parts = nn.Sequential(
            *(getattr(masked_lm, name) for name in names)
        )  # lm_head | cls | predictions, decoder

    def forward(self, hidden: Tensor) -> Tensor:
        """(M, H) hidden vectors of masked places -> (M, vocabulary) logits."""
        return self.parts(hidden)


class SentencePairHead(nn.Module):
    """RoBERTa's classification head on the first token: dropout, H x H, tanh, dropout, H x labels."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, T, H) -> (B, labels)."""
        x = self.dense(self.dropout(hidden[:, 0])).tanh()
        return self.out(self.dropout(x))

    @staticmethod
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        """L_TASK for XNLI (paper, footnote 6): cross-entropy of the sequence, mean over the batch."""
        return cross_entropy(logits.float(), labels)


class TokenHead(nn.Module):
    """One linear map per subword, as in RoBERTa's token classification."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, T, H) -> (B, T, labels)."""
        return self.out(self.dropout(hidden))

    @staticmethod
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        """L_TASK for tagging (paper, footnote 6): cross-entropies summed over the tokens, mean over the sequences."""
        summed = cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
        return summed / len(labels)


HEADS: dict[TaskKind, type[SentencePairHead] | type[TokenHead]] = {
    TaskKind.sentence_pair: SentencePairHead,
    TaskKind.tagging: TokenHead,
}
