"""Intervals and p-values of single comparisons against scipy and by hand, and what holds whatever the data."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap, norm, permutation_test

from orthoadapters.evaluation.metrics import f1_of_counts
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.statistics.compare import MCNEMAR, NO_DIFFERENCE, RANDOMISATION, Comparison, compare
from orthoadapters.report.statistics.exact import holm
from orthoadapters.report.statistics.resampling import (
    Counts,
    parts,
    ratio,
)
from tests.helpers.simulated_counts import (
    Simulation,
    compare_two,
    pairs,
    several,
    spans,
    words,
)

Rows = list[tuple[int, ...]]


def test_accuracy_of_words_is_over_all_words() -> None:
    row = compare_two(np.array([[1, 1], [2, 6]]), np.array([[0, 1], [2, 6]]), draws=10)
    assert row.difference == pytest.approx(3 / 7 - 2 / 7)


def test_one_answer_each_is_the_exact_mcnemar_test() -> None:
    a, b, _ = pairs(np.random.default_rng(3), 300, gap=0.05)
    only_a, only_b = int((a > b).sum()), int((b > a).sum())
    row = compare_two(a, b, draws=10)
    assert (row.p, row.test) == (binomtest(only_a, only_a + only_b).pvalue, MCNEMAR)
    assert only_a != only_b


def test_mcnemar_by_hand() -> None:
    a, b = np.array([1] * 6 + [0, 1, 0]), np.array([0] * 6 + [1, 1, 0])  # 6 and 1 discordant
    one = np.ones(9, dtype=int)
    row = compare_two(np.stack((a, one), axis=1), np.stack((b, one), axis=1), draws=10)
    assert row.p == pytest.approx(2 * (1 + 7) / 2**7)


@pytest.mark.parametrize("simulate", [words, spans])
def test_the_interval_is_scipys_paired_percentile_bootstrap(simulate: Simulation) -> None:
    a, b, _ = simulate(np.random.default_rng(1), 60, gap=0.05)
    columns = np.concatenate((parts(a[0]), parts(b[0])), axis=1).T

    def difference(*resamples: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:
        above_a, below_a, above_b, below_b = (column.sum(axis=axis) for column in resamples)
        return above_a / below_a - above_b / below_b

    theirs = bootstrap(
        columns, difference, paired=True, vectorized=True, method="percentile", n_resamples=20_000, rng=0
    ).confidence_interval
    ours = compare_two(a, b, draws=20_000)
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.02 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.02 * width)


@pytest.mark.parametrize("simulate", [words, spans])
def test_p_is_that_of_scipys_exact_permutation_test(simulate: Simulation) -> None:
    a, b, _ = simulate(np.random.default_rng(5), 9, gap=0.15)
    both = parts(np.concatenate((a[0], b[0])))

    def difference(in_a: NDArray[np.int64], in_b: NDArray[np.int64]) -> float:
        return float(ratio(both[in_a].sum(axis=0)) - ratio(both[in_b].sum(axis=0)))

    exact = permutation_test(
        (np.arange(9), np.arange(9, 18)), difference, permutation_type="samples", vectorized=False, n_resamples=np.inf
    ).pvalue
    ours = compare_two(a, b, draws=20_000)
    assert ours.test == RANDOMISATION
    assert 0.02 < exact < 0.8
    assert ours.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))


counts_of_two = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(0, 4)] * 5), min_size=n, max_size=n)
)


def two_of(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Spans of two variants, whose gold spans are the same."""
    right_a, wrong_a, right_b, wrong_b, gold = np.array(rows).T
    groups = [(np.minimum(right, gold), wrong) for right, wrong in ((right_a, wrong_a), (right_b, wrong_b))]
    a, b = (np.stack((right, right + wrong, gold), axis=-1) for right, wrong in groups)
    return a, b


@given(counts_of_two)
def test_swapping_a_and_b_negates_the_difference_and_keeps_p(rows: Rows) -> None:
    a, b = two_of(rows)
    forth, back = compare_two(a, b, draws=50), compare_two(b, a, draws=50)
    assert (back.difference, back.p) == (-forth.difference, forth.p)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low), abs=1e-12)
    assert forth.reverse().reverse() == forth
    assert (forth.reverse().difference, forth.reverse().low) == (-forth.difference, -forth.high)
    assert (forth.reverse().a, forth.reverse().p) == ("b", forth.p)


@given(counts_of_two, st.integers(1, 3))
def test_equal_outputs_do_not_differ(rows: Rows, seeds: int) -> None:
    a, _ = two_of(rows)
    row = compare_two(np.stack([a] * seeds), np.stack([a] * seeds), draws=20)
    assert (row.difference, row.low, row.high, row.p, row.effect) == (0, 0, 0, 1, NO_DIFFERENCE)


