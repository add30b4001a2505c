"""A prediction head in AdapterHub's format: `head_config.json` and `model_head.safetensors` beside an adapter's files.

`adapters` calls the heads "flex heads": a row of modules, numbered, of which those with weights are named here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from orthoadapters.errors import UserError, naming
from orthoadapters.files import write_text
from orthoadapters.hub.adapters import FIX, HEAD_FILE, HEAD_WEIGHTS
from orthoadapters.hub.families import FAMILIES
from orthoadapters.model.adapterhub.config import check_backbone, read_fields
from orthoadapters.model.adapterhub.tensors import backbone_fields, read_tensors
from orthoadapters.model.heads import ClassificationHead, MultipleChoiceHead, TaskHead, TokenHead
from orthoadapters.model.shape import ShapeOwner


@dataclass(frozen=True)
class _Form:
    """The head of `adapters` that computes what one of ours does.

    fields: its configuration. count: the field that says how many labels there are. numbers: the place of each of our
    modules in its row of modules.
    """

    fields: dict[str, Any]
    count: str
    numbers: dict[str, str]


_TWO_LAYERS = {"layers": 2, "activation_function": "tanh", "use_pooler": False}
# The rows are: dropout, H x H, tanh, dropout, H x outputs; and for tagging: dropout, H x labels, without activation.
_FORMS: dict[type[TaskHead], _Form] = {
    ClassificationHead: _Form(
        {"head_type": "classification", **_TWO_LAYERS, "bias": True}, "num_labels", {"dense": "1", "out": "4"}
    ),
    MultipleChoiceHead: _Form(
        {"head_type": "multiple_choice", **_TWO_LAYERS}, "num_choices", {"dense": "1", "out": "4"}
    ),
    TokenHead: _Form({"head_type": "tagging", "layers": 1}, "num_labels", {"out": "1"}),
}
MOST_LABELS = 100_000  # ours: above any label set, and little memory
_TYPES = {form.fields["head_type"]: head_class for head_class, form in _FORMS.items()}


def exists(folder: Path) -> bool:
    """Returns whether the folder has any file of a head."""
    return any((folder / name).exists() for name in (HEAD_FILE, *HEAD_WEIGHTS))


def write(folder: Path, model: ShapeOwner, name: str, head: TaskHead, labels: Sequence[str]) -> None:
    """Adds the head to adapter `name`'s folder, so that the `adapters` library loads both.

    model: the encoder below the head. Each file is whole or not there at all.
    """
    numbers = _their_names(head)
    tensors = {
        f"heads.{name}.{numbers[key]}": value.detach().cpu().contiguous() for key, value in head.state_dict().items()
    }
    form = _FORMS[type(head)]
    config = form.fields | {
        form.count: len(labels),
        "label2id": {label: i for i, label in enumerate(labels)},
        "dropout_prob": head.dropout.p,
    }
    fields = backbone_fields(model.shape) | {
        "config": config,
        "model_class": f"{FAMILIES[model.shape.model_type].adapterhub}AdapterModel",
        "name": name,
    }
    weights = folder / HEAD_WEIGHTS[0]
    temporary = weights.with_name(f".{weights.name}.tmp")
    with naming(weights):
        save_file(tensors, temporary)
    # safetensors lets only its owner read the file.
    temporary.chmod(folder.stat().st_mode & 0o666)
    temporary.replace(weights)
    # The fields are not sorted: `adapters` lists the labels in the order in which they stand here.
    write_text(folder / HEAD_FILE, json.dumps(fields, indent=2) + "\n")


def read(folder: Path, model: ShapeOwner) -> tuple[TaskHead, list[str]]:
    """Reads the head beside an adapter, in eval mode on the CPU, and its labels in the order of its outputs.

    model: the encoder below the head. Labels that the file does not name are "0", "1", ....

    Raises UserError if there is none, it is broken or for another backbone, or computes what neither of our heads does.
    """
    shape = model.shape
    fields = read_fields(folder / HEAD_FILE)
    check_backbone(folder, fields, shape)
    config = fields.get("config")
    if not isinstance(config, dict):
        raise UserError(f"{folder / HEAD_FILE} has no 'config': it does not describe a head that is supported")
    head_class = _TYPES.get(str(config.get("head_type")), ClassificationHead)
    form = _FORMS[head_class]
    for field, value in form.fields.items():
        if config.get(field, None if field == "head_type" else value) != value:
            raise UserError(
                f"head {folder}: {field} = {config.get(field)!r} is not supported; supported: classification and "
                "multiple_choice of two layers with tanh on the first token, tagging of one layer"
            )
    labels = _labels(folder, config, form.count)
    dropout = config.get("dropout_prob")
    if dropout is not None and not (isinstance(dropout, int | float) and 0 <= dropout <= 1):
        raise UserError(f"head {folder}: dropout_prob = {dropout!r} is not supported; supported: a number from 0 to 1")
    head = head_class(shape.hidden_size, len(labels), shape.head_dropout if dropout is None else dropout)
    _fill(folder, head)
    return head.eval(), labels


def _their_names(head: TaskHead) -> dict[str, str]:
    """Returns the names of a head's tensors in `adapters`, such as 4.weight for our out.weight."""
    numbers = _FORMS[type(head)].numbers
    return {key: f"{numbers[module]}.{rest}" for key in head.state_dict() for module, _, rest in [key.partition(".")]}


def _labels(folder: Path, config: dict[str, Any], field: str) -> list[str]:
    count, ids = config.get(field), config.get("label2id")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= MOST_LABELS:
        raise UserError(f"head {folder}: {field} = {count!r} is not supported; supported: 1 to {MOST_LABELS:,}")
    if ids is None:
        return [str(i) for i in range(count)]
    if not isinstance(ids, dict) or sorted(ids.values(), key=str) != sorted(range(count), key=str):
        raise UserError(f"head {folder}: label2id = {ids!r} does not number {count} labels from 0")
    return sorted(ids, key=ids.__getitem__)


def _fill(folder: Path, head: TaskHead) -> None:
    """Reads the head's weights into it. Raises UserError for tensors that are missing, surplus or misshapen."""
    file_tensors = read_tensors(folder, HEAD_WEIGHTS)
    ours = {number: key for key, number in _their_names(head).items()}
    # heads.NAME.4.weight is our out.weight; an unknown name is kept, so that the sentence below has it
    tensors = {ours.get(".".join(name.split(".")[2:]), name): tensor for name, tensor in file_tensors.items()}
    head_shapes = {key: tuple(value.shape) for key, value in head.state_dict().items()}
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if shapes != head_shapes or len(tensors) != len(file_tensors):
        raise UserError(
            f"head {folder}: its tensors {shapes} are not the {head_shapes} that {HEAD_FILE} makes of it; {FIX}"
        )
    head.load_state_dict(tensors)
