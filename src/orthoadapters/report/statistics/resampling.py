"""Sums of per-sentence counts over resampled and over exchanged sentences, of all variants and seeds at once.

A score is a ratio of two sums over sentences: accuracy is right / total, micro-averaged F1 is 2 right / (predicted +
gold), which is metrics.f1_of_counts in closed form. So a draw of sentences is a row of weights, and 10,000 draws of all
variants are one product of matrices, (draws, sentences) @ (sentences, variants x seeds x 2), made in chunks of draws.
"""

from collections.abc import Callable, Mapping
from math import lcm

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.integer]  # (n, k), or (seeds, n, k); k = 2: right, total; k = 3: right, predicted, gold
Floats = NDArray[np.float64]
CHUNK = 64  # ours: draws at once; at 10,000 sentences their weights fit in a core's cache. It changes no result.
EXACT_IN_FLOAT32 = 2**24  # integers below it, and so sums that stay below it, in whatever order they are added


def with_seeds(counts: Counts, place: str) -> NDArray[np.int64]:
    """(seeds, n, k) of counts that could be. Raises ValueError with `place`, such as "t_noo, sw", if they could not."""
    if counts.ndim not in (2, 3) or counts.shape[-1] not in (2, 3) or not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(
            f"{place}: counts must be integers of shape (sentences, 2 or 3) or (seeds, sentences, 2 or 3), "
            f"not {counts.dtype} of shape {counts.shape}"
        )
    found = np.array(counts, dtype=np.int64, ndmin=3)
    if 0 in found.shape:
        raise ValueError(f"{place}: there are no {'seeds' if found.shape[0] == 0 else 'sentences'} to compare")
    if (found < 0).any() or (found[..., :1] > found[..., 1:]).any():
        raise ValueError(f"{place}: a sentence has a negative count, or more right than there are")
    if found.shape[-1] == 2 and (found[..., 1].sum(axis=1) == 0).any():
        raise ValueError(f"{place}: the accuracy of no words is undefined")
    return found


def of_same_sentences(counts: Mapping[str, NDArray[np.int64]], language: str) -> None:
    """Raises ValueError unless variants and seeds were scored on the same sentences, as far as what is gold tells."""
    (first, reference), *others = counts.items()
    for variant, found in [(first, reference), *others]:
        if found.shape[1:] != reference.shape[1:]:
            raise ValueError(
                f"{language}: counts of {first} are of shape {reference.shape[1:]} and those of {variant} of shape "
                f"{found.shape[1:]}; compare scores on the same sentences, by the same metric"
            )
        differ = (found[..., -1] != reference[0, :, -1]).any(axis=0)  # the gold spans, or the words, of a sentence
        if differ.any():
            raise ValueError(
                f"{language}: {first} and {variant} were not scored on the same test set; they or their seeds differ in "
                f"what is gold in {int(differ.sum())} of {len(differ)} sentences, first in number {int(differ.argmax())}"
            )


def parts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(..., 2) numerator and denominator of the score, of (..., k) counts."""
    if counts.shape[-1] == 2:
        return counts
    return np.stack((2 * counts[..., 0], counts[..., 1] + counts[..., 2]), axis=-1)


def ratio(sums: NDArray[np.int64]) -> Floats:
    """(...) scores of (..., 2) sums of parts; 0.0 where there is nothing, as in metrics.f1_of_counts."""
    above, below = sums[..., 0], sums[..., 1]
    return np.divide(above, below, out=np.zeros(below.shape), where=below > 0)


def stream(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of their own for each name, so that no comparison depends on which others are made."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *"/".join(names).encode()])))


def resampled_sums(
    of: Mapping[str, NDArray[np.int64]], draws: int, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """(draws, seeds, 2) sums per variant over n sentences drawn with replacement (an exact multinomial).

    of: (seeds, n, 2) parts per variant. A draw is the same for all variants and seeds (Koehn 2004).
    """
    n = next(iter(of.values())).shape[1]
    number = np.uint16 if n <= 2**16 else np.int64  # ours: two bytes are drawn in half the time
    return _sums(of, draws, lambda: np.bincount(rng.integers(0, n, n, dtype=number), minlength=n))


def moved_sums(
    of: Mapping[str, NDArray[np.int64]], draws: int, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """(draws, seeds, 2) sums per variant over the sentences that an exchange moves, each with probability 1/2.

    of: (seeds, n, 2) parts per variant. A draw is the same for all variants and seeds, so serves every pair.
    """
    n = next(iter(of.values())).shape[1]
    return _sums(of, draws, lambda: np.unpackbits(np.frombuffer(rng.bytes((n + 7) // 8), np.uint8), count=n))


def _sums(
    of: Mapping[str, NDArray[np.int64]], draws: int, draw: Callable[[], NDArray[np.integer]]
) -> dict[str, NDArray[np.int64]]:
    columns = np.concatenate([part.transpose(1, 0, 2).reshape(part.shape[1], -1) for part in of.values()], axis=1)
    n, width = columns.shape
    exact = np.float32 if n * int(columns.max()) < EXACT_IN_FLOAT32 else np.float64  # a draw may be n times the largest
    factor = columns.astype(exact)
    weights = np.empty((CHUNK, n), dtype=exact)
    sums = np.empty((draws, width), dtype=np.int64)
    for start in range(0, draws, CHUNK):
        rows = weights[: draws - start]
        for row in rows:  # drawn one by one, so that the size of a chunk changes nothing
            row[:] = draw()
        sums[start : start + CHUNK] = rows @ factor
    seeds = [len(part) for part in of.values()]
    pieces = np.split(sums, np.cumsum([2 * count for count in seeds])[:-1], axis=1)
    return {name: piece.reshape(draws, -1, 2) for name, piece in zip(of, pieces, strict=True)}


def drawn_seeds(seeds: int, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, seeds) weights, of sum 1, of seeds - 1 seeds drawn with replacement; 1.0 for a single seed.

    One fewer than there are, as the variance of a mean of S drawn from S is too small by (S - 1) / S, which for two or
    three seeds is no detail; drawing S - 1 makes it right (McCarthy & Snowden 1985; Rao & Wu 1988).
    """
    size = max(seeds - 1, 1)
    return rng.multinomial(size, [1 / seeds] * seeds, size=draws) / size


def exchanged_differences(
    a: NDArray[np.int64], b: NDArray[np.int64], a_moved: NDArray[np.int64], b_moved: NDArray[np.int64]
) -> Floats:
    """(draws,) differences of mean scores after a and b have exchanged what was moved.

    a, b: (seeds, 2) sums of all sentences; a_moved, b_moved: (draws, seeds, 2). A seed of a exchanges with the seed of b
    in the same place; where their numbers differ, seeds are repeated up to the least common multiple, which leaves the
    means as they are.
    """
    places = np.arange(lcm(len(a), len(b)))
    i, j = places % len(a), places % len(b)
    moved = a_moved[:, i] - b_moved[:, j]
    difference: Floats = (ratio(a[i] - moved) - ratio(b[j] + moved)).mean(axis=1)
    return difference
