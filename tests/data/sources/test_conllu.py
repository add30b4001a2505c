"""CoNLL-U treebanks: pooling, multiword tokens fused as XTREME does or split, and every broken row named."""

import gzip
import logging
from pathlib import Path

import pytest

from orthoadapters.config.checks import check
from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig
from orthoadapters.data.sources.read import read_examples
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import TaggedSentence

EN = LanguageConfig(code="en", name="English")
UDPOS: TaskConfig = compose_config(["task=udpos"]).task


def row(number: object, form: str, upos: str = "_", head: object = "_", deps: str = "_") -> str:
    return f"{number}\t{form}\t_\t{upos}\t_\t_\t{head}\t_\t{deps}\t_\n"


def write(root: Path, content: str | bytes, name: str = "en_ewt-ud-test.conllu") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(root: Path, fuse: bool = True, split: str = "test", limit: int | None = None) -> list[TaggedSentence]:
    data = DataConfig(source="conllu", root=str(root), fuse_multiword=fuse, limit_test=limit)
    examples = read_examples(data, UDPOS, split, EN)  # type: ignore[arg-type]
    return [example for example in examples if isinstance(example, TaggedSentence)]


PLAIN = row(1, "Dogs", "NOUN", 2) + row(2, "bark", "VERB", 0)
# "and-wrote to-him": the conjunction is the root, as Arabic treebanks have it; the second token's words hang on `wrote`.
TWO_RANGES = (
    "# text = andwrote tohim .\n"
    + row("1-2", "andwrote") + row(1, "and", "CCONJ", 0) + row(2, "wrote", "VERB", 1)
    + row("3-4", "tohim") + row(3, "to", "ADP", 2) + row(4, "him", "PRON", 2)
    + row(5, ".", "PUNCT", 1)
)  # fmt: skip


def test_a_fused_word_has_the_ranges_form_and_the_tag_of_its_highest_word(tmp_path: Path) -> None:
    """XTREME's rule: the highest word decides, even a conjunction above a verb; PRECEDENCE only where several are highest."""
    write(tmp_path, TWO_RANGES)
    assert read(tmp_path) == [TaggedSentence(("andwrote", "tohim", "."), ("CCONJ", "PRON", "PUNCT"))]


def test_split_words_stand_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, TWO_RANGES)
    assert read(tmp_path, fuse=False) == [
        TaggedSentence(("and", "wrote", "to", "him", "."), ("CCONJ", "VERB", "ADP", "PRON", "PUNCT"))
    ]


@pytest.mark.parametrize(
    ("tags", "reference"),
    [("AUX PART", "AUX"), ("PART AUX", "AUX"), ("ADP SCONJ PRON", "PRON"), ("SYM PUNCT", "PUNCT"), ("CCONJ SYM", "CCONJ"),
     ("DET ADP", "ADP"), ("X SCONJ", "SCONJ"), ("PROPN NOUN", "NOUN"), ("NUM ADJ", "ADJ"), ("INTJ ADV", "ADV")],
)  # fmt: skip
def test_among_words_of_one_height_xtremes_precedence_decides(tmp_path: Path, tags: str, reference: str) -> None:
    members = tags.split()
    rows = "".join(row(number, "a", tag, len(members) + 1) for number, tag in enumerate(members, 1))
    write(tmp_path, row(f"1-{len(members)}", "aa") + rows + row(len(members) + 1, "b", "VERB", 0))
    assert read(tmp_path)[0].tags == (reference, "VERB")


def test_height_counts_every_word_above_in_head_and_deps_together(tmp_path: Path) -> None:
    """An enhanced edge from `b` puts `b` and what is above it over the verb, which leaves the particle highest."""
    after = row(3, "b", "NOUN", 4) + row(4, "c", "VERB", 0)
    for deps, reference in (("_", "VERB"), ("4:dep|3:dep", "PART"), ("4:dep|8.1:dep", "VERB")):
        rows = row("1-2", "aa") + row(1, "a", "PART", 4) + row(2, "a", "VERB", 4, deps)
        write(tmp_path, rows + after)
        assert read(tmp_path)[0].tags == (reference, "NOUN", "VERB"), deps


def test_a_circle_of_heads_ends(tmp_path: Path) -> None:
    write(tmp_path, row("1-2", "ab") + row(1, "a", "NOUN", 2) + row(2, "b", "VERB", 1, "3:x") + row(3, "c", "X", 0))
    assert read(tmp_path)[0].tags == (
        "VERB",
        "X",
    )  # 2, 3, 0 are above the first; 1, 3, 0 above the second: equally high


def test_spaces_and_joiners_leave_fused_words_alone(tmp_path: Path) -> None:
    write(tmp_path, row(1, "10 000", "NUM", 0) + row(2, "می\u200cشود", "VERB", 1) + row(3, "\u200c", "X", 1))
    assert read(tmp_path)[0].words == ("10000", "میشود", "")
    assert read(tmp_path, fuse=False)[0].words == ("10 000", "می\u200cشود", "\u200c")


