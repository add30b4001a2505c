"""Sums of resampled and exchanged counts: against the metrics, and by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from orthoadapters.evaluation.metrics import f1_of_counts, macro_f1_of_counts
from orthoadapters.report.statistics.resampling import (
    drawn_seeds,
    exchanged_differences,
    moved_sums,
    parts,
    ratio,
    resampled_sums,
)
from tests.helpers.simulated_counts import (
    several,
    words,
)

Rows = list[tuple[int, ...]]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=9))
def test_f1_is_the_metrics_f1(rows: Rows) -> None:
    counts = np.array([(right, right + wrong, right + misses) for right, wrong, misses in rows])
    assert float(ratio(parts(counts).sum(axis=0))) == pytest.approx(f1_of_counts(counts), abs=1e-12)


@given(st.lists(st.lists(st.integers(0, 3), min_size=9, max_size=9), min_size=1, max_size=6))
def test_macro_f1_is_the_metrics_macro_f1(rows: list[list[int]]) -> None:
    """Each label has right, wrong and missed words; labels without any are left out."""
    cells = np.array(rows).reshape(len(rows), 3, 3)
    cells[:, 2] = 0
    counts = np.stack((cells[..., 0], cells[..., :2].sum(-1), cells[..., ::2].sum(-1)), axis=-1).reshape(len(rows), 9)
    if counts.any():
        assert float(ratio(parts(counts).sum(axis=0))) == pytest.approx(macro_f1_of_counts(counts), abs=1e-12)


def test_sums_of_several_labels_stay_together() -> None:
    rng = np.random.default_rng(0)
    right = rng.integers(0, 3, (2, 40, 4, 1))
    counts = np.concatenate((right, right + rng.integers(0, 2, (2, 40, 4, 2))), axis=-1).reshape(2, 40, 12)
    drawn = resampled_sums({"a": parts(counts[:1]), "b": parts(counts)}, 5, np.random.default_rng(1))
    assert {name: sums.shape for name, sums in drawn.items()} == {"a": (5, 1, 8), "b": (5, 2, 8)}
    assert (drawn["a"][:, 0] == drawn["b"][:, 0]).all()
    weights = np.stack(
        [
            np.bincount(r.integers(0, 40, 40, dtype=np.uint16), minlength=40)
            for r in [np.random.default_rng(1)]
            for _ in range(5)
        ]
    )
    assert (drawn["b"] == np.einsum("dn,snk->dsk", weights, parts(counts))).all()


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_drawn_seeds_give_the_variance_of_their_mean_without_bias(seeds: int) -> None:
    values = np.random.default_rng(1).standard_normal(seeds)
    weights = drawn_seeds(seeds, 20_000, np.random.default_rng(0))
    assert weights.sum(axis=1) == pytest.approx(1)
    assert (weights @ values).var() == pytest.approx(values.var(ddof=1) / seeds, rel=0.05)


@pytest.mark.parametrize("seeds", [(2, 2), (1, 2), (2, 3)])
def test_all_outputs_of_a_sentence_are_exchanged_together(seeds: tuple[int, int]) -> None:
    """Against swapping them one by one, each seed of a with the seed of b in its place."""
    rng = np.random.default_rng(6)
    a, b, _ = words(rng, 9, seeds=6, gap=0.1)
    a, b = a[: seeds[0]], b[: seeds[1]]
    moves = rng.integers(0, 2, (3, 9))
    differences = exchanged_differences(
        a.sum(axis=1), b.sum(axis=1), np.einsum("ri,sik->rsk", moves, a), np.einsum("ri,sik->rsk", moves, b)
    )
    for swap, difference in zip(moves.astype(bool)[:, :, None], differences, strict=True):
        by_hand = []
        for place in range(np.lcm(*seeds)):
            in_a, in_b = a[place % seeds[0]], b[place % seeds[1]]
            after = np.where(swap, in_b, in_a).sum(axis=0), np.where(swap, in_a, in_b).sum(axis=0)
            by_hand.append(after[0][0] / after[0][1] - after[1][0] / after[1][1])
        assert difference == pytest.approx(np.mean(by_hand), abs=1e-12)


def test_sums_are_exact_beyond_what_single_precision_holds() -> None:
    of = {"a": np.full((1, 3, 2), 2**24 + 1)}
    assert (resampled_sums(of, 5, np.random.default_rng(0))["a"] == 3 * (2**24 + 1)).all()


@pytest.mark.parametrize("sums", [resampled_sums, moved_sums])
@pytest.mark.parametrize("chunk", [1, 7, 100, 101])
def test_the_size_of_a_chunk_changes_no_number(sums: Callable[..., dict[str, NDArray[np.int64]]], chunk: int) -> None:
    fractions = {
        variant: parts(np.stack(list(by_language.values())[:1])) for variant, by_language in several(rng()).items()
    }
    reference = sums(fractions, 100, rng())
    in_chunks = sums(fractions, 100, rng(), chunk=chunk)
    assert in_chunks.keys() == reference.keys()
    assert all((in_chunks[variant] == reference[variant]).all() for variant in reference)
    assert len(np.unique(reference["t_noo"], axis=0)) > 1


def rng() -> np.random.Generator:
    return np.random.default_rng(3)
