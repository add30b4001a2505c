"""BERT's two segments and case, RoBERTa's leading spaces, DeBERTa's and ModernBERT's layers: what XLM-R does not have."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import DebertaV2Tokenizer, GemmaTokenizer, PreTrainedTokenizerFast

from orthoadapters import AdaptedEncoder
from orthoadapters.data.batching import BatchLoader
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.data.windows import sequence_windows, tag_windows
from orthoadapters.examples import SentencePair, TaggedSentence
from tests.helpers.short_runs import execute, overrides
from tests.helpers.tiny_world import NAMES, NOUNS, VERBS

SPECIAL = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
XNLI = ["entailment", "neutral", "contradiction"]


def bert_tokenizer() -> PreTrainedTokenizerFast:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
    core = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = dict(zip(SPECIAL, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), strict=True))
    names = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=core, model_input_names=names, **special)


def roberta_tokenizer() -> PreTrainedTokenizerFast:
    letters = {letter: i + 5 for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4} | letters
    core = Tokenizer(models.BPE(vocabulary, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    special = dict(zip(SPECIAL, ("<pad>", "<unk>", "<s>", "</s>", "<mask>"), strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=core, model_input_names=["input_ids", "attention_mask"], **special)


def test_pairs_for_bert_carry_their_segments_padded_and_cut() -> None:
    pairs = [
        SentencePair("a b c", "d e", "neutral"),
        SentencePair("a", "b", "entailment"),
        SentencePair("a b c d e", "f g h", "neutral"),
    ]
    windows = sequence_windows(pairs, bert_tokenizer(), XNLI, max_length=9)
    assert windows.truncations == 1
    batch = next(iter(BatchLoader(windows, 3, 0, 0, shuffle=False)))
    rows = dict(zip(batch["index"].tolist(), batch["token_type_ids"].tolist(), strict=True))
    assert rows[0] == [0, 0, 0, 0, 0, 1, 1, 1, 0]  # [CLS] a b c [SEP] d e [SEP], and padding
    assert rows[1] == [0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert sum(rows[2]) == 4  # f g h [SEP]


def test_the_encoder_sees_the_segments(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    torch.manual_seed(0)
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path)
    model = AdaptedEncoder.from_pretrained(str(tmp_path))
    reference = transformers.AutoModel.from_pretrained(tmp_path).eval()
    batch = {"input_ids": torch.tensor([[2, 5, 3, 6, 3]]), "attention_mask": torch.ones(1, 5)}
    batch["token_type_ids"] = torch.tensor([[0, 0, 0, 1, 1]])
    with torch.no_grad():
        hidden = model.encode(batch).hidden
        torch.testing.assert_close(hidden, reference(**batch).last_hidden_state, atol=1e-5, rtol=0)
        batch["token_type_ids"] = torch.zeros(1, 5, dtype=torch.long)
        assert not torch.allclose(hidden, model.encode(batch).hidden)


def test_words_for_roberta_have_the_space_before_them_in_their_first_subword() -> None:
    tokenizer = roberta_tokenizer()
    windows = tag_windows([TaggedSentence(("ab", "c"), ("X", "O"))], tokenizer, ["O", "X"], 20)
    assert tokenizer.decode(windows.input_ids[0]) == "<s> ab c</s>"
    assert np.flatnonzero(windows.labels[0] != -100).tolist() == [1, 4]


def test_windows_for_xlmr_have_no_segments() -> None:
    assert sequence_windows([SentencePair("a", "b", "neutral")], roberta_tokenizer(), XNLI, 12).segments is None


@pytest.fixture
def mbert(tmp_path: Path) -> Path:
    """A tiny backbone in the form of google-bert/bert-base-multilingual-cased: its tokenizer's class, files and case."""
    folder = tmp_path / "mbert"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "no", "Anna", "École", "##s", *NAMES, *VERBS, *NOUNS]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "model_max_length": 512}')
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    torch.manual_seed(0)
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    return folder


