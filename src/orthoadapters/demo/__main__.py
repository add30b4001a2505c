"""`python -m orthoadapters.demo` prints the same three sentences in every language, with glosses and tags."""

from .grammar import Grammar
from .languages import LANGUAGES
from .tasks import sentences

for sentence in sentences("wikiann", "dev")[:3]:
    for code, language in LANGUAGES.items():
        words = Grammar(code).sentence(sentence)
        columns = [(word.form, word.gloss, word.upos, word.entity) for word in words]
        widths = [max(map(len, column)) for column in columns]
        print(f"{code} {language.name}")
        for row in zip(*columns, strict=True):
            print("   ", "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()
