"""Treebanks of Universal Dependencies, as they are released in CoNLL-U (universaldependencies.org/format.html).

Below data.root, however deep, lie `<language>_<treebank>-ud-<split>.conllu`, or `...-ud-train-a.conllu`, `-b`, ... where
a release splits one. UD v1's names, `<language>-ud-<split>.conllu`, and packed files (`.conllu.gz`) are read too. All files
of a language and split are pooled in order of their names, as XTREME pools them.

A multiword token, such as Turkish `evdeki` with its range `3-4`, is one word or several:

- `fuse_multiword: true` gives XTREME's words. The range's surface form is the word; its tag is that of the one highest
  among its syntactic words, and where several are equally high, the first of these in PRECEDENCE. Spaces and zero-width
  non-joiners inside words are taken out.
- `fuse_multiword: false` gives the syntactic words as they stand, which is what the Hub's google/xtreme holds.

Empty nodes (`8.1`) are no words. A missing UPOS (`_`) becomes X, which UD has for words without a part of speech.
Sentences whose text a release withholds (`_` for all words, or all but one) are left out, as XTREME leaves them out.
All of this is counted in the log.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from pathlib import Path

from orthoadapters.config.locations import near_treebanks, treebanks_of
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig
from orthoadapters.data.sources.copies import warn_of_copies
from orthoadapters.data.sources.lines import DOCUMENT_START, excerpt, numbered_lines, unknown_label
from orthoadapters.data.sources.other_formats import check_formats
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.examples import Example, Split, TaggedSentence

COLUMNS = 10
# The default of XTREME's converter (conllu_to_conll.py), which gives es, fr and it lists of their own; SYM is last here,
# as the converter stops at one.
PRECEDENCE = "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT SYM".split()
NO_UPOS = "of them without UPOS, read as X"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Word:
    """A syntactic word. heads: the ids in HEAD and DEPS, 0 for the root."""

    form: str
    tag: str
    heads: tuple[int, ...]


@dataclass
class _Sentence:
    """A sentence of the file. ranges: a multiword token's first id -> its last id and surface form."""

    words: list[_Word] = field(default_factory=list)
    ranges: dict[int, tuple[int, str]] = field(default_factory=dict)