def test_equal_answers_do_not_differ_by_mcnemar() -> None:
    a, _, _ = pairs(np.random.default_rng(0), 20)
    row = compare_two(a, a, draws=20)
    assert (row.p, row.test) == (1, MCNEMAR)


@pytest.mark.parametrize(("seeds", "smallest"), [(1, 1 / 100), (4, 2 / 100)])
def test_p_is_never_smaller_than_the_draws_can_show(seeds: int, smallest: float) -> None:
    a, b, _ = words(np.random.default_rng(0), 300, seeds=seeds, gap=0.2)
    assert compare_two(a, b, draws=99).p == smallest


def test_a_seed_that_is_given_three_times_tells_nothing_new() -> None:
    a, b, _ = spans(np.random.default_rng(2), 80, gap=0.05)
    once, thrice = compare_two(a, b), compare_two(np.repeat(a, 3, axis=0), np.repeat(b, 3, axis=0))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=1e-12)
    assert thrice.p >= once.p  # the larger of that and the bootstrap's


def test_unlike_numbers_of_seeds_are_compared_on_their_means() -> None:
    a, b, _ = spans(np.random.default_rng(4), 100, seeds=6, gap=0.1, seed_sd=0.01)
    row = compare_two(a[:2], b[:3])
    means = [np.mean([f1_of_counts(seed) for seed in some]) for some in (a[:2], b[:3])]
    assert row.difference == pytest.approx(means[0] - means[1], abs=1e-12)
    assert row.seeds == (2, 3)
    assert row.low < row.difference < row.high
    assert row.p < 0.05


def test_every_pair_and_language_once_and_the_average_leaves_the_source_out() -> None:
    rows = compare(several(np.random.default_rng(0)), source="en", draws=2000)
    assert [(row.a, row.b, row.language) for row in rows] == [
        (a, b, language)
        for a, b in (("t_noo", "t_ort"), ("t_noo", "lort_tnoo"), ("t_ort", "lort_tnoo"))
        for language in ("en", "sw", "qu", AVERAGE)
    ]
    for start in (0, 4, 8):
        en, sw, qu, average = rows[start : start + 4]
        assert average.difference == pytest.approx((sw.difference + qu.difference) / 2)
        assert average.n == sw.n + qu.n == 150 + 180
        assert [en.p_holm, sw.p_holm, qu.p_holm] == holm([en.p, sw.p, qu.p])
        assert average.p_holm == average.p
        independent = np.hypot(sw.high - sw.low, qu.high - qu.low) / 2
        assert average.high - average.low == pytest.approx(independent, rel=0.1)


def test_the_sentences_of_a_draw_are_others_in_each_language() -> None:
    a, b, _ = spans(np.random.default_rng(1), 150, gap=0.04)
    counts = {"a": {"sw": a, "tr": a}, "b": {"sw": b, "tr": b}}
    sw, tr, average = compare(counts, source="en", draws=2000)
    assert average.high - average.low == pytest.approx((sw.high - sw.low) / np.sqrt(2), rel=0.1)
    assert 0.05 < average.p < 0.6 * min(sw.p, tr.p)


def test_the_seeds_of_a_draw_are_the_same_in_all_languages() -> None:
    """Runs that differ by seed alone: averaging languages makes the interval no shorter."""
    right = np.repeat(np.array([60, 70, 80])[:, None], 40, axis=1)
    a = np.stack((right, np.full_like(right, 100)), axis=-1)
    b = np.stack((np.full_like(right, 65), np.full_like(right, 100)), axis=-1)
    counts = {"a": {"sw": a, "tr": a}, "b": {"sw": b, "tr": b}}
    sw, tr, average = compare(counts, source="en", draws=500)
    assert (average.low, average.high) == pytest.approx((sw.low, sw.high))
    assert (average.low, average.high) == pytest.approx((tr.low, tr.high))
    assert average.low < average.high


def test_a_language_is_compared_where_both_have_it_and_the_average_only_over_all() -> None:
    counts = several(np.random.default_rng(0))
    del counts["t_ort"]["qu"]
    groups: dict[tuple[str, str], list[str]] = {}
    for row in compare(counts, source="en", draws=50):
        groups.setdefault((row.a, row.b), []).append(row.language)
    assert groups == {
        ("t_noo", "t_ort"): ["en", "sw"],
        ("t_noo", "lort_tnoo"): ["en", "sw", "qu", AVERAGE],
        ("t_ort", "lort_tnoo"): ["en", "sw"],
    }


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_no_smaller_than_p_at_most_1_and_keeps_the_order(p: list[float]) -> None:
    p_values = holm(p)
    assert all(raw <= p_of_test <= 1 for raw, p_of_test in zip(p, p_values, strict=True))
    in_order = [p_values[place] for place in sorted(range(len(p)), key=lambda place: p[place])]
    assert all(smaller <= larger for smaller, larger in pairwise(in_order))
    assert min(p_values) == min(1, len(p) * min(p))
    assert all(p_values[i] == p_values[j] for i in range(len(p)) for j in range(len(p)) if p[i] == p[j])


