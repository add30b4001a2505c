"""Metrics against seqeval 1.2.2, to the last digit, and by hand."""

import warnings
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2
from torchmetrics.functional.classification import multiclass_f1_score
from transformers import PreTrainedTokenizerFast

from orthoadapters.data.batching import BatchLoader
from orthoadapters.data.windows import Windows, sequence_windows, tag_windows
from orthoadapters.evaluation.metrics import (
    WindowMetric,
    counts_of,
    f1_of_counts,
    score,
    score_of_counts,
    span_counts,
    spans,
    spans_strict,
    word_counts,
)
from orthoadapters.examples import SentencePair, TaggedSentence
from tests.helpers.tiny_tokenizer import tiny_tokenizer

NER = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
Pair = tuple[list[list[str]], list[list[str]]]
ODD = ["O", "B", "I", "E", "S", ".", "B-A-B", "I-A-B", "E-PER", "S-PER", "E-LOC", "X", "-", "PER-B"]


@pytest.fixture(autouse=True)
def _silent_seqeval() -> None:
    warnings.filterwarnings("ignore", module="seqeval")


def labels_in(*tags: Sequence[Sequence[str]]) -> list[str]:
    return sorted({tag for sentences in tags for sentence in sentences for tag in sentence})


def one_score(metric: str, gold: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]) -> float:
    return score([metric], gold, predictions, labels_in(gold, predictions))[metric]


@st.composite
def draw_pair(draw: st.DrawFn, tags: list[str]) -> Pair:
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=6))
    tag = st.sampled_from(tags)
    sentences = [st.lists(tag, min_size=n, max_size=n) for n in lengths]
    return [draw(s) for s in sentences], [draw(s) for s in sentences]


@pytest.mark.parametrize("tags", [NER, UPOS, ["X", "SYM", "NOUN"], ODD], ids=["iob2", "upos", "x", "odd"])
def test_span_f1_is_seqevals_default_to_the_last_digit(tags: list[str]) -> None:
    @given(draw_pair(tags))
    def check(pair: Pair) -> None:
        warnings.simplefilter("ignore")
        assert one_score("f1", *pair) == f1_score(*pair)

    check()


@given(draw_pair(NER))
def test_strict_span_f1_is_seqevals_strict_iob2_to_the_last_digit(pair: Pair) -> None:
    warnings.simplefilter("ignore")
    assert one_score("f1_strict", *pair) == f1_score(*pair, mode="strict", scheme=IOB2)


@given(st.lists(st.sampled_from([*NER, *UPOS, *ODD]), max_size=12))
def test_spans_are_seqevals_entities(tags: list[str]) -> None:
    warnings.simplefilter("ignore")
    assert spans(tags) == set(get_entities(tags))


def test_spans_by_hand() -> None:
    assert spans(["B-PER", "I-PER", "O", "I-LOC"]) == {("PER", 0, 1), ("LOC", 3, 3)}
    assert spans(["B-PER", "B-PER", "I-LOC"]) == {("PER", 0, 0), ("PER", 1, 1), ("LOC", 2, 2)}
    assert spans_strict(["B-PER", "I-PER", "O", "I-LOC"]) == {("PER", 0, 1)}
    assert spans_strict(["B-PER", "I-LOC", "I-LOC"]) == {("PER", 0, 0)}


def test_f1_over_upos_tags_joins_equal_neighbours_and_is_not_accuracy() -> None:
    gold, predictions = [["NOUN", "NOUN", "VERB", "ADJ"]], [["NOUN", "VERB", "VERB", "ADJ"]]
    assert one_score("f1", gold, predictions) == pytest.approx(1 / 3)
    assert one_score("accuracy", gold, predictions) == 0.75


def test_f1_without_any_span_is_zero() -> None:
    nothing = [["O", "O"], ["O"]]
    assert score(["f1", "f1_strict"], nothing, nothing, NER) == {"f1": 0.0, "f1_strict": 0.0}


@given(draw_pair(UPOS))
def test_counts_per_sentence_sum_to_the_corpus_counts_so_that_sentences_can_be_resampled(pair: Pair) -> None:
    counts = span_counts(*pair)
    whole = [tag for sentence in pair[0] for tag in (*sentence, "O")]
    assert counts.shape == (len(pair[0]), 3)
    assert counts[:, 2].sum() == len(spans(whole))
    assert f1_of_counts(counts) == one_score("f1", *pair)
    assert (counts[:, 0] <= counts[:, 1:].min(axis=1)).all()


def test_counts_belong_to_the_sentence_of_the_span() -> None:
    gold = [["B-PER", "I-PER"], [], ["O", "B-LOC", "B-LOC"]]
    predictions = [["B-PER", "O"], [], ["O", "B-LOC", "O"]]
    for strict in (False, True):
        assert span_counts(gold, predictions, strict).tolist() == [[0, 1, 1], [0, 0, 0], [1, 1, 2]]


@given(draw_pair(NER))
def test_scores_are_made_of_the_counts_per_sentence_alone(pair: Pair) -> None:
    counts = counts_of(["f1", "f1_strict", "accuracy"], *pair, NER)
    columns = {"f1": 3, "f1_strict": 3, "accuracy": 2}
    assert {name: rows.shape for name, rows in counts.items()} == {
        name: (len(pair[0]), n) for name, n in columns.items()
    }
    if counts["accuracy"].sum():
        whole = {name: one_score(name, *pair) for name in columns}
        assert score_of_counts(counts) == whole == score(list(whole), *pair, NER)