def read_conllu(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Returns the first `limit` sentences of all treebanks of one language, and where they are from.

    Raises UserError for a folder without such files, for a malformed row, an unknown tag (with their place), and for a
    treebank without tags.
    """
    assert data.fuse_multiword is not None  # checks.check
    examples: list[Example] = []
    files = treebank_files(data, task, split, language)
    warn_of_copies(files, "data.root")
    for path in files:
        rest = None if limit is None else limit - len(examples)
        examples.extend(read_treebank(path, task, data.fuse_multiword, rest))
        if len(examples) == limit:
            break
    return examples, f"{data.root} ({', '.join(path.name for path in files)})"


def treebank_files(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Path]:
    """Finds the treebanks of one language and split. Raises MissingSplitError if there are none."""
    files = treebanks(data.root, split, language)
    check_formats(files, data, task)
    return files


def read_treebank(path: Path, task: TaskConfig, fuse: bool, limit: int | None = None) -> list[TaggedSentence]:
    """Reads the first `limit` sentences of one file, and logs what was left out or changed."""
    counts: Counter[str] = Counter()
    sentences = list(islice(_examples(path, task, fuse, counts), limit))
    if counts[NO_UPOS] and counts[NO_UPOS] == counts["syntactic words"]:
        raise UserError(f"{path} has no UPOS (column 4) at any word; leave it out of data.root, or add the tags")
    summary = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    log.info("%s: %d sentences, %s", path, len(sentences), summary)
    return sentences


def treebanks(root: str | None, split: str, language: LanguageConfig) -> list[Path]:
    """Lists the files of one language and split below root, by name. Raises MissingSplitError if there are none."""
    if root in (None, "???"):
        raise UserError("data=conllu needs the folder that holds the treebanks; add data.root=DIR")
    of_language = treebanks_of(Path(str(root)).expanduser(), language.code)
    files = [path for path in of_language if re.search(rf"-ud-{split}(-[^.]+)?\.conllu(\.gz)?$", path.name)]
    if not files:
        others = ", ".join(dict.fromkeys(path.name for path in of_language))
        near = near_treebanks(Path(str(root)).expanduser(), language.code, split)
        fix = "unpack a release of Universal Dependencies there"
        if near:
            fix = f"{near[0]} is not read: unpack it if it is packed, and name it {language.code}_TREEBANK-ud-{split}.conllu"
        raise MissingSplitError(
            f"there is no {language.code}_*-ud-{split}.conllu in {root} or below it, "
            + (f"only {others}" if others else f"and no other treebank of {language.name}")
            + f"; {fix}"
        )
    for one, other in pairwise(files):
        if one.name.removesuffix(".gz") == other.name.removesuffix(".gz"):
            raise UserError(f"{one} and {other} have the same name, so that sentences would count twice; remove one")
    return files


def _examples(path: Path, task: TaskConfig, fuse: bool, counts: Counter[str]) -> Iterator[TaggedSentence]:
    """Yields the sentences of one file whose text the release holds, and counts what was left out or changed."""
    for sentence in _sentences(path, task, counts):
        pairs = list(_fuse(sentence)) if fuse else [(word.form, word.tag) for word in sentence.words]
        if [form for form, _ in pairs] == [DOCUMENT_START]:
            counts["marks of documents left out"] += 1
            continue
        withheld = sum(form == "_" for form, _ in pairs)
        if withheld and withheld >= len(pairs) - 1:
            counts["sentences without text left out"] += 1
            continue
        counts["multiword tokens " + ("fused" if fuse else "split")] += len(sentence.ranges)
        counts["words"] += len(pairs)
        yield TaggedSentence(*zip(*pairs, strict=True))


def _sentences(path: Path, task: TaskConfig, counts: Counter[str]) -> Iterator[_Sentence]:
    """Yields the sentences of one file as they stand. Raises UserError for a row or range that CoNLL-U does not allow."""
    # `last` is the id of the last word that the ranges so far claim. A blank line ends a sentence, and so does the file.
    sentence, last = _Sentence(), 0
    for number, line in chain(numbered_lines(path), [(0, "")]):
        if line.startswith("#"):
            continue
        if not line.strip(" "):
            if last > len(sentence.words):
                first, (_, form) = sentence.ranges.popitem()
                raise UserError(
                    f"{path}, {f'line {number}' if number else 'at its end'}: the sentence ends before word {last} of "
                    f"the multiword token {first}-{last} {form!r}; mend the rows above"
                )
            if sentence.words:
                yield sentence
            sentence, last = _Sentence(), 0
            continue
        row = _Row(path, number, line)
        next_id = len(sentence.words) + 1
        if re.fullmatch(r"[0-9]+\.[0-9]+", row.id):
            counts["empty nodes left out"] += 1
        elif bounds := re.fullmatch(r"([0-9]+)-([0-9]+)", row.id):
            first, end = int(bounds[1]), int(bounds[2])
            if first != next_id or end < first or first <= last:
                raise row.error(f"the range {row.id} where word {next_id} should come")
            sentence.ranges[first], last = (end, row.form), end
        elif not re.fullmatch(r"[0-9]+", row.id):
            raise row.error(f"{row.id!r} is no id")
        elif int(row.id) != next_id:
            raise row.error(f"id {row.id} where {next_id} should come")
        else:
            sentence.words.append(row.word(task))
            counts["syntactic words"] += 1
            counts[NO_UPOS] += row.upos == "_"


class _Row:
    """One row, split into its columns. Raises UserError if these are not ten."""

    def __init__(self, path: Path, number: int, line: str) -> None:
        self.place, self.line = f"{path}, line {number}", line
        columns = line.split("\t")
        if len(columns) != COLUMNS:
            problem = f"{len(columns)} columns instead of CoNLL-U's {COLUMNS}"
            if len(columns) == 1 and len(line.split()) >= COLUMNS:
                problem += ", as spaces stand where tabs belong,"
            raise self.error(problem)
        self.id, self.form, _, self.upos, _, _, self.head, _, self.deps, _ = columns
        if not self.form:
            raise self.error("no form (column 2)")

    def word(self, task: TaskConfig) -> _Word:
        """Reads the row as a syntactic word. Raises UserError for an unknown tag or a malformed head."""
        tag = "X" if self.upos == "_" else self.upos
        if tag not in task.labels:
            raise UserError(unknown_label(self.place, self.upos, task))
        if not re.fullmatch(r"[0-9]+|_", self.head):
            raise self.error(f"{self.head!r} is no head (column 7)")
        enhanced_heads = re.findall(
            r"(?:^|\|)([0-9]+):", self.deps
        )  # `4:nsubj|8.1:obj`: heads that are empty nodes aside
        return _Word(self.form, tag, tuple(int(head) for head in (self.head.replace("_", "0"), *enhanced_heads)))

    def error(self, problem: str) -> UserError:
        """Makes the sentence about a problem of this row."""
        return UserError(f"{self.place}: {problem} in {excerpt(self.line)}; mend that line")


def _fuse(sentence: _Sentence) -> Iterator[tuple[str, str]]:
    """Yields XTREME's words and their tags."""
    position = 1
    while position <= len(sentence.words):
        word = sentence.words[position - 1]
        end, form = sentence.ranges.get(position, (position, word.form))
        tag = _tag_of_range(sentence.words, position, end) if position in sentence.ranges else word.tag
        yield form.strip().replace("\u200c", "").replace(" ", ""), tag
        position = end + 1


def _tag_of_range(words: Sequence[_Word], first: int, last: int) -> str:
    """Finds the tag of the word with the fewest words above it, by HEAD and DEPS; PRECEDENCE decides among several."""
    above = {position: _words_above(words, position) for position in range(first, last + 1)}
    highest = [words[position - 1].tag for position, count in above.items() if count == min(above.values())]
    return highest[0] if len(highest) == 1 else min(highest, key=PRECEDENCE.index)


def _words_above(words: Sequence[_Word], position: int) -> int:
    """Counts the words that are above a word by HEAD and DEPS, at any distance."""
    above: set[int] = set()
    waiting = [position]
    while waiting:
        current = waiting.pop()
        if 0 < current <= len(words):
            new = set(words[current - 1].heads) - above
            above |= new
            waiting.extend(new)
    return len(above - {position})
