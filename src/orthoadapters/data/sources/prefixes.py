"""The prefixes of raw WikiANN: a Wikipedia's code and a colon before every word, as in `en:Anna`."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from orthoadapters.config.locations import warn_once
from orthoadapters.data.sources.lines import excerpt, numbered_lines
from orthoadapters.errors import UserError
from orthoadapters.examples import Example, TaggedSentence

# A Wikipedia's code with its colon: en:, zh-min-nan:, and simple: of Simple English, the one that is longer. Some copies
# of WikiANN write zh_min_nan:.
CODE = re.compile(r"(?:simple|[a-z]{2,3}(?:[-_][a-z0-9]+)*):")
# The same in capitals too, as other copies have it: EN:, zh-Hans:.
ANY_CODE = re.compile(CODE.pattern, re.IGNORECASE)
# The same in a file that is not decoded yet.
CODE_IN_BYTES = re.compile(rb"(?<![A-Za-z0-9])" + CODE.pattern.encode(), re.IGNORECASE)
FEW = 0.01  # ours: the part of rows whose words, such as re:Invent, may begin as a code and be none


def language_prefix(path: Path, word_of: Callable[[str], str | None]) -> re.Pattern[str] | None:
    """Finds out whether every word of a file begins with a Wikipedia's code and a colon. Raises UserError as `_prefix_of`.

    word_of: returns the word of a line; None if it has none. Returns the pattern of what is to be taken off a word; None for
    all other files.
    """
    if path.suffix != ".gz" and CODE_IN_BYTES.search(path.read_bytes()) is None:
        return None
    return _prefix_of(_words_of(path, word_of), "rows")


def without_prefixes(examples: Sequence[Example], place: str) -> list[Example]:
    """Takes the prefixes off the words of tagged sentences that all have one; other examples stay as they are.

    Raises UserError as `_prefix_of`.
    """
    sentences = [example for example in examples if isinstance(example, TaggedSentence)]
    if len(sentences) < len(examples) or not any(ANY_CODE.match(word) for one in sentences for word in one.words):
        return list(examples)
    words = (
        (f"{place}, example {number}: {excerpt(word)}", word)
        for number, sentence in enumerate(sentences, 1)
        for word in sentence.words
    )
    if (prefix := _prefix_of(words, "words")) is None:
        return list(examples)
    return [replace(one, words=tuple(prefix.sub("", word) for word in one.words)) for one in sentences]


def _words_of(path: Path, word_of: Callable[[str], str | None]) -> Iterator[tuple[str, str]]:
    for number, line in numbered_lines(path):
        if (word := word_of(line)) is not None:
            yield f"{path}, line {number}: {excerpt(line)}", word


def _prefix_of(words: Iterable[tuple[str, str]], unit: str) -> re.Pattern[str] | None:
    """Returns the pattern of the prefix that all words have; None if they have none.

    words: with the place of each in words. unit: what they are counted in. Words such as `http:`, `re:` or `US:` stay as they
    are, as most words beside them have no code; a warning names the first of more than a few. Raises UserError for a word
    without a code where most have one.
    """
    # How many words begin with each code, "" for none, and how many of these go on after it; the first place of both sorts.
    counts: Counter[str] = Counter()
    longer: Counter[str] = Counter()
    first: dict[str, tuple[int, str]] = {}
    first_longer: dict[str, tuple[int, str]] = {}
    for number, (place, word) in enumerate(words):
        match = ANY_CODE.match(word)
        code = match[0] if match else ""
        counts[code] += 1
        first.setdefault(code, (number, place))
        if match and word[match.end() :].strip():
            longer[code] += 1
            first_longer.setdefault(code, (number, place))
    prefixes, total = _prefixes(counts), counts.total()
    others = sum(count for code, count in counts.items() if code not in prefixes)
    if 2 * others >= total:
        if longer.total() > FEW * total:
            _, place = min(first_longer.values())
            warn_once(
                f"{place} begins as in raw WikiANN, and so do {longer.total()} of {total} {unit}; they are read as they stand, "
                "so take the code and its colon off if they are no part of the words"
            )
        return None
    if not any(longer[code] for code in prefixes):
        return None
    if others:
        _, place = min(place for code, place in first.items() if code not in prefixes)
        prefix = min(prefixes, key=first.__getitem__)
        raise UserError(
            f"{place} has no '{prefix}' before the word, as {total - others} of {total} {unit} do; take it from all of them, "
            "or put it there"
        )
    return re.compile(f"^(?:{'|'.join(map(re.escape, prefixes))}) *")


def _prefixes(counts: Counter[str]) -> list[str]:
    """Chooses the codes that may be prefixes of a file. counts: how many of its words begin with each, "" for none.

    Those in small letters may; in capitals, as `US:` may be a word, only those of one language at most of several words.
    """
    languages: Counter[str] = Counter()
    for code, count in counts.items():
        languages[_language(code)] += count
    main = [name for name, count in languages.items() if name and count > max(1, counts.total() / 2)]
    return [code for code in counts if CODE.fullmatch(code) or _language(code) in main]


def _language(code: str) -> str:
    """Returns the first part of a code in small letters, which names the language: zh of ZH_YUE:."""
    return re.split("[-_:]", code.casefold())[0]
