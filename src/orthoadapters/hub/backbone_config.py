"""The values in a backbone's config.json: their types and ranges, and the shapes of the weights beside it."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from orthoadapters.errors import UserError, is_of_memory
from orthoadapters.files import COPY_AGAIN, read_json, read_safetensors_header
from orthoadapters.hub.families import FAMILIES, Layout

MOST = 10_000_000  # ours: ten times the largest published vocabulary, so that a slip is seen before memory runs out
MOST_LAYERS = 1000  # ours: far more than any encoder has, as building a billion of them never ends
LARGEST_EPS = 0.01  # ours: ten times the largest in use (Keras' 1e-3); with more, LayerNorm leaves little of its input
LONGEST_VALUE = 60  # ours: characters of a value that a sentence shows
LONGEST_REASON = 300  # ours: characters of transformers' own reason that a sentence shows
# The names that transformers 5 knows (`transformers.activations`), which cannot be imported without PyTorch.
ACTIVATIONS = frozenset(
    "gelu gelu_10 gelu_accurate gelu_fast gelu_new gelu_python gelu_python_tanh gelu_pytorch_tanh hardswish laplace "
    "leaky_relu linear mish prelu quick_gelu relu relu2 relu6 sigmoid silu sqrtsoftplus swish tanh xielu".split()
)
EMBEDDINGS = ("embeddings.word_embeddings.weight", "embeddings.tok_embeddings.weight")
POSITIONS = "embeddings.position_embeddings.weight"
# The name of a layer's tensor in all layouts, such as roberta.encoder.layer.11.output.dense.weight or model.layers.21.mlp.Wi.
LAYER = re.compile(r"(?:\w+\.)?(?:encoder\.layer|layers)\.([0-9]+)\.")
FIX = "bring back the config.json that belongs to these weights"

# What a value must be, in words, and whether one is so.
Rule = tuple[str, Callable[[Any], bool]]


def _whole(least: int, most: int) -> Rule:
    return f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most


def _or_null(rule: Rule) -> Rule:
    return f"{rule[0]}, or null", lambda value: value is None or rule[1](value)


COUNT = _whole(1, MOST)
# NaN fails every comparison.
EPS: Rule = (
    f"a number above 0 and at most {LARGEST_EPS}",
    lambda value: type(value) is float and 0 < value <= LARGEST_EPS,
)
DROPOUT: Rule = ("a number from 0 to below 1", lambda value: type(value) in (int, float) and 0 <= value < 1)
ACTIVATION: Rule = (
    "the name of an activation function in transformers, such as gelu",
    lambda value: isinstance(value, str) and value in ACTIVATIONS,
)
FALSE: Rule = ("false, as adapters are defined for encoders", lambda value: value is False)
# Else PyTorch's attention, which these layouts are run with, cannot be taken. Null is the default.
NO_SCORES: Rule = ("false, as adapters do not read them", lambda value: not value)
# `transformers` 5 computes no others, and says nothing of it.
ABSOLUTE: Rule = ('"absolute"', lambda value: value in ("absolute", None))
# What is to be done where a file may be whole, and is not for this project.
OTHER_BACKBONE = "choose another backbone"
FIXES = {
    "is_decoder": OTHER_BACKBONE,
    "add_cross_attention": OTHER_BACKBONE,
    "position_embedding_type": OTHER_BACKBONE,
    "output_attentions": "write false there",
}

RULES: dict[str, Rule] = {
    "vocab_size": COUNT,
    "hidden_size": COUNT,
    "intermediate_size": COUNT,
    "num_hidden_layers": _whole(1, MOST_LAYERS),
    "num_attention_heads": COUNT,
    "max_position_embeddings": COUNT,
    "classifier_dropout": _or_null(DROPOUT),
    "is_decoder": FALSE,
}
# The fields of the layouts of BERT and DeBERTa.
POST_NORM = {
    "type_vocab_size": _whole(0, MOST),
    "hidden_act": ACTIVATION,
    "layer_norm_eps": EPS,
    "hidden_dropout_prob": DROPOUT,
    "attention_probs_dropout_prob": DROPOUT,
}
OF_LAYOUT: dict[Layout, dict[str, Rule]] = {
    Layout.bert: POST_NORM
    | {"add_cross_attention": FALSE, "position_embedding_type": ABSOLUTE, "output_attentions": NO_SCORES},
    Layout.deberta: POST_NORM | {"embedding_size": _or_null(COUNT), "conv_kernel_size": _or_null(_whole(0, MOST))},
    Layout.modernbert: {
        "hidden_activation": ACTIVATION,
        "norm_eps": EPS,
        "embedding_dropout": DROPOUT,
        "attention_dropout": DROPOUT,
        "mlp_dropout": DROPOUT,
        "local_attention": COUNT,
        "global_attn_every_n_layers": COUNT,
        "output_attentions": NO_SCORES,
    },
}


def check_fields(path: Path, fields: Mapping[str, Any]) -> None:
    """Raises UserError for a value in a config.json that is of a wrong type, or out of the range that makes sense.

    Fields that are missing are left to transformers' defaults, and others than those above are not looked at.
    """
    family = FAMILIES.get(fields.get("model_type", ""))
    if family is None:
        return
    rules = RULES | OF_LAYOUT[family.layout]
    if fields["model_type"] == "electra":
        rules["embedding_size"] = COUNT
    # Elsewhere the padding id decides no position, and published files have it wrong, or null.
    rules["pad_token_id"] = _whole(0, MOST) if family.positions_after_padding else _or_null(_whole(-MOST, MOST))
    for name, (what, holds) in rules.items():
        if name in fields and not holds(fields[name]):
            raise UserError(wrong_value(path, fields, name, what, FIXES.get(name, COPY_AGAIN)))
    hidden, heads = fields.get("hidden_size"), fields.get("num_attention_heads")
    if hidden and heads and hidden % heads:
        raise UserError(wrong_value(path, fields, "num_attention_heads", f"a divisor of hidden_size ({hidden})"))
    padding, rows, longest = (fields.get(name) for name in ("pad_token_id", "vocab_size", "max_position_embeddings"))
    if padding is not None and rows and padding >= rows:
        raise UserError(wrong_value(path, fields, "pad_token_id", f"below vocab_size ({rows})"))
    if family.positions_after_padding and padding is not None and longest and longest <= padding + 1:
        what = f"above {padding + 1}, as positions are counted from pad_token_id + 1 on"
        raise UserError(wrong_value(path, fields, "max_position_embeddings", what))


def wrong_value(path: Path, fields: Mapping[str, Any], name: str, what: str, fix: str = COPY_AGAIN) -> str:
    """Writes the sentence for a value of config.json. what: what it must be."""
    value = json.dumps(fields[name])
    value = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}..."
    return f"{path}: {name} is {value}, and must be {what}; {fix}"


def check_shapes(folder: Path, pattern: str) -> None:
    """Raises UserError if the safetensors have other layers than config.json says, or embeddings of another shape.

    pattern: that of the files' names. Without it, layers that config.json does not name would be left out without a word.
    """
    path = folder / "config.json"
    fields = read_json(path)
    family = fields["model_type"]
    width = "embedding_size" if family == "electra" else "hidden_size"
    sizes = dict.fromkeys(EMBEDDINGS, ("vocab_size", width))
    if FAMILIES[family].layout is Layout.bert:
        # DeBERTa's files may have positions that are not read, and ModernBERT's have none.
        sizes[POSITIONS] = ("max_position_embeddings", width)
    layers: set[int] = set()
    for file in sorted(folder.glob(pattern)):
        for name, entry in read_safetensors_header(file).items():
            layers |= {int(match[1]) + 1 for match in [LAYER.match(name)] if match}
            for end, names in sizes.items():
                if name.endswith(end):
                    _check_shape(file, name, entry["shape"], {key: fields.get(key) for key in names})
    if layers and fields.get("num_hidden_layers", max(layers)) != max(layers):
        raise UserError(
            wrong_value(path, fields, "num_hidden_layers", f"{max(layers)}, as in the weights beside it", FIX)
        )


def _check_shape(file: Path, tensor: str, shape: list[int], sizes: Mapping[str, int | None]) -> None:
    """Compares a matrix with the two sizes that config.json gives it, each None if that is left to a default."""
    right = [actual if size is None else size for size, actual in zip(sizes.values(), shape, strict=False)]
    if shape != right:
        names = [name for name, size, actual in zip(sizes, right, shape, strict=False) if size != actual]
        raise UserError(
            f"{file}: tensor {tensor} has shape {shape}, and {' and '.join(names)} in config.json makes it {right}; {FIX}"
        )


def check_loading(folder: Path) -> None:
    """Raises UserError if transformers refuses config.json for a value that `check_fields` does not look at.

    It comes before the tokenizer and the weights, which are read by config.json too and would be blamed. It loads PyTorch.
    """
    from transformers import AutoConfig

    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:
        if is_of_memory(error):
            raise
        # By the value, transformers raises many types, and the reason may stand on a second line.
        reason = shorten(str(error), LONGEST_REASON).rstrip(".") or type(error).__name__
        raise UserError(f"{path} cannot be used ({reason}); {COPY_AGAIN}") from error
