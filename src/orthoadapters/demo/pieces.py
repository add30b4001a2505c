"""The demo backbone's tokenizer."""

import math
from collections import Counter
from collections.abc import Iterator
from functools import cache

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
BOS, PAD, EOS, UNK = range(4)  # XLM-R's order of special tokens; <mask> is its last piece


def train_tokenizer(texts: list[str], size: int) -> tokenizers.Tokenizer:
    """Trains a unigram model over Metaspace pieces, as SentencePiece makes them for XLM-R; punctuation stays by itself.

    The pieces come from byte-pair merges and are scored by their frequency, because the library's own unigram trainer
    gives another vocabulary in every process.
    """
    splitter = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")])
    merger = tokenizers.Tokenizer(models.BPE())
    merger.pre_tokenizer = splitter
    vocab_size = size - len(SPECIALS) - 1  # and <mask>
    merger.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False))
    counts = Counter(piece for encoding in merger.encode_batch(texts) for piece in encoding.tokens)
    pieces = sorted(merger.get_vocab(), key=lambda piece: (-counts[piece], piece))
    total = sum(counts.values())
    # ours: + 1 for pieces that later merges used up
    scores = [(piece, math.log((counts[piece] + 1) / total)) for piece in pieces]
    core = tokenizers.Tokenizer(models.Unigram([*((name, 0.0) for name in SPECIALS), *scores], unk_id=UNK))
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = splitter
    core.decoder = decoders.Metaspace()
    core.add_special_tokens([AddedToken(name, special=True) for name in SPECIALS])
    core.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", BOS), ("</s>", EOS)]
    )
    return core


def segment(texts: list[str], tokenizer: tokenizers.Tokenizer) -> Iterator[list[int]]:
    """Yields the subword ids of each text, cut word by word."""
    ids_of_word = cache(lambda word: tokenizer.encode(word, add_special_tokens=False).ids)
    for text in texts:
        yield [piece for word in text.split() for piece in ids_of_word(word)]