def test_mberts_tokenizer_keeps_case_and_accents(mbert: Path) -> None:
    tokenizer = load_tokenizer(str(mbert), needs_mask=True)
    assert tokenizer.tokenize("Anna anna Écoles ANNA") == ["Anna", "anna", "École", "##s", "[UNK]"]
    windows = sequence_windows([SentencePair("Anna sees", "no dog", "neutral")], tokenizer, XNLI, 20)
    assert windows.segments is not None
    assert windows.segments[0].tolist() == [0, 0, 0, 0, 1, 1, 1]


@pytest.fixture
def mdeberta(tmp_path: Path) -> Path:
    """A tiny backbone in the form of microsoft/mdeberta-v3-base: its tokenizer's class, its settings, its kind of MLM head."""
    words = [*"abcdefghijklmnopqrstuvwxyz", *(f"▁{word}" for word in ["no", *NAMES, *VERBS, *NOUNS])]
    special = [(token, 0.0) for token in ("[PAD]", "[CLS]", "[SEP]", "[UNK]")]
    vocabulary = [*special, ("▁", -3.0), *((word, -4.0) for word in words), ("[MASK]", 0.0)]
    DebertaV2Tokenizer(vocab=vocabulary).save_pretrained(tmp_path / "mdeberta")
    config = transformers.DebertaV2Config(
        vocab_size=len(vocabulary),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        relative_attention=True,
        position_buckets=8,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        position_biased_input=False,
        pad_token_id=0,
        legacy=False,
    )
    torch.manual_seed(0)
    transformers.DebertaV2ForMaskedLM(config).save_pretrained(tmp_path / "mdeberta")
    return tmp_path / "mdeberta"


@pytest.fixture
def mmbert(tmp_path: Path) -> Path:
    """A tiny backbone in the form of jhu-clsp/mmBERT-base: its tokenizer's class, its layers that see neighbours alone."""
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *"abcdefghijklmnopqrstuvwxyz"]
    tokenizer = GemmaTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> $B:1 <eos>:1", special_tokens=[("<bos>", 2), ("<eos>", 1)]
    )
    tokenizer.save_pretrained(tmp_path / "mmbert")
    config = transformers.ModernBertConfig(
        vocab_size=len(words),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        local_attention=4,
        pad_token_id=0,
        eos_token_id=1,
        sep_token_id=1,
        bos_token_id=2,
        cls_token_id=2,
    )
    torch.manual_seed(0)
    transformers.ModernBertForMaskedLM(config).save_pretrained(tmp_path / "mmbert")
    return tmp_path / "mmbert"


def test_what_is_put_around_texts_and_pairs_is_each_familys_own(mdeberta: Path, mmbert: Path) -> None:
    pairs = [SentencePair("a", "b", "neutral")]
    rows = []
    for folder in (mdeberta, mmbert):
        tokenizer = load_tokenizer(str(folder), needs_mask=True)
        windows = sequence_windows(pairs, tokenizer, XNLI, 20)
        rows.append((tokenizer.convert_ids_to_tokens(windows.input_ids[0]), windows.segments is not None))
    assert rows == [
        (["[CLS]", "▁", "a", "[SEP]", "▁", "b", "[SEP]"], True),
        (["<bos>", "a", "<eos>", "b", "<eos>"], False),
    ]


@pytest.mark.parametrize("name", ["mbert", "mdeberta", "mmbert"])
def test_both_stages_run_on_a_backbone_like(
    name: str, world: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(name)
    command = overrides(folder, world, tmp_path, "variant=lort_tort", "task=xnli", "logger=none", "languages=[sw]")
    for code in ("en", "sw"):
        result = execute([*command, "stage=mlm", f"language={code}"])
        assert (result.backbone, len(result.layer_cos2["after"])) == (name, 2)
    result = execute([*command, "trainer.max_epochs=1"])
    assert set(result.test) == {"en", "sw"}
    for adapter in (tmp_path / "adapters" / name / "sw-ort", tmp_path / "runs" / result.run / "adapter"):
        assert ("AutoAdapterModel" in (adapter / "README.md").read_text()) == (name != "mmbert")
