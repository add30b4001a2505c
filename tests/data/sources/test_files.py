"""A task's own files (data=files): every format, what its columns mean, and every mistake in one sentence."""

import gzip
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value
from datasets import Sequence as ListOf
from datasets.utils.logging import disable_progress_bar

from orthoadapters.config.checks import check
from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import DataConfig, FileFormat, FilesConfig, LanguageConfig, TaskKind
from orthoadapters.data.sources.read import read_examples
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Choice, Example, Sentence, SentencePair, Split, TaggedSentence
from tests.helpers.tasks import task_config

EN = LanguageConfig(code="en", name="English")
# What a test says of its task; everything else is that of the task of this kind which the project has.
BASES = {
    TaskKind.tagging: "wikiann",
    TaskKind.sentence_pair: "xnli",
    TaskKind.sentence: "xnli",
    TaskKind.multiple_choice: "xnli",
}
Read = Callable[..., list[Example]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """A function that writes one file of English test data and reads it as data=files does."""

    def write_and_read(
        content: str | bytes, format: FileFormat, kind: TaskKind = TaskKind.sentence_pair, limit: int | None = None,
        name: str = "test-en.txt", task: dict[str, Any] | None = None, **files: Any,
    ) -> list[Example]:  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        files = {"path": "{split}-{language}.txt"} | files
        config = task_config(BASES[kind], kind=kind, files=FilesConfig(format=format, **files), **task or {})
        return read_examples(DataConfig(source="files", root=str(tmp_path), limit_test=limit), config, "test", EN)

    return write_and_read


PAIRS: list[Example] = [SentencePair("a b", "c", "neutral"), SentencePair('d "e', "f", "entailment")]


@pytest.mark.parametrize(
    ("content", "files"),
    [
        ('id\tfirst\tsecond\tlabel\n1\ta b\tc\tneutral\n\n2\td "e\tf\tentailment', {}),
        ('\ufefffirst\tsecond\tlabel\r\na b\tc\tneutral\r\nd "e\tf\tentailment\r\n', {}),
        ('s1\ts2\ty\na b\tc\tneutral\nd "e\tf\tentailment\n', {"columns": {"first": "s1", "second": "s2", "label": "y"}}),
        ('neutral\ta b\tc\nentailment\td "e\tf\n', {"header": False, "columns": {"first": 2, "second": 3, "label": 1}}),
        ('first;second;label\n"a b";c;neutral\n"d ""e";f;entailment\n', {"separator": "semicolon", "quotes": True}),
    ],
)  # fmt: skip
def test_tables_are_read_by_the_names_or_the_numbers_of_their_columns(
    read: Read, content: str, files: dict[str, Any]
) -> None:
    assert read(content, FileFormat.tsv, **files) == PAIRS


def test_quotes_are_characters_of_a_tsv_and_enclose_the_fields_of_a_csv(read: Read) -> None:
    kind, task = TaskKind.sentence, {"labels": ["yes", "no"]}
    assert read('text\tlabel\n"a"\tyes\n', FileFormat.tsv, kind, task=task) == [Sentence('"a"', "yes")]
    content = 'text,label\n"a, ""b""\nc",no\nd,yes\n'
    assert read(content, FileFormat.csv, kind, task=task) == [Sentence('a, "b"\nc', "no"), Sentence("d", "yes")]


def test_json_lines_hold_texts_or_lists(read: Read) -> None:
    content = '{"id": 1, "words": ["Anna", "x"], "tags": ["B-PER", "O"]}\n\n{"words": ["-DOCSTART-"], "tags": ["O"]}\n'
    expected: list[Example] = [TaggedSentence(("Anna", "x"), ("B-PER", "O"))]
    assert read(content, FileFormat.jsonl, TaskKind.tagging) == expected

    row = {"premise": "p", "options": ["a", "b"], "question": "why", "label": 1}
    task = {"labels": ["one", "two"], "label_names": {"0": "one", "1": "two"}, "questions": {"why": "Why?"}}
    examples = read(
        json.dumps(row), FileFormat.jsonl, TaskKind.multiple_choice, task=task, columns={"alternatives": "options"}
    )
    assert examples == [Choice("p", "Why?", ("a", "b"), "two")]
    row = {"premise": "p", "x": "a", "y": "b", "label": 0}
    examples = read(
        json.dumps(row), FileFormat.jsonl, TaskKind.multiple_choice, task=task, columns={"alternatives": ["x", "y"]}
    )
    assert examples == [Choice("p", "", ("a", "b"), "one")]


@pytest.mark.parametrize(
    ("content", "files"),
    [
        ("Anna B-PER\nx O\n\n-DOCSTART- -X-\n\ny O\n", {"separator": "space"}),
        ("Anna   B-PER \r\nx  O\r\n\r\ny O", {"separator": "space"}),
        ("Anna\tB-PER\nx\tO\n \ny\tO\n\n\n", {}),
        ("-DOCSTART- -X- -X- O\n\nAnna NNP B-NP B-PER\nx NN B-NP O\n\ny NN I-NP O\n", {"separator": "space"}),
        ("B-PER\tAnna\nO\tx\n\nO\ty\n", {"columns": {"word": 2, "tag": 1}}),
        ("# id 7\tdomain=en\nAnna\tB-PER\nx\tO\n\n# id 8\ny\tO\n", {"comment": "# id"}),
        ("en:Anna\tB-PER\nen:x\tO\n\nen:y\tO\n", {}),
    ],
)
def test_words_and_tags_are_read_from_columns(read: Read, content: str, files: dict[str, Any]) -> None:
    expected: list[Example] = [TaggedSentence(("Anna", "x"), ("B-PER", "O")), TaggedSentence(("y",), ("O",))]
    assert read(content, FileFormat.conll, TaskKind.tagging, **files) == expected


def test_columns_of_a_treebank_may_be_asked_for_by_their_numbers(read: Read) -> None:
    files = {"columns": {"word": 2, "tag": 4}}
    assert read(CONLLU, FileFormat.conll, TaskKind.tagging, **files) == [TaggedSentence(("a",), ("B-PER",))]


def test_wikianns_prefix_is_taken_off_in_whatever_column_the_words_are(read: Read) -> None:
    content = "# 1\n1 TR:Anna B-PER\n2 TR:x O\n-DOCSTART- x O\n"
    files = {"separator": "space", "comment": "#", "columns": {"word": 2}}
    assert read(content, FileFormat.conll, TaskKind.tagging, **files) == [TaggedSentence(("Anna", "x"), ("B-PER", "O"))]


def test_wikianns_prefix_is_taken_off_words_in_lists_and_a_word_without_one_is_named(read: Read) -> None:
    def lines(*words: str) -> str:
        return "\n".join(json.dumps({"words": ["en:Anna", word], "tags": ["B-PER", "O"]}) for word in words)

    expected: list[Example] = [
        TaggedSentence(("Anna", "x"), ("B-PER", "O")),
        TaggedSentence(("Anna", "y"), ("B-PER", "O")),
    ]
    assert read(lines("en:x", "en:y"), FileFormat.jsonl, TaskKind.tagging) == expected
    with pytest.raises(
        UserError, match=r"test-en.txt, example 2: 'y' has no 'en:' before the word, as 3 of 4 words do"
    ):
        read(lines("en:x", "y"), FileFormat.jsonl, TaskKind.tagging)


def test_conllu_and_packed_files_are_read(read: Read) -> None:
    row = "1\tDogs\t_\tNOUN\t_\t_\t0\t_\t_\t_\n"
    labels = {"labels": ["NOUN", "VERB"]}
    content = gzip.compress(row.encode(), mtime=0)
    expected = [TaggedSentence(("Dogs",), ("NOUN",))]
    assert read(content, FileFormat.conllu, TaskKind.tagging, name="test-en.txt.gz", task=labels) == expected
    with pytest.raises(UserError, match=r"test-en.txt.gz, line 1: the packed file is damaged .*; bring it back"):
        read(content[:15], FileFormat.conllu, TaskKind.tagging, name="test-en.txt.gz", task=labels)


def test_parquet_has_the_names_of_classes_or_numbers_that_the_task_names(read: Read, tmp_path: Path) -> None:
    disable_progress_bar()
    features = Features({"tokens": ListOf(Value("string")), "ner": ListOf(ClassLabel(names=["O", "B-PER"]))})
    (tmp_path / "en").mkdir()
    for number, word in enumerate(["Anna", "Berta"]):
        Dataset.from_dict({"tokens": [[word, "x"]], "ner": [[1, 0]]}, features).to_parquet(
            tmp_path / "en" / f"test-{number}-of-2.parquet"
        )
    files = {"path": "{language}/{split}-*.parquet", "columns": {"words": "tokens", "tags": "ner"}}
    assert read("", FileFormat.parquet, TaskKind.tagging, **files) == [
        TaggedSentence(("Anna", "x"), ("B-PER", "O")),
        TaggedSentence(("Berta", "x"), ("B-PER", "O")),
    ]
    Dataset.from_dict({"text": ["a"], "label": [1]}).to_parquet(tmp_path / "test-en.parquet")
    table, kind, path = FileFormat.parquet, TaskKind.sentence, "{split}-{language}.parquet"
    task = {"labels": ["no", "yes"], "label_names": {"0": "no", "1": "yes"}}
    assert read("", table, kind, path=path, task=task) == [Sentence("a", "yes")]
    with pytest.raises(UserError, match=r"row 0: unknown label 1; .*task.label_names says which value"):
        read("", table, kind, path=path, task={"labels": ["no", "yes"]})
    Dataset.from_dict({"text": ["a"], "label": [0.0]}).to_parquet(tmp_path / "test-en.parquet")
    with pytest.raises(UserError, match=r"row 0: unknown label 0.0; .*task.label_names says which value"):
        read("", table, kind, path=path, task={"labels": ["no", "yes"]})


def test_limits_read_no_further_than_they_say(read: Read) -> None:
    content = "first\tsecond\tlabel\na b\tc\tneutral\nbroken\n"
    assert read(content, FileFormat.tsv, limit=1) == PAIRS[:1]


def test_an_empty_text_is_counted(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read("first\tsecond\tlabel\na\t\tneutral\n", FileFormat.tsv) == [SentencePair("a", "", "neutral")]
    assert "1 of 1 test examples have an empty text" in caplog.text


TABLE, LINES, CONLL = FileFormat.tsv, FileFormat.jsonl, FileFormat.conll
HEADER = "first\tsecond\tlabel\n"
ROW = '{"first": "a", "second": "b", "label": "neutral"}\n'
CONLLU = "1\ta\ta\tB-PER" + "\t_" * 6 + "\n"


@pytest.mark.parametrize(
    ("format", "content", "files", "message"),
    [
        (TABLE, "", {}, r"test-en.txt has no test examples; check that it is complete"),
        (TABLE, HEADER, {}, r"test-en.txt has no test examples"),
        (TABLE, b"first\tsecond\tlabel\n\xe4\ta\tneutral\n", {}, r"line 2: not UTF-8; convert the file to UTF-8"),
        (TABLE, "first,second,label\n", {}, r"line 1: the header .* has no tab but a comma; set .*separator=comma"),
        (TABLE, "a\ta\tlabel\n", {}, r"line 1: the header has 'a' twice; rename one, or set task.files.header=false"),
        (TABLE, "s1\tsecond\tlabel\nx\ty\tneutral\n", {},
         r"line 1: there is no column 'first' for task.files.columns.first, only s1, second, label; name the right one"),
        (TABLE, "a\tb\tneutral\nc\td\tneutral\n", {}, r"no column 'first' .*; if the file has no header, set"),
        (TABLE, HEADER + "a\tneutral\n", {}, r"line 2: 2 columns instead of the header's 3 in 'a\\tneutral'; mend that"),
        (TABLE, HEADER + "a b neutral\n", {}, r"line 2: 1 columns .*no tab in it but a space: put the tab there, or set"),
        (TABLE, HEADER + '"a\tb"\tc\tneutral\n', {}, r"line 2: 4 columns .*task.files.quotes=true if its double quotes"),
        (TABLE, HEADER + "a\tb\tNeutral\n", {}, r"line 2: unknown label 'Neutral'; .*; did you mean 'neutral'\?"),
        (TABLE, HEADER + "a\tb\t\n", {}, r"line 2: no label; add it, or leave that row out"),
        (TABLE, HEADER + '"a\tb\tneutral\n', {"quotes": True}, r"line 2: the quotes of this row do not fit .*; close them"),
        (TABLE, HEADER, {"separator": "::"}, r"task.files.separator='::' is no character; use tab, space, comma"),
        (LINES, '{"first": "a"\n', {}, r"line 1: not JSON .*; write one JSON object a line"),
        (TABLE, ROW, {}, r"test-en.txt is JSON lines, and task.files.format=tsv is read; set task.files.format=jsonl"),
        (TABLE, "[" + ROW[:-1] + "]", {}, r"is JSON, and task.files.format=tsv is read; write one JSON object a line, which"),
        (TABLE, CONLLU, {}, r"test-en.txt is CoNLL-U, and task.files.format=tsv is read; bring the right file, or save"),
        (CONLL, CONLLU, {"comment": "#"}, r"test-en.txt is CoNLL-U, and task.files.format=conll is read; bring the right"),
        (LINES, b"PAR1\x15\x04", {}, r"is Parquet, and task.files.format=jsonl is read; set task.files.format=parquet"),
        (FileFormat.parquet, ROW, {}, r"is JSON lines, and task.files.format=parquet is read; set task.files.format=jsonl"),
        (FileFormat.csv, b"\x80\x04]", {}, r"is a pickle, and task.files.format=csv is read; bring the right file, or save"),
        (LINES, "[\n", {}, r"line 1: the file is one JSON array; write one JSON object a line"),
        (LINES, '["a"]\n', {}, r"line 1: a JSON array and not an object; write one JSON object a line"),
        (LINES, '{"first": "a"}\n', {}, r"line 1: there is no column 'second' for .*, only first; name the right"),
        (LINES, '{"first": 3, "second": "b", "label": "neutral"}\n', {},
         r"line 1: task.files.columns.first holds 3 where text belongs; mend that row"),
        (CONLL, "Anna B-PER\n", {}, r"line 1: no tab but a space between the columns of 'Anna B-PER'; put the tab there"),
        (CONLL, "a\tO\nAnna B-PER\n", {}, r"line 2: no tab but a space between the columns"),
        (CONLL, "a\tO\n", {"separator": "space"}, r"line 1: no space but a tab .*task.files.separator=tab"),
        (CONLL, "a\tO\nb\tx\tO\n", {}, r"line 2: 3 columns instead of 2 as in the rows above in 'b\\tx\\tO'; mend"),
        (CONLL, "a\tO\n#\tx\tO\n", {}, r"line 2: 3 columns .*task.files.comment='#' if such lines are comments"),
        (CONLL, "# id = 3\na\tO\n", {}, r"line 1: 1 columns in '# id = 3'; .*task.files.comment='#' if such lines are"),
        (CONLL, "# id = 3\na O\n", {"separator": "space"}, r"line 1: no tag of .* in '# id = 3'; .*task.files.comment='#'"),
        (CONLL, "a\tB-PERS\n", {}, r"line 1: unknown label 'B-PERS'; .*; did you mean 'B-PER'\?"),
        (CONLL, "a\n", {}, r"line 1: no tag in 'a'; add it, with a tab before it"),
        (CONLL, "a\t\n", {}, r"line 1: no label; add it"),
        (CONLL, "a\tO\n", {"columns": {"tag": 4}}, r"line 1: 2 columns .*column 4 is asked for; set task.files.columns"),
        (CONLL, "a\tO\n", {"columns": {"tag": "ner"}}, r"task.files.columns.tag=ner of wikiann is no number of a column"),
        (CONLL, "en:a\tO\nen:b\tO\nen:c\tO\nd\tO\n", {}, r"line 4: 'd\\tO' has no 'en:' .*, as 3 of 4 rows do"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_line_its_cause_and_the_fix(
    read: Read, format: FileFormat, content: str | bytes, files: dict[str, Any], message: str
) -> None:
    kind = TaskKind.tagging if format is CONLL else TaskKind.sentence_pair
    with pytest.raises(UserError, match=message) as caught:
        read(content, format, kind, **files)
    assert "\n" not in str(caught.value)


def test_lists_of_unequal_length_and_texts_in_place_of_lists_are_refused(read: Read) -> None:
    with pytest.raises(UserError, match=r"line 1: 2 words but 1 tags; mend that row"):
        read('{"words": ["a", "b"], "tags": ["O"]}', LINES, TaskKind.tagging)
    with pytest.raises(UserError, match=r"line 1: column 'words' .* holds 'a b' and not a list"):
        read('{"words": "a b", "tags": ["O"]}', LINES, TaskKind.tagging)


@pytest.mark.parametrize(
    ("split", "code", "message"),
    [
        (
            "test",
            "sw",
            r"there is no .*/sw/test.txt \(task.files.path .*\); .* has swa; \+\+task.files.languages.sw=NAME",
        ),
        (
            "dev",
            "swa",
            r"there is no .*/swa/dev.txt .*; .*/swa has test.txt, valid.txt; \+\+task.files.splits.dev=NAME",
        ),
    ],
)
def test_a_missing_split_names_what_is_there_in_its_place(
    tmp_path: Path, split: Split, code: str, message: str
) -> None:
    (tmp_path / "swa").mkdir()
    for name in ("test", "valid"):
        (tmp_path / "swa" / f"{name}.txt").write_text("a\tO\n")
    files = FilesConfig(format=CONLL, path="{language}/{split}.txt")
    data, language = DataConfig(source="files", root=str(tmp_path)), LanguageConfig(code=code, name=code)
    with pytest.raises(MissingSplitError, match=message):
        read_examples(data, task_config("wikiann", files=files), split, language)
    files.languages, files.splits = {"sw": "swa"}, {"dev": "valid"}
    language = LanguageConfig(code="sw", name="Swahili")
    assert len(read_examples(data, task_config("wikiann", files=files), "dev", language)) == 1
    with pytest.raises(MissingSplitError, match=r"there is no folder .*nowhere; set data.root"):
        read_examples(
            DataConfig(source="files", root=str(tmp_path / "nowhere")),
            task_config("wikiann", files=files),
            "dev",
            language,
        )


FILES = ["data=files", "data.root=.", "task.files.format=jsonl", "task.files.path='{language}/{split}.jsonl'"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=files", "data.root=."], r"task=xnli does not say what its files are; give task.files.format"),
        ([*FILES, "task.files.path=x.tsv"], r"task.files.path of xnli is 'x.tsv'; it needs \{language\} and \{split\}"),
        ([*FILES, "task.files.path='/{language}{split}'"], r"starts at the top of the disk; give the part below"),
        (
            [*FILES, "+task.files.columns.frist=a"],
            r"task.files.columns has 'frist', did you mean 'first'\?; it may have",
        ),
        (
            [*FILES, "+task.files.splits.validation=a"],
            r"task.files.splits has 'validation'.* it may have train, dev, test",
        ),
        ([*FILES, "task.files.format=conll"], r"format=conll holds words with tags, and xnli is of kind=sentence_pair"),
        (
            [*FILES, "task=wikiann", "task.files.format=csv"],
            r"and wikiann is of kind=tagging; use conll for a word a line",
        ),
        ([*FILES, "task=wikiann", "task.files.format=conllu"], r"which are not the labels of wikiann; use conll"),
        ([*FILES, "task=udpos", "task.files.format=conllu"], r"data.fuse_multiword must be true .* or false"),
        (
            ["+task.label_names.a=nutral"],
            r"'a' stands for 'nutral', which is none of its labels, did you mean 'neutral'",
        ),
    ],
)
def test_a_task_whose_files_cannot_be_read_is_refused_before_they_are(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(compose_config([*overrides, "variant=t_noo"]))


def test_what_a_task_says_of_its_files_is_a_choice_of_the_runs_that_read_them() -> None:
    plain = compose_config(["task=xnli", "variant=t_noo"])
    other = compose_config(["task=xnli", "variant=t_noo", "task.files.format=csv"])
    assert fingerprint(plain) == fingerprint(other)
    assert not [key for key in choices(plain) if key.startswith(("task.files", "task.label_names", "task.questions"))]
    files = compose_config([*FILES, "task=xnli", "variant=t_noo", "+task.files.languages.en=eng"])
    assert choices(files)["task.files.format"] == "jsonl"
    assert "task.files.languages.en" not in choices(files)
    named = compose_config(["task=xnli", "variant=t_noo", "+task.label_names.x=neutral"])
    assert choices(named)["task.label_names.x"] == "neutral"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ('{"first": "a \\ud800 b", "second": "c", "label": "neutral"}', r"line 1: \\ud800 is half of a character"),
        ('{"first": "a \\u0000 b", "second": "c", "label": "neutral"}', "line 1: a NUL character is in it"),
        ("[" * 100_000, "line 1: JSON that is nested too deeply"),
        ('{"first": "a", "first": "b", "second": "c", "label": "neutral"}', "line 1: .*the key 'first' is there twice"),
    ],
)
def test_json_that_holds_no_text_is_one_sentence(read: Read, row: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read(row + "\n", FileFormat.jsonl)


def test_a_row_without_a_word_is_one_sentence(read: Read) -> None:
    with pytest.raises(UserError, match="line 2: no word in"):
        read("Anna B-PER\n B-PER\n", FileFormat.conll, TaskKind.tagging, separator="space")


def test_one_column_serves_one_need() -> None:
    both = "++task.files.columns={first: text, second: text}"
    config = compose_config(["task=paws_x", "data=files", "data.root=x", both])
    with pytest.raises(UserError, match="first and second are both column 'text'; give each its own"):
        check(config)


def test_parquet_with_metadata_that_nobody_here_knows_is_read_without_classes(
    read: Read, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"first": ["a"], "second": ["b"], "label": ["neutral"]})
    unknown = json.dumps({"info": {"features": {"first": {"_type": "OfTomorrow"}}}})
    pyarrow.parquet.write_table(table.replace_schema_metadata({"huggingface": unknown}), tmp_path / "new")
    assert read((tmp_path / "new").read_bytes(), FileFormat.parquet) == [SentencePair("a", "b", "neutral")]
    assert "they are read without names of classes" in caplog.text


def test_a_folder_that_a_pattern_cannot_look_into_is_named(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(path: Any = ".") -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    scandir = os.scandir
    for name in "ab":
        (tmp_path / name).mkdir()
    monkeypatch.setattr(os, "scandir", fail)
    content = "first\tsecond\tlabel\na\tb\tneutral\n"
    assert len(read(content, FileFormat.tsv, name="a/test-en.tsv", path="*/{split}-{language}*.tsv")) == 1
    assert f"{tmp_path}/b cannot be read (Permission denied): what is in it is left out" in caplog.text


def test_a_file_that_is_there_packed_too_is_read_once(read: Read, tmp_path: Path) -> None:
    content = "first\tsecond\tlabel\na\tb\tneutral\n"
    (tmp_path / "test-en.tsv.gz").write_bytes(gzip.compress(content.encode(), mtime=0))
    for path in ("{split}-{language}.tsv*", "**/{split}-{language}.tsv*"):
        assert len(read(content, FileFormat.tsv, name="test-en.tsv", path=path)) == 1


def test_a_file_that_links_lead_to_as_well_is_read_once(read: Read, tmp_path: Path) -> None:
    content = "first\tsecond\tlabel\na\tb\tneutral\n"
    (tmp_path / "own").mkdir()
    (tmp_path / "back").symlink_to(tmp_path / "own")
    (tmp_path / "own" / "test-en-again.tsv").symlink_to("test-en.tsv")
    for path in ("**/{split}-{language}*.tsv", "*/{split}-{language}*.tsv"):
        assert len(read(content, FileFormat.tsv, name="own/test-en.tsv", path=path)) == 1


def test_links_to_a_packed_file_are_left_out_where_its_content_is_read(read: Read, tmp_path: Path) -> None:
    content = "first\tsecond\tlabel\na\tb\tneutral\n"
    for name in ("a", "b", "c", "store"):
        (tmp_path / name).mkdir()
    packed, link = tmp_path / "a" / "test-en.tsv.gz", tmp_path / "b" / "test-en.tsv.gz"
    link.symlink_to("../a/test-en.tsv.gz")

    def count() -> int:
        return len(read(content, FileFormat.tsv, name="a/test-en.tsv", path="[abc]/{split}-{language}.tsv*"))

    packed.write_bytes(gzip.compress(content.encode(), mtime=0))
    assert count() == 1
    # A store names files by their contents, so that the place itself does not say that it is packed.
    packed.rename(tmp_path / "store" / "1f")
    packed.symlink_to("../store/1f")
    assert count() == 1
    # What is there under its packed name alone is read, and so is a name without .gz that leads to it.
    link.unlink()
    link.write_bytes(gzip.compress(content.encode(), mtime=0))
    assert count() == 2
    (tmp_path / "b" / "test-en.tsv").symlink_to("test-en.tsv.gz")
    assert count() == 2


@pytest.mark.parametrize(
    ("names", "copy"),
    [
        (["test-en.tsv", "test-en-orig.tsv"], "test-en-orig.tsv"),
        (["test-en (1).tsv", "test-en.tsv"], "test-en (1).tsv"),
        (["test-en.tsv", "test-en.tsv.bak"], "test-en.tsv.bak"),
        (["old test-en.tsv", "test-en.tsv"], "old test-en.tsv"),
        (["test-en-1.tsv", "test-en-10.tsv", "test-en-2.tsv"], None),
        (["test-en.tsv", "test-english.tsv"], None),
    ],
)
def test_a_copy_beside_a_file_is_read_with_a_warning(
    read: Read, tmp_path: Path, caplog: pytest.LogCaptureFixture, names: list[str], copy: str | None
) -> None:
    content = "first\tsecond\tlabel\na\tb\tneutral\n"
    for name in names[1:]:
        (tmp_path / name).write_text(content)
    assert len(read(content, FileFormat.tsv, name=names[0], path="*{split}-{language}*")) == len(names)
    warnings = [record.getMessage().partition(" stands beside test-en.tsv, and both are read; if one")[0]
                for record in caplog.records if record.levelno == logging.WARNING]  # fmt: skip
    assert warnings == ([] if copy is None else [f"{tmp_path}/{copy}"])


def test_a_field_that_is_too_long_is_named_for_what_it_is(read: Read) -> None:
    content = f'text,label\n"a",yes\n"{"b" * 140_000}",yes\n'
    with pytest.raises(
        UserError, match=r"line 3: a field of this row has more than 131072 characters; close its quote if"
    ):
        read(content, FileFormat.csv, TaskKind.sentence, task={"labels": ["yes", "no"]})


def test_carriage_returns_alone_are_named(read: Read) -> None:
    with pytest.raises(UserError, match="its lines end in carriage returns alone; save it with line feeds"):
        read("first\tsecond\tlabel\ra\tb\tneutral\r", FileFormat.tsv)


def test_what_is_missing_of_split_and_language_in_one_name_is_left_open(read: Read, tmp_path: Path) -> None:
    fix = r"\+\+task.files.languages.en=NAME or \+\+task.files.splits.test=NAME gives another name"
    with pytest.raises(MissingSplitError, match=fix):
        read("", FileFormat.tsv, name="test-sw.txt")
