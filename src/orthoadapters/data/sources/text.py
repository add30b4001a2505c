"""Plain text for masked language modelling, passage by passage."""

import hashlib
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from orthoadapters.checksums import beside
from orthoadapters.config.schema import CorpusConfig, CorpusSource, LanguageConfig
from orthoadapters.data.sources.hub import load
from orthoadapters.data.sources.lines import check_is_text, nul_error
from orthoadapters.errors import UserError
from orthoadapters.file_formats import BEGINNING, JSON_LINES, format_of
from orthoadapters.files import check_content
from orthoadapters.folders import absence, is_file
from orthoadapters.hub.offline import cache_error, from_hub, is_offline

WIKIPEDIA = "wikimedia/wikipedia"

WIKIPEDIA_REVISION = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"  # ours: of the 20231101 dumps

BUFFER = 10_000  # ours: articles in the shuffle buffer, some tens of megabytes

# The way out other than fetching, for the sentence where there is no network.
OTHERWISE = "use corpus=text corpus.root=DIR, or "

RUN = 64  # ours: lines that stay together when a text file is shuffled, so that blocks still hold connected text


def passages(corpus: CorpusConfig, language: LanguageConfig, seed: int = 0) -> Iterator[str]:
    """Yields passages of plain text in an order that the seed decides, and reads no further than it is asked to.

    Raises UserError for a missing file, a file without a usable line, or an unreachable Wikipedia.
    """
    if corpus.source is CorpusSource.text:
        return text_passages(text_file(corpus, language), seed)
    if corpus.source is CorpusSource.wikipedia:
        return wikipedia_passages(language, seed)
    from orthoadapters.demo import demo_text  # the demo world is built only where it is asked for

    demo: Iterator[str] = demo_text(language.code)
    return demo


def corpus_key(corpus: CorpusConfig, language: LanguageConfig, seed: int = 0) -> str:
    """Makes a readable name with a hash of everything that decides what `passages` yields, a file's contents included."""
    if corpus.source is CorpusSource.text:
        with text_file(corpus, language).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    elif corpus.source is CorpusSource.wikipedia:
        content = f"{WIKIPEDIA} {WIKIPEDIA_REVISION} {language.wikipedia} {BUFFER}"
    else:
        from orthoadapters.demo import world_digest  # the demo world is built only where it is asked for

        content = world_digest()
    digest = hashlib.sha256(f"{content} {seed} {RUN}".encode()).hexdigest()
    return f"{corpus.source.value}-{language.code}-seed{seed}-{digest[:12]}"


def corpus_place(corpus: CorpusConfig, language: LanguageConfig) -> str:
    """Names the place that a language's text is from."""
    if corpus.source is CorpusSource.text:
        return str(text_file(corpus, language))
    return f"{corpus.source.value} ({language.code})"


def text_file(corpus: CorpusConfig, language: LanguageConfig) -> Path:
    """Finds the language's file of corpus=text. Raises UserError if it is missing."""
    if corpus.root in (None, "???"):
        raise UserError(f"corpus=text needs a folder that holds {language.code}.txt; add corpus.root=DIR")
    path = Path(str(corpus.root)).expanduser() / f"{language.code}.txt"
    if not is_file(path):
        raise UserError(f"{absence(path)}; corpus.root must hold {language.code}.txt with one passage a line")
    return path


def find_text(corpus: CorpusConfig, language: LanguageConfig, seed: int, blocks: str, cache: Path) -> Path | None:
    """Finds the file that `passages` would read; None where it reads none. Nothing is read or fetched.

    blocks: the size and number of blocks in the name of the cached ones, as `token_blocks` writes it. Raises UserError as
    `passages`, and NotFetchedError if Wikipedia is needed without a network and the cache has no blocks cut from it.
    """
    if corpus.source is CorpusSource.text:
        root = None if corpus.root in (None, "???") else Path(str(corpus.root)).expanduser()
        if root is not None and not root.is_dir():
            raise UserError(f"{absence(root, 'folder')}; corpus.root must be the folder that holds a file per language")
        path = text_file(corpus, language)
        check_content(path)
        _refuse_tables(path)
        return path
    if corpus.source is CorpusSource.demo:
        passages(corpus, language)
        return None
    key = corpus_key(corpus, language, seed)
    subset = _wikipedia_subset(language)
    if is_offline() and not has_blocks(cache, f"{key}-{blocks}-*.npy"):
        raise cache_error(f"{WIKIPEDIA} (config {subset}, split train)", OTHERWISE)
    return None


def has_blocks(cache: Path, pattern: str) -> bool:
    """Says whether the cache has a file of blocks with such a name, and its checksum, without which it is cut again."""
    return any(beside(path).exists() for path in cache.glob(pattern))


def _refuse_tables(path: Path) -> None:
    """Raises UserError for a file of another format, such as JSON lines, whose names and quotes would be learnt as text."""
    with path.open("rb") as file:
        name = format_of(file.read(BEGINNING))
    if name:
        how = ", as `jq -r .text` does" if name == JSON_LINES else ""
        raise UserError(f"{path} holds {name} and no plain text; write the texts alone, one passage a line{how}")


def text_passages(path: Path, seed: int) -> Iterator[str]:
    """Yields the lines of a text file that are not blank, in runs of RUN consecutive lines; the runs are shuffled.

    Text files are often several sources one after the other, so that their first part alone would be no sample of them.
    """
    with path.open("rb") as file:
        check_is_text(file.read(BEGINNING), str(path))
        file.seek(0)
        starts = [0]
        while sum_of_run := sum(map(len, islice(file, RUN))):
            starts.append(starts[-1] + sum_of_run)
        runs = list(enumerate(starts))
        random.Random(seed).shuffle(runs)
        usable = False
        for run, start in runs:
            file.seek(start)
            for number, raw in enumerate(islice(file, RUN), run * RUN + 1):
                try:
                    line_text = raw.decode("utf-8").strip().strip("\ufeff").strip()
                except UnicodeDecodeError:
                    raise UserError(f"{path}, line {number}: not UTF-8; convert the file to UTF-8") from None
                if "\0" in line_text:
                    raise nul_error(f"{path}, line {number}")
                if line_text:
                    usable = True
                    yield line_text
    if not usable:
        raise UserError(f"{path} has no usable line; it must hold plain text, one passage a line")


def wikipedia_passages(language: LanguageConfig, seed: int) -> Iterator[str]:
    """Yields articles of Wikipedia as they arrive, shuffled within a buffer."""
    subset = _wikipedia_subset(language)
    # A stream is in no cache, but the blocks cut from it are.
    articles = load(WIKIPEDIA, subset, split="train", streaming=True, revision=WIKIPEDIA_REVISION, otherwise=OTHERWISE)
    with from_hub(f"the text of {WIKIPEDIA} (config {subset})", OTHERWISE):
        for article in articles.shuffle(seed=seed, buffer_size=BUFFER):
            if article["text"].strip():
                yield article["text"]


def _wikipedia_subset(language: LanguageConfig) -> str:
    if language.wikipedia is None:
        raise UserError(
            f"no Wikipedia is known for {language.code}; set language.wikipedia, or use corpus=text corpus.root=DIR"
        )
    return language.wikipedia
