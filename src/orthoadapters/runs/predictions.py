"""Predictions, what they count sentence by sentence, and heads as files."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orthoadapters.config.schema import TaskConfig, TaskKind
from orthoadapters.errors import UserError, first_line
from orthoadapters.files import new_folder, write_bytes, write_text

if TYPE_CHECKING:  # torch and transformers take seconds to import, and a report reads counts alone
    from torch import nn

    from orthoadapters.model.heads import SentencePairHead, TokenHead


def write_predictions(path: Path, predictions: Sequence[Sequence[str]], kind: TaskKind) -> None:
    """XTREME's submission form: a label per line; for tagging one per word, with a blank line after each sentence."""
    ending = "\n" if kind is TaskKind.tagging else ""
    write_text(path, "".join("".join(f"{label}\n" for label in labels) + ending for labels in predictions))


def write_sentence_counts(run: Path, language: str, counts: Mapping[str, NDArray[np.integer[Any]]]) -> None:
    """sentences/test-<language>.npz: a metric's name -> what `metrics.counts_of` counts for it, a row per sentence or pair."""
    content = io.BytesIO()
    arrays: dict[str, Any] = {metric: rows.astype(np.int32) for metric, rows in counts.items()}
    np.savez_compressed(content, **arrays)
    write_bytes(_sentences(run, language), content.getvalue())


def sentence_counts(run: Path, language: str) -> dict[str, NDArray[np.int32]]:
    """Of each metric what its score's sums are made of, a row per sentence or pair, in the order of the test set.

    "f1", "f1_strict": (n, 3) right, predicted and gold spans; "accuracy": (n, 2) right and all words (of a pair: 1).

    Raises UserError if a run has no such file, or a broken one.
    """
    path = _sentences(run, language)
    try:
        with np.load(path, allow_pickle=False) as counts:
            return {metric: counts[metric] for metric in counts.files}
    except FileNotFoundError:
        raise UserError(f"there is no {path}; move {run} away and give its command again") from None
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path} cannot be read ({first_line(error)}); move {run} away and give its command again"
        ) from None


def _sentences(run: Path, language: str) -> Path:
    return run / "sentences" / f"test-{language}.npz"


def save_head(folder: Path, head: "nn.Module", task: TaskConfig) -> None:
    """head.safetensors, and head.json with the labels in the order of the outputs."""
    from safetensors.torch import save_file

    with new_folder(folder) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()},
                  temporary / "head.safetensors")  # fmt: skip
        (temporary / "head.json").write_text(json.dumps(_described(task), indent=2) + "\n")


def load_head(folder: Path, task: TaskConfig, hidden: int) -> "SentencePairHead | TokenHead":
    """The head that `save_head` wrote, without dropout. Raises UserError if a file is missing, broken or of another task."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from orthoadapters.model.heads import HEADS

    try:
        described = json.loads((folder / "head.json").read_text())
        tensors = load_file(folder / "head.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"the head in {folder} cannot be read ({error}); restore it, or repeat the run") from None
    if described != _described(task):
        raise UserError(
            f"the head in {folder} is not one for {task.name} with the labels of config.yaml; restore the run"
        )
    head = HEADS[task.kind](hidden, len(task.labels), dropout=0.0)
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    expected = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    if found != expected:
        raise UserError(f"the head in {folder} has tensors {found}, expected are {expected}; restore the run")
    head.load_state_dict(tensors)
    return head.eval()


def _described(task: TaskConfig) -> dict[str, Any]:
    return {"task": task.name, "kind": task.kind.value, "labels": list(task.labels)}
