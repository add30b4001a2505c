"""Sums of counts over resampled and over exchanged sentences, for all variants and seeds at once.

A score is a ratio of two sums over sentences: accuracy is right / total, micro-averaged F1 is 2 right / (predicted +
gold), which is metrics.f1_of_counts in closed form. Macro-averaged F1 is the mean of such ratios, one per label. A draw of
sentences is then a row of weights, and 10,000 draws of all variants are one product of matrices, (draws, sentences) @
(sentences, variants x seeds x 2), which is computed in chunks of draws; of macro-averaged F1 there are 2 columns per label.
"""

from collections.abc import Callable, Mapping
from math import lcm

import numpy as np
from numpy.typing import NDArray

# (n, k), or (seeds, n, k). k = 2: right, total; k = 3: right, predicted, gold; k = 6, 9, ...: those three of each label.
Counts = NDArray[np.integer]
Floats = NDArray[np.float64]
CHUNK = 64  # ours: with 10,000 sentences, the weights of so many draws fit in a core's cache
# Single precision holds every integer below this, so that sums below it are exact in any order.
EXACT_IN_FLOAT32 = 2**24


def with_seeds(counts: Counts, name: str) -> NDArray[np.int64]:
    """Checks counts, and returns them as (seeds, n, k).

    Raises ValueError with the name, such as "t_noo, sw", for counts that are impossible.
    """
    is_known = counts.ndim in (2, 3) and (counts.shape[-1] == 2 or counts.shape[-1] % 3 == 0)
    if not is_known or not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(
            f"{name}: counts must be integers of shape (sentences, 2 or 3) or (seeds, sentences, 2 or 3), or with 3 for "
            f"each label, not {counts.dtype} of shape {counts.shape}"
        )
    seed_counts = np.array(counts, dtype=np.int64, ndmin=3)
    if 0 in seed_counts.shape:
        raise ValueError(f"{name}: there are no {'seeds' if seed_counts.shape[0] == 0 else 'sentences'} to compare")
    by_label = _by_label(seed_counts)
    if (seed_counts < 0).any() or (by_label[..., :1] > by_label[..., 1:]).any():
        raise ValueError(f"{name}: a sentence has a negative count, or more right than there are")
    if seed_counts.shape[-1] == 2 and (seed_counts[..., 1].sum(axis=1) == 0).any():
        raise ValueError(f"{name}: the accuracy of no words is undefined")
    return seed_counts


def check_same_sentences(counts: Mapping[str, NDArray[np.int64]], language: str) -> None:
    """Raises ValueError unless all variants and seeds were scored on the same sentences, as far as gold counts show it."""
    (first, reference), *_ = counts.items()
    for variant, of_variant in counts.items():
        if of_variant.shape[1:] != reference.shape[1:]:
            raise ValueError(
                f"{language}: counts of {first} are of shape {reference.shape[1:]} and those of {variant} of shape "
                f"{of_variant.shape[1:]}; compare scores on the same sentences, by the same metric"
            )
        # The last count is the sentence's gold spans or its words, or a label's gold words.
        differ = (_by_label(of_variant)[..., -1] != _by_label(reference)[0, ..., -1]).any(axis=(0, 2))
        if differ.any():
            raise ValueError(
                f"{language}: {first} and {variant} were not scored on the same test set; they or their seeds differ in "
                f"what is gold in {int(differ.sum())} of {len(differ)} sentences, first in number {int(differ.argmax())}"
            )


def parts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the (..., 2) numerators and denominators of the score from (..., k) counts.

    Of macro-averaged F1 they are (..., 2 * labels): the two of one label after those of another.
    """
    if counts.shape[-1] == 2:
        return counts
    right, predictions, gold = np.moveaxis(_by_label(counts), -1, 0)
    return np.stack((2 * right, predictions + gold), axis=-1).reshape(*counts.shape[:-1], -1)


def _by_label(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns (..., labels, 3) of macro-averaged F1's counts, and (..., 1, k) of others'."""
    return counts.reshape(*counts.shape[:-1], -1, min(counts.shape[-1], 3))


def ratio(sums: NDArray[np.int64]) -> Floats:
    """Returns the (...) scores from (..., 2) sums of parts; 0.0 where the denominator is 0, as in metrics.f1_of_counts.

    From (..., 2 * labels) sums, it is the mean over labels whose denominator is not 0, as in metrics.macro_f1_of_counts.
    """
    numerator, denominator = sums[..., ::2], sums[..., 1::2]
    ratios = np.divide(numerator, denominator, out=np.zeros(denominator.shape), where=denominator > 0)
    score: Floats = ratios.sum(axis=-1) / np.maximum((denominator > 0).sum(axis=-1), 1)
    return score


