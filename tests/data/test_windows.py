"""Windows: XTREME's algorithm, no word dropped, and predictions joined again in order."""

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from orthoadapters.data.tokenizer import fingerprint, load_tokenizer, special_ends
from orthoadapters.data.windows import join_windows, sequence_windows, tag_windows, word_budget
from orthoadapters.errors import UserError
from orthoadapters.examples import IGNORE_INDEX, Choice, Sentence, SentencePair, TaggedSentence
from tests.helpers.tiny_tokenizer import save_tiny_tokenizer, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
TAGS = ["NOUN", "VERB", "X"]
NLI = ["entailment", "neutral", "contradiction"]
START, END, UNKNOWN = 0, 2, 3

words = st.one_of(
    st.text("abcthe", max_size=6),
    st.text("xyz", min_size=10, max_size=40),  # longer than a window
    st.sampled_from(["", " ", "\u200b", "São Paulo", "<s>", "</s>", "<mask>", '"', "a b c", "日本"]),
)
pairs_of_words = st.lists(st.tuples(words, st.sampled_from(TAGS)), max_size=25).map(
    lambda pairs: TaggedSentence(tuple(w for w, _ in pairs), tuple(t for _, t in pairs))
)


def xtreme_windows(sentences: list[TaggedSentence], max_length: int) -> list[tuple[int, list[tuple[list[int], str]]]]:
    """Cuts as XTREME's preprocessing does: per window its sentence's number and its (subword ids, tag)."""
    budget = max_length - 3
    windows: list[tuple[int, list[tuple[list[int], str]]]] = []
    for number, sentence in enumerate(sentences):
        length = 0
        for position, (word, tag) in enumerate(zip(sentence.words, sentence.tags, strict=True)):
            ids = TOKENIZER(word, add_special_tokens=False)["input_ids"]
            if len(ids) == 0 or len(ids) > budget:
                ids = [UNKNOWN]
            if position == 0 or length + len(ids) > budget:
                windows.append((number, []))
                length = 0
            length += len(ids)
            windows[-1][1].append((ids, tag))
    return windows


@given(st.lists(pairs_of_words, max_size=5), st.integers(4, 24))
def test_windows_are_xtremes(sentences: list[TaggedSentence], max_length: int) -> None:
    windows = tag_windows(sentences, TOKENIZER, TAGS, max_length)
    reference = xtreme_windows(sentences, max_length)
    assert windows.origin.tolist() == [number for number, _ in reference]
    for ids, labels, (_, content) in zip(windows.input_ids, windows.labels, reference, strict=True):
        assert ids.tolist() == [START, *(i for subwords, _ in content for i in subwords), END]
        flat = [x for subwords, tag in content for x in [TAGS.index(tag)] + [IGNORE_INDEX] * (len(subwords) - 1)]
        assert labels.tolist() == [IGNORE_INDEX, *flat, IGNORE_INDEX]
        assert len(ids) <= max_length
        assert ids.dtype == np.int32


@given(st.lists(pairs_of_words, max_size=6), st.integers(4, 24), st.integers(0, 3))
def test_every_word_comes_back_exactly_once_and_in_order(
    sentences: list[TaggedSentence], max_length: int, padding: int
) -> None:
    windows = tag_windows(sentences, TOKENIZER, TAGS, max_length)
    label_ids = [[max(label, 0) for label in labels.tolist()] + [1] * padding for labels in windows.labels]
    assert join_windows(windows, label_ids) == [list(sentence.tags) for sentence in sentences]


def test_predictions_off_the_first_subwords_do_not_count() -> None:
    windows = tag_windows([TaggedSentence(("xyz", "the"), ("NOUN", "VERB"))], TOKENIZER, TAGS, 32)
    row = np.where(windows.labels[0] == IGNORE_INDEX, TAGS.index("X"), windows.labels[0])
    assert join_windows(windows, [row.tolist()]) == [["NOUN", "VERB"]]


def test_a_word_that_would_overflow_starts_a_new_window() -> None:
    sentence = TaggedSentence(("the", "xyz", "the"), tuple(TAGS))  # 1, 4 and 1 subwords
    windows = tag_windows([sentence], TOKENIZER, TAGS, 3 + 4)
    assert [len(ids) - 2 for ids in windows.input_ids] == [1, 4, 1]
    windows = tag_windows([sentence], TOKENIZER, TAGS, 3 + 5)
    assert [len(ids) - 2 for ids in windows.input_ids] == [5, 1]


def test_words_without_subwords_and_words_beyond_the_budget_become_unknown_and_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sentences = [TaggedSentence(("", "xyz" * 9, "the"), tuple(TAGS)), TaggedSentence(("",), ("X",))]
    with caplog.at_level(logging.INFO):
        windows = tag_windows(sentences, TOKENIZER, TAGS, 20)
    assert [ids.tolist() for ids in windows.input_ids] == [[START, UNKNOWN, UNKNOWN, 9, END], [START, UNKNOWN, END]]
    assert windows.replacements == 3
    assert "2 sentences, 4 words, 2 windows, 3 words replaced by <unk>" in caplog.text


def test_the_budget_is_that_of_xtreme_for_both_kinds_of_tokenizer() -> None:
    assert word_budget(TOKENIZER, 128) == 125
    assert word_budget(SimpleNamespace(num_special_tokens_to_add=lambda pair: 3 if pair else 2), 128) == 126
    with pytest.raises(UserError, match=r"task.max_length=3 leaves no room"):
        word_budget(TOKENIZER, 3)


