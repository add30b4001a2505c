"""Readers: XTREME's folder, the Hub (through local parquet data), the demo world; every mistake in one sentence."""

import gzip
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, Value

import orthoadapters.demo
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources import hub
from orthoadapters.data.sources.read import READERS, look_for_examples, read_examples
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Choice, Example, Sentence, SentencePair, Split, TaggedSentence
from orthoadapters.hub.offline import NotFetchedError
from tests.helpers.hub_cache import REVISION, add_xnli
from tests.helpers.tasks import labels_of, task_config

SW = LanguageConfig(code="sw", name="Swahili", wikipedia="20231101.sw")
EN = LanguageConfig(code="en", name="English", wikipedia="20231101.en")
READS = r"reads lines of `word TAB tag`"
CONLLU = "# sent_id = 1\n1\ta\ta\tDET" + "\t_" * 6 + "\n"
FOLDERS = {"xnli": "xnli", "wikiann": "panx", "udpos": "udpos"}
MakeHub = Callable[[str, Mapping[str, Mapping[str, Any]], Mapping[str, Any]], str]


def read_file(
    root: Path, name: str, content: str | bytes, split: Split = "train", language: LanguageConfig = EN, **limits: Any
) -> list[Example]:
    folder = root / FOLDERS[name]
    folder.mkdir(exist_ok=True)
    (folder / f"{split}-{language.code}.tsv").write_bytes(content if isinstance(content, bytes) else content.encode())
    data = DataConfig(source="xtreme", root=str(root), **limits)
    look_for_examples(data, task_config(name), split, language)
    return read_examples(data, task_config(name), split, language)


def words_of(examples: Sequence[Example]) -> list[tuple[str, ...]]:
    assert all(isinstance(example, TaggedSentence) for example in examples)
    return [example.words for example in examples if isinstance(example, TaggedSentence)]


def tags_of(examples: Sequence[Example]) -> list[tuple[str, ...]]:
    return [example.tags for example in examples if isinstance(example, TaggedSentence)]


def test_tagged_sentences_are_read_word_by_word(tmp_path: Path) -> None:
    content = "Sioux\tB-ORG\nFalls\tI-ORG\n\nnew york\tB-LOC\n\n"
    assert read_file(tmp_path, "wikiann", content, "test", SW) == [
        TaggedSentence(("Sioux", "Falls"), ("B-ORG", "I-ORG")),
        TaggedSentence(("new york",), ("B-LOC",)),
    ]


@pytest.mark.parametrize("ending", ["", "\n", "\n\n\n"])
def test_the_end_of_the_file_does_not_matter(tmp_path: Path, ending: str) -> None:
    assert len(read_file(tmp_path, "udpos", "a\tDET\n\n\nb\tNOUN" + ending)) == 2


def test_byte_order_mark_and_windows_line_ends_are_tolerated(tmp_path: Path) -> None:
    content = "\ufeffa\tDET\r\nb\tNOUN\r\n\r\nc\tX\r\n"
    assert words_of(read_file(tmp_path, "udpos", content)) == [("a", "b"), ("c",)]


def test_quotes_and_unicodes_other_line_separators_are_characters_of_a_word(tmp_path: Path) -> None:
    content = '"\tPUNCT\na\u2028b\tNOUN\nc\x85\tNOUN\n""d\tNOUN\n\tX\n'
    assert words_of(read_file(tmp_path, "udpos", content))[0] == ('"', "a\u2028b", "c\x85", '""d', "")


def test_marks_of_documents_are_no_words_and_end_a_sentence(tmp_path: Path) -> None:
    content = "-DOCSTART-\tX\n\na\tDET\n-DOCSTART-\tX\nb\tNOUN\n"
    assert words_of(read_file(tmp_path, "udpos", content)) == [("a",), ("b",)]


