"""The best grid point by source-language dev scores, and by nothing else."""

from dataclasses import fields, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoadapters.runs.results import Result, Selection
from orthoadapters.runs.selection import Candidate, candidate, select


def of(value: float, lr: float = 1e-4, ort_lr: float | None = None, seed: int = 0, **changes: str) -> Candidate:
    run = f"lr{lr}-ort{ort_lr}-seed{seed}"
    one = Candidate(run, run, "tiny", "udpos", "t_ort", seed, lr, ort_lr, "en", "f1", value, 3)
    return replace(one, **changes)  # type: ignore[arg-type]


def points(selection: list[Candidate]) -> list[tuple[float, float | None, int]]:
    return [(c.lr, c.ort_lr, c.seed) for c in selection]


def result(**changes: object) -> Result:
    one = Result(
        run="a", fingerprint="f", stage="task", task="udpos", variant="t_ort", backbone="tiny", seed=2, lr=1e-4,
        ort_lr=1e-7, test={"en": {"f1": 0.9, "n": 2}, "tr": {"f1": 0.123, "n": 2}}, adapters={}, provenance={},
        selection=Selection("en", "dev", "f1", 0.8, 3, [{"epoch": 3, "f1": 0.8}]), avg_zero_shot={"f1": 0.123},
    )  # fmt: skip
    return replace(one, **changes)  # type: ignore[arg-type]


def test_a_candidate_holds_no_score_of_a_target_language() -> None:
    one = candidate(result())
    assert one == Candidate("a", "f", "tiny", "udpos", "t_ort", 2, 1e-4, 1e-7, "en", "f1", 0.8, 3)
    assert 0.123 not in [getattr(one, field.name) for field in fields(one)]
    for without in (result(selection=None), result(task=None)):
        with pytest.raises(ValueError, match="a has no development score"):
            candidate(without)


def test_all_seeds_of_the_best_point_are_taken_in_order() -> None:
    candidates = [of(0.7, seed=1), of(0.5, 5e-5, seed=1), of(0.7, seed=0), of(0.8, 5e-5, seed=0)]
    assert points(select(candidates)) == [(1e-4, None, 0), (1e-4, None, 1)]  # 0.7 against 0.65


def test_points_are_compared_on_the_seeds_that_all_have() -> None:
    candidates = [of(0.6, seed=0), of(0.9, seed=1), of(0.9, seed=2), of(0.7, 5e-5, seed=0)]
    assert points(select(candidates)) == [(5e-5, None, 0)]
    assert points(select([*candidates, of(0.1, 2e-5, seed=3)])) == [(1e-4, None, 0), (1e-4, None, 1), (1e-4, None, 2)]


def test_equal_points_go_to_the_smaller_rates() -> None:
    candidates = [of(0.5, 1e-4, 1e-8), of(0.5, 5e-5, 1e-6), of(0.5, 5e-5, 1e-7)]
    assert points(select(candidates)) == [(5e-5, 1e-7, 0)]
    assert points(select([of(0.5, 5e-5, 1e-6), of(0.5, 5e-5, None)])) == [(5e-5, None, 0)]


@given(
    st.dictionaries(st.tuples(st.sampled_from([2e-5, 5e-5]), st.sampled_from([1e-6, 1e-7, 1e-8]), st.integers(0, 3)),
                    st.sampled_from([0.1, 0.2, 0.3, 0.7]), min_size=1),
    st.integers(),
)  # fmt: skip
def test_the_order_of_the_runs_changes_nothing(scores: dict[tuple[float, float, int], float], order: int) -> None:
    candidates = [of(value, lr, ort_lr, seed) for (lr, ort_lr, seed), value in scores.items()]
    selection = select(candidates)
    assert [c.seed for c in selection] == sorted({c.seed for c in candidates if c.point == selection[0].point})
    Random(order).shuffle(candidates)
    assert select(candidates) == selection


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (of(0.5, 5e-5, backbone="other"), "are of one backbone, not of other, tiny"),
        (of(0.5, 5e-5, task="xnli"), "are of one task, not of udpos, xnli"),
        (of(0.5, 5e-5, variant="t_noo"), "are of one variant, not of t_noo, t_ort"),
        (of(0.5, 5e-5, language="tr"), "are of one language, not of en, tr"),
        (of(0.5, 5e-5, metric="accuracy"), "are of one metric, not of accuracy, f1"),
        (of(0.6, run="b"), "lr0.0001-ortNone-seed0 and b have the same lr, ort lr and seed"),
    ],
)
def test_what_cannot_be_compared_is_refused(more: Candidate, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        select([of(0.5), more])
    with pytest.raises(ValueError, match="nothing to select from"):
        select([])
