"""The families of backbones: one row for each model type of transformers that adapters are defined for.

All of them are post-LayerNorm encoders with one layout of modules: `embeddings`, then `encoder.layer`, where each layer
has `attention`, `intermediate` and `output` (`dense`, `dropout`, `LayerNorm`). Another family of this layout is one more
row. A family of another layout needs a forward pass of its own in `AdaptedEncoder` and a site of its own besides.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """One family of backbones.

    adapterhub: how the names of AdapterHub's classes for this family begin, such as XLMRoberta of XLMRobertaAdapterModel.
    positions_after_padding: whether positions are counted from the padding id + 1 on, as RoBERTa does; else from 0.
    """

    adapterhub: str
    positions_after_padding: bool = False


# The rows by transformers' model_type, in the order in which sentences name them.
FAMILIES = {
    "xlm-roberta": Family("XLMRoberta", positions_after_padding=True),
    "roberta": Family("Roberta", positions_after_padding=True),
    "bert": Family("Bert"),
    "electra": Family("Electra"),
}
