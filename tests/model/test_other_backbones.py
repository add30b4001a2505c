"""BERT's two segments and case, and RoBERTa's leading spaces: what XLM-R does not have."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

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


def test_both_stages_run_on_a_backbone_like_mbert(mbert: Path, world: Path, tmp_path: Path) -> None:
    command = overrides(mbert, world, tmp_path, "variant=lort_tort", "task=xnli", "logger=none", "languages=[sw]")
    for code in ("en", "sw"):
        assert execute([*command, "stage=mlm", f"language={code}"]).backbone == "mbert"
    assert set(execute([*command, "trainer.max_epochs=1"]).test) == {"en", "sw"}
