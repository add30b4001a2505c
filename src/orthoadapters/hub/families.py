"""The families of backbones."""

SUPPORTED = ("xlm-roberta", "roberta", "bert", "electra")  # post-LayerNorm encoders with this layer layout
