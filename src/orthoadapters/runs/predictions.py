"""Predictions, what they count sentence by sentence, and heads as files."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orthoadapters.config.schema import TaskKind
from orthoadapters.errors import UserError, first_line
from orthoadapters.files import write_bytes, write_text

if TYPE_CHECKING:  # torch and transformers take seconds to import, and a report reads counts alone
    pass


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
