"""Text for masked language modelling: what is read, how it is cut, when reading stops, and what the cache knows."""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import count, pairwise
from pathlib import Path

import datasets
import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import orthoadapters.demo
from orthoadapters.config.schema import CorpusConfig, CorpusSource, LanguageConfig
from orthoadapters.data import blocks as blocks_module
from orthoadapters.data.blocks import subwords_in, token_blocks
from orthoadapters.data.sources import text as text_module
from orthoadapters.data.sources.text import corpus_key, passages
from orthoadapters.errors import UserError
from tests.helpers.tiny_tokenizer import tiny_tokenizer

TOKENIZER = tiny_tokenizer()
SW = LanguageConfig(code="sw", name="Swahili", wikipedia="20231101.sw")


def text_corpus(folder: Path, content: str | bytes) -> CorpusConfig:
    (folder / "sw.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    return CorpusConfig(source=CorpusSource.text, root=str(folder))


def test_a_text_file_gives_its_lines_without_blank_ones_and_byte_order_marks(tmp_path: Path) -> None:
    corpus = text_corpus(tmp_path, "\ufeffthe first\r\n\n   \n  second line \u2028 goes on\n\ufeff\nlast")
    assert list(passages(corpus, SW)) == ["the first", "second line \u2028 goes on", "last"]


def test_a_long_text_file_is_read_in_shuffled_runs_that_the_seed_decides(tmp_path: Path) -> None:
    corpus = text_corpus(tmp_path, "".join(f"line {i}\n" for i in range(1000)))
    first, again, other = (list(passages(corpus, SW, seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(first) == sorted(other) == sorted(f"line {i}" for i in range(1000))
    numbers = [int(line.split()[1]) for line in first]
    assert sum(b != a + 1 for a, b in pairwise(numbers)) <= 1000 // text_module.RUN + 1
    assert max(numbers[:128]) - min(numbers[:128]) > 200  # not the file's beginning alone


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "sw.txt has no usable line; it must hold plain text"),
        ("\n \n\ufeff\n", "sw.txt has no usable line"),
        ("habari\n".encode("utf-16"), "sw.txt: the file is UTF-16; save it as UTF-8"),
        ("habari\n".encode("utf-32"), "sw.txt: the file is UTF-32; save it as UTF-8"),
        (b"PAR1\x15\x04", "sw.txt: the file is Parquet and no plain text; bring the right one"),
        (b"fine\n" * 70 + b"\0\0\0\n", "sw.txt, line 71: a NUL character is in it"),
        (b"fine\n" * 70 + b"\xff\xfe\n", "sw.txt, line 71: not UTF-8; convert the file"),
    ],
)
def test_an_unusable_text_file_is_one_sentence(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(passages(text_corpus(tmp_path, content), SW))


def test_json_lines_and_tables_are_no_text(tmp_path: Path) -> None:
    find = partial(text_module.find_text, language=SW, seed=0, blocks="", cache=tmp_path)
    with pytest.raises(
        UserError, match=r"sw.txt holds JSON lines and no plain text; write the texts alone, one passage"
    ):
        find(text_corpus(tmp_path, '\ufeff{"text": "habari"}\n'))
    with pytest.raises(UserError, match=r"sw.txt holds CoNLL-U and no plain text; write .* one passage a line$"):
        find(text_corpus(tmp_path, "# sent_id = 1\n1\thabari" + 8 * "\t_" + "\n"))
    assert find(text_corpus(tmp_path, '{habari}\n"a"\n')) == tmp_path / "sw.txt"


def test_a_missing_text_file_or_folder_names_the_fix(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no .*sw.txt; corpus.root must hold sw.txt"):
        next(passages(CorpusConfig(source=CorpusSource.text, root=str(tmp_path)), SW))
    with pytest.raises(UserError, match=r"add corpus.root=DIR"):
        next(passages(CorpusConfig(source=CorpusSource.text), SW))


def test_wikipedia_is_streamed_shuffled_and_read_no_further_than_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets.disable_progress_bars()
    monkeypatch.setattr(
        datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0, raising=False
    )  # five seconds after every pass
    (tmp_path / "wiki" / "20231101.sw").mkdir(parents=True)
    articles = {
        "title": ["t"] * 300,
        "text": [f"the article {'abc ' * 20}{'z' * (i % 7)}\n\nan end" for i in range(300)],
    }
    Dataset.from_dict(articles).to_parquet(tmp_path / "wiki" / "20231101.sw" / "train.parquet")
    card = "---\nconfigs:\n- config_name: 20231101.sw\n  data_files: 20231101.sw/*.parquet\n---\n"
    (tmp_path / "wiki" / "README.md").write_text(card)
    monkeypatch.setattr(text_module, "WIKIPEDIA", str(tmp_path / "wiki"))
    wikipedia = CorpusConfig(source=CorpusSource.wikipedia, root=None)
    texts = list(passages(wikipedia, SW, seed=1))
    assert sorted(texts) == sorted(articles["text"])
    assert texts != articles["text"]
    assert texts == list(passages(wikipedia, SW, seed=1)) != list(passages(wikipedia, SW, seed=2))
    blocks = token_blocks(passages(wikipedia, SW, seed=1), TOKENIZER, 32, 7, tmp_path / "cache", "wiki")
    assert blocks.shape == (7, 32)


def test_a_language_without_wikipedia_names_the_fix() -> None:
    nowhere = LanguageConfig(code="xx", name="Nowhere")
    with pytest.raises(UserError, match=r"no Wikipedia is known for xx; set language.wikipedia"):
        next(passages(CorpusConfig(source=CorpusSource.wikipedia), nowhere))


def test_demo_text_comes_from_the_demo_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orthoadapters.demo, "demo_text", lambda code: iter([f"text in {code}"]))
    demo = CorpusConfig(source=CorpusSource.demo)
    assert list(passages(demo, SW)) == ["text in sw"]
    key = corpus_key(demo, SW)
    monkeypatch.setattr(orthoadapters.demo, "world_digest", lambda: "of other sources")
    assert corpus_key(demo, SW) != key


@settings(deadline=None)
@given(st.lists(st.text("abc the", max_size=30), min_size=30, max_size=400), st.integers(4, 12), st.integers(5, 40))
def test_blocks_are_the_text_cut_at_equal_lengths_between_start_and_end(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], length: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        _check_blocks(monkeypatch, tmp_path_factory, texts, length, most)


def _check_blocks(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    length: int,
    most: int,
) -> None:
    encodings = [ids for ids in TOKENIZER(texts, add_special_tokens=False)["input_ids"] if ids]
    stream = [i for ids in encodings for i in [*ids, TOKENIZER.sep_token_id]]
    body = length - 2
    n = min(len(stream) // body, most)
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(blocks_module, "PASSAGES_PER_CALL", 7)  # many calls, with something left over from each
    if n < 5:
        with pytest.raises(UserError):
            token_blocks(iter(texts), TOKENIZER, length, most, folder, "key")
        return
    blocks = token_blocks(iter(texts), TOKENIZER, length, most, folder, "key")
    assert blocks.shape == (n, length)
    assert blocks.dtype == np.int32
    assert (blocks[:, 0] == TOKENIZER.bos_token_id).all()
    assert (blocks[:, -1] == TOKENIZER.eos_token_id).all()
    assert blocks[:, 1:-1].flatten().tolist() == stream[: n * body]


def test_reading_stops_as_soon_as_there_are_enough_blocks(tmp_path: Path) -> None:
    read = []

    def endless() -> Iterator[str]:
        for number in count():
            read.append(number)
            yield "words xyz"

    blocks = token_blocks(endless(), TOKENIZER, 16, 2000, tmp_path, "endless")
    assert len(blocks) == 2000
    need = 2000 * 14 / 7  # a passage is seven subwords with its separator
    assert need <= len(read) <= need + blocks_module.PASSAGES_PER_CALL


def test_a_second_call_reads_the_cache_and_no_text(tmp_path: Path) -> None:
    def unreadable() -> Iterator[str]:
        raise AssertionError("the text was read again")
        yield

    first = token_blocks(iter(["words xyz"] * 50), TOKENIZER, 16, 20, tmp_path, "key")
    again = token_blocks(unreadable(), TOKENIZER, 16, 20, tmp_path, "key")
    assert np.array_equal(first, again)
    assert isinstance(again, np.memmap)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_damaged_blocks_are_refused_and_those_without_a_checksum_are_cut_again(tmp_path: Path) -> None:
    def blocks() -> list[list[int]]:
        return token_blocks(iter(["words xyz"] * 50), TOKENIZER, 16, 20, tmp_path, "key").tolist()

    former = blocks()
    (file,), (checksum,) = tmp_path.glob("*.npy"), tmp_path.glob("*.npy.sha256")
    content = file.read_bytes()
    file.write_bytes(content[:-4] + b"\5" + content[-3:])
    with pytest.raises(UserError, match=rf"{file} is damaged, .* delete it, and it is cut from the text again"):
        blocks()
    checksum.unlink()
    assert blocks() == former
    assert checksum.exists()
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UserError, match=rf"{file} is no file but a pipe"):
        blocks()
    checksum.unlink()
    assert blocks() == former


def test_blocks_under_the_name_of_others_are_refused(tmp_path: Path) -> None:
    for key, text in (("text-en", "words xyz"), ("text-sw", "xyz words words")):
        token_blocks(iter([text] * 50), TOKENIZER, 16, 20, tmp_path, key)
    for ending in (".npy", ".npy.sha256"):
        source, target = (next(tmp_path.glob(f"text-{code}*{ending}")) for code in ("en", "sw"))
        shutil.copy(source, target)
    with pytest.raises(
        UserError, match=r"text-sw.*sha256 is the checksum of text-en.*npy, as if .*; delete it, and it is cut"
    ):
        token_blocks(iter([]), TOKENIZER, 16, 20, tmp_path, "text-sw")


def test_whatever_decides_the_blocks_decides_the_name_in_the_cache(tmp_path: Path) -> None:
    def texts() -> Iterator[str]:
        return iter(["words xyz"] * 50)

    other = tiny_tokenizer()
    other.add_tokens(["words"])
    for tokenizer, length, most, key in [
        (TOKENIZER, 16, 20, "a"),
        (other, 16, 20, "a"),
        (TOKENIZER, 17, 20, "a"),
        (TOKENIZER, 16, 19, "a"),
        (TOKENIZER, 16, 20, "b"),
    ]:
        token_blocks(texts(), tokenizer, length, most, tmp_path, key)
    assert len(list(tmp_path.glob("*.npy"))) == 5


def test_the_key_changes_with_the_text_the_seed_and_the_language(tmp_path: Path) -> None:
    corpus = text_corpus(tmp_path, "one text")
    key = corpus_key(corpus, SW, 0)
    assert key.startswith("text-sw-seed0-")
    assert key == corpus_key(corpus, SW, 0) != corpus_key(corpus, SW, 1)
    stamp = (tmp_path / "sw.txt").stat()
    text_corpus(tmp_path, "two text")
    os.utime(tmp_path / "sw.txt", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert corpus_key(corpus, SW, 0) != key
    wikipedia = CorpusConfig(source=CorpusSource.wikipedia)
    assert corpus_key(wikipedia, SW) != corpus_key(wikipedia, LanguageConfig("sw", "Swahili", "20240101.sw"))


def test_too_little_text_is_refused_with_its_counts_and_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"key: only 35 subwords of text, which make 2 blocks of 16; at least 5"):
        token_blocks(iter(["words xyz"] * 5), TOKENIZER, 16, 100, tmp_path, "key")
    assert list(tmp_path.iterdir()) == []


def test_a_block_length_without_room_for_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mlm.block_length=2 leaves no room"):
        token_blocks(iter(["the"]), TOKENIZER, 2, 5, tmp_path, "key")


def test_the_subwords_of_some_rows_are_theirs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "ROWS_PER_LOOK", 4)
    rng = np.random.default_rng(0)
    blocks, rows = rng.integers(0, 200, (30, 8), dtype=np.int32), rng.permutation(30)[:10]
    assert subwords_in(blocks, rows, 200).tolist() == sorted(set(blocks[rows].flatten().tolist()))
