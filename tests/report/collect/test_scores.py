"""The oracle: the grid point that target dev chooses, which is no score of the report."""

from pathlib import Path

from orthoadapters.report.collect.paper import AVERAGE
from tests.helpers.report_runs import only_table, row_of, write_run


def test_the_oracle_is_chosen_by_target_dev_per_language_and_chooses_nothing_else(tmp_path: Path) -> None:
    one = write_run(
        tmp_path, "t_noo", {"en": 0.9, "ar": 0.1, "tr": 0.2}, dev=0.8, target_dev={"en": 0.1, "ar": 0.1, "tr": 0.3}
    )
    other = write_run(
        tmp_path,
        "t_noo",
        {"en": 0.8, "ar": 0.3, "tr": 0.4},
        dev=0.7,
        lr=5e-5,
        target_dev={"en": 0.2, "ar": 0.2, "tr": 0.2},
    )
    scores = row_of(only_table(tmp_path), "T-NOO").scores
    assert [scores[code].value for code in ("ar", "tr")] == [0.1, 0.2]
    oracle = {code: scores[code].oracle for code in ("en", "ar", "tr", AVERAGE)}
    assert oracle["en"] is None
    assert oracle["ar"] is not None
    assert (oracle["ar"].value, oracle["ar"].point, oracle["ar"].paths) == (0.3, (5e-5, None), (other,))
    assert oracle["tr"] is not None
    assert (oracle["tr"].value, oracle["tr"].paths) == (0.2, (one,))
    mean = oracle[AVERAGE]
    assert mean is not None
    assert mean.value == 0.25
    write_run(tmp_path, "t_noo", {"en": 0.8, "ar": 0.3, "tr": 0.4}, dev=0.7, lr=2e-5, target_dev={"en": 0.2, "ar": 0.2})
    scores = row_of(only_table(tmp_path), "T-NOO").scores
    assert scores["ar"].oracle is not None
    assert scores["tr"].oracle is None
    assert scores[AVERAGE].oracle is None


def test_the_oracle_is_of_the_same_seeds_as_the_score_above_it(tmp_path: Path) -> None:
    for seed, ar in ((0, 0.1), (1, 0.3)):
        write_run(tmp_path, "t_noo", {"en": 0.9, "ar": ar, "tr": ar}, seed=seed, target_dev={"ar": 0.1, "tr": 0.1})
    for seed, ar in ((0, 0.4), (2, 0.9)):
        write_run(
            tmp_path,
            "t_noo",
            {"en": 0.9, "ar": ar, "tr": ar},
            seed=seed,
            dev=0.7,
            lr=5e-5,
            target_dev={"ar": 0.2, "tr": 0.2},
        )
    scores = row_of(only_table(tmp_path), "T-NOO").scores
    assert [scores[code].oracle for code in ("ar", "tr", AVERAGE)] == [None] * 3  # the other point lacks seed 1
    write_run(tmp_path, "t_noo", {"en": 0.9, "ar": 0.6}, seed=1, dev=0.7, lr=5e-5, target_dev={"ar": 0.2})
    scores = row_of(only_table(tmp_path), "T-NOO").scores
    assert scores["ar"].oracle is not None
    assert (scores["ar"].oracle.value, scores["ar"].oracle.point) == (0.5, (5e-5, None))  # without seed 2
    assert [scores[code].oracle for code in ("tr", AVERAGE)] == [None] * 2
