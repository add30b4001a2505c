"""Lines of text files with their numbers, and the sentences about what is wrong in one."""

import difflib
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from orthoadapters.config.locations import warn_once
from orthoadapters.config.schema import TaskConfig
from orthoadapters.errors import UserError, first_line
from orthoadapters.file_formats import binary_format, encoding_of, packer_of

# The word that marks the beginning of a document in files of the CoNLL shared tasks: it is no word of a sentence.
DOCUMENT_START = "-DOCSTART-"
# A Wikipedia's code with its colon: en:, zh-min-nan:, and simple: of Simple English, the one that is longer. Some copies
# of WikiANN write zh_min_nan:.
CODE = re.compile(r"(?:simple|[a-z]{2,3}(?:[-_][a-z0-9]+)*):")
# The same in capitals too, as other copies have it: EN:, zh-Hans:.
ANY_CODE = re.compile(CODE.pattern, re.IGNORECASE)
# The same in a file that is not decoded yet.
CODE_IN_BYTES = re.compile(rb"(?<![A-Za-z0-9])" + CODE.pattern.encode(), re.IGNORECASE)
FEW = 0.01  # ours: the part of rows whose words, such as re:Invent, may begin as a code and be none
NEAR = (
    0.7  # ours: how alike two labels are before one is named for the other; B-PER and B-PERS are, B-PER and B-LOC not
)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines of a UTF-8 file from 1 on, split at line feeds alone: words may hold Unicode's other separators.

    A file whose name ends in .gz is unpacked.
    """
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        number = 0
        try:
            for number, raw in enumerate(file, 1):
                yield number, decoded_line(raw, str(path), number)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(
                f"{path}, line {number + 1}: the packed file is damaged ({first_line(error)}); bring it back"
            ) from None


def language_prefix(path: Path, word_of: Callable[[str], str | None]) -> re.Pattern[str] | None:
    """Finds out whether every word of a file begins with a Wikipedia's code and a colon, as `en:Anna` in raw WikiANN.

    word_of: returns the word of a line; None if it has none. Returns the pattern of what is to be taken off a word; None for
    all other files. Words such as `http:`, `re:` or `US:` stay as they are, as most words beside them have no code; a warning
    names the first of more than a few. Raises UserError for a word without a code where most have one.
    """
    if path.suffix != ".gz" and CODE_IN_BYTES.search(path.read_bytes()) is None:
        return None
    # How many words begin with each code, "" for none, and how many of these go on after it; the first line of both sorts.
    counts: Counter[str] = Counter()
    longer: Counter[str] = Counter()
    first: dict[str, tuple[int, str]] = {}
    first_longer: dict[str, tuple[int, str]] = {}
    for number, line in numbered_lines(path):
        if (word := word_of(line)) is None:
            continue
        match = ANY_CODE.match(word)
        code = match[0] if match else ""
        counts[code] += 1
        first.setdefault(code, (number, line))
        if match and word[match.end() :].strip():
            longer[code] += 1
            first_longer.setdefault(code, (number, line))
    prefixes, rows = _prefixes(counts), counts.total()
    others = sum(count for code, count in counts.items() if code not in prefixes)
    if 2 * others >= rows:
        if longer.total() > FEW * rows:
            number, line = min(first_longer.values())
            warn_once(
                f"{path}, line {number}: {excerpt(line)} begins as in raw WikiANN, and so do {longer.total()} of {rows} rows; "
                "they are read as they stand, so take the code and its colon off if they are no part of the words"
            )
        return None
    if not any(longer[code] for code in prefixes):
        return None
    if others:
        number, line = min(place for code, place in first.items() if code not in prefixes)
        prefix = min(prefixes, key=first.__getitem__)
        raise UserError(
            f"{path}, line {number}: {excerpt(line)} has no '{prefix}' before the word, as {rows - others} of {rows} rows do; "
            "take it from all of them, or put it there"
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


def decoded_line(raw: bytes, source: str, number: int) -> str:
    """Decodes one line without its ending and the first one's byte order mark. Raises UserError if it is not UTF-8."""
    if number == 1:
        check_is_text(raw, source)
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{source}, line {number}: not UTF-8; convert the file to UTF-8") from None
    line = line.removesuffix("\n").removesuffix("\r")
    if number == 1 and not raw.endswith(b"\n") and "\r" in line:
        raise UserError(f"{source}: its lines end in carriage returns alone; save it with line feeds")
    return line


def check_is_text(start: bytes, source: str) -> None:
    """Raises UserError if a file begins as one of another encoding, or as one that is no text."""
    if encoding := encoding_of(start):
        raise UserError(f"{source}: the file is {encoding}; save it as UTF-8")
    if name := binary_format(start) or packer_of(start):
        raise UserError(
            f"{source}: the file is {name} and no plain text; bring the right one, or write it as UTF-8 text"
        )


def excerpt(line: str) -> str:
    """Quotes the beginning of a line."""
    return repr(line if len(line) <= 60 else line[:60] + "...")  # ours: enough to find the row by eye


def column_error(place: str, line: str, layout: str, unit: str = "line") -> UserError:
    """Makes the sentence about a line, or a text, with another number of columns than expected."""
    count = line.count("\t") + 1
    return UserError(f"{place}: {count} columns instead of `{layout}` in {excerpt(line)}; mend that {unit}")


def unknown_label(place: str, label: object, task: TaskConfig) -> str:
    """Makes the sentence about a label that task.labels does not have."""
    near = [one for one in task.labels if one.casefold() == str(label).casefold()]
    near = near or difflib.get_close_matches(str(label), task.labels, n=1, cutoff=NEAR)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    if isinstance(label, (int, float)) or re.fullmatch(r"[0-9]+(\.0+)?", str(label)):
        hint = "; task.label_names says which value of the data stands for which label"
    return f"{place}: unknown label {label!r}; the labels of task={task.name} are {', '.join(task.labels)}{hint}"
