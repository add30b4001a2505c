"""A prediction head in AdapterHub's format: `head_config.json` and `model_head.safetensors` beside an adapter's files.

`adapters` calls the heads "flex heads": a row of modules, numbered, of which those with weights are named here.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file

from orthoadapters.errors import UserError
from orthoadapters.files import write_text
from orthoadapters.model.adapterhub.config import check_backbone, read_json
from orthoadapters.model.adapterhub.tensors import described_backbone, read_tensors
from orthoadapters.model.heads import SentencePairHead, TokenHead

if TYPE_CHECKING:
    from orthoadapters.model.encoder import AdaptedEncoder

FILE = "head_config.json"
WEIGHTS = ("model_head.safetensors", "pytorch_model_head.bin")
# The fields of `adapters`' two heads that compute what ours do. Modules 0 to 4: dropout, H x H, tanh, dropout, H x labels.
CLASSIFICATION = {"head_type": "classification", "layers": 2, "activation_function": "tanh", "use_pooler": False,
                  "bias": True}  # fmt: skip
TAGGING = {"head_type": "tagging", "layers": 1}  # with one layer the activation is not applied
_PARTS = {SentencePairHead: {"dense": "1", "out": "4"}, TokenHead: {"out": "1"}}
_CLASSES = {"xlm-roberta": "XLMRoberta", "roberta": "Roberta", "bert": "Bert", "electra": "Electra"}


def exists(folder: Path) -> bool:
    return any((folder / name).exists() for name in (FILE, *WEIGHTS))


def write(
    folder: Path, model: "AdaptedEncoder", name: str, head: SentencePairHead | TokenHead, labels: Sequence[str]
) -> None:
    """Adds the head to adapter `name`'s folder, so that the `adapters` library loads both; each file whole or not at all."""
    parts = _PARTS[type(head)]
    tensors = {f"heads.{name}.{parts[own.partition('.')[0]]}.{own.partition('.')[2]}": value.detach().cpu().contiguous()
               for own, value in head.state_dict().items()}  # fmt: skip
    config = (CLASSIFICATION if isinstance(head, SentencePairHead) else TAGGING) | {
        "num_labels": len(labels),
        "label2id": {label: i for i, label in enumerate(labels)},
        "dropout_prob": head.dropout.p,
    }
    described = described_backbone(model) | {
        "config": config,
        "model_class": f"{_CLASSES[model.backbone.config.model_type]}AdapterModel",
        "name": name,
    }
    temporary = folder / f".{WEIGHTS[0]}.tmp"
    save_file(tensors, temporary)
    temporary.replace(folder / WEIGHTS[0])
    # Not sorted: `adapters` lists the labels in the order in which they stand here.
    write_text(folder / FILE, json.dumps(described, indent=2) + "\n")


def read(folder: Path, model: "AdaptedEncoder") -> tuple[SentencePairHead | TokenHead, list[str]]:
    """The head beside an adapter, in eval mode on the CPU, and its labels in the order of its outputs.

    Labels that the file does not name are "0", "1", ....

    Raises UserError if there is none, it is broken or for another backbone, or computes what neither of our heads does.
    """
    described = read_json(folder / FILE)
    check_backbone(folder, described, model)
    config = described.get("config")
    if not isinstance(config, dict):
        raise UserError(f"{folder / FILE} has no 'config': it does not describe a head that is supported")
    kind, form = (TokenHead, TAGGING) if config.get("head_type") == "tagging" else (SentencePairHead, CLASSIFICATION)
    for field, value in form.items():
        if config.get(field, None if field == "head_type" else value) != value:
            raise UserError(
                f"head {folder}: {field} = {config.get(field)!r} is not supported; supported: classification of two "
                "layers with tanh on the first token, tagging of one layer"
            )
    labels = _labels(folder, config)
    backbone = model.backbone.config
    dropout = config.get("dropout_prob")
    if dropout is None:  # as `adapters` finds it
        dropout = getattr(backbone, "classifier_dropout", None) or backbone.hidden_dropout_prob
    head: SentencePairHead | TokenHead = kind(model.hidden_size, len(labels), dropout)
    _fill(folder, head, _PARTS[kind])
    return head.eval(), labels


def _labels(folder: Path, config: dict[str, Any]) -> list[str]:
    count, ids = config.get("num_labels"), config.get("label2id")
    if not isinstance(count, int) or count < 1:
        raise UserError(f"head {folder}: num_labels = {count!r} is not supported; supported: a whole number above 0")
    if ids is None:
        return [str(i) for i in range(count)]
    if not isinstance(ids, dict) or sorted(ids.values(), key=str) != sorted(range(count), key=str):
        raise UserError(f"head {folder}: label2id = {ids!r} does not number {count} labels from 0")
    return sorted(ids, key=ids.__getitem__)


def _fill(folder: Path, head: SentencePairHead | TokenHead, parts: dict[str, str]) -> None:
    tensors = read_tensors(folder, WEIGHTS)
    own = {f"{parts[key.partition('.')[0]]}.{key.partition('.')[2]}": key for key in head.state_dict()}
    found = {own.get(".".join(key.split(".")[2:]), key): tensor for key, tensor in tensors.items()}
    expected = {key: tuple(value.shape) for key, value in head.state_dict().items()}
    shapes = {key: tuple(tensor.shape) for key, tensor in found.items()}
    if shapes != expected or len(found) != len(tensors):
        raise UserError(f"head {folder}: its tensors {shapes} are not the {expected} that {FILE} makes of it")
    head.load_state_dict(found)
