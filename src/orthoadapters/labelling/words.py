"""Raw text into words, for prediction alone: training and test data come as words.

spaCy's rule-based tokenizers (no model is downloaded): a language's own where spaCy has one, its multi-language one for
others (sw, qu, ilo, mhr, the demo world's), which splits punctuation off.
On UD 2.5's test sentences these come closest to the words that were trained on: F1 of words 97 in English (EWT) and 98
in Turkish (IMST), where Moses' rules have 94 and 94, Unicode's word boundaries 93 and 97. Clitics that UD separates in
Arabic stay on their words (79 in PUD; 81 with either of the others).
"""

from functools import cache
from typing import Any

from orthoadapters.errors import UserError

LEXEMES = 200_000  # ours: spaCy keeps every word that it has seen; about 100 MB, then it starts anew


def words(text: str, language: str, task: str) -> list[str]:
    """The words of a sentence, white space left out; each is a stretch of `text`, in order.

    Chinese: single characters for wikiann, which is cut that way, and jieba's words otherwise (its dictionary knows
    simplified characters best, UD's Chinese is traditional). Raises UserError for a language whose spaCy tokenizer is a
    package of its own (such as Thai).
    """
    if language == "zh":
        if task == "wikiann":
            return [character for character in text if not character.isspace()]
        import rjieba  # late, as it reads its dictionary

        return [word for word in rjieba.cut(text) if not word.isspace()]
    pipeline = _spacy(language)
    found = [token.text for token in pipeline.tokenizer(text) if not token.is_space]
    if len(pipeline.vocab) > LEXEMES:
        _spacy.cache_clear()
    return found


@cache
def _spacy(language: str) -> Any:
    import spacy  # late, as it takes a second and only raw text needs it

    try:
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
