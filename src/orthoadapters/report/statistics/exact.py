"""The exact McNemar test of paired labels, and Holm's correction for several comparisons."""

from collections.abc import Sequence

from orthoadapters.report.statistics.resampling import (
    Counts,
)


def mcnemar(a: Counts, b: Counts) -> float:
    """Computes the exact two-sided p of right (1) or wrong (0) answers to the same questions.

    a, b: (n,). Returns 1.0 if no answer is discordant.
    """
    only_a, only_b = int((a > b).sum()), int((b > a).sum())
    # It takes a second to import, and many reports have no such test.
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """Adjusts p-values, each at its own index (Holm 1979).

    The i-th smallest of m, counted from 0, is multiplied by m - i, and is never less than the one before it.
    """
    p_holm, largest = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        p_holm[index] = largest
    return p_holm
