"""Tables of the report: rows and columns in the paper's order, the selected grid point, and averages."""

from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoadapters.config.choices import choices
from orthoadapters.config.compose import compose_config
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import AVERAGE, paper
from tests.helpers.report_runs import UDPOS, only_table, row_of, states, write_run


def test_rows_and_columns_are_in_the_papers_order_and_what_is_missing_shows(tmp_path: Path) -> None:
    write_run(tmp_path, "mine")
    write_run(tmp_path, "t_noo", {"en": 0.9, "tr": 0.6, "ar": 0.5})
    table = only_table(tmp_path)
    assert [row.label for row in table.rows] == [*paper().variants.values(), "mine"]
    assert table.columns == ("en", "ar", "et", "hi", "tr", "zh", AVERAGE)
    assert row_of(table, "T-NOO").scores["tr"].value == 0.6
    assert [row_of(table, "T-NOO").scores[code].state for code in ("et", AVERAGE)] == ["missing", "missing"]
    assert row_of(table, "T-NOO").scores[AVERAGE].value is None
    assert states(row_of(table, "FULL-FT")) == {"missing"}
    assert row_of(table, "mine").scores[AVERAGE].value == pytest.approx(sum([0.66, 0.84, 0.7, 0.74, 0.35]) / 5)
    assert table.name == "udpos-tiny"


def test_languages_of_other_worlds_are_in_the_order_of_the_results(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {"qsa": 0.9, "qtu": 0.5, "qel": 0.7}, source="qsa")
    table = only_table(tmp_path)
    assert table.columns == ("qsa", "qtu", "qel", AVERAGE)
    assert row_of(table, "T-NOO").scores[AVERAGE].value == pytest.approx(0.6)
    assert {score.paper for score in row_of(table, "T-NOO").scores.values()} == {None}


def test_only_what_was_run_has_a_column_and_in_an_own_task_a_row(tmp_path: Path) -> None:
    own = {"en": 0.9, "xx": 0.5, "zh": 0.4, "de": 0.7, "ar": 0.6}
    for task in ("udpos", "myner"):
        write_run(tmp_path, "lort_tnoo", own, task=task)
        write_run(tmp_path, "lnoo_tnoo", {"en": 0.9, "de": 0.7}, task=task)
    udpos, myner = build(tmp_path).tables
    assert udpos.columns == ("en", "ar", "zh", "de", "xx", AVERAGE)
    assert myner.columns == ("en", "de", "xx", "zh", "ar", AVERAGE)
    assert [row.label for row in udpos.rows] == [*paper().variants.values()]
    assert [row.label for row in myner.rows] == ["L-NOO+T-NOO", "L-ORT+T-NOO"]
    gap = "No selected run was tested on ET, HI, TR: AVGz is over AR, ZH, DE, XX and is not the paper's."
    assert [warning for warning in udpos.warnings if "AVGz" in warning] == [gap]
    assert not [warning for warning in myner.warnings if "AVGz" in warning]


def test_own_languages_beside_the_papers_source_miss_none_of_the_papers(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {"en": 0.9, "xx": 0.5})
    table = only_table(tmp_path)
    assert (table.columns, table.warnings) == (("en", "xx", AVERAGE), ())
    assert [row.label for row in table.rows] == ["T-NOO"]


def test_averages_over_other_languages_than_the_papers_are_said_to_be(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {"en": 0.9, "tr": 0.6, "ar": 0.5})
    table = only_table(tmp_path)
    scores = row_of(table, "T-NOO").scores
    assert (scores[AVERAGE].value, scores[AVERAGE].paper) == (pytest.approx(0.55), None)
    assert scores["tr"].difference == pytest.approx(0.6 - 0.7268)
    assert table.warnings == ("No selected run was tested on ET, HI, ZH: AVGz is over AR, TR and is not the paper's.",)


def test_another_source_language_has_no_numbers_of_the_paper(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {"tr": 0.9, "en": 0.6, "ar": 0.5}, source="tr")
    table = only_table(tmp_path)
    assert table.columns == ("tr", "en", "ar", AVERAGE)
    assert {score.paper for score in row_of(table, "T-NOO").scores.values()} == {None}
    assert row_of(table, "T-NOO").scores[AVERAGE].value == pytest.approx(0.55)