def test_the_prefix_of_raw_wikiann_is_taken_off_where_every_row_has_it(tmp_path: Path) -> None:
    for code, other in (
        ("en", "en"),
        ("simple", "simple"),
        ("be-x-old", "be-x-old"),
        ("zh-min-nan", "zh"),
        ("sw", "rm"),
    ):
        content = f"{code}:\tO\n{code}:Anna\tB-PER\n{other}::\tO\n\n{other}:en:x\tO\n"
        assert words_of(read_file(tmp_path, "wikiann", content)) == [("", "Anna", ":"), ("en:x",)]
    for word in ("en:Anna", "re:", "http://x", "mailto:x", "a:b", "En:x"):
        plain = f"{word}\tB-PER\nx\tO\n\ny\tO\n"
        assert words_of(read_file(tmp_path, "wikiann", plain)) == [(word, "x"), ("y",)]
    for word in ("re:", "http://x"):
        assert words_of(read_file(tmp_path, "wikiann", f"{word}\tO\n")) == [(word,)]
    rows = ["en:Anna\tB-PER\n", "en:x\tO\n"]
    for number in (1, 2, 3):
        content = "".join([*rows[: number - 1], "y\tO\n", *rows[number - 1 :]])
        match = rf"line {number}: 'y\\tO' has no 'en:' before the word, as 2 of 3 rows do; take it from"
        with pytest.raises(UserError, match=match):
            read_file(tmp_path, "wikiann", content)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (("TR:Anna", "TR:", "tr:x"), ("Anna", "", "x")),
        (("zh_yue:Anna", "zh-yue::", "ZH_YUE:x"), ("Anna", ":", "x")),
        (("zh-Hans:Anna", "zh-min-nan:x", "-DOCSTART-"), ("Anna", "x")),
        (("es-419:Anna", "Simple:x"), ("es-419:Anna", "Simple:x")),
        (("en: Anna", "en: x"), ("Anna", "x")),
        (("US:Steel",), ("US:Steel",)),
        (("US:Steel", "http://x", "US:", "No:", "x", "is_a:b"), ("US:Steel", "http://x", "US:", "No:", "x", "is_a:b")),
        (("en:US:x", "en:http:", "en:EN:x"), ("US:x", "http:", "EN:x")),
        (("en:x", "en:y", "US:Steel"), r"line 3: 'US:Steel\\tO' has no 'en:' before the word, as 2 of 3 rows do"),
        (("TR:x", "TR:y", "http://z"), r"line 3: 'http://z\\tO' has no 'TR:' before the word, as 2 of 3 rows do"),
    ],
)
def test_a_prefix_may_be_written_otherwise_and_a_word_with_a_colon_is_none(
    tmp_path: Path, rows: Sequence[str], words: tuple[str, ...] | str
) -> None:
    content = "".join(f"{row}\tO\n" for row in rows)
    if isinstance(words, str):
        with pytest.raises(UserError, match=words):
            read_file(tmp_path, "wikiann", content)
    else:
        assert words_of(read_file(tmp_path, "wikiann", content))[0] == words


def test_codes_in_fewer_than_most_rows_stay_and_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    word_rows = "x\tO\n" * 150
    content = f"{word_rows}en:Anna\tB-PER\nre:\tO\nre:\tO\n"
    assert words_of(read_file(tmp_path, "wikiann", content))[0][-3:] == ("en:Anna", "re:", "re:")
    assert caplog.text == ""  # a word in a hundred may be so, and a code alone is none
    assert words_of(read_file(tmp_path, "wikiann", f"{content}fr:Bo\tO\n"))[0][-1] == "fr:Bo"
    warning = (
        r"line 151: 'en:Anna\tB-PER' begins as in raw WikiANN, and so do 2 of 154 rows; they are read as they stand"
    )
    assert warning in caplog.text


def test_pairs_are_read_with_quotes_as_they_stand(tmp_path: Path) -> None:
    content = 'He said "yes\tYes, "he did\tentailment\n\none\ttwo\tneutral\r\n'
    assert read_file(tmp_path, "xnli", content) == [
        SentencePair('He said "yes', 'Yes, "he did', "entailment"),
        SentencePair("one", "two", "neutral"),
    ]


def test_sentences_without_empty_lines_between_them_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, long, short = "a\tDET\n" * 1000, "a\tDET\n" * 1001, "b\tX\n"
    read_file(tmp_path, "udpos", f"{whole}\n{short}\n{whole}")
    assert caplog.text == ""
    for content, limit, (count, first) in (
        (long, None, ("1 of 1", 1)),
        (long, 1, ("1 of 1", 1)),
        (f"{short}\n{long}\n{short}\n{long}", None, ("2 of 4", 2)),
    ):
        caplog.clear()
        read_file(tmp_path, "udpos", content, limit_train=limit)
        warning = (
            f"train-en.tsv: {count} train sentences have more than 1000 words, the first of them is number {first}"
        )
        assert f"{warning}; an empty line belongs after each sentence\n" in caplog.text


