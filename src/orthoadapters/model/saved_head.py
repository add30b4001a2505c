"""The head of a run in the project's own form: `head.safetensors` beside `head.json`."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from orthoadapters.config.schema import TaskConfig
from orthoadapters.errors import UserError, first_line
from orthoadapters.files import check_content, new_folder, read_json
from orthoadapters.model.finite import check_finite
from orthoadapters.model.heads import HEADS, TaskHead


def save_head(folder: Path, head: nn.Module, task: TaskConfig) -> None:
    """Writes head.safetensors, and head.json with the labels in the order of the outputs."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()}
    with new_folder(folder) as temporary:
        save_file(tensors, temporary / "head.safetensors")
        (temporary / "head.json").write_text(json.dumps(_record(task), indent=2) + "\n")


def load_head(folder: Path, task: TaskConfig, hidden: int) -> TaskHead:
    """Reads what `save_head` wrote, without dropout. Raises UserError if a file is missing, broken or of another task."""
    record = read_json(folder / "head.json", "restore it, or repeat the run")
    path, fix = folder / "head.safetensors", "restore it, or repeat the run"
    if path.exists():
        check_content(path, is_binary=True)
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"the head in {folder} cannot be read ({first_line(error)}); {fix}") from None
    check_finite(tensors, path, fix)
    if record != _record(task):
        raise UserError(
            f"the head in {folder} is not one for {task.name} with the labels of config.yaml; restore the run"
        )
    head = HEADS[task.kind](hidden, len(task.labels), dropout=0.0)
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    head_shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    if shapes != head_shapes:
        raise UserError(f"the head in {folder} has tensors {shapes}, expected are {head_shapes}; restore the run")
    head.load_state_dict(tensors)
    return head.eval()


def _record(task: TaskConfig) -> dict[str, Any]:
    return {"task": task.name, "kind": task.kind.value, "labels": list(task.labels)}
