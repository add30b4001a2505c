"""The readers over the real data of SHARED_DIR (default ../shared), with the small real backbone's tokenizer.

Run by `make test-real`. The counts are those of that folder's README.
"""

from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from orthoadapters.config.schema import CorpusConfig, CorpusSource, DataConfig, LanguageConfig
from orthoadapters.data.blocks import token_blocks
from orthoadapters.data.modules import TaskData
from orthoadapters.data.sources.text import corpus_key, passages
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.data.windows import join_windows
from orthoadapters.examples import IGNORE_INDEX, Split
from tests.helpers.shared import SHARED
from tests.helpers.tasks import task_config

pytestmark = pytest.mark.real

COUNTS: dict[str, dict[str, tuple[int | None, int, int]]] = {
    "udpos": {"en": (21253, 3974, 5440), "ar": (None, 909, 1680), "tr": (None, 988, 4785)},
    "wikiann": {
        "en": (20000, 10000, 10000),
        "ar": (None, 10000, 10000),
        "tr": (None, 10000, 10000),
        "sw": (None, 1000, 1000),
        "qu": (None, 100, 100),
    },
    "xnli": {"en": (29481, 2490, 5010)} | dict.fromkeys(("ar", "sw", "tr"), (None, 2490, 5010)),
}
SPLITS = [
    (name, code, split, n)
    for name, languages in COUNTS.items()
    for code, numbers in languages.items()
    for split, n in zip(("train", "dev", "test"), numbers, strict=True)
    if n is not None
]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return load_tokenizer(str(SHARED / "backbones" / "mini-xlmr"), needs_mask=True)


@pytest.mark.parametrize(("name", "code", "split", "n"), SPLITS, ids=lambda value: str(value))
def test_every_file_is_read_whole_and_no_word_is_lost(
    tokenizer: PreTrainedTokenizerFast, name: str, code: str, split: Split, n: int
) -> None:
    data = DataConfig(source="xtreme", root=str(SHARED / "data"))
    language = LanguageConfig(code=code, name=code)
    evaluation = TaskData(data, task_config(name), language, tokenizer, 0).evaluation(split, language)
    windows = evaluation.windows
    assert len(evaluation.examples) == windows.examples == n
    assert max(len(ids) for ids in windows.input_ids) <= 128
    rows = [np.where(labels == IGNORE_INDEX, 0, labels).reshape(-1).tolist() for labels in windows.labels]
    assert join_windows(windows, rows) == evaluation.gold
    order = np.concatenate([batch["index"].numpy() for batch in evaluation.loader])
    assert sorted(order) == list(range(len(windows)))


@pytest.mark.parametrize("code", ["en", "ar", "sw", "tr", "qu"])
def test_text_is_cut_into_blocks_of_exactly_128_subwords(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, code: str
) -> None:
    corpus = CorpusConfig(source=CorpusSource.text, root=str(SHARED / "data" / "text"))
    language = LanguageConfig(code=code, name=code)
    key = corpus_key(corpus, language)
    blocks = token_blocks(passages(corpus, language), tokenizer, 128, 10**6, tmp_path, key)
    assert blocks.shape[1] == 128
    assert len(blocks) > 3000
    assert (blocks[:, 0] == tokenizer.bos_token_id).all()
    assert (blocks[:, 127] == tokenizer.eos_token_id).all()
    assert (blocks != tokenizer.pad_token_id).all()
    assert (blocks != tokenizer.mask_token_id).all()
    assert len(token_blocks(passages(corpus, language), tokenizer, 128, 100, tmp_path, key)) == 100
