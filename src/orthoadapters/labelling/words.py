"""The words of raw text, for prediction alone: training and test data come as words.

They are cut by spaCy's rule-based tokenizers, for which no model is downloaded: a language's own where spaCy has one, and
its multi-language one, which splits punctuation off, for others (sw, qu, ilo, mhr, the demo world's).
On UD 2.5's test sentences these come closest to the words of the training data: F1 of words 97 in English (EWT) and 98
in Turkish (IMST), where Moses' rules have 94 and 94, and Unicode's word boundaries 93 and 97. Clitics that UD separates
in Arabic stay on their words (79 in PUD; 81 with either of the others).
"""

import re
from functools import cache
from typing import Any

from orthoadapters.config.compose import task_language
from orthoadapters.config.schema import WordSplitter
from orthoadapters.errors import UserError

# ours: spaCy keeps every word that it has seen; so many take about 100 MB, and then a new pipeline begins without any
LEXEMES = 200_000
# The choice of words that are there already, on the command line and in Python.
BY_SPACES = "--pretokenized (in Python: by_spaces=True)"


def words(text: str, language: str, by_character: bool = False, splitter: WordSplitter | None = None) -> list[str]:
    """Cuts a sentence into words, without white space; each is a stretch of `text`, in order.

    by_character: every character is a word (task.character_words). splitter: that of the language's file; None: of its
    file in conf/language/. Raises UserError for a language whose spaCy tokenizer is a package of its own (such as Thai).
    """
    if by_character:
        return [character for character in text if not character.isspace()]
    if (splitter or task_language(language).word_splitter) is WordSplitter.jieba:
        try:
            # This import stands here, as it reads a dictionary that few languages need.
            import rjieba
        except ModuleNotFoundError:
            raise _missing_package("rjieba") from None
        return [word for word in rjieba.cut(text) if not word.isspace()]
    pipeline = _spacy(language)
    parts = [token.text for token in pipeline.tokenizer(text) if not token.is_space]
    if len(pipeline.vocab) > LEXEMES:
        _spacy.cache_clear()
    return parts


def _missing_package(package: str) -> UserError:
    return UserError(
        f"{package}, which cuts raw text into words, is not installed: pip install 'orthoadapters[labelling]'; or separate "
        f"the words by spaces and add {BY_SPACES}"
    )


@cache
def _spacy(language: str) -> Any:
    """Makes the language's pipeline, or the multi-language one."""
    try:
        # This import stands here, as it takes a second and only raw text needs it.
        import spacy
    except ModuleNotFoundError:
        raise _missing_package("spacy") from None
    try:
        # A code becomes the name of a module.
        if not re.fullmatch("[a-z]{2,3}", language):
            raise ImportError
        spacy.util.get_lang_class(language)
    except ImportError:
        language = "xx"
    try:
        return spacy.blank(language)
    except ImportError as error:
        raise UserError(
            f"spaCy's tokenizer for {language} needs another package ({str(error).splitlines()[0]}); install it, or "
            "separate the words by spaces and add --pretokenized"
        ) from error
