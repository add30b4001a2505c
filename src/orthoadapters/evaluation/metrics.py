"""The metrics: accuracy, token accuracy, span F1 and macro-averaged F1, as fractions in 0..1.

Span F1 is seqeval's, which XTREME and the paper used. `f1` is its default, `f1_strict` its mode="strict", scheme=IOB2.
The default joins all sentences to one sequence with an O after each, and reads the first character of a tag as its
prefix: it takes NOUN for the type OUN with the prefix N. So neighbouring equal UPOS tags form one span, and each SCONJ is
a span by itself, since the prefix S stands for "single". That is odd, but Table 3 was computed in this way, and so it is
kept to the last digit.

`macro_f1` is the unweighted mean of each label's F1, over the labels that are gold or predicted at least once. The F1 of a
label that is neither is 0 / 0, and it is left out, as scikit-learn (labels=None) and torchmetrics do.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import eq
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from orthoadapters.data.windows import Windows, join_all_windows

# A span's type, its first word and its last word.
Span = tuple[str, int, int]
# Sentences of tags, or examples with one label each.
Tags = Sequence[Sequence[str]]
# The counts of a metric, a row per example; int64 where they are made, int32 where a run's files are read.
Counts = NDArray[np.integer[Any]]
# The state after an O: its prefix and its type.
OUTSIDE = ("O", "_")


def spans(tags: Sequence[str]) -> set[Span]:
    """Returns the spans of one sequence, as seqeval.metrics.sequence_labeling.get_entities finds them."""
    entities: set[Span] = set()
    previous, begin = OUTSIDE, 0
    for word, tag in enumerate([*tags, "O"]):
        ends, starts, current = transition(previous, tag)
        if ends:
            entities.add((previous[1], begin, word - 1))
        if starts:
            begin = word
        previous = current
    return entities


@cache
def transition(previous: tuple[str, str], tag: str) -> tuple[bool, bool, tuple[str, str]]:
    """Says whether a span ends before this word and whether one starts at it; and returns the word's (prefix, type)."""
    prefix, entity_type = tag[0], tag[1:].split("-", maxsplit=1)[-1] or "_"
    previous_prefix, previous_type = previous
    differs = entity_type != previous_type
    ends = previous_prefix in "ES" or (previous_prefix in "BI" and prefix in "BSO")
    ends = ends or (previous_prefix not in "O." and differs)
    starts = prefix in "BS" or (previous_prefix in "ESO" and prefix in "EI") or (prefix not in "O." and differs)
    return ends, starts, (prefix, entity_type)


def spans_strict(tags: Sequence[str]) -> set[Span]:
    """Returns the spans of one sequence under strict IOB2: B-X and the I-X after it. An I-X without a B-X is no span."""
    entities: set[Span] = set()
    # A negative begin stands for "outside of a span".
    entity_type, begin = "", -1
    for word, tag in enumerate([*tags, "O"]):
        if tag[0] not in "BIO":
            raise ValueError(f"{tag!r} is no IOB2 tag; f1_strict is defined for O, B-... and I-... alone")
        current = tag[1:].strip("-") or "_"
        if begin >= 0 and not (tag[0] == "I" and current == entity_type):
            entities.add((entity_type, begin, word - 1))
            begin = -1
        if tag[0] == "B":
            entity_type, begin = current, word
    return entities


def span_counts(gold: Tags, predictions: Tags, strict: bool = False) -> NDArray[np.int64]:
    """Counts right, predicted and gold spans of each sentence, (sentences, 3); F1 is made of the columns' sums."""
    check_shape(gold, predictions)
    counts = np.zeros((len(gold), 3), dtype=np.int64)
    if strict:
        for row, g, p in zip(counts, map(spans_strict, gold), map(spans_strict, predictions), strict=True):
            row[:] = len(g & p), len(p), len(g)
        return counts
    # A span belongs to the sentence in which it ends.
    ends = np.cumsum([len(sentence) + 1 for sentence in gold])
    gold_spans, predicted_spans = spans(_join_sentences(gold)), spans(_join_sentences(predictions))
    for column, group in enumerate((gold_spans & predicted_spans, predicted_spans, gold_spans)):
        sentence = np.searchsorted(ends, [end for _, _, end in group], side="right")
        counts[:, column] = np.bincount(sentence, minlength=len(gold))
    return counts


def _join_sentences(sentences: Tags) -> list[str]:
    return [tag for sentence in sentences for tag in (*sentence, "O")]


def f1_of_counts(counts: Counts) -> float:
    """Computes micro-averaged F1 from rows of `span_counts`, in seqeval's order of operations; 0.0 without spans."""
    right, predictions, gold = (int(total) for total in counts.sum(axis=0))
    precision = right / predictions if predictions else 0.0
    recall = right / gold if gold else 0.0
    return 2 * precision * recall / (precision + recall) if right else 0.0