def test_the_grid_point_is_selected_on_source_dev_and_scored_over_its_seeds(tmp_path: Path) -> None:
    for seed, arabic, turkish in ((1, 0.3, 0.4), (0, 0.1, 0.5)):
        test = {"en": 0.9, "ar": arabic, "tr": turkish}
        path_of_best = write_run(tmp_path, "t_ort", test, dev=0.8, seed=seed, epoch=seed + 4, name=f"run{-seed}")
    write_run(tmp_path, "t_ort", {"en": 0.99, "ar": 0.9, "tr": 0.9}, dev=0.7, ort_lr=1e-6)
    best = row_of(only_table(tmp_path), "T-ORT")
    assert (best.point, best.seeds, best.epochs, best.dev) == ((1e-4, 1e-7), [0, 1], [4, 5], 0.8)
    assert best.points == [(1e-4, 1e-7), (1e-4, 1e-6)]
    ar, mean = best.scores["ar"], best.scores[AVERAGE]
    assert (ar.by_seed, ar.value, ar.std) == ((0.1, 0.3), pytest.approx(0.2), pytest.approx(0.2 / 2**0.5))
    assert (mean.by_seed, mean.std) == (pytest.approx((0.3, 0.35)), pytest.approx(0.05 / 2**0.5))
    assert ar.paths[0] == path_of_best
    assert mean.paths == ar.paths
    assert ar.n_sentences == 100


def test_all_seven_variants_with_their_real_choices_make_one_table(tmp_path: Path) -> None:
    for variant in paper().variants:
        for source in ("trained", "hub") if variant == "lnoo_tnoo" else ("trained",):
            config = compose_config(
                [f"variant={variant}", "task=xnli", "optim.lr=2e-5", f"language_adapters.source={source}"]
            )
            write_run(tmp_path, variant, {"en": 0.9, "ar": 0.5}, task="xnli", choices=choices(config), lr=2e-5)
    table = only_table(tmp_path)
    assert [row.label for row in table.rows if "NOO+T-NOO" in row.label] == [
        "L-NOO+T-NOO [language_adapters.source=hub]",
        "L-NOO+T-NOO",
    ]
    assert len(table.rows) == 8
    assert all(row.selected_runs for row in table.rows)


def test_rows_of_one_variant_with_other_bottlenecks_stand_apart(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {**UDPOS, "ar": 0.1}, choices={"variant.task_reduction": 12})
    write_run(tmp_path, "t_noo", {**UDPOS, "ar": 0.3}, choices={"variant.task_reduction": 24})
    table = only_table(tmp_path)
    for reduction, score in ((12, 0.1), (24, 0.3)):
        assert row_of(table, f"T-NOO [variant.task_reduction={reduction}]").scores["ar"].value == score


SCORES = st.fixed_dictionaries({"en": st.floats(0, 1)}, optional={code: st.floats(0, 1) for code in ("ar", "et", "qu")})


@given(st.dictionaries(st.sampled_from(["t_noo", "t_ort", "mine"]), SCORES, min_size=1))
def test_every_number_is_a_runs_own_or_the_mean_of_them(
    tmp_path_factory: pytest.TempPathFactory, tests: dict[str, dict[str, float]]
) -> None:
    runs = tmp_path_factory.mktemp("runs")
    for variant, test in tests.items():
        write_run(runs, variant, test)
    table = only_table(runs)
    targets = {code for test in tests.values() for code in test if code != "en"}
    assert {*table.targets} == targets
    for row in table.rows:
        test = tests.get(row.variant, {})
        assert {code: score.value for code, score in row.scores.items() if score.by_seed and code != AVERAGE} == test
        full = bool(targets) and targets <= test.keys()
        reference = pytest.approx(sum(test[code] for code in targets) / len(targets)) if full else None
        assert row.scores[AVERAGE].value == reference


def test_the_order_of_folders_changes_no_number(tmp_path: Path) -> None:
    for name, lr in (("a", 1e-4), ("b", 5e-5), ("c", 7e-5)):
        write_run(tmp_path / "one", "t_noo", {**UDPOS, "ar": lr * 1000}, name=name, lr=lr)
        write_run(
            tmp_path / "two", "t_noo", {**UDPOS, "ar": lr * 1000}, name={"a": "c", "b": "a", "c": "b"}[name], lr=lr
        )
    values = [
        {code: score.value for code, score in row_of(only_table(tmp_path / name), "T-NOO").scores.items()}
        for name in ("one", "two")
    ]
    assert values[0] == values[1]
    assert values[0]["ar"] == 0.05  # equal on dev: the smaller lr
    assert asdict(row_of(only_table(tmp_path / "one"), "T-NOO"))["label"] == "T-NOO"
