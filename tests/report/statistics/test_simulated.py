"""On simulated data whose difference is known: coverage, and how often a difference is claimed.

The tolerance is that of as many tosses of a coin.
"""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import binom

from orthoadapters.report.statistics import compare as compare_module
from orthoadapters.report.statistics.compare import (
    OVER_SEEDS,
    Comparison,
)
from tests.helpers.simulated_counts import (
    Simulated,
    Simulation,
    compare_many,
    pairs,
    spans,
    words,
)

pytestmark = pytest.mark.long

SETS = 300


def bounds(share: float) -> tuple[float, float]:
    return binom.ppf(0.001, SETS, share) / SETS, binom.ppf(0.999, SETS, share) / SETS


def share_of_truths(rows: Sequence[Comparison], sets: Sequence[Simulated]) -> float:
    return float(np.mean([row.low <= truth <= row.high for row, (_, _, truth) in zip(rows, sets, strict=True)]))


@pytest.mark.parametrize("simulate", [words, spans, pairs])
def test_the_interval_covers_the_truth_in_95_of_100_cases(simulate: Simulation) -> None:
    rng = np.random.default_rng(7)
    sets = [simulate(rng, 200, gap=0.04) for _ in range(SETS)]
    low, high = bounds(0.95)
    assert low <= share_of_truths(compare_many(sets), sets) <= high


@pytest.mark.parametrize("simulate", [words, spans, pairs])
def test_variants_that_do_not_differ_are_told_apart_in_5_of_100_cases_at_most(simulate: Simulation) -> None:
    rng = np.random.default_rng(8)
    p = np.array([row.p for row in compare_many([simulate(rng, 200) for _ in range(SETS)])])
    assert np.mean(p <= 0.05) <= bounds(0.05)[1]
    assert np.mean(p <= 0.5) > 0.3  # and the test is no constant


@pytest.mark.parametrize("simulate", [words, spans, pairs])
def test_a_large_difference_is_found(simulate: Simulation) -> None:
    rng = np.random.default_rng(9)
    rows = compare_many([simulate(rng, 400, gap=0.12) for _ in range(20)])
    assert all(row.p < 0.05 and row.low > 0 for row in rows)


@pytest.mark.parametrize("simulate", [words, spans])
def test_the_luck_of_seeds_is_in_the_interval_and_in_p(simulate: Simulation) -> None:
    rng = np.random.default_rng(10)
    sets = [simulate(rng, 150, seeds=5, seed_sd=0.03) for _ in range(SETS)]
    rows = compare_many(sets)
    assert share_of_truths(rows, sets) >= bounds(0.93)[0]  # five seeds are few: a little less than 95
    assert np.mean([row.p <= 0.05 for row in rows]) <= bounds(0.07)[1]
    assert {(row.seeds, row.test) for row in rows} == {((5, 5), OVER_SEEDS)}
    alone = [(a[:1], b[:1], truth) for a, b, truth in sets[:100]]
    assert share_of_truths(compare_many(alone), alone) < 0.85  # one seed cannot know what another would have done


@pytest.mark.parametrize(("seeds", "share"), [(3, 0.80), (5, 0.86), (10, 0.92)])
def test_how_far_the_bootstrap_over_few_seeds_can_be_trusted_is_as_documented(
    seeds: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_module, "student_t", lambda a, b: (0.0, 0.0))
    rng = np.random.default_rng(11)
    sets = [words(rng, 100, seeds=seeds, seed_sd=0.1) for _ in range(SETS)]
    low, high = bounds(share)
    assert low <= share_of_truths(compare_many(sets), sets) <= high


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_few_seeds_that_differ_much_neither_promise_nor_find_too_much(seeds: int) -> None:
    rng = np.random.default_rng(12)
    sets = [words(rng, 400, seeds=seeds, seed_sd=0.1) for _ in range(SETS)]
    rows = compare_many(sets)
    assert share_of_truths(rows, sets) >= bounds(0.95)[0]
    assert np.mean([row.p <= 0.05 for row in rows]) <= bounds(0.05)[1]
    assert np.mean([row.significant for row in rows]) <= bounds(0.05)[1]
