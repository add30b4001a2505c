"""Text for masked language modelling: passages from three sources, cut into blocks of equally many subwords.

Only as much text is read and tokenised as the run will use; the blocks are kept in the cache.
"""

import hashlib
import logging
import random
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from transformers import PreTrainedTokenizerFast

from orthoadapters.config.schema import CorpusConfig, CorpusSource, LanguageConfig
from orthoadapters.data.sources.hub import load
from orthoadapters.data.tokenizer import fingerprint, special_ends
from orthoadapters.errors import UserError
from orthoadapters.hub.offline import from_hub

WIKIPEDIA = "wikimedia/wikipedia"
WIKIPEDIA_REVISION = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"  # ours: of the 20231101 dumps
BUFFER = 10_000  # ours: articles in the shuffle buffer, some tens of megabytes
RUN = 64  # ours: lines that stay together when a text file is shuffled, so that blocks still hold connected text
PASSAGES_PER_CALL = 256  # ours: at most this many passages are tokenised beyond what is needed
MIN_BLOCKS = 5  # ours: with fewer there is nothing to learn from, and surely a wrong file
log = logging.getLogger(__name__)


def passages(corpus: CorpusConfig, language: LanguageConfig, seed: int = 0) -> Iterator[str]:
    """Passages of plain text in an order that the seed decides, read as they are asked for.

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
    """A readable name and a hash of everything that decides what `passages` yields, the contents of a file included."""
    if corpus.source is CorpusSource.text:
        with text_file(corpus, language).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    elif corpus.source is CorpusSource.wikipedia:
        content = f"{WIKIPEDIA} {WIKIPEDIA_REVISION} {language.wikipedia} {BUFFER}"
    else:
        content = hashlib.sha256("\n".join(passages(corpus, language)).encode()).hexdigest()
    digest = hashlib.sha256(f"{content} {seed} {RUN}".encode()).hexdigest()
    return f"{corpus.source.value}-{language.code}-seed{seed}-{digest[:12]}"


def text_file(corpus: CorpusConfig, language: LanguageConfig) -> Path:
    if corpus.root in (None, "???"):
        raise UserError(f"corpus=text needs a folder that holds {language.code}.txt; add corpus.root=DIR")
    path = Path(str(corpus.root)).expanduser() / f"{language.code}.txt"
    if not path.is_file():
        raise UserError(f"there is no {path}; corpus.root must hold {language.code}.txt with one passage a line")
    return path


def text_passages(path: Path, seed: int) -> Iterator[str]:
    """The lines of a text file that are not blank, in runs of RUN consecutive lines; the runs are shuffled.

    Text files are often several sources one after the other, so that their first part alone is no sample of them.
    """
    with path.open("rb") as file:
        starts = [0]
        while sum_of_run := sum(map(len, islice(file, RUN))):
            starts.append(starts[-1] + sum_of_run)
        runs = list(enumerate(starts))
        random.Random(seed).shuffle(runs)
        usable = False
        for run, start in runs:
            file.seek(start)
            for place, raw in enumerate(islice(file, RUN), 1):
                try:
                    line_text = raw.decode("utf-8").strip().strip("\ufeff").strip()
                except UnicodeDecodeError:
                    raise UserError(f"{path}, line {run * RUN + place}: not UTF-8; convert the file to UTF-8") from None
                if line_text:
                    usable = True
                    yield line_text
    if not usable:
        raise UserError(f"{path} has no usable line; it must hold plain text, one passage a line")


def wikipedia_passages(language: LanguageConfig, seed: int) -> Iterator[str]:
    """Articles of Wikipedia as they arrive, shuffled within a buffer."""
    if language.wikipedia is None:
        raise UserError(
            f"no Wikipedia is known for {language.code}; set language.wikipedia, or use corpus=text corpus.root=DIR"
        )
    otherwise = "use corpus=text corpus.root=DIR, or "  # a stream is in no cache, but the blocks cut from it are
    articles = load(
        WIKIPEDIA, language.wikipedia, split="train", streaming=True, revision=WIKIPEDIA_REVISION, otherwise=otherwise
    )
    with from_hub(f"the text of {WIKIPEDIA} (config {language.wikipedia})", otherwise):
        for article in articles.shuffle(seed=seed, buffer_size=BUFFER):
            if article["text"].strip():
                yield article["text"]


def token_blocks(
    texts: Iterator[str], tokenizer: PreTrainedTokenizerFast, length: int, count: int, cache: Path, key: str
) -> NDArray[np.int32]:
    """Blocks (n, length) int32 with n <= count, from `cache` or made now.

    Passages are joined by the separator, cut, and each piece is put between <s> and </s>. Reading stops as soon as
    there are `count` blocks; a last piece that is too short is left out. `key` must name all that decides the texts
    (`corpus_key`); tokenizer, length and count are added here. Raises UserError if there are fewer than MIN_BLOCKS.
    """
    digest = hashlib.sha256(f"{key} {fingerprint(tokenizer)} {length} {count}".encode()).hexdigest()
    path = cache / f"{key}-{length}x{count}-{digest[:12]}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, prefix=f".{key}-", suffix=".tmp", delete=False) as file:
            try:
                n, subwords = _write_blocks(file, texts, tokenizer, length, count)
                if n < min(MIN_BLOCKS, count):
                    raise UserError(
                        f"{key}: only {subwords:,} subwords of text, which make {n} blocks of {length}; "
                        f"at least {MIN_BLOCKS} are needed, so add text"
                    )
            except BaseException:
                Path(file.name).unlink()
                raise
        Path(file.name).chmod(0o644)  # temporary files are for their owner alone; a cache may be shared
        Path(file.name).replace(path)
        log.info("%s: %d blocks of %d subwords cut from %d subwords", path, n, length, subwords)
    blocks: NDArray[np.int32] = np.load(path, mmap_mode="r")
    return blocks


def _write_blocks(
    file: IO[bytes], texts: Iterator[str], tokenizer: PreTrainedTokenizerFast, length: int, count: int
) -> tuple[int, int]:
    """Appends blocks to an .npy file until there are `count`; how many there are, and the subwords read."""
    before, after = special_ends(tokenizer)
    body = length - len(before) - len(after)
    if body < 1:
        raise UserError(f"mlm.block_length={length} leaves no room for text; the paper uses 128")
    header = _write_header(file, 0, length)
    rest = np.empty(0, dtype=np.int32)
    n = subwords = 0
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        bar = progress.add_task("tokenising text", total=count)
        while n < count and (some := list(islice(texts, PASSAGES_PER_CALL))):
            encoded = tokenizer(some, add_special_tokens=False, verbose=False)["input_ids"]
            joined = chain.from_iterable([*ids, tokenizer.sep_token_id] for ids in encoded if ids)
            stream = np.concatenate([rest, np.fromiter(joined, dtype=np.int32)])
            subwords += len(stream) - len(rest)
            new = min(len(stream) // body, count - n)
            blocks = np.empty((new, length), dtype=np.int32)
            blocks[:, : len(before)] = before
            blocks[:, len(before) : len(before) + body] = stream[: new * body].reshape(new, body)
            blocks[:, len(before) + body :] = after
            file.write(blocks.tobytes())
            rest = stream[new * body :]
            n += new
            progress.update(bar, completed=n)
    file.seek(0)
    if _write_header(file, n, length) != header:
        raise RuntimeError("numpy wrote a header of another size")
    return n, subwords


def _write_header(file: IO[bytes], rows: int, length: int) -> int:
    """Numpy pads the header so that the number of rows can be filled in afterwards; its size in bytes."""
    descr = np.lib.format.dtype_to_descr(np.dtype(np.int32))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": (rows, length)})
    return file.tell()