def stream(seed: int, *names: str) -> np.random.Generator:
    """Returns the random numbers that belong to these names, so that no comparison depends on which others are made."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *"/".join(names).encode()])))


def resampled_sums(
    fractions: Mapping[str, NDArray[np.int64]], draws: int, rng: np.random.Generator, chunk: int = CHUNK
) -> dict[str, NDArray[np.int64]]:
    """Returns (draws, seeds, 2) sums per variant over n sentences drawn with replacement (an exact multinomial).

    fractions: (seeds, n, 2) parts per variant, or as wide as `parts` makes them. A draw is the same for all variants and
    seeds (Koehn 2004). chunk: how many draws are computed at once; it changes no result.
    """
    n = next(iter(fractions.values())).shape[1]
    number = np.uint16 if n <= 2**16 else np.int64  # ours: two bytes are drawn in half the time

    def draw(rows: NDArray[np.floating]) -> None:
        # Each row is drawn alone, so that the size of a chunk changes no random number.
        for row in rows:
            row[:] = np.bincount(rng.integers(0, n, n, dtype=number), minlength=n)

    return _sums(fractions, draws, draw, chunk)


def moved_sums(
    fractions: Mapping[str, NDArray[np.int64]], draws: int, rng: np.random.Generator, chunk: int = CHUNK
) -> dict[str, NDArray[np.int64]]:
    """Returns (draws, seeds, 2) sums per variant over the sentences that an exchange moves, each with probability 1/2.

    fractions, chunk: as for `resampled_sums`. A draw is the same for all variants and seeds, so that it serves every pair.
    """
    n = next(iter(fractions.values())).shape[1]
    # A generator makes four bytes at a time, so that rows of whole fours are the same whether drawn together or alone.
    size = 4 * ((n + 31) // 32)

    def draw(rows: NDArray[np.floating]) -> None:
        moves = np.frombuffer(rng.bytes(len(rows) * size), np.uint8).reshape(len(rows), size)
        rows[:] = np.unpackbits(moves, axis=1, count=n)

    return _sums(fractions, draws, draw, chunk)


def _sums(
    fractions: Mapping[str, NDArray[np.int64]], draws: int, draw: Callable[[NDArray[np.floating]], None], chunk: int
) -> dict[str, NDArray[np.int64]]:
    """Sums the parts with the weights that `draw` writes into the (chunk, n) array that it is given."""
    columns = np.concatenate(
        [part.transpose(1, 0, 2).reshape(part.shape[1], -1) for part in fractions.values()], axis=1
    )
    n, width = columns.shape
    largest = n * int(columns.max())  # a draw may hold the largest sentence n times
    exact = np.float32 if largest < EXACT_IN_FLOAT32 else np.float64
    factor = columns.astype(exact)
    weights = np.empty((chunk, n), dtype=exact)
    sums = np.empty((draws, width), dtype=np.int64)
    for start in range(0, draws, chunk):
        rows = weights[: draws - start]
        draw(rows)
        sums[start : start + chunk] = rows @ factor
    seeds = [len(part) for part in fractions.values()]
    size = width // sum(seeds)
    pieces = np.split(sums, np.cumsum([size * count for count in seeds])[:-1], axis=1)
    return {name: piece.reshape(draws, -1, size) for name, piece in zip(fractions, pieces, strict=True)}


def drawn_seeds(seeds: int, draws: int, rng: np.random.Generator) -> Floats:
    """Returns (draws, seeds) weights of seeds - 1 seeds drawn with replacement; each row has the sum 1.

    A single seed has the weight 1.0. The mean of S seeds drawn from S has a variance that is too small by (S - 1) / S, a
    large error for two or three seeds; with S - 1 drawn seeds it is right (McCarthy & Snowden 1985; Rao & Wu 1988).
    """
    size = max(seeds - 1, 1)
    return rng.multinomial(size, [1 / seeds] * seeds, size=draws) / size


def exchanged_differences(
    a: NDArray[np.int64], b: NDArray[np.int64], a_moves: NDArray[np.int64], b_moves: NDArray[np.int64]
) -> Floats:
    """Returns (draws,) differences of mean scores after a and b have exchanged the moved sentences.

    a, b: (seeds, 2) sums over all sentences; a_moves, b_moves: (draws, seeds, 2) sums over the moved ones. The first seed
    of a exchanges with the first seed of b, and so on. Where their numbers differ, seeds are repeated up to the least
    common multiple, which leaves the means as they are.
    """
    indices = np.arange(lcm(len(a), len(b)))
    i, j = indices % len(a), indices % len(b)
    moves = a_moves[:, i] - b_moves[:, j]
    difference: Floats = (ratio(a[i] - moves) - ratio(b[j] + moves)).mean(axis=1)
    return difference