@given(st.lists(st.tuples(st.text("abc ", max_size=40), st.text("xyz ", max_size=40)), max_size=8), st.integers(6, 40))
def test_pairs_are_cut_at_their_longer_sentence_and_counted(texts: list[tuple[str, str]], max_length: int) -> None:
    pairs = [SentencePair(p, h, "neutral") for p, h in texts]
    windows = sequence_windows(pairs, TOKENIZER, NLI, max_length)
    cuts = 0
    for pair, ids in zip(pairs, windows.input_ids, strict=True):
        first, second = (
            TOKENIZER(text, add_special_tokens=False)["input_ids"] for text in (pair.premise, pair.hypothesis)
        )
        cuts += len(first) + len(second) + 4 > max_length
        while len(first) + len(second) + 4 > max_length:
            (first if len(first) > len(second) else second).pop()
        ids_of_pair = ids.tolist()
        lengths = sorted((ids_of_pair.index(END) - 1, len(ids_of_pair) - 4 - (ids_of_pair.index(END) - 1)))
        assert len(ids_of_pair) == len(first) + len(second) + 4 <= max_length
        if windows.truncations == 0:
            assert ids_of_pair == [START, *first, END, END, *second, END]
        assert abs(sum(lengths) - len(first) - len(second)) == 0
    assert windows.truncations == cuts


def test_one_label_per_pair_comes_back() -> None:
    pairs = [SentencePair("the word", "a word", label) for label in NLI]
    windows = sequence_windows(pairs, TOKENIZER, NLI, 128)
    assert [int(label) for label in windows.labels] == [0, 1, 2]
    assert join_windows(windows, [[2], [1], [0]]) == [["contradiction"], ["neutral"], ["entailment"]]


def test_a_single_sentence_is_one_text_between_the_special_ids() -> None:
    sentences = [Sentence("the word", "b"), Sentence("a" * 30, "a")]
    windows = sequence_windows(sentences, TOKENIZER, ["a", "b"], 12)
    assert windows.input_ids[0].tolist() == TOKENIZER("the word")["input_ids"]
    assert (len(windows.input_ids[1]), windows.truncations, windows.alternatives) == (12, 1, 1)
    assert join_windows(windows, [[1], [0]]) == [["b"], ["a"]]


def test_a_question_is_a_sequence_per_alternative() -> None:
    choices = [
        Choice("the word", "why", ("a", "b" * 30, "c"), "2"),
        Choice("the word", "", ("a", "b", "c"), "0"),
        Choice("on" * 20, "why", ("a", "b", "c"), "1"),
    ]
    windows = sequence_windows(choices, TOKENIZER, ["0", "1", "2"], 16)
    assert (len(windows), len(windows.input_ids), windows.alternatives) == (3, 9, 3)
    assert windows.input_ids[2].tolist() == TOKENIZER("the word why", "c")["input_ids"]
    assert windows.input_ids[3].tolist() == TOKENIZER("the word", "a")["input_ids"]
    assert windows.truncations == 2  # questions, of the last of which each sequence is too long
    assert [int(label) for label in windows.labels] == [2, 0, 1]
    assert join_windows(windows, [[2], [0], [1]]) == [["2"], ["0"], ["1"]]
    with pytest.raises(ValueError, match=r"the questions have \[1, 3\] alternatives"):
        sequence_windows([*choices, Choice("the word", "why", ("a",), "0")], TOKENIZER, ["0", "1", "2"], 16)


def test_special_ids_are_read_off_the_tokenizers_own_template() -> None:
    assert special_ends(TOKENIZER) == ([START], [END])


def test_earlier_calls_do_not_change_the_fingerprint() -> None:
    tokenizer = tiny_tokenizer()
    before = fingerprint(tokenizer)
    tokenizer(["a b c", "the"], truncation=True, max_length=4, padding=True)
    assert fingerprint(tokenizer) == before


def test_a_saved_tokenizer_is_loaded(tmp_path: Path) -> None:
    copy = load_tokenizer(str(save_tiny_tokenizer(tmp_path)), needs_mask=True)
    assert copy("the xyz")["input_ids"] == TOKENIZER("the xyz")["input_ids"]


def test_a_folder_without_a_tokenizer_is_refused_even_if_transformers_would_make_up_an_empty_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "xlm-roberta"}')
    with pytest.raises(UserError, match=r"no tokenizer in .*save the backbone's tokenizer into that folder"):
        load_tokenizer(str(tmp_path))


def test_a_folder_that_does_not_exist_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*missing; a tokenizer is read from"):
        load_tokenizer(str(tmp_path / "missing"))


def test_a_damaged_tokenizer_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    save_tiny_tokenizer(tmp_path)
    file = tmp_path / "tokenizer.json"
    for damage in ("{", file.read_text().replace('"post_processor"', '"post_processor": 7, "x"')):
        file.write_text(damage)
        with pytest.raises(UserError, match=r"could not load the tokenizer of"):
            load_tokenizer(str(tmp_path))


def test_memory_that_runs_out_is_not_said_of_the_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*arguments: object, **more: object) -> None:
        raise MemoryError

    save_tiny_tokenizer(tmp_path)
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", run_out)
    with pytest.raises(MemoryError):
        load_tokenizer(str(tmp_path))


def test_a_tokenizer_without_a_mask_token_is_refused_where_one_is_needed(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(str(tmp_path)).mask_token_id is None
    with pytest.raises(UserError, match=r"no mask token; stage=mlm needs"):
        load_tokenizer(str(tmp_path), needs_mask=True)


def test_a_sentencepiece_model_alone_is_refused_where_the_package_that_reads_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spm.model").write_bytes(b"pieces")
    monkeypatch.setattr("orthoadapters.hub.vocabulary.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"\(spm.model\).* pip install 'orthoadapters\[sentencepiece\]'$"):
        load_tokenizer(str(tmp_path))