@given(draw_pair(["a", "b", "c", "d"]))
def test_macro_f1_is_that_of_torchmetrics(pair: Pair) -> None:
    """The fifth label is never gold and never predicted."""
    gold, predictions = ([tag for sentence in tags for tag in sentence] for tags in pair)
    assume(gold)
    ours = score(["macro_f1"], *pair, labels=[*"abcd", "e"])["macro_f1"]
    ids, ids_gold = (torch.tensor(["abcde".index(tag) for tag in tags]) for tags in (predictions, gold))
    theirs = multiclass_f1_score(ids, ids_gold, num_classes=5, average="macro")
    assert ours == pytest.approx(theirs.item(), abs=1e-6)


def test_macro_f1_by_hand() -> None:
    """a: 2 right of 3 predicted and 2 gold; b: 0 right of 0 and 1; c: neither gold nor predicted."""
    gold, predictions = [["a", "b"], ["a"]], [["a", "a"], ["a"]]
    assert score(["macro_f1"], gold, predictions, ["a", "b", "c"]) == {"macro_f1": pytest.approx((4 / 5 + 0) / 2)}
    counts = counts_of(["macro_f1"], gold, predictions, ["a", "b", "c"])["macro_f1"]
    assert counts.tolist() == [[1, 2, 1, 0, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0, 0]]


def test_words_are_counted_in_their_sentence() -> None:
    assert word_counts([["a", "b"], [], ["c"]], [["a", "a"], [], ["c"]]).tolist() == [[1, 2], [0, 0], [1, 1]]


def test_accuracy_counts_words_over_all_sentences_together() -> None:
    assert one_score("accuracy", [["a"], ["b", "c", "d"]], [["x"], ["b", "c", "d"]]) == 0.75


@pytest.mark.parametrize("metric", ["accuracy", "f1", "f1_strict", "macro_f1"])
def test_labels_of_different_shape_are_refused(metric: str) -> None:
    with pytest.raises(ValueError, match=r"number of sentences or words"):
        one_score(metric, [["O", "O"], ["O"]], [["O"], ["O", "O"]])


def test_strict_f1_refuses_tags_without_iob2_prefix() -> None:
    with pytest.raises(ValueError, match=r"'NOUN' is no IOB2 tag"):
        one_score("f1_strict", [["NOUN"]], [["NOUN"]])


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_nothing_to_score_is_refused(metric: str) -> None:
    with pytest.raises(ValueError, match=r"there are no labels to score"):
        score([metric], [], [], NER)


def tagged_windows() -> tuple[PreTrainedTokenizerFast, list[TaggedSentence], Windows]:
    tokenizer = tiny_tokenizer()
    sentences = [TaggedSentence(("the", "xyz"), ("O", "B-PER")), TaggedSentence(("abc",) * 9, ("B-LOC",) * 9)]
    return tokenizer, sentences, tag_windows(sentences, tokenizer, NER, 16)


def test_window_score_joins_windows_before_scoring_in_any_order_of_batches() -> None:
    tokenizer, sentences, windows = tagged_windows()
    assert len(windows) > 2
    gold = [list(s.tags) for s in sentences]
    metric = WindowMetric(["f1", "accuracy"], windows, gold)
    for batch in BatchLoader(windows, 2, tokenizer.pad_token_id, 0, shuffle=True):
        metric.update(batch["index"], batch["labels"].clamp(min=0))
    assert metric.compute() == {"f1": 1.0, "accuracy": 1.0}
    metric.reset()
    for batch in BatchLoader(windows, 2, tokenizer.pad_token_id, 0, shuffle=False):
        metric.update(batch["index"], torch.full_like(batch["labels"], NER.index("B-LOC")))
    assert metric.compute()["accuracy"] == pytest.approx(9 / 11)


def test_window_score_of_pairs_is_accuracy_per_pair() -> None:
    labels = ["entailment", "neutral", "contradiction"]
    pairs = [SentencePair("the word", "a word", label) for label in [*labels, "neutral"]]
    windows = sequence_windows(pairs, tiny_tokenizer(), labels, 32)
    metric = WindowMetric(["accuracy"], windows, [[p.label] for p in pairs])
    metric.update(torch.tensor([3, 0]), torch.tensor([1, 0]))
    metric.update(torch.tensor([2, 1]), torch.tensor([0, 1]))
    assert metric.compute() == {"accuracy": 0.75}


def test_window_score_refuses_a_score_over_part_of_the_data() -> None:
    _, sentences, windows = tagged_windows()
    metric = WindowMetric(["f1"], windows, [list(s.tags) for s in sentences])
    warnings.simplefilter("ignore")
    with pytest.raises(RuntimeError, match=rf"0 of {len(windows)} windows"):
        metric.compute()


def test_resampled_counts_give_an_f1_without_scoring_again() -> None:
    gold = [["B-PER"], ["B-LOC"]]
    counts = span_counts(gold, [["B-PER"], ["O"]])
    resample = partial(np.take, counts, axis=0)
    assert f1_of_counts(resample([0, 0])) == 1.0
    assert f1_of_counts(resample([1, 1])) == 0.0
