"""Predictions, and the counts of each sentence that scores are made of, as files."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orthoadapters.checksums import check_sums
from orthoadapters.config.kinds import KINDS
from orthoadapters.config.schema import TaskKind, Under
from orthoadapters.errors import UserError, first_line, is_of_memory
from orthoadapters.files import check_regular, write_files, write_text


def write_predictions(path: Path, predictions: Sequence[Sequence[str]], kind: TaskKind) -> None:
    """Writes XTREME's submission form: a label per line; for tagging one per word, and a blank line after each sentence."""
    ending = "\n" if KINDS[kind].per_word else ""
    write_text(path, "".join("".join(f"{label}\n" for label in labels) + ending for labels in predictions))


def write_sentence_counts(
    run: Path, language: str, counts: Mapping[str, NDArray[np.integer[Any]]], under: Under | None = None
) -> None:
    """Writes sentences/test-<language>.npz: a metric's name -> what `metrics.counts_of` counts, a row per example.

    under: with something else under the task adapter than the run's own choice, sentences/under-<choice>/.
    """
    content = io.BytesIO()
    arrays: dict[str, Any] = {metric: rows.astype(np.int32) for metric, rows in counts.items()}
    np.savez_compressed(content, **arrays)
    write_files({_sentences(run, language, under): content.getvalue()})


def sentence_counts(run: Path, language: str, under: Under | None = None) -> dict[str, NDArray[np.int32]]:
    """Reads for each metric the counts whose sums make its score, a row per example, in the order of the test set.

    "f1", "f1_strict": (n, 3) right, predicted and gold spans; "accuracy": (n, 2) right and all words (1 where an example
    has one label); "macro_f1": (n, labels * 3) right, predicted and gold words of each label.

    Raises UserError if a run has no such file, or a broken one.
    """
    path = _sentences(run, language, under)
    check_regular(path)
    check_sums(run, f"move {run} away and give its command again", (path.relative_to(run).as_posix(),))
    try:
        with np.load(path, allow_pickle=False) as counts:
            return {metric: counts[metric] for metric in counts.files}
    except FileNotFoundError:
        raise UserError(f"there is no {path}; move {run} away and give its command again") from None
    except Exception as error:
        if is_of_memory(error):
            raise
        # A damaged zip makes Python raise exceptions of many types; its parts have checksums.
        raise UserError(
            f"{path} cannot be read ({first_line(error)}); move {run} away and give its command again"
        ) from None


def _sentences(run: Path, language: str, under: Under | None) -> Path:
    folder = run / "sentences" if under is None else run / "sentences" / f"under-{under.value}"
    return folder / f"test-{language}.npz"
