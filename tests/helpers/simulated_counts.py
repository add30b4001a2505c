"""Counts by sentence of two variants whose true difference is known, and how they are compared."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.statistics.compare import DRAWS, Comparison, compare
from orthoadapters.report.statistics.resampling import Counts

# Counts of a and of b, and the true difference of their scores
Simulated = tuple[NDArray[np.int64], NDArray[np.int64], float]
Simulation = Callable[..., Simulated]


def words(rng: np.random.Generator, n: int, seeds: int = 1, gap: float = 0.0, seed_sd: float = 0.0) -> Simulated:
    """(a, b, true difference) of right and total words; b is the same as a but for `gap` and the luck of its seeds."""
    total, ease = 1 + rng.poisson(9, n), rng.uniform(0.6, 0.9, n)

    def variant(mean: float) -> NDArray[np.int64]:
        share = np.clip(ease + mean + seed_sd * rng.standard_normal((seeds, 1)), 0, 1)
        return np.stack((rng.binomial(total, share), np.broadcast_to(total, (seeds, n))), axis=-1)

    return variant(gap), variant(0), gap


def spans(rng: np.random.Generator, n: int, seeds: int = 1, gap: float = 0.0, seed_sd: float = 0.0) -> Simulated:
    """(a, b, true difference) of right, predicted and gold spans."""
    gold, ease = rng.poisson(2, n), rng.uniform(0.6, 0.85, n)

    def variant(mean: float) -> NDArray[np.int64]:
        right = rng.binomial(gold, ease + mean + seed_sd * rng.standard_normal((seeds, 1)))
        return np.stack((right, right + rng.poisson(0.4, right.shape), np.broadcast_to(gold, (seeds, n))), axis=-1)

    def f1(mean: float) -> float:
        return 2 * 2 * (0.725 + mean) / (2 * (0.725 + mean) + 0.4 + 2)

    return variant(gap), variant(0), f1(gap) - f1(0)


def pairs(rng: np.random.Generator, n: int, seeds: int = 1, gap: float = 0.0) -> Simulated:
    """(a, b, true difference) of right and total answers, one per pair."""
    ease, one = rng.uniform(0.5, 0.85, n), np.ones((seeds, n), dtype=int)
    a, b = rng.binomial(1, ease + gap, (seeds, n)), rng.binomial(1, ease, (seeds, n))
    return np.stack((a, one), axis=-1), np.stack((b, one), axis=-1), gap


def compare_two(a: Counts, b: Counts, draws: int = DRAWS) -> Comparison:
    return compare({"a": {"sw": a}, "b": {"sw": b}}, source="en", draws=draws)[0]


def compare_many(sets: Sequence[Simulated]) -> list[Comparison]:
    """Compares a and b of every simulated set, each as a language."""
    counts = {
        "a": {str(i): a for i, (a, _, _) in enumerate(sets)},
        "b": {str(i): b for i, (_, b, _) in enumerate(sets)},
    }
    return [row for row in compare(counts, source="en", draws=200) if row.language != AVERAGE]


def several(rng: np.random.Generator) -> dict[str, dict[str, NDArray[np.int64]]]:
    """Span counts of three variants on three languages."""
    languages, variants = ("en", "sw", "qu"), ("t_noo", "t_ort", "lort_tnoo")
    counts: dict[str, dict[str, NDArray[np.int64]]] = {variant: {} for variant in variants}
    for place, language in enumerate(languages):
        n = 120 + 30 * place
        gold = rng.poisson(2, n)
        for rank, variant in enumerate(variants):
            right = rng.binomial(gold, 0.6 + 0.1 * rank)
            counts[variant][language] = np.stack((right, right + rng.poisson(0.4, n), gold), axis=-1)
    return counts
