"""The amount of text that a language has: running words of its Wikipedia on 1 October 2020, when the paper was written.

Source: Stephen Mayhew, Multilingual Data Stats (github.com/mayhewsw/multilingual-data-stats), wiki/wiki.csv, column "Tokens":
the extracted text of the dump, tokenised by XLM's scripts (Chinese by a word segmenter), counted with `wc -w`.
"""

WIKIPEDIA_WORDS = {
    "en": 2_622_505_044,
    "zh": 269_492_468,
    "ar": 169_126_089,
    "tr": 75_354_794,
    "hi": 43_915_945,
    "et": 38_424_418,
    "sw": 6_195_009,
    "ilo": 1_806_204,
    "qu": 962_373,
    "mhr": 708_616,
}