def comparison_of(difference: float, low: float, high: float, p_holm: float) -> Comparison:
    return Comparison("lort_tnoo", "t_noo", "sw", difference, low, high, 0.001, p_holm, 100, (1, 1), RANDOMISATION)


@pytest.mark.parametrize(
    ("row", "effect"),
    [
        (comparison_of(0.014, 0.003, 0.025, 0.01), "lort_tnoo better by 1.4 (0.3 to 2.5)"),
        (comparison_of(-0.014, -0.025, -0.003, 0.01), "t_noo better by 1.4 (0.3 to 2.5)"),
        (comparison_of(0.0014, 0.0003, 0.0025, 0.01), "lort_tnoo better by 0.14 (0.03 to 0.25)"),
        (comparison_of(0.014, 0.003, 0.025, 0.05), NO_DIFFERENCE),
        (comparison_of(0.014, -0.003, 0.031, 0.01), NO_DIFFERENCE),
        (comparison_of(0.014, 0.0, 0.031, 0.01), NO_DIFFERENCE),
    ],
)
def test_a_difference_is_claimed_if_p_and_interval_agree(row: Comparison, effect: str) -> None:
    assert row.effect == effect
    assert row.reverse().effect == effect


def test_a_difference_of_detectable_shows_in_four_of_five_experiments() -> None:
    """Observed differences are normal around the true one; an interval has 1.96 standard errors to each side."""
    error, row = 0.005, comparison_of(0.001, 0.001 - 1.959964 * 0.005, 0.001 + 1.959964 * 0.005, 0.8)
    assert norm.sf(1.959964 * error, loc=row.detectable, scale=error) == pytest.approx(0.8, abs=1e-5)
    assert row.reverse().detectable == row.detectable


GOOD = np.array([[1, 2, 3], [0, 1, 1]])


OTHER_GOLD = np.array([[1, 2, 3], [0, 1, 2]])


NONE = np.zeros((2, 2), dtype=int)


TWO_LABELS = np.array([[1, 2, 3, 0, 1, 1], [0, 0, 1, 0, 1, 0]])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (GOOD, GOOD[:1], "sw: counts of a are of shape (2, 3) and those of b of shape (1, 3)"),
        (GOOD, GOOD[:, :2], "sw: counts of a are of shape (2, 3) and those of b of shape (2, 2)"),
        (GOOD, OTHER_GOLD, "differ in what is gold in 1 of 2 sentences, first in number 1"),
        (np.stack((GOOD, OTHER_GOLD)), GOOD, "sw: a and a were not scored on the same test set"),
        (GOOD[:0], GOOD[:0], "a, sw: there are no sentences"),
        (GOOD[None][:0], GOOD, "a, sw: there are no seeds"),
        (GOOD, GOOD / 2, "b, sw: counts must be integers"),
        (GOOD, GOOD[0], "b, sw: counts must be integers of shape"),
        (GOOD, np.hstack((GOOD, GOOD[:, :2])), "b, sw: counts must be integers of shape"),
        (GOOD, np.hstack((GOOD, GOOD)), "sw: counts of a are of shape (2, 3) and those of b of shape (2, 6)"),
        (
            TWO_LABELS,
            TWO_LABELS[:, [0, 1, 2, 4, 3, 5]],
            "b, sw: a sentence has a negative count, or more right than there are",
        ),
        (GOOD, -GOOD, "b, sw: a sentence has a negative count, or more right than there are"),
        (GOOD, GOOD[:, ::-1], "b, sw: a sentence has a negative count, or more right than there are"),
        (NONE, NONE, "a, sw: the accuracy of no words is undefined"),
    ],
)
def test_counts_that_cannot_be_compared_are_refused_with_a_sentence(a: Counts, b: Counts, message: str) -> None:
    with pytest.raises(ValueError, match="sw") as error:
        compare_two(a, b, draws=10)
    assert message in str(error.value)


def test_no_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="0 draws are none; give at least 1"):
        compare_two(GOOD, GOOD, draws=0)


def test_without_pairs_there_is_nothing_to_compare() -> None:
    assert compare({}, source="en") == []
    assert compare({"a": {"sw": GOOD}}, source="en", draws=10) == []


def test_the_same_arguments_give_the_same_numbers_whatever_else_is_compared() -> None:
    counts = several(np.random.default_rng(0))
    rows = compare(counts, source="en", draws=100)
    assert compare(counts, source="en", draws=100) == rows
    assert compare(counts, source="en", draws=100, seed=1) != rows
    alone = {variant: {"sw": counts[variant]["sw"]} for variant in ("t_noo", "t_ort")}
    (sw, _), among = compare(alone, source="en", draws=100), next(row for row in rows if row.language == "sw")
    assert replace(sw, p_holm=among.p_holm) == among