def test_comments_empty_nodes_and_missing_tags(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = "# newdoc\n" + row("0.1", "E") + row(1, "Who", "PRON", 0) + row("1.1", "E", "VERB") + row(2, "#", "_", 1)
    write(tmp_path, content)
    with caplog.at_level(logging.INFO):
        assert read(tmp_path) == [TaggedSentence(("Who", "#"), ("PRON", "X"))]
    reference = "1 sentences, 2 empty nodes left out, 2 syntactic words, 1 of them without UPOS, read as X, 2 words"
    assert f"en_ewt-ud-test.conllu: {reference}" in caplog.text


@pytest.mark.parametrize("content", [PLAIN, PLAIN + "\n", "\ufeff" + PLAIN + "\n \n\n# end\n", "\n\n" + PLAIN])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_ends_of_lines_and_files_do_not_matter(tmp_path: Path, content: str, ending: str) -> None:
    write(tmp_path, content.replace("\n", ending))
    assert read(tmp_path) == [TaggedSentence(("Dogs", "bark"), ("NOUN", "VERB"))]


def test_sentences_without_their_text_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = row(1, "_", "NOUN", 2) + row(2, "_", "VERB", 0) + row(3, ".", "PUNCT", 2)
    with_words = row(1, "a", "NOUN", 0) + row(2, "_", "PUNCT", 1) + row(3, "b", "NOUN", 1)
    write(tmp_path, "\n".join([hidden, with_words, row(1, "_", "X", 0)]))
    with caplog.at_level(logging.INFO):
        assert [sentence.words for sentence in read(tmp_path)] == [("a", "_", "b")]
    assert "2 sentences without text left out" in caplog.text


def test_all_treebanks_of_a_language_are_pooled_in_order_of_their_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Release folders, however deep; names, not folders, give the order: PUD comes after ParTUT, as in XTREME."""
    for folder, name in (("r/UD_English-PUD", "en_pud-ud-test"), ("r/UD_English-ParTUT", "en_partut-ud-test"),
                         (".", "en_hdt-ud-test-b"), (".", "en_hdt-ud-test-a")):  # fmt: skip
        write(tmp_path, row(1, name.removeprefix("en_"), "NOUN", 0), f"{folder}/{name}.conllu")
    for other in ("en_pud-ud-train", "de_pud-ud-test", "en_pud-ud-tests", "enm_x-ud-test"):
        write(tmp_path, row(1, "other", "NOUN", 0), f"r/{other}.conllu")
    reference = ["hdt-ud-test-a", "hdt-ud-test-b", "partut-ud-test", "pud-ud-test"]
    with caplog.at_level(logging.INFO):
        assert [sentence.words[0] for sentence in read(tmp_path)] == reference
    assert all(f"en_{name}.conllu: 1 sentences" in caplog.text for name in reference)
    caplog.clear()
    assert [sentence.words[0] for sentence in read(tmp_path, limit=2)] == reference[:2]


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path, PLAIN, f"{folder}/en_ewt-ud-test.conllu")
    with pytest.raises(
        UserError, match=r"a/en_ewt-ud-test.conllu and .*b/en_ewt.* sentences would count twice; remove"
    ):
        read(tmp_path)


def test_a_folder_without_the_treebank_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(
        MissingSplitError, match=r"there is no en_\*-ud-test.conllu in .*, and no other treebank of English; unpack"
    ):
        read(tmp_path / "nowhere")
    write(tmp_path, PLAIN)
    with pytest.raises(
        UserError, match=r"no en_\*-ud-dev.conllu in .* or below it, only en_ewt-ud-test.conllu; unpack"
    ):
        read(tmp_path, split="dev")
    with pytest.raises(UserError, match=r"add data.root=DIR"):
        read_examples(DataConfig(source="conllu", root=None, fuse_multiword=True), UDPOS, "test", EN)


@pytest.mark.parametrize("name", ["EN_ewt-ud-test.conllu", "en_ewt-ud-test.conllu.xz", "en-ud-test.txt"])
def test_a_file_that_is_named_nearly_as_a_treebank_is_pointed_at(tmp_path: Path, name: str) -> None:
    write(tmp_path, PLAIN, f"UD/{name}")
    with pytest.raises(MissingSplitError, match=rf"UD/{name} is not read: .*, and name it en_TREEBANK-ud-test.conllu$"):
        read(tmp_path)


OUT_OF_ORDER = row(1, "a", "X", 0) + row(3, "c", "X", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PLAIN + "3\tx\tNOUN\n", r"line 3: 3 columns instead of CoNLL-U's 10 in '3\\tx\\tNOUN'; mend that line"),
        (PLAIN.replace("\t", " "), r"line 1: 1 columns instead of CoNLL-U's 10, as spaces stand where tabs belong, in '1 D"),
        (PLAIN + "stray text\n", r"line 3: 1 columns instead of CoNLL-U's 10 in 'stray text'"),
        (PLAIN[:-3], r"line 2: 9 columns instead of CoNLL-U's 10"),
        (PLAIN + row("x", "a", "X", 1), r"line 3: 'x' is no id in 'x\\ta"),
        (PLAIN + row("٣", "a", "X", 1), r"line 3: '٣' is no id"),
        (PLAIN + row("", "a", "X", 1), r"line 3: '' is no id"),
        (PLAIN + row(3, "", "X", 1), r"line 3: no form \(column 2\)"),
        (OUT_OF_ORDER, r"line 2: id 3 where 2 should come in '3\\tc"),
        (PLAIN + PLAIN, r"line 3: id 1 where 3 should come"),
        (PLAIN + row(3, "c", "X", "root"), r"line 3: 'root' is no head \(column 7\)"),
        (PLAIN + row(3, "c", "NOUNS", 1), r"line 3: unknown label 'NOUNS'; the labels of task=udpos are ADJ"),
        (row("2-3", "bc") + PLAIN, r"line 1: the range 2-3 where word 1 should come"),
        (PLAIN + row("3-2", "bc"), r"line 3: the range 3-2 where word 3 should come"),
        (row("1-2", "x") + row(1, "a", "X", 0) + row("2-3", "y"), r"line 3: the range 2-3 where word 2 should come"),
        (PLAIN + row("3-4", "cd") + "\n" + PLAIN, r"line 4: the sentence ends before word 4 of the multiword token 3-4 'cd'"),
        (PLAIN + row("3-4", "cd") + row(3, "c", "X", 1), r"at its end: the sentence ends before word 4 of the multiword"),
        (b"# caf\xe9\n" + PLAIN.encode(), r"line 1: not UTF-8; convert the file"),
        (row(1, "a", "_", 0) + row(2, "b", "_", 1), r"has no UPOS \(column 4\) at any word; leave it out of data.root"),
        ('{"words": ["a"]}\n', r"is JSON lines, and data=conllu reads CoNLL-U; data=files .*format=jsonl reads it, or bring"),
        ("# a comment\n\n", r"has no test examples; check that it is complete"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fuse", [True, False])
def test_a_broken_file_is_refused_with_its_name_and_line(
    tmp_path: Path, content: str | bytes, message: str, fuse: bool
) -> None:
    write(tmp_path, content)
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, fuse)
    assert "en_ewt-ud-test.conllu" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["data=conllu", "data.root=x", "task=xnli"],
            "data=conllu holds part-of-speech tags alone; task=xnli goes with",
        ),
        (["data=conllu", "data.root=x", "task=udpos", "data.fuse_multiword=null"], "data.fuse_multiword must be true"),
        (
            ["data=hub", "task=udpos", "data.fuse_multiword=true"],
            "data.fuse_multiword is for data=conllu alone; leave it",
        ),
        (["data=conllu", "task=udpos"], "data.root has no value here"),
    ],
)
def test_choices_that_do_not_go_together_are_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config(["variant=t_noo", *overrides]))


def test_fusing_is_a_choice_of_treebanks_alone() -> None:
    def fingerprint_of(*overrides: str) -> str:
        config = compose_config(["task=udpos", *overrides])
        check(config)
        return fingerprint(config)

    treebanks = ("data=conllu", "data.root=x")
    assert fingerprint_of(*treebanks) == fingerprint_of(*treebanks, "data.fuse_multiword=true")
    assert fingerprint_of(*treebanks) != fingerprint_of(*treebanks, "data.fuse_multiword=false")
    adapter = ("stage=mlm", "language=sw")
    assert (
        fingerprint_of(*adapter)
        == fingerprint_of(*adapter, *treebanks)
        == fingerprint_of(*adapter, *treebanks, "data.fuse_multiword=false")
    )
    assert "data.fuse_multiword" not in choices(
        compose_config([])
    )  # so that runs of other sources keep their directories


def test_names_of_ud_v1_and_packed_treebanks_are_read(tmp_path: Path) -> None:
    write(tmp_path, PLAIN, "UD_English/en-ud-test.conllu")
    write(tmp_path, gzip.compress(PLAIN.encode(), mtime=0), "UD_English-EWT/en_ewt-ud-test.conllu.gz")
    write(tmp_path, PLAIN, "UD_Old/enm-ud-test.conllu")
    assert len(read(tmp_path)) == 2
    write(tmp_path, PLAIN, "UD_English-EWT/en_ewt-ud-test.conllu")
    with pytest.raises(UserError, match=r"have the same name, so that sentences would count twice"):
        read(tmp_path)


def test_a_copy_beside_a_treebank_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, PLAIN, "en_x-ud-test-a.conllu")
    write(tmp_path, PLAIN, "en_x-ud-test-b.conllu")
    with caplog.at_level(logging.WARNING):
        assert len(read(tmp_path)) == 2
    assert not caplog.records
    write(tmp_path, PLAIN, "en_y-ud-test.conllu")
    write(tmp_path, PLAIN, "en_y-ud-test-orig.conllu")
    with caplog.at_level(logging.WARNING):
        assert len(read(tmp_path)) == 4
    assert "en_y-ud-test-orig.conllu stands beside en_y-ud-test.conllu, and both are read; if one" in caplog.text


def test_marks_of_documents_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, row(1, "-DOCSTART-", "X", 0) + "\n" + PLAIN)
    assert [sentence.words for sentence in read(tmp_path)] == [("Dogs", "bark")]
