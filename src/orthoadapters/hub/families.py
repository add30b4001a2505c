"""The families of backbones: one row for each model type of transformers that adapters are defined for.

A family has one of the layouts of modules below. Another family of a layout that stands here is one more row. Another layout
needs a walk over its embeddings and layers besides, in `model/walks.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Layout(Enum):
    """The modules of a backbone, and what its layers compute.

    bert: `embeddings`, then `encoder.layer`, where each layer has `attention`, `intermediate` and `output` (`dense`,
    `dropout`, `LayerNorm`): a post-LayerNorm layer. deberta: the same modules, with relative positions in each attention.
    modernbert: `embeddings`, then `layers` with `attn_norm`, `attn`, `mlp_norm`, `mlp`, and `final_norm`: pre-LayerNorm
    layers with rotary positions, some of which attend to neighbours alone.
    """

    bert = "bert"
    deberta = "deberta"
    modernbert = "modernbert"


@dataclass(frozen=True)
class Family:
    """One family of backbones.

    adapterhub: how the names of AdapterHub's classes for this family begin, such as XLMRoberta of XLMRobertaAdapterModel.
    positions_after_padding: whether positions are counted from the padding id + 1 on, as RoBERTa does; else from 0.
    """

    adapterhub: str
    layout: Layout = Layout.bert
    positions_after_padding: bool = False

    @property
    def is_in_library(self) -> bool:
        """The answer whether `adapters` 1.3.0 has those classes. It takes others by a description of a model's modules."""
        return self.layout is not Layout.modernbert


# The rows by transformers' model_type, in the order in which sentences name them.
FAMILIES = {
    "xlm-roberta": Family("XLMRoberta", positions_after_padding=True),
    "roberta": Family("Roberta", positions_after_padding=True),
    "bert": Family("Bert"),
    "electra": Family("Electra"),
    "deberta-v2": Family("DebertaV2", Layout.deberta),
    "modernbert": Family("ModernBert", Layout.modernbert),
}


def refusal(backbone: str, config: Mapping[str, Any]) -> str:
    """Says why a backbone of this config.json is not supported; empty if it is. backbone: its name, for the sentence."""
    family = config.get("model_type")
    if family not in FAMILIES:
        return f"{backbone} is of type '{family}'; adapters are defined for encoders of the types {', '.join(FAMILIES)}"
    if FAMILIES[family].layout is not Layout.deberta:
        return ""
    if (config.get("conv_kernel_size") or 0) > 0:
        return (
            f"{backbone} has a convolution beside its first layer (conv_kernel_size = {config['conv_kernel_size']}), which is "
            "not supported; choose a DeBERTa without one, such as backbone=mdeberta"
        )
    width, hidden = config.get("embedding_size"), config.get("hidden_size")
    if width not in (None, hidden):
        return (
            f"{backbone} has embeddings of another size ({width}) than its hidden vectors ({hidden}), which is not supported "
            "for DeBERTa; choose another, such as backbone=mdeberta"
        )
    return ""