def test_an_empty_text_is_said_whatever_the_source(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read_file(tmp_path, "xnli", "a\tb\tneutral\n \tb\tneutral\n")
    assert "train-en.tsv: 1 of 2 train examples have an empty text, the first of them is number 2" in caplog.text


def test_multinlis_spelling_of_contradiction_is_understood(tmp_path: Path) -> None:
    assert read_file(tmp_path, "xnli", "a\tb\tcontradictory\n") == [SentencePair("a", "b", "contradiction")]


def test_a_label_of_that_spelling_stays_where_the_task_has_it(tmp_path: Path) -> None:
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli" / "test-en.tsv").write_text("a\tb\tcontradictory\n")
    task = task_config("xnli", labels=["contradiction", "contradictory"])
    data = DataConfig(source="xtreme", root=str(tmp_path))
    assert read_examples(data, task, "test", EN) == [SentencePair("a", "b", "contradictory")]


def test_limits_take_the_first_examples_of_their_split_alone(tmp_path: Path) -> None:
    content = "a\tDET\n\nb\tNOUN\n\nc\tX\n"
    assert words_of(read_file(tmp_path, "udpos", content, limit_train=2)) == [("a",), ("b",)]
    assert len(read_file(tmp_path, "udpos", content, limit_dev=1)) == 3
    with pytest.raises(UserError, match=r"data.limit_train=0 leaves nothing to read"):
        read_file(tmp_path, "udpos", content, limit_train=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("udpos", "a\tDET\nb\tNOUN\tx\n", r"line 2: 3 columns instead of `word TAB tag` in 'b\\tNOUN\\tx'"),
        ("udpos", "a\tDET\n\nb\n", r"line 3: no label in 'b'; mend that line"),
        ("udpos", "a\tDET\nb\t\n", r"line 2: no label in 'b\\t'"),
        (
            "wikiann",
            "Anna B-PER\n",
            r"line 1: a space where a tab belongs before the label in 'Anna B-PER'; .* put it there",
        ),
        ("xnli", "a b neutral\n", r"line 1: a space where a tab belongs before the label in 'a b neutral'"),
        ("xnli", "a\tb neutral\n", r"line 1: a space where a tab belongs before the label in 'a\\tb neutral'"),
        ("udpos", "a\tNOUNS\n", r"line 1: unknown label 'NOUNS'; .*, X; did you mean 'NOUN'\?"),
        ("udpos", "a\tDET\nb\tNOUN_\n", r"line 2: unknown label 'NOUN_'; the labels of task=udpos are ADJ, ADP"),
        ("wikiann", "a\tB-MISC\n", r"line 1: unknown label 'B-MISC'; the labels of task=wikiann are O, B-PER"),
        ("xnli", "a\tb\tneutral\na\tb\n", r"line 2: no label in 'a\\tb'"),
        ("xnli", "a\tb\tneutral\nab\n", r"line 2: 1 columns instead of `premise TAB hypothesis TAB label` in 'ab'"),
        ("xnli", "a\tb\t-\n", r"line 1: unknown label '-'; the labels of task=xnli are entailment"),
        ("udpos", b"a\tDET\n\xff\tX\n", r"line 2: not UTF-8; convert the file"),
        ("udpos", b"a\tDET\n\0\0\0\0", r"line 2: a NUL character is in it, as after a power cut; bring the file back"),
        ("xnli", b"a\tb\0c\tneutral\n", r"line 1: a NUL character is in it"),
        ("udpos", "a\tDET\n".encode("utf-16"), r"the file is UTF-16; save it as UTF-8"),
        ("udpos", "a\tDET\n".encode("utf-16-be"), r"the file is UTF-16; save it as UTF-8"),
        ("udpos", "a\tDET\n".encode("utf-32"), r"the file is UTF-32; save it as UTF-8"),
        ("udpos", "a\tDET\n".encode("utf-32-be"), r"the file is UTF-32; save it as UTF-8"),
        ("udpos", "carl,PROPN\n", r"line 1: a comma where a tab belongs before the label in 'carl,PROPN'"),
        ("xnli", "a;b;neutral\n", r"line 1: a semicolon where a tab belongs before the label"),
        ("udpos", "carl|PROPN\n", r"line 1: a vertical bar where a tab belongs before the label in 'carl\|PROPN'"),
        ("udpos", "carl\u00a0PROPN\n", r"line 1: a no-break space where a tab belongs before the label"),
        (
            "udpos",
            "# carl\n",
            r"line 1: no label in '# carl'; it looks like a comment, which XTREME's files do not have",
        ),
        (
            "udpos",
            'a\tDET\n{"words": []}\n',
            r"line 2: no label in .*; it looks like JSON, .* such files with data=files",
        ),
        (
            "udpos",
            '{"words": []}\n',
            rf"train-en.tsv is JSON lines, and data=xtreme {READS}; data=files .*format=jsonl reads",
        ),
        ("udpos", b"PAR1\x15\x04", rf"train-en.tsv is Parquet, and data=xtreme {READS}; .*format=parquet reads it, or"),
        ("udpos", CONLLU, rf"is CoNLL-U, and data=xtreme {READS}; data=files .*=conllu data.fuse_multiword=true reads"),
        ("wikiann", CONLLU, rf"train-en.tsv is CoNLL-U, and data=xtreme {READS}; bring the right file, or save its"),
        (
            "xnli",
            b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml",
            r"is an Office file, and .* `premise TAB .*; bring the",
        ),
        (
            "xnli",
            b"PK\x03\x04" + bytes(26) + b"train-en.tsv",
            r"packed with zip, which its name does not say; unpack it",
        ),
        ("xnli", "<html><head><title>Sign in</title>", r"is a web page that a download brought in place of the file"),
        ("xnli", "404: Not Found", r"is a web page that a download brought in place of the file"),
        ("udpos", b"(\xb5/\xfd\0", r"train-en.tsv is packed with zstd, which its name does not say; unpack it"),
        ("xnli", "a\tneutral\n", r"line 1: 2 columns instead of `premise TAB hypothesis TAB label`"),
        ("xnli", "a\tb\tgold_label\n", r"unknown label 'gold_label'; .*; it looks like a header, which .*: take that"),
        ("udpos", "token\tupos\n", r"line 1: unknown label 'upos'; .*; it looks like a header"),
        ("udpos", "a\tX\nb\ttag\n", r"line 2: unknown label 'tag'; the labels of task=udpos are [A-Z, ]*$"),
        (
            "udpos",
            gzip.compress(b"a\tX\n", mtime=0),
            r"train-en.tsv is packed with gzip, which its name does not say; unpack it",
        ),
        ("udpos", "\n\n", r"train-en.tsv has no train examples"),
        ("xnli", "", r"train-en.tsv has no train examples"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_line(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(UserError, match=rf"{FOLDERS[name]}/train-en.tsv.*{message}|{message}") as error:
        read_file(tmp_path, name, content)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "content"), [("wikiann", "Sioux\nFalls\n"), ("xnli", "premise\thypothesis\n")])
def test_test_files_without_labels_say_that_xtreme_distributes_them_so(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    with pytest.raises(UserError, match=r"line 1: no label in .*XTREME distributes its test files without labels"):
        read_file(tmp_path, name, content, split="test")


def test_a_missing_file_and_a_missing_root_name_the_fix(tmp_path: Path) -> None:
    data = DataConfig(source="xtreme", root=str(tmp_path))
    with pytest.raises(
        MissingSplitError, match=r"there is no .*panx/test-sw.tsv; data.root=.* must hold panx/test-sw.tsv"
    ):
        read_examples(data, task_config("wikiann"), "test", SW)
    with pytest.raises(UserError, match=r"add data.root=DIR"):
        read_examples(DataConfig(source="xtreme"), task_config("wikiann"), "test", SW)
    (tmp_path / "panx").mkdir()
    os.mkfifo(tmp_path / "panx" / "test-sw.tsv")
    with pytest.raises(MissingSplitError, match=r"panx/test-sw.tsv is no file but a pipe, socket or device; data.root"):
        read_examples(data, task_config("wikiann"), "test", SW)


@pytest.fixture
def make_hub(tmp_path: Path) -> MakeHub:
    """A function that writes a data set in the Hub's layout: parquet files, and configs in the YAML of README.md."""
    datasets.disable_progress_bars()

    def make(config: str, rows_by_split: Mapping[str, Mapping[str, Any]], features: Mapping[str, Any]) -> str:
        folder = tmp_path / "hub" / "dataset"
        files = ""
        for split, rows in rows_by_split.items():
            (folder / config).mkdir(parents=True, exist_ok=True)
            Dataset.from_dict(rows, Features(features)).to_parquet(folder / config / f"{split}.parquet")
            files += f"  - split: {split}\n    path: {config}/{split}.parquet\n"
        (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: {config}\n  data_files:\n{files}---\n")
        return str(folder)

    return make


def read_hub(
    hub_id: str | None, name: str, split: Split, language: LanguageConfig, limit_dev: int | None = None, **changes: Any
) -> list[Example]:
    task = task_config(name, hub_id=hub_id, **changes)
    return read_examples(DataConfig(source="hub", limit_dev=limit_dev), task, split, language)


def tag_features(column: str, names: Sequence[str]) -> dict[str, Any]:
    return {"tokens": datasets.Sequence(Value("string")), column: datasets.Sequence(ClassLabel(names=list(names)))}


def test_hub_sentences_and_questions_have_the_columns_that_the_task_names(make_hub: MakeHub) -> None:
    features: dict[str, Any] = {"text": Value("string"), "category": ClassLabel(names=["x", "y"])}
    hub_id = make_hub("sw", {"test": {"text": ["a"], "category": [1]}}, features)
    columns = ["text", "category"]
    task: dict[str, Any] = {"kind": TaskKind.sentence, "labels": ["x", "why"], "hub_columns": columns}
    task["label_names"] = {"y": "why"}
    assert read_hub(hub_id, "xnli", "test", SW, **task) == [Sentence("a", "why")]
    names = ["premise", "question", "choice1", "choice2"]
    rows = {name: [name] for name in names} | {"label": [1]}
    hub_id = make_hub("en", {"test": rows}, {name: Value("string") for name in names} | {"label": Value("int64")})
    task = {"kind": TaskKind.multiple_choice, "labels": ["0", "1"], "questions": {"question": "Why?"}}
    assert read_hub(hub_id, "xnli", "test", EN, **task) == [Choice("premise", "Why?", ("choice1", "choice2"), "1")]
    with pytest.raises(
        UserError, match=r"must name 5 columns: the premise, the question, each alternative and the label"
    ):
        read_hub(hub_id, "xnli", "test", EN, hub_columns=["a"], **task)


def test_hub_pairs_are_read_by_language_and_split(make_hub: MakeHub) -> None:
    features = {
        "premise": Value("string"),
        "hypothesis": Value("string"),
        "label": ClassLabel(names=labels_of("xnli")),
    }
    rows: dict[str, list[Any]] = {"premise": ["a", "b", "c"], "hypothesis": ["x", "y", "z"], "label": [2, 0, 1]}
    hub_id = make_hub("sw", {"validation": rows, "test": {k: v[:1] for k, v in rows.items()}}, features)
    reference = [SentencePair("a", "x", "contradiction"), SentencePair("b", "y", "entailment")]
    assert read_hub(hub_id, "xnli", "dev", SW, limit_dev=2) == reference
    assert read_hub(hub_id, "xnli", "dev", SW, limit_dev=100)[2] == SentencePair("c", "z", "neutral")
    assert len(read_hub(hub_id, "xnli", "test", SW)) == 1


def test_hub_tags_get_their_names_from_the_data_set_whatever_its_order(make_hub: MakeHub) -> None:
    order = ["I-LOC", "O", "B-LOC", "B-PER", "I-PER", "B-ORG", "I-ORG"]
    # As in raw WikiANN, whose prefix is taken off.
    rows = {"tokens": [["sw:Dar", "sw:es", "sw:Salaam", "sw:ni"], []], "ner_tags": [[2, 0, 0, 1], []]}
    hub_id = make_hub("sw", {"test": rows}, tag_features("ner_tags", order))
    first, empty = read_hub(hub_id, "wikiann", "test", SW)
    assert first == TaggedSentence(("Dar", "es", "Salaam", "ni"), ("B-LOC", "I-LOC", "I-LOC", "O"))
    assert empty == TaggedSentence((), ())


def test_hub_tags_stored_as_integers_get_the_documented_order_and_strings_stay(make_hub: MakeHub) -> None:
    features = {"tokens": datasets.Sequence(Value("string")), "pos_tags": datasets.Sequence(Value("int64"))}
    hub_id = make_hub("udpos.English", {"train": {"tokens": [["a", "b"]], "pos_tags": [[5, 16]]}}, features)
    assert tags_of(read_hub(hub_id, "udpos", "train", EN)) == [("DET", "X")]
    features["pos_tags"] = datasets.Sequence(Value("string"))
    hub_id = make_hub("udpos.English", {"train": {"tokens": [["a", "b"]], "pos_tags": [["NOUN", "VERB"]]}}, features)
    assert tags_of(read_hub(hub_id, "udpos", "train", EN)) == [("NOUN", "VERB")]


def test_the_task_names_the_subset_of_each_language_or_it_is_the_languages_code(make_hub: MakeHub) -> None:
    with pytest.raises(UserError, match=r"names no subset of nobody/nothing for sw; .*add \+\+task.hub_subsets.sw="):
        read_hub("nobody/nothing", "udpos", "test", SW)
    rows = {"tokens": [["a"]], "pos_tags": [[0]]}
    hub_id = make_hub("treebank", {"test": rows}, tag_features("pos_tags", labels_of("udpos")))
    assert words_of(read_hub(hub_id, "udpos", "test", SW, hub_subsets={"sw": "treebank"})) == [("a",)]
    hub_id = make_hub("sw", {"test": rows}, tag_features("pos_tags", labels_of("udpos")))
    assert words_of(read_hub(hub_id, "udpos", "test", SW, hub_subsets={})) == [("a",)]
    with pytest.raises(UserError, match=r"task=udpos names no data set on the Hub; set task.hub_id"):
        read_hub(None, "udpos", "test", SW)


def test_the_task_names_columns_that_are_not_the_usual_ones(make_hub: MakeHub) -> None:
    rows = {"words": [["a"]], "upos": [[7]]}
    features = {"words": datasets.Sequence(Value("string")), "upos": datasets.Sequence(Value("int64"))}
    hub_id = make_hub("udpos.English", {"test": rows}, features)
    reference: list[Example] = [TaggedSentence(("a",), ("NOUN",))]
    assert read_hub(hub_id, "udpos", "test", EN, hub_columns=["words", "upos"]) == reference
    with pytest.raises(UserError, match=r"has columns words, upos but no tokens; check task.hub_id and task.hub_col"):
        read_hub(hub_id, "udpos", "test", EN)
    with pytest.raises(UserError, match=r"task.hub_columns=\[words\] must name 2 columns: the words and their tags"):
        read_hub(hub_id, "udpos", "test", EN, hub_columns=["words"])

    pairs = {"one": ["a"], "two": ["b"], "same": ["neutral"]}
    hub_id = make_hub("en", {"test": pairs}, {name: Value("string") for name in pairs})
    pair_list = read_hub(hub_id, "xnli", "test", EN, hub_columns=["one", "two", "same"])
    assert pair_list == [SentencePair("a", "b", "neutral")]


@pytest.mark.parametrize(
    ("names", "value", "label_in_words"), [(["O", "B-MISC"], 1, "'B-MISC'"), (None, 9, "9"), (None, -1, "-1")]
)
def test_hub_labels_that_the_task_does_not_know_are_refused_with_their_row(
    make_hub: MakeHub, names: list[str] | None, value: int, label_in_words: str
) -> None:
    tags = datasets.Sequence(ClassLabel(names=names) if names else Value("int64"))
    rows = {"tokens": [["a"], ["b"]], "ner_tags": [[0], [value]]}
    hub_id = make_hub("sw", {"test": rows}, {"tokens": datasets.Sequence(Value("string")), "ner_tags": tags})
    with pytest.raises(
        UserError, match=rf"config sw, split test\), row 1: unknown label {label_in_words}; the labels of task=wiki"
    ):
        read_hub(hub_id, "wikiann", "test", SW)


def test_hub_rows_with_more_words_than_tags_and_missing_columns_are_refused(make_hub: MakeHub) -> None:
    features = tag_features("ner_tags", labels_of("wikiann"))
    hub_id = make_hub("sw", {"test": {"tokens": [["a", "b"]], "ner_tags": [[0]]}}, features)
    with pytest.raises(UserError, match=r"row 0: 2 words but 1 tags"):
        read_hub(hub_id, "wikiann", "test", SW)
    hub_id = make_hub("sw", {"test": {"text": ["a"]}}, {"text": Value("string")})
    with pytest.raises(UserError, match=r"has columns text but no tokens; check task.hub_id"):
        read_hub(hub_id, "wikiann", "test", SW)


def test_a_missing_config_or_split_is_one_sentence(make_hub: MakeHub) -> None:
    features = tag_features("ner_tags", labels_of("wikiann"))
    hub_id = make_hub("sw", {"test": {"tokens": [["a"]], "ner_tags": [[0]]}}, features)
    cases: list[tuple[Split, LanguageConfig]] = [("test", EN), ("train", SW)]
    for split, language in cases:
        with pytest.raises(UserError, match=rf"could not load {hub_id} \(config {language.code}") as error:
            read_hub(hub_id, "wikiann", split, language)
        assert "\n" not in str(error.value)
        # Of the second case the language is there, and its split is not.
        assert isinstance(error.value, MissingSplitError) == (split == "train")


def test_what_is_known_of_a_local_data_set_is_looked_at_before_it_is_read(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_id = make_hub("sw", {"test": {"tokens": [["a"], ["b"]], "ner_tags": [[0], [1]]}},
                      tag_features("ner_tags", ["O", "B-MISC", "I-MISC"]))  # fmt: skip

    def look(split: Split = "test", language: LanguageConfig = SW, limit: int | None = None, **changes: Any) -> None:
        data = DataConfig(source="hub", limit_test=limit)
        look_for_examples(data, task_config("wikiann", hub_id=hub_id, **changes), split, language)

    with pytest.raises(UserError, match=r"row 1: unknown label 'B-MISC'; the labels of task=wikiann are"):
        look()
    # A class that no row has is none of the task's business.
    look(limit=1)
    look(label_names={"B-MISC": "O"})
    monkeypatch.setattr(datasets, "load_dataset", None)
    look(label_names={"B-MISC": "O", "I-MISC": "O"})  # nothing is read
    with pytest.raises(
        MissingSplitError, match=r"\(config sw, split train\): there is no split train, only test; leave"
    ):
        look("train")
    with pytest.raises(UserError, match=r"could not load .*\(config en\): .*en.* not found"):
        look(language=EN)
    with pytest.raises(UserError, match=r"has columns tokens, ner_tags but no words; check task.hub_id and"):
        look(hub_columns=["words", "ner_tags"])
    with pytest.raises(UserError, match=r"must name 2 columns: the words and their tags"):
        look(hub_columns=["words"])


def test_a_csv_of_a_local_data_set_is_asked_for_its_columns(tmp_path: Path) -> None:
    (tmp_path / "sw").mkdir()
    (tmp_path / "sw" / "test.csv").write_text("premise,hypothesis,label\na,b,neutral\n")
    (tmp_path / "README.md").write_text("---\nconfigs:\n- config_name: sw\n  data_dir: sw\n---\n")
    task = task_config("xnli", hub_id=str(tmp_path))
    look_for_examples(DataConfig(source="hub"), task, "test", SW)
    with pytest.raises(UserError, match=r"has columns premise, hypothesis, label but no a; check"):
        look_for_examples(DataConfig(source="hub"), replace(task, hub_columns=["a", "b", "c"]), "test", SW)


def test_what_the_cache_knows_of_a_data_set_is_looked_at_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    add_xnli(tmp_path, "someone/set_of_pairs", ["sw"], {"test": 2})
    data = DataConfig(source="hub")

    def look(split: Split = "test", **changes: Any) -> None:
        task = task_config("xnli", **{"hub_id": "someone/set_of_pairs", "hub_revision": REVISION} | changes)
        look_for_examples(data, task, split, SW)

    look()
    look(hub_revision=None)
    with pytest.raises(MissingSplitError, match=r"split validation\): there is no split validation, only test; leave"):
        look("dev")
    with pytest.raises(UserError, match=r"has columns premise, hypothesis, label but no a; check task.hub_id"):
        look(hub_columns=["a", "hypothesis", "label"])
    with pytest.raises(
        UserError, match=r"row 1: unknown label 'neutral'; the labels of task=xnli are entailment, other"
    ):
        look(labels=["entailment", "other"])
    with pytest.raises(NotFetchedError, match=rf"holds revision {REVISION[:8]} and not other, which this run asks for"):
        look(hub_revision="other")
    (info,) = (tmp_path / "datasets").rglob("dataset_info.json")
    info.write_text("{")
    look("dev")  # the reader says so


def test_an_unreachable_hub_names_the_ways_to_work_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionError("Couldn't reach 'nobody/nothing' on the Hub (LocalEntryNotFoundError)\nmore")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    monkeypatch.setattr(socket, "socket", None)  # nothing else may try either
    with pytest.raises(
        UserError, match=r"nobody/nothing \(config sw, split test\) is not in .*; use data=xtreme .* fetch it"
    ):
        read_hub("nobody/nothing", "wikiann", "test", SW)


def test_the_revision_of_a_data_set_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, object] = {}

    def load_dataset(*args: object, **kwargs: object) -> Dataset:
        arguments.update(kwargs, args=args)
        return Dataset.from_dict({"premise": ["a"], "hypothesis": ["b"], "label": [0]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    config = task_config("xnli", hub_id="facebook/xnli", hub_revision="abc")
    read_examples(DataConfig(source="hub"), config, "test", SW)
    assert arguments == {"args": ("facebook/xnli", "sw"), "split": "test", "revision": "abc"}
    assert hub.HUB_SPLITS == {"train": "train", "dev": "validation", "test": "test"}


def test_demo_examples_are_checked_and_limited_like_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [TaggedSentence(("a",), ("DET",)), TaggedSentence(("b",), ("NOPE",))]
    monkeypatch.setattr(orthoadapters.demo, "demo_examples", lambda name, split, code: sentences)
    data = DataConfig(source="demo", limit_dev=1)
    assert read_examples(data, task_config("udpos"), "dev", EN) == sentences[:1]
    with pytest.raises(UserError, match=r"the demo world \(udpos, dev, en\), example 2: unknown label 'NOPE'"):
        read_examples(DataConfig(source="demo"), task_config("udpos"), "dev", EN)


def test_what_any_reader_gives_is_checked_against_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_mine(
        data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
    ) -> tuple[list[Example], str]:
        return [SentencePair("a", "b", "maybe")], "my data"

    monkeypatch.setitem(READERS, "mine", read_mine)
    with pytest.raises(UserError, match=r"my data, example 1: unknown label 'maybe'; the labels of task=xnli are"):
        read_examples(DataConfig(source="mine"), task_config("xnli"), "dev", EN)
    with pytest.raises(UserError, match=r"my data, example 1: a SentencePair, but task=udpos has TaggedSentences"):
        read_examples(DataConfig(source="mine"), task_config("udpos"), "dev", EN)
    with pytest.raises(UserError, match=r"data.source=yours has no reader; there are hub, xtreme, .*mine"):
        read_examples(DataConfig(source="yours"), task_config("udpos"), "dev", EN)


def test_a_question_has_an_alternative_for_each_label(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = [Choice("a", "why?", ("b", "c"), "1"), Choice("a", "why?", ("b", "c", "d"), "1")]
    monkeypatch.setitem(READERS, "mine", lambda data, task, split, language, limit: (choices[:limit], "my data"))
    data = DataConfig(source="mine", limit_dev=1)
    assert read_examples(data, task_config("xcopa"), "dev", EN) == choices[:1]
    with pytest.raises(UserError, match=r"my data, example 2: 3 alternatives, but task.labels of xcopa names 2; each"):
        read_examples(DataConfig(source="mine"), task_config("xcopa"), "dev", EN)


def test_a_local_data_set_that_has_changed_is_read_again(make_hub: MakeHub) -> None:
    features = tag_features("ner_tags", labels_of("wikiann"))
    for word in ("old", "new"):
        hub_id = make_hub("sw", {"test": {"tokens": [[word]], "ner_tags": [[0]]}}, features)
        assert words_of(read_hub(hub_id, "wikiann", "test", SW)) == [(word,)]


def test_a_folder_that_is_no_data_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for hub_id in (f"{tmp_path}/none", "~/none"):
        with pytest.raises(UserError, match=f"task.hub_id={tmp_path}/none: there is no such folder"):
            hub.hub_files(DataConfig(source="hub"), task_config("xnli", hub_id=hub_id), "test", SW)