def word_counts(gold: Tags, predictions: Tags) -> NDArray[np.int64]:
    """Counts right words and all words of each sentence, (sentences, 2); a single label counts as one word."""
    check_shape(gold, predictions)
    right = [sum(map(eq, *tags)) for tags in zip(gold, predictions, strict=True)]
    return np.array([right, [len(tags) for tags in gold]], dtype=np.int64).T


def accuracy_of_counts(counts: Counts) -> float:
    """Computes the share of right words from rows of `word_counts`. Raises ValueError if there are no words."""
    right, words = (int(total) for total in counts.sum(axis=0))
    if not words:
        raise ValueError("there are no labels to score")
    return right / words


def label_counts(gold: Tags, predictions: Tags, labels: Sequence[str]) -> NDArray[np.int64]:
    """Counts the right, predicted and gold words of each label in each sentence, (sentences, labels * 3)."""
    check_shape(gold, predictions)
    number = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(gold), len(labels), 3), dtype=np.int64)
    for row, *tags in zip(counts, gold, predictions, strict=True):
        for g, p in zip(*tags, strict=True):
            row[number[g], 0] += g == p
            row[number[p], 1] += 1
            row[number[g], 2] += 1
    return counts.reshape(len(gold), 3 * len(labels))


def macro_f1_of_counts(counts: Counts) -> float:
    """Computes the mean F1 of the labels from rows of `label_counts`. Raises ValueError if there are no words."""
    right, predictions, gold = counts.sum(axis=0).reshape(-1, 3).T
    occurs = predictions + gold > 0
    if not occurs.any():
        raise ValueError("there are no labels to score")
    return float((2 * right[occurs] / (predictions + gold)[occurs]).mean())


def check_shape(gold: Tags, predictions: Tags) -> None:
    """Raises ValueError unless both have as many sentences, and as many words in each."""
    if [len(tags) for tags in gold] != [len(tags) for tags in predictions]:
        raise ValueError("gold and predicted labels differ in their number of sentences or words")


# A metric counts something in each example, knowing the task's labels, and a score is made of the columns' sums.
METRICS: dict[str, tuple[Callable[[Tags, Tags, Sequence[str]], NDArray[np.int64]], Callable[[Counts], float]]] = {
    "accuracy": (lambda gold, predictions, labels: word_counts(gold, predictions), accuracy_of_counts),
    "f1": (lambda gold, predictions, labels: span_counts(gold, predictions), f1_of_counts),
    "f1_strict": (lambda gold, predictions, labels: span_counts(gold, predictions, strict=True), f1_of_counts),
    "macro_f1": (label_counts, macro_f1_of_counts),
}


def counts_of(
    metrics: Sequence[str], gold: Tags, predictions: Tags, labels: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Counts for the named metrics: a row per whole sentence, or per example given as a list of one label.

    labels: all labels of the task, in its order.
    """
    return {name: METRICS[name][0](gold, predictions, labels) for name in metrics}


def score_of_counts(counts: Mapping[str, Counts]) -> dict[str, float]:
    """Computes each metric's score from its counts."""
    return {name: METRICS[name][1](rows) for name, rows in counts.items()}


def score(metrics: Sequence[str], gold: Tags, predictions: Tags, labels: Sequence[str]) -> dict[str, float]:
    """Computes the named metrics of whole sentences, or of examples given as lists of one label."""
    return score_of_counts(counts_of(metrics, gold, predictions, labels))


STATES = ("index", "width", "label_ids")


class WindowMetric(Metric):
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

    def update(self, index: Tensor, label_ids: Tensor) -> None:
        """Collects one batch. index: (B,) the windows' numbers; label_ids: (B, T), one per subword, or (B,)."""
        rows = label_ids.reshape(len(index), -1)
        for state, value in zip(STATES, (index, torch.full_like(index, rows.shape[1]), rows.flatten()), strict=True):
            getattr(self, state).append(value)

    def compute(self) -> dict[str, float]:
        return score(self.names, self.gold, self.predictions(), self.windows.label_names)

    def predictions(self) -> list[list[str]]:
        """Returns the label names per example, one per word, or a single one. Raises RuntimeError if a window is missing."""
        index, width, flat = (self._concatenate(getattr(self, state)) for state in STATES)
        ends = np.cumsum(width)
        rows: dict[int, list[int]] = {
            window: flat[end - size : end].tolist()
            for window, end, size in zip(index.tolist(), ends.tolist(), width.tolist(), strict=True)
        }
        return join_all_windows(self.windows, rows)

    @staticmethod
    def _concatenate(state: Tensor | Sequence[Tensor]) -> NDArray[np.int64]:
        # torchmetrics makes one tensor of the list when it joins processes.
        parts = [state] if isinstance(state, Tensor) else list(state)
        values: NDArray[np.int64] = torch.cat(parts).cpu().numpy() if parts else np.empty(0, dtype=np.int64)
        return values
