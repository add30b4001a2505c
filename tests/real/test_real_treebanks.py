"""The CoNLL-U reader over released treebanks, counted by other means and compared with XTREME's own conversion.

Run by `make test-real`.
"""

import re

import pytest

from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import DataConfig, LanguageConfig
from orthoadapters.data.sources.read import read_examples
from orthoadapters.examples import Split, TaggedSentence
from tests.helpers.shared import SHARED

pytestmark = pytest.mark.real

# sentences, syntactic words, words with multiword tokens fused, multiword tokens
COUNTS = {
    ("en_ewt", "test"): (2077, 25094, 24740, 354),
    ("ar_pud", "test"): (1000, 20747, 20747, 0),
    ("tr_imst", "dev"): (1100, 10542, 10257, 279),
    ("tr_imst", "test"): (1100, 10032, 9750, 278),
}


def read(source: str, split: Split, code: str, fuse: bool | None = None) -> list[TaggedSentence]:
    root = SHARED / "data" / ("conllu" if source == "conllu" else "")
    data = DataConfig(source=source, root=str(root), fuse_multiword=fuse)
    examples = read_examples(data, compose_config(["task=udpos"]).task, split, LanguageConfig(code=code, name=code))
    return [example for example in examples if isinstance(example, TaggedSentence)]


@pytest.mark.parametrize(("treebank", "split"), COUNTS)
def test_sentences_words_and_fused_words_are_those_of_the_file(treebank: str, split: Split) -> None:
    sentences, words, fused_words, ranges = COUNTS[treebank, split]
    text = (SHARED / "data" / "conllu" / f"{treebank}-ud-{split}.conllu").read_text()
    spans = [(int(first), int(last)) for first, last in re.findall(r"^(\d+)-(\d+)\t", text, re.MULTILINE)]
    assert (text.count("# sent_id"), len(re.findall(r"^\d+\t", text, re.MULTILINE))) == (sentences, words)
    assert (len(spans), words - sum(last - first for first, last in spans)) == (ranges, fused_words)
    code = treebank.partition("_")[0]
    without_fusion, with_fusion = (read("conllu", split, code, fuse) for fuse in (False, True))
    assert len(without_fusion) == len(with_fusion) == sentences
    assert sum(len(sentence.words) for sentence in without_fusion) == words
    assert sum(len(sentence.words) for sentence in with_fusion) == fused_words


def test_turkish_words_are_xtremes_when_fused_and_not_when_split() -> None:
    """IMST is in XTREME too, split otherwise and from an older release, in which some sentences and tags differed."""
    xtreme = {s.words: s.tags for split in ("dev", "test") for s in read("xtreme", split, "tr")}
    same = different = sentences = 0
    for split in ("dev", "test"):
        pairs = zip(*(read("conllu", split, "tr", fuse) for fuse in (True, False)), strict=True)
        for with_fusion, without_fusion in pairs:
            if with_fusion.words == without_fusion.words:
                continue
            assert without_fusion.words not in xtreme
            if tags := xtreme.get(with_fusion.words):
                sentences += 1
                new = [place for place, word in enumerate(with_fusion.words) if word not in without_fusion.words]
                same += sum(with_fusion.tags[place] == tags[place] for place in new)
                different += sum(with_fusion.tags[place] != tags[place] for place in new)
    assert sentences > 150
    assert same > 0.85 * (same + different)


def test_the_words_of_arabic_pud_are_all_but_two_sentences_xtremes() -> None:
    xtreme = {s.words: s.tags for s in read("xtreme", "test", "ar")}
    pud = read("conllu", "test", "ar", True)
    common = [s for s in pud if s.words in xtreme]
    assert len(common) == 998
    tags = [(a, b) for s in common for a, b in zip(s.tags, xtreme[s.words], strict=True)]
    assert sum(a == b for a, b in tags) > 0.99 * len(tags)
