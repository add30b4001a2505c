"""Accuracy, token accuracy and span F1, as fractions in 0..1.

Span F1 is seqeval's, which XTREME and the paper used: `f1` as its default computes it, `f1_strict` as mode="strict",
scheme=IOB2 does. The default runs over all sentences as one sequence with an O after each, and reads the first
character of a tag as its prefix: NOUN is a tag N of type OUN. Neighbouring equal UPOS tags form one span, each SCONJ is
one of its own (S stands for single), and so on. That is odd, but Table 3
was computed with it, so it is kept to the last digit.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from operator import eq

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from orthoadapters.data.windows import Windows, join_windows

Span = tuple[str, int, int]  # type, first word, last word
Tags = Sequence[Sequence[str]]  # sentences of tags, or pairs with one label each


def spans(tags: Sequence[str]) -> set[Span]:
    """The spans of one sequence, as seqeval.metrics.sequence_labeling.get_entities finds them."""
    found: set[Span] = set()
    previous, begin = START, 0
    for place, tag in enumerate([*tags, "O"]):
        ends, starts, current = transition(previous, tag)
        if ends:
            found.add((previous[1], begin, place - 1))
        if starts:
            begin = place
        previous = current
    return found


START = ("O", "_")  # the state after an O


@cache
def transition(previous: tuple[str, str], tag: str) -> tuple[bool, bool, tuple[str, str]]:
    """Whether a span ends before this word, whether one starts at it, and (prefix, type) of the word."""
    prefix, kind = tag[0], tag[1:].split("-", maxsplit=1)[-1] or "_"
    before, kind_before = previous
    other = kind != kind_before
    ends = before in "ES" or (before in "BI" and prefix in "BSO") or (before not in "O." and other)
    starts = prefix in "BS" or (before in "ESO" and prefix in "EI") or (prefix not in "O." and other)
    return ends, starts, (prefix, kind)


def spans_strict(tags: Sequence[str]) -> set[Span]:
    """The spans of one sequence under strict IOB2: B-X and the I-X that follow it; an I-X without a B-X is no span."""
    found: set[Span] = set()
    kind, begin = "", -1  # begin < 0: outside
    for place, tag in enumerate([*tags, "O"]):
        if tag[0] not in "BIO":
            raise ValueError(f"{tag!r} is no IOB2 tag; f1_strict is defined for O, B-... and I-... alone")
        current = tag[1:].strip("-") or "_"
        if begin >= 0 and not (tag[0] == "I" and current == kind):
            found.add((kind, begin, place - 1))
            begin = -1
        if tag[0] == "B":
            kind, begin = current, place
    return found


def span_counts(gold: Tags, predicted: Tags, strict: bool = False) -> NDArray[np.int64]:
    """(sentences, 3): right, predicted and gold spans of each sentence; F1 is made of the columns' sums."""
    same_shape(gold, predicted)
    counts = np.zeros((len(gold), 3), dtype=np.int64)
    if strict:
        for row, g, p in zip(counts, map(spans_strict, gold), map(spans_strict, predicted), strict=True):
            row[:] = len(g & p), len(p), len(g)
        return counts
    ends = np.cumsum([len(sentence) + 1 for sentence in gold])  # a span belongs to the sentence in which it ends
    gold_spans, predicted_spans = spans(_one_sequence(gold)), spans(_one_sequence(predicted))
    for column, found in enumerate((gold_spans & predicted_spans, predicted_spans, gold_spans)):
        sentence = np.searchsorted(ends, [end for _, _, end in found], side="right")
        counts[:, column] = np.bincount(sentence, minlength=len(gold))
    return counts


def _one_sequence(sentences: Tags) -> list[str]:
    return [tag for sentence in sentences for tag in (*sentence, "O")]


def f1_of_counts(counts: NDArray[np.int64]) -> float:
    """Micro-averaged F1 of rows of `span_counts`, with seqeval's order of operations; 0.0 without spans."""
    right, predicted, gold = (int(total) for total in counts.sum(axis=0))
    precision = right / predicted if predicted else 0.0
    recall = right / gold if gold else 0.0
    return 2 * precision * recall / (precision + recall) if right else 0.0


def span_f1(gold: Tags, predicted: Tags) -> float:
    return f1_of_counts(span_counts(gold, predicted))


