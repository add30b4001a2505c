"""Blocks of equally many subwords, cut from passages of text for masked language modelling.

Only as much text is read and tokenised as the run will use; the blocks are kept in the cache.
"""

import hashlib
import logging
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from transformers import PreTrainedTokenizerFast

from orthoadapters.checksums import beside, check_sum, write_sum
from orthoadapters.data.tokenizer import fingerprint, special_ends
from orthoadapters.errors import UserError, first_line, naming
from orthoadapters.folders import check_writable
from orthoadapters.temporary_names import temporary_path

PASSAGES_PER_CALL = 256  # ours: at most this many passages are tokenised beyond what is needed
ROWS_PER_LOOK = 65_536  # ours: blocks that are looked at together; 128 subwords of each are 34 MB
MIN_BLOCKS = 5  # ours: with fewer there is nothing to learn from, and surely a wrong file
log = logging.getLogger(__name__)


def token_blocks(
    texts: Iterator[str],
    tokenizer: PreTrainedTokenizerFast,
    length: int,
    count: int,
    cache: Path,
    key: str,
    place: str | None = None,
) -> NDArray[np.int32]:
    """Returns blocks (n, length) int32 with n <= count, from `cache` if they are there.

    Passages are joined by the separator, cut, and each piece is put between <s> and </s>. Reading stops as soon as
    there are `count` blocks; a last piece that is too short is left out. `key` must name all that decides the texts
    (`corpus_key`); tokenizer, length and count are added here. place: where the texts are from. Raises UserError if there are
    fewer blocks than MIN_BLOCKS.
    """
    digest = hashlib.sha256(f"{key} {fingerprint(tokenizer)} {length} {count}".encode()).hexdigest()
    path = cache / f"{key}-{length}x{count}-{digest[:12]}.npy"
    # Without its checksum, nothing tells what is in a file.
    if not (path.exists() and beside(path).exists()):
        check_writable(cache, "paths.cache")
        cache.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(path)
        try:
            with naming(path), temporary.open("w+b") as file:
                n, subwords = _write_blocks(file, texts, tokenizer, length, count)
            if n < min(MIN_BLOCKS, count):
                raise UserError(
                    f"{place or key}: only {subwords:,} subwords of text, which make {n} blocks of {length}; at least "
                    f"{MIN_BLOCKS} are needed: add text, or make blocks shorter (mlm.block_length)"
                )
            write_sum(path, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        log.info("%s: %d blocks of %d subwords cut from %d subwords", path, n, length, subwords)
    return _read_blocks(path)


def _read_blocks(path: Path) -> NDArray[np.int32]:
    """Opens a file of blocks. Raises UserError if it is damaged."""
    fix = "delete it, and it is cut from the text again"
    check_sum(path, fix)
    try:
        blocks: NDArray[np.int32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); {fix}") from None
    return blocks


def subwords_in(blocks: NDArray[np.int32], rows: NDArray[np.int64], vocabulary: int) -> NDArray[np.int64]:
    """Returns the subwords that occur in these rows of the blocks, special ones included, ascending.

    vocabulary: the number of subwords that there are.
    """
    does_occur = np.zeros(vocabulary, dtype=np.bool_)
    order = np.sort(rows)
    for start in range(0, len(order), ROWS_PER_LOOK):
        does_occur[blocks[order[start : start + ROWS_PER_LOOK]]] = True
    return np.flatnonzero(does_occur)


def _write_blocks(
    file: IO[bytes], texts: Iterator[str], tokenizer: PreTrainedTokenizerFast, length: int, count: int
) -> tuple[int, int]:
    """Appends blocks to an .npy file until there are `count`. Returns their number, and that of the subwords read."""
    before, after = special_ends(tokenizer)
    body = length - len(before) - len(after)
    if body < 1:
        raise UserError(f"mlm.block_length={length} leaves no room for text; the paper uses 128")
    # Gemma's tokenizer, which mmBERT has, names no separator.
    separator = (after or before)[-1] if tokenizer.sep_token_id is None else tokenizer.sep_token_id
    header = _write_header(file, 0, length)
    rest = np.empty(0, dtype=np.int32)
    n = subwords = 0
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        bar = progress.add_task("tokenising text", total=count)
        while n < count and (some := list(islice(texts, PASSAGES_PER_CALL))):
            encodings = tokenizer(some, add_special_tokens=False, verbose=False)["input_ids"]
            chained_ids = chain.from_iterable([*ids, separator] for ids in encodings if ids)
            stream = np.concatenate([rest, np.fromiter(chained_ids, dtype=np.int32)])
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
    """Writes the header, which numpy pads so that the number of rows can be filled in later. Returns its size in bytes."""
    descr = np.lib.format.dtype_to_descr(np.dtype(np.int32))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": (rows, length)})
    return file.tell()
