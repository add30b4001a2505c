"""Windows of subwords, cut from labelled examples, and predictions for them joined again word by word.

XTREME's algorithm (utils_preprocess.py): words are tokenised one by one; a word that would overflow the budget starts a
new window; a word of no subword, or of more than the budget, becomes <unk>; the label sits on a word's first subword.
No word is ever dropped.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import BatchEncoding, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from orthoadapters.data.tokenizer import special_ends
from orthoadapters.errors import UserError
from orthoadapters.examples import IGNORE_INDEX, LabelledExample, TaggedSentence, Texts

CHUNK = 20_000  # ours: words or sequences per call of the tokenizer, which bounds memory
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Windows:
    """The windows of one data set, in its order: of a tagged sentence one or more, of any other example exactly one.

    input_ids: `alternatives` int32 arrays (T,) per window, one after the other, special ids included. labels: per window
    an int64 array, (T,) with IGNORE_INDEX off the first subwords for tagging, () otherwise. origin: (N,) index of each
    window's example.
    """

    input_ids: list[NDArray[np.int32]]
    labels: list[NDArray[np.int64]]
    origin: NDArray[np.int64]
    examples: int  # sentences without a word are counted though they have no window
    label_names: tuple[str, ...]
    truncations: int  # examples with one label that lost subwords to max_length
    replacements: int  # words that became <unk> as a whole
    # token_type_ids like input_ids, where a second text may stand in a window, for backbones that have them
    segments: list[NDArray[np.int32]] | None = None
    alternatives: int = 1  # sequences per window; more than one for multiple choice alone

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def per_word(self) -> bool:
        """Says whether labels stand at words, and not at whole examples."""
        return bool(self.labels) and self.labels[0].ndim == 1

    def parts(self, counts: Mapping[str, int]) -> dict[str, range]:
        """Finds the windows of each language, whose examples stand one language after the other; empty for one language.

        counts: language -> examples.
        """
        if len(counts) < 2:
            return {}
        ends = np.searchsorted(self.origin, np.cumsum(list(counts.values()))).tolist()
        return {code: range(start, end) for code, start, end in zip(counts, [0, *ends], ends, strict=False)}


def word_budget(tokenizer: PreTrainedTokenizerBase, max_length: int) -> int:
    """Counts the subwords that a window has room for: max_length - 3 for XLM-R and RoBERTa, max_length - 2 for BERT.

    XTREME puts what stands between the two sentences of a pair (</s></s> for XLM-R) behind single sentences too, and
    counts it; here the tokenizer's own template ends them with one </s>, and the budget is XTREME's all the same.
    """
    budget = max_length - (tokenizer.num_special_tokens_to_add(pair=True) - 1)
    if budget < 1:
        raise UserError(f"task.max_length={max_length} leaves no room for a word; the paper uses 128")
    return budget


def tag_windows(
    sentences: Sequence[TaggedSentence], tokenizer: PreTrainedTokenizerFast, labels: Sequence[str], max_length: int
) -> Windows:
    """Cuts tagged sentences into windows of at most `max_length` subwords."""
    budget = word_budget(tokenizer, max_length)
    before, after = special_ends(tokenizer)
    pieces = _word_pieces(sentences, tokenizer, budget)
    label_id = {label: number for number, label in enumerate(labels)}
    input_ids: list[NDArray[np.int32]] = []
    targets: list[NDArray[np.int64]] = []
    origin: list[int] = []
    replacements = 0

    def close(index: int, ids: list[int], tags: list[int]) -> None:
        input_ids.append(np.array([*before, *ids, *after], dtype=np.int32))
        targets.append(np.array([IGNORE_INDEX] * len(before) + tags + [IGNORE_INDEX] * len(after), dtype=np.int64))
        origin.append(index)

    for index, sentence in enumerate(sentences):
        ids: list[int] = []
        tags: list[int] = []
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            subwords, is_replaced = pieces[word]
            replacements += is_replaced
            if len(ids) + len(subwords) > budget:
                close(index, ids, tags)
                ids, tags = [], []
            ids.extend(subwords)
            tags.append(label_id[tag])
            tags.extend([IGNORE_INDEX] * (len(subwords) - 1))
        if ids:
            close(index, ids, tags)

    words = sum(len(sentence.words) for sentence in sentences)
    counts = (len(sentences), words, len(input_ids), replacements)
    log.info("%d sentences, %d words, %d windows, %d words replaced by <unk>", *counts)
    return Windows(input_ids, targets, np.array(origin, dtype=np.int64), len(sentences), tuple(labels), 0, replacements)


def _word_pieces(
    sentences: Sequence[TaggedSentence], tokenizer: PreTrainedTokenizerFast, budget: int
) -> dict[str, tuple[list[int], bool]]:
    """Finds the subword ids of every distinct word, and whether <unk> stands for it."""
    words = list(dict.fromkeys(word for sentence in sentences for word in sentence.words))
    pieces: dict[str, tuple[list[int], bool]] = {}
    # RoBERTa's byte-level tokenizer writes the space before a word into its first subword; the others see no difference.
    space = " " if tokenizer("a")["input_ids"] != tokenizer(" a")["input_ids"] else ""
    for start in range(0, len(words), CHUNK):
        chunk = words[start : start + CHUNK]
        encodings = tokenizer([space + word for word in chunk], add_special_tokens=False, verbose=False)["input_ids"]
        for word, ids in zip(chunk, encodings, strict=True):
            fits = 0 < len(ids) <= budget
            pieces[word] = (ids if fits else [tokenizer.unk_token_id], not fits)
    return pieces


def sequence_windows(
    examples: Sequence[LabelledExample],
    tokenizer: PreTrainedTokenizerFast,
    labels: Sequence[str],
    max_length: int,
) -> Windows:
    """Makes one window per example. A sequence that is too long loses subwords at the end of its longer text.

    An example is counted as cut if any of its sequences is. Raises ValueError unless all have as many sequences.
    """
    counts = {len(example.sequences) for example in examples} or {1}
    if len(counts) > 1:
        raise ValueError(f"the questions have {sorted(counts)} alternatives; all need as many")
    (alternatives,) = counts
    sequences = [sequence for example in examples for sequence in example.sequences]
    if max_length < tokenizer.num_special_tokens_to_add(pair=True) + 2:
        raise UserError(f"task.max_length={max_length} leaves no room for a sentence pair; the paper uses 128")
    label_id = {label: number for number, label in enumerate(labels)}
    input_ids: list[NDArray[np.int32]] = []
    segments: list[NDArray[np.int32]] | None = [] if "token_type_ids" in tokenizer.model_input_names else None
    too_long: list[int] = []
    for start in range(0, len(sequences), CHUNK):
        encodings, long = _encode(sequences[start : start + CHUNK], tokenizer, max_length)
        too_long += [start + number for number in long]
        input_ids.extend(np.array(ids, dtype=np.int32) for ids in encodings["input_ids"])
        if segments is not None:
            segments.extend(np.array(types, dtype=np.int32) for types in encodings["token_type_ids"])
    truncations = len({number // alternatives for number in too_long})
    targets = [np.array(label_id[example.label], dtype=np.int64) for example in examples]
    log.info("%d examples, %d of them cut to %d subwords", len(examples), truncations, max_length)
    origin = np.arange(len(examples))
    return Windows(input_ids, targets, origin, len(examples), tuple(labels), truncations, 0, segments, alternatives)


def _encode(
    sequences: Sequence[Texts], tokenizer: PreTrainedTokenizerFast, max_length: int
) -> tuple[BatchEncoding, list[int]]:
    """Encodes sequences of one text each, or of two each. Returns the numbers of those that were too long as well."""
    encodings = tokenizer(*_columns(sequences), verbose=False)
    too_long = [number for number, ids in enumerate(encodings["input_ids"]) if len(ids) > max_length]
    if too_long:
        columns = _columns([sequences[number] for number in too_long])
        truncation = tokenizer(*columns, truncation="longest_first", max_length=max_length)
        for name in encodings:
            for number, values in zip(too_long, truncation[name], strict=True):
                encodings[name][number] = values
    return encodings, too_long


def _columns(sequences: Sequence[Texts]) -> list[list[str]]:
    """Returns the first texts of all sequences and, where there are some, the second ones."""
    return [list(texts) for texts in zip(*sequences, strict=True)]


def join_windows(windows: Windows, predictions: Sequence[Sequence[int]]) -> list[list[str]]:
    """Joins predictions of windows into label names per example, for tagging one per word in order, otherwise one.

    predictions: per window its label ids, one per subword for tagging (what is longer is padding), otherwise a single one.
    """
    names_by_example: list[list[str]] = [[] for _ in range(windows.examples)]
    names = windows.label_names
    for origin, labels, row in zip(windows.origin.tolist(), windows.labels, predictions, strict=True):
        if labels.ndim == 0:
            names_by_example[origin].append(names[row[0]])
        else:
            names_by_example[origin].extend(
                names[row[first]] for first in np.flatnonzero(labels != IGNORE_INDEX).tolist()
            )
    return names_by_example


def join_all_windows(windows: Windows, predictions: Mapping[int, Sequence[int]]) -> list[list[str]]:
    """Joins predictions in any order, by the window's number, as `join_windows`. Raises RuntimeError if one is missing."""
    if len(predictions) != len(windows):
        raise RuntimeError(f"{len(predictions)} of {len(windows)} windows were predicted; predict all before scoring")
    return join_windows(windows, [predictions[number] for number in range(len(windows))])