def span_f1_strict(gold: Tags, predicted: Tags) -> float:
    return f1_of_counts(span_counts(gold, predicted, strict=True))


def word_counts(gold: Tags, predicted: Tags) -> NDArray[np.int64]:
    """(sentences, 2): right words and all words of each sentence; a pair counts as one word."""
    same_shape(gold, predicted)
    right = [sum(map(eq, *tags)) for tags in zip(gold, predicted, strict=True)]
    return np.array([right, [len(tags) for tags in gold]], dtype=np.int64).T


def accuracy_of_counts(counts: NDArray[np.int64]) -> float:
    """Share of right words of rows of `word_counts`. Raises ValueError if there are no words."""
    right, words = (int(total) for total in counts.sum(axis=0))
    if not words:
        raise ValueError("there are no labels to score")
    return right / words


def token_accuracy(gold: Tags, predicted: Tags) -> float:
    """Share of words (or pairs) with the right label, over all sentences together."""
    return accuracy_of_counts(word_counts(gold, predicted))


def same_shape(gold: Tags, predicted: Tags) -> None:
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise ValueError("gold and predicted labels differ in their number of sentences or words")


# What each metric counts, sentence by sentence, and the score that the columns' sums make.
METRICS: dict[str, tuple[Callable[[Tags, Tags], NDArray[np.int64]], Callable[[NDArray[np.int64]], float]]] = {
    "accuracy": (word_counts, accuracy_of_counts),
    "f1": (span_counts, f1_of_counts),
    "f1_strict": (partial(span_counts, strict=True), f1_of_counts),
}


def counts_of(metrics: Sequence[str], gold: Tags, predicted: Tags) -> dict[str, NDArray[np.int64]]:
    """The named metrics' counts, a row per whole sentence, or per pair given as a list of one label."""
    return {name: METRICS[name][0](gold, predicted) for name in metrics}


def score_of_counts(counts: Mapping[str, NDArray[np.int64]]) -> dict[str, float]:
    return {name: METRICS[name][1](rows) for name, rows in counts.items()}


def score(metrics: Sequence[str], gold: Tags, predicted: Tags) -> dict[str, float]:
    """The named metrics of whole sentences, or of pairs given as lists of one label."""
    return score_of_counts(counts_of(metrics, gold, predicted))


STATES = ("index", "width", "predicted")


class WindowScore(Metric):
    """Collects predicted label ids window by window, and scores whole sentences when all windows have been seen.

    Nothing waits for a GPU before `compute`. compute() raises RuntimeError if a window is missing, as a score over part
    of a data set must not pass for one of all of it (so Lightning's sanity check needs num_sanity_val_steps=0).
    """

    full_state_update = False

    def __init__(self, metrics: Sequence[str], windows: Windows, gold: Tags) -> None:
        super().__init__()
        self.names, self.windows, self.gold = list(metrics), windows, gold
        for state in STATES:
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, index: Tensor, predicted: Tensor) -> None:
        """index: (B,) which windows; predicted: (B, T) label ids per subword, or (B,) per pair."""
        rows = predicted.reshape(len(index), -1)
        for state, value in zip(STATES, (index, torch.full_like(index, rows.shape[1]), rows.flatten()), strict=True):
            getattr(self, state).append(value)

    def compute(self) -> dict[str, float]:
        return score(self.names, self.gold, self.predictions())

    def predictions(self) -> list[list[str]]:
        """Label names per sentence, one per word, or one per pair. Raises RuntimeError if a window is missing."""
        index, width, flat = (self._together(getattr(self, state)) for state in STATES)
        ends = np.cumsum(width)
        rows: dict[int, list[int]] = {
            window: flat[end - size : end].tolist()
            for window, end, size in zip(index.tolist(), ends.tolist(), width.tolist(), strict=True)
        }
        if len(rows) != len(self.windows):
            raise RuntimeError(f"{len(rows)} of {len(self.windows)} windows were predicted; predict all before scoring")
        return join_windows(self.windows, [rows[window] for window in range(len(self.windows))])

    @staticmethod
    def _together(state: Tensor | Sequence[Tensor]) -> NDArray[np.int64]:
        parts = [state] if isinstance(state, Tensor) else list(state)  # one tensor once processes have been joined
        together: NDArray[np.int64] = torch.cat(parts).cpu().numpy() if parts else np.empty(0, dtype=np.int64)
        return together
