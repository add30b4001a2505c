"""The report's data: what stands in one table, what is selected, what is missing, and what is set apart."""

import json
import shutil
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orthoadapters.config.choices import choices
from orthoadapters.config.compose import compose_config
from orthoadapters.errors import UserError
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import AVERAGE, FILE, paper
from orthoadapters.report.collect.table import Row, Table
from orthoadapters.runs.results import Result, write_result
from tests.helpers.report_runs import ORT, UDPOS, attempted, finished


def only(runs: Path) -> Table:
    (table,) = build(runs).tables
    return table


def row(table: Table, label: str) -> Row:
    (found,) = (row for row in table.rows if row.label == label)
    return found


def states(row: Row) -> set[str]:
    return {cell.state for cell in row.scores.values()}


# The paper's tables


def test_the_papers_averages_are_the_means_of_its_columns() -> None:
    """Within rounding, all 21; so that a mistyped figure shows. English is no part of them and is pinned here."""
    english = {"xnli": "83.67 84.05 84.25 84.59 84.79 84.73 84.35", "udpos": "95.94 95.59 95.65 95.59 95.66 95.63 95.63",
               "wikiann": "82.98 83.41 82.87 82.33 82.86 82.44 82.63"}  # fmt: skip
    tables = yaml.load(FILE.read_text(), yaml.BaseLoader)["tables"]  # figures as text
    for task, table in tables.items():
        assert list(table["scores"]) == list(paper().variants)
        assert [scores[0] for scores in table["scores"].values()] == english[task].split()
        for variant, scores in table["scores"].items():
            targets = [Decimal(score) for score in scores[1:-1]]
            assert abs(sum(targets) / len(targets) - Decimal(scores[-1])) <= Decimal("0.005"), (task, variant)


def test_the_papers_rows_and_columns_are_those_of_conf() -> None:
    assert list(paper().tables) == ["xnli", "udpos", "wikiann"]
    for task, table in paper().tables.items():
        config = compose_config([f"task={task}"])
        assert (table.languages, table.metric) == (config.task.languages, config.task.metrics[0])
    assert list(paper().variants.values())[3:] == ["L-NOO+T-NOO", "L-NOO+T-ORT", "L-ORT+T-NOO", "L-ORT+T-ORT"]
    assert paper().score("wikiann", "f1", "en", "lort_tnoo", "ilo") == 0.7721
    assert paper().score("wikiann", "f1", "en", "lort_tnoo", AVERAGE) == 0.5899
    for other in (("wikiann", "f1_strict", "en"), ("wikiann", "f1", "tr"), ("other", "f1", "en")):
        assert paper().score(*other, "lort_tnoo", "ilo") is None


# Rows, columns, selection


def test_rows_and_columns_are_in_the_papers_order_and_what_is_missing_shows(tmp_path: Path) -> None:
    finished(tmp_path, "mine")
    finished(tmp_path, "t_noo", {"en": 0.9, "tr": 0.6, "ar": 0.5})
    table = only(tmp_path)
    assert [row.label for row in table.rows] == [*paper().variants.values(), "mine"]
    assert table.columns == ("en", "ar", "et", "hi", "tr", "zh", AVERAGE)
    assert row(table, "T-NOO").scores["tr"].value == 0.6
    assert [row(table, "T-NOO").scores[code].state for code in ("et", AVERAGE)] == ["missing", "missing"]
    assert row(table, "T-NOO").scores[AVERAGE].value is None
    assert states(row(table, "FULL-FT")) == {"missing"}
    assert row(table, "mine").scores[AVERAGE].value == pytest.approx(sum([0.66, 0.84, 0.7, 0.74, 0.35]) / 5)
    assert table.name == "udpos-tiny"


def test_languages_of_other_worlds_are_in_the_order_of_the_results(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", {"qsa": 0.9, "qtu": 0.5, "qel": 0.7}, source="qsa")
    table = only(tmp_path)
    assert table.columns == ("qsa", "qtu", "qel", AVERAGE)
    assert row(table, "T-NOO").scores[AVERAGE].value == pytest.approx(0.6)
    assert {cell.paper for cell in row(table, "T-NOO").scores.values()} == {None}


def test_averages_over_other_languages_than_the_papers_are_said_to_be(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", {"en": 0.9, "tr": 0.6, "ar": 0.5})
    table = only(tmp_path)
    cells = row(table, "T-NOO").scores
    assert (cells[AVERAGE].value, cells[AVERAGE].paper) == (pytest.approx(0.55), None)
    assert cells["tr"].difference == pytest.approx(0.6 - 0.7268)
    assert table.warnings == ("No selected run was tested on ET, HI, ZH: AVGz is over AR, TR and is not the paper's.",)


def test_another_source_language_has_no_numbers_of_the_paper(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", {"tr": 0.9, "en": 0.6, "ar": 0.5}, source="tr")
    table = only(tmp_path)
    assert table.columns == ("tr", "en", "ar", "et", "hi", "zh", AVERAGE)
    assert {cell.paper for cell in row(table, "T-NOO").scores.values()} == {None}
    assert row(table, "T-NOO").scores[AVERAGE].value == pytest.approx(0.55)


def test_the_grid_point_is_selected_on_source_dev_and_scored_over_its_seeds(tmp_path: Path) -> None:
    for seed, ar, tr in ((1, 0.3, 0.4), (0, 0.1, 0.5)):
        test = {"en": 0.9, "ar": ar, "tr": tr}
        chosen = finished(tmp_path, "t_ort", test, dev=0.8, seed=seed, epoch=seed + 4, name=f"run{-seed}")
    finished(tmp_path, "t_ort", {"en": 0.99, "ar": 0.9, "tr": 0.9}, dev=0.7, ort_lr=1e-6)
    found = row(only(tmp_path), "T-ORT")
    assert (found.point, found.seeds, found.epochs, found.dev) == ((1e-4, 1e-7), [0, 1], [4, 5], 0.8)
    assert found.points == [(1e-4, 1e-7), (1e-4, 1e-6)]
    ar, mean = found.scores["ar"], found.scores[AVERAGE]
    assert (ar.by_seed, ar.value, ar.std) == ((0.1, 0.3), pytest.approx(0.2), pytest.approx(0.2 / 2**0.5))
    assert (mean.by_seed, mean.std) == (pytest.approx((0.3, 0.35)), pytest.approx(0.05 / 2**0.5))
    assert ar.paths[0] == chosen
    assert mean.paths == ar.paths
    assert ar.n_sentences == 100


def test_the_oracle_is_chosen_by_target_dev_per_language_and_chooses_nothing_else(tmp_path: Path) -> None:
    one = finished(
        tmp_path, "t_noo", {"en": 0.9, "ar": 0.1, "tr": 0.2}, dev=0.8, target_dev={"en": 0.1, "ar": 0.1, "tr": 0.3}
    )
    other = finished(
        tmp_path,
        "t_noo",
        {"en": 0.8, "ar": 0.3, "tr": 0.4},
        dev=0.7,
        lr=5e-5,
        target_dev={"en": 0.2, "ar": 0.2, "tr": 0.2},
    )
    cells = row(only(tmp_path), "T-NOO").scores
    assert [cells[code].value for code in ("ar", "tr")] == [0.1, 0.2]
    oracle = {code: cells[code].oracle for code in ("en", "ar", "tr", AVERAGE)}
    assert oracle["en"] is None
    assert oracle["ar"] is not None
    assert (oracle["ar"].value, oracle["ar"].point, oracle["ar"].paths) == (0.3, (5e-5, None), (other,))
    assert oracle["tr"] is not None
    assert (oracle["tr"].value, oracle["tr"].paths) == (0.2, (one,))
    assert oracle[AVERAGE] is not None
    assert oracle[AVERAGE].value == 0.25
    finished(tmp_path, "t_noo", {"en": 0.8, "ar": 0.3, "tr": 0.4}, dev=0.7, lr=2e-5, target_dev={"en": 0.2, "ar": 0.2})
    cells = row(only(tmp_path), "T-NOO").scores
    assert cells["ar"].oracle is not None
    assert cells["tr"].oracle is None
    assert cells[AVERAGE].oracle is None


def test_the_oracle_is_of_the_same_seeds_as_the_score_above_it(tmp_path: Path) -> None:
    for seed, ar in ((0, 0.1), (1, 0.3)):
        finished(tmp_path, "t_noo", {"en": 0.9, "ar": ar, "tr": ar}, seed=seed, target_dev={"ar": 0.1, "tr": 0.1})
    for seed, ar in ((0, 0.4), (2, 0.9)):
        finished(tmp_path, "t_noo", {"en": 0.9, "ar": ar, "tr": ar}, seed=seed, dev=0.7, lr=5e-5,
                 target_dev={"ar": 0.2, "tr": 0.2})  # fmt: skip
    cells = row(only(tmp_path), "T-NOO").scores
    assert [cells[code].oracle for code in ("ar", "tr", AVERAGE)] == [None] * 3  # the other point lacks seed 1
    finished(tmp_path, "t_noo", {"en": 0.9, "ar": 0.6}, seed=1, dev=0.7, lr=5e-5, target_dev={"ar": 0.2})
    cells = row(only(tmp_path), "T-NOO").scores
    assert cells["ar"].oracle is not None
    assert (cells["ar"].oracle.value, cells["ar"].oracle.point) == (0.5, (5e-5, None))  # without seed 2
    assert [cells[code].oracle for code in ("tr", AVERAGE)] == [None] * 2


def test_all_seven_variants_with_their_real_choices_make_one_table(tmp_path: Path) -> None:
    for variant in paper().variants:
        for source in ("trained", "hub") if variant == "lnoo_tnoo" else ("trained",):
            config = compose_config(
                [f"variant={variant}", "task=xnli", "optim.lr=2e-5", f"language_adapters.source={source}"]
            )
            finished(tmp_path, variant, {"en": 0.9, "ar": 0.5}, task="xnli", choices=choices(config), lr=2e-5)
    table = only(tmp_path)
    assert [row.label for row in table.rows if "NOO+T-NOO" in row.label] == [
        "L-NOO+T-NOO [language_adapters.source=hub]", "L-NOO+T-NOO"
    ]  # fmt: skip
    assert len(table.rows) == 8
    assert all(row.selected for row in table.rows)


def test_rows_of_one_variant_with_other_bottlenecks_stand_apart(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", {**UDPOS, "ar": 0.1}, choices={"variant.task_reduction": 12})
    finished(tmp_path, "t_noo", {**UDPOS, "ar": 0.3}, choices={"variant.task_reduction": 24})
    table = only(tmp_path)
    for reduction, score in ((12, 0.1), (24, 0.3)):
        assert row(table, f"T-NOO [variant.task_reduction={reduction}]").scores["ar"].value == score


# What is set apart


def test_other_settings_backbones_tasks_and_tables_without_choices_are_apart(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", name="a")
    finished(tmp_path, "t_ort", name="b", choices={"data.limit_train": 100})
    finished(tmp_path, "t_noo", name="c", known=False)
    finished(tmp_path, "t_noo", name="d", backbone="other")
    finished(tmp_path, "t_noo", {"en": 0.8}, name="e", task="xnli")
    report = build(tmp_path)
    assert [(t.task, t.backbone) for t in report.tables] == [
        ("xnli", "tiny"), ("udpos", "other"), ("udpos", "tiny"), ("udpos", "tiny"), ("udpos", "tiny")
    ]  # fmt: skip
    assert len({table.name for table in report.tables}) == 5
    paths = [[str(run.path.name) for row in table.rows for run in row.candidates] for table in report.tables]
    assert paths == [["e"], ["d"], ["a"], ["b"], ["c"]]
    assert report.tables[3].distinctions["data.limit_train"] == 100
    assert report.tables[4].setting is None
    assert any("whether they were made in the same setting is not known" in text for text in report.tables[4].warnings)
    (problem,) = report.problems
    assert problem.startswith(
        "udpos, tiny: the runs stand in 3 tables, as they differ in data.limit_train, whether they recorded"
    )
    assert [table.backbone for table in build(tmp_path, "other").tables] == ["other"]
    with pytest.raises(UserError, match=r"holds no finished run of backbone third; it has runs of other, tiny"):
        build(tmp_path, "third")


@pytest.mark.parametrize("what", ["test-ar", "dev", "backbone"])
def test_runs_on_other_contents_are_apart(tmp_path: Path, what: str) -> None:
    finished(tmp_path, "t_noo", name="a")
    finished(tmp_path, "t_noo", name="b", lr=5e-5, inputs={what: "another"})
    finished(tmp_path, "t_ort", name="c", inputs={"adapter-en": "of another variant"})
    report = build(tmp_path)
    assert [[run.path.name for row in table.rows for run in row.candidates] for table in report.tables] == [
        ["a", "c"],
        ["b"],
    ]
    assert len({table.name for table in report.tables}) == 2
    assert (
        f"{tmp_path}/b and {tmp_path}/a had other contents of {what}: they stand in different tables" in report.problems
    )


@pytest.mark.parametrize("content", [None, "", "[]", "{cut", '{"test-en": "x"}'])
def test_a_run_that_does_not_say_what_it_was_tested_on_is_left_out(tmp_path: Path, content: str | None) -> None:
    finished(tmp_path, "t_noo", name="a")
    path = finished(tmp_path, "t_ort", name="b") / "inputs.json"
    path.unlink() if content is None else path.write_text(content)
    report = build(tmp_path)
    assert states(row(report.tables[0], "T-ORT")) == {"missing"}
    assert report.problems == (
        f"{tmp_path}/b is left out: its inputs.json does not say what it was tested on; bring that back",
    )


def test_damaged_and_newer_results_are_named_and_left_out(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", name="a")
    text = (finished(tmp_path, "t_noo", name="b", lr=5e-5, dev=0.99) / "result.json").read_text()
    found = json.loads(text)
    damaged = {
        "cut": text[: len(text) // 2], "empty": "", "list": "[]", "null": "null", "text": json.dumps(found | {"lr": "1e-4"}),
        "more": text.replace("0.66", "66"), "nan": text.replace("0.66", "NaN"), "true": text.replace("0.66", "true"),
        "test": json.dumps(found | {"test": [1]}), "none": json.dumps(found | {"test": None}),
        "running": json.dumps(found | {"status": "running"}), "seed": json.dumps(found | {"seed": 0.5}),
        "half": text.replace('"n": 100', '"n": 99.5'), "no-n": text.replace('"n": 100', '"n": 0'),
        "zero": json.dumps(found | {"lr": 0.0}), "inf": json.dumps(found | {"lr": float("inf")}),
        "minus": json.dumps(found | {"ort_lr": -1e-7}), "ort": json.dumps(found | {"ort_lr": float("nan")}),
    }  # fmt: skip
    for name, content in damaged.items():
        shutil.copytree(tmp_path / "b", tmp_path / name)
        (tmp_path / name / "result.json").write_text(content)
    (tmp_path / "b" / "result.json").write_text(json.dumps(found | {"schema_version": 2, "more": 0}))
    report = build(tmp_path)
    assert [run.path.name for run in row(report.tables[0], "T-NOO").candidates] == ["a"]
    for name in damaged:
        assert any(
            problem.startswith(f"{tmp_path}/{name}/result.json is left out: it is damaged")
            for problem in report.problems
        )
    assert any(
        problem.startswith(f"{tmp_path}/b/result.json is left out: its schema 2 is newer")
        for problem in report.problems
    )
    assert len(report.problems) == len(damaged) + 1


def test_duplicates_are_counted_once_if_equal_and_left_out_if_not(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", name="a", dev=0.5)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    report = build(tmp_path)
    assert len(row(report.tables[0], "T-NOO").candidates) == 1
    assert report.problems == (f"{tmp_path}/b has the same scores as {tmp_path}/a: it is counted once",)
    finished(tmp_path, "t_noo", {**UDPOS, "ar": 0.67}, name="c", dev=0.5)
    finished(tmp_path, "t_noo", name="d", lr=5e-5, dev=0.4)
    report = build(tmp_path)
    assert [run.path.name for run in row(report.tables[0], "T-NOO").candidates] == ["d"]
    assert (
        f"{tmp_path}/a, {tmp_path}/b, {tmp_path}/c are of the same cell (variant, lr, ort lr, seed) and have different"
        in (report.problems[-1])
    )
    shutil.rmtree(tmp_path / "d")
    assert build(tmp_path).tables == ()


@pytest.mark.parametrize("other", [{"dev": 0.6}, {"epoch": 4}, {"target_dev": {"ar": 0.2}}])
def test_duplicates_that_were_selected_otherwise_are_left_out(tmp_path: Path, other: dict[str, Any]) -> None:
    same: dict[str, Any] = {"dev": 0.5, "epoch": 3, "target_dev": {"ar": 0.1}}
    finished(tmp_path, "t_noo", name="a", **same)
    finished(tmp_path, "t_noo", name="b", **(same | other))
    report = build(tmp_path)
    assert report.tables == ()
    assert "have different scores" in report.problems[0]


def test_one_cell_tested_on_its_languages_in_two_runs_is_one(tmp_path: Path) -> None:
    a = finished(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5}, name="a")
    b = finished(tmp_path, "t_noo", {"en": 0.9, "tr": 0.7}, name="b")
    report = build(tmp_path)
    cells = row(report.tables[0], "T-NOO").scores
    assert (cells["ar"].paths, cells["tr"].paths, cells[AVERAGE].paths) == ((a,), (b,), (a, b))
    assert cells[AVERAGE].value == pytest.approx(0.6)
    assert report.problems == ()
    finished(tmp_path, "t_noo", {"en": 0.8, "zh": 0.7}, name="c")
    assert build(tmp_path).tables == ()


# Failed, unfinished, and what to know before comparing


def test_failed_and_unfinished_cells_show(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5})
    attempted(tmp_path, "t_noo", failed=True, seed=1)
    failed = attempted(tmp_path, "t_ort", failed=True)
    attempted(tmp_path, "t_ort", failed=False, seed=1)
    unfinished = attempted(tmp_path, "lort_tort", failed=False)
    attempted(tmp_path, "sw-ort", failed=True, task="mlm")
    (tmp_path / "elsewhere" / "checkpoints").mkdir(parents=True)
    report = build(tmp_path)
    (table,) = report.tables
    assert states(row(table, "T-ORT")) == {"failed"}
    assert states(row(table, "L-ORT+T-ORT")) == {"unfinished"}
    assert states(row(table, "L-NOO+T-NOO")) == {"missing"}
    assert row(table, "T-NOO").scores["ar"].state == "scored"
    assert row(table, "T-NOO").scores["zh"].state == "missing"
    assert "T-NOO was selected while 1 of its runs is failed." in table.warnings
    assert f"{failed} failed; its failed.txt says why" in report.problems
    assert f"{unfinished} is unfinished, or under way" in report.problems
    assert (
        f"{tmp_path}/elsewhere is unfinished, and its name does not say of which cell: it is in no table"
        in report.problems
    )
    assert len(report.problems) == 6


def test_a_failed_run_is_of_the_setting_that_its_configuration_has(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo")
    finished(tmp_path, "t_noo", choices={"data.limit_train": 100})
    config = {"stage": "task", "task": {"name": "udpos"}, "backbone": {"path": "FacebookAI/xlm-roberta-base"},
              "trainer": {"max_epochs": 50}, "source_language": "en",
              "data": {"limit_train": 100, "limit_test": None}}  # fmt: skip
    attempted(tmp_path, "t_ort", failed=True, config=config)
    attempted(tmp_path, "full_ft", failed=True)  # of which setting is not known: of none
    found = {t.distinctions["data.limit_train"]: t for t in build(tmp_path).tables}
    assert states(row(found[100], "T-ORT")) == {"failed"}
    for table, label in ((found[None], "T-ORT"), (found[None], "FULL-FT"), (found[100], "FULL-FT")):
        assert states(row(table, label)) == {"missing"}


def test_only_the_languages_of_a_failed_run_failed(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo")
    config = {"stage": "task", "task": {"name": "udpos", "languages": ["en", "ar", "tr", "zh"]}, "source_language": "en",
              "backbone": {"path": "FacebookAI/xlm-roberta-base"}, "trainer": {"max_epochs": 50},
              "data": {"limit_train": None, "limit_test": None}}  # fmt: skip
    attempted(tmp_path, "t_ort", failed=True, config=config | {"languages": ["ar"]})
    attempted(tmp_path, "full_ft", failed=True, config=config | {"languages": None})
    table = only(tmp_path)
    for label, languages in (("T-ORT", {"en", "ar"}), ("FULL-FT", {"en", "ar", "tr", "zh"})):
        found = {language for language, cell in row(table, label).scores.items() if cell.state == "failed"}
        assert found == languages | {AVERAGE}


def test_warnings_name_what_makes_rows_unlike(tmp_path: Path) -> None:
    def adapters(kind: str, source: str, sha256: str) -> dict[str, dict[str, str]]:
        return {"en": {"kind": kind, "source": source, "path": "p", "sha256": sha256}}

    finished(tmp_path, "lnoo_tnoo", adapters=adapters("noo", "hub", "1"))
    finished(tmp_path, "lort_tnoo", lr=5e-5, adapters=adapters("ort", "trained", "2"), dev=0.1)
    finished(tmp_path, "lort_tnoo", adapters=adapters("ort", "trained", "2"), provenance={"git_dirty": True})
    finished(tmp_path, "lort_tnoo", seed=1, adapters=adapters("ort", "trained", "3"), provenance={"git_commit": "beef"})
    finished(tmp_path, "t_ort", choices={"optim.ort_eps": 1e-8})
    finished(tmp_path, "lort_tort", choices={"optim.ort_eps": 1e-12}, adapters=adapters("ort", "trained", "2"))
    trained = Result("m", "m", "mlm", None, "lort_tnoo", "tiny", 0, 1e-4, 1e-7, {"en": {"mlm_loss": 2.5, "n": 4}},
                     adapters("ort", "trained", "2"), {"steps": 400})  # fmt: skip
    write_result(tmp_path / "m" / "result.json", trained)
    assert list(only(tmp_path).warnings) == [
        "Selected on different numbers of grid points: L-NOO+T-NOO 1, L-ORT+T-NOO 2.",
        "Selected among different values of lr: T-ORT 0.0001, L-NOO+T-NOO 0.0001, L-ORT+T-NOO 5e-05/0.0001, "
        "L-ORT+T-ORT 0.0001.",
        "Means are over different numbers of seeds: T-ORT 1, L-NOO+T-NOO 1, L-ORT+T-NOO 2, L-ORT+T-ORT 1.",
        "Language adapters of different provenance are compared: L-NOO+T-NOO hub, L-ORT+T-NOO trained, L-ORT+T-ORT trained.",
        "Language adapters of L-NOO+T-NOO, L-ORT+T-NOO are not known to be trained as the others were (batch size, "
        "iterations, corpus): their training is not in RUNS_DIR.",
        "Not all runs used the same language adapter for en (ort).",
        "Rows differ in optim.ort_eps: T-ORT 1e-08, L-ORT+T-ORT 1e-12.",
        "1 of 5 selected runs were made by code with changes that no commit holds.",
        "The selected runs were made by different commits: c0ffee00, beef.",
    ]


def test_rows_with_two_losses_are_told_apart_by_the_losses_names(tmp_path: Path) -> None:
    finished(tmp_path, "t_ort")
    finished(tmp_path, "t_ort", choices={"orthogonality.loss": "mine"})
    label = "T-ORT [orthogonality.loss=mine]"
    assert f"Rows differ in orthogonality.loss: {label} mine, T-ORT cosine." in only(tmp_path).warnings


def with_trained_adapter(runs: Path, variant: str, sha256: str, steps: int | None = 400, **choices: Any) -> None:
    """A run of the task stage, and that of the MLM stage behind its adapter; without steps the former alone."""
    kind = "ort" if variant.startswith("lort") else "noo"
    adapters = {"en": {"kind": kind, "source": "trained", "path": "p", "sha256": sha256}}
    finished(runs, variant, adapters=adapters)
    if steps is not None:
        made = {"mlm.batch_size": 8, "corpus.source": "wikipedia", "optim.lr": 1e-4, "variant.language_adapter": kind}
        made |= {"language.code": "en"} | ({"optim.ort_lr": 1e-7} if kind == "ort" else {}) | choices
        trained = Result(sha256, "m", "mlm", None, variant, "tiny", 0, 1e-4, None, {"en": {"mlm_loss": 2.5, "n": 4}},
                         adapters, {"steps": steps}, choices=made)  # fmt: skip
        write_result(runs / sha256 / "result.json", trained)


def test_language_adapters_that_were_trained_otherwise_are_named(tmp_path: Path) -> None:
    with_trained_adapter(tmp_path, "lnoo_tnoo", "1")
    with_trained_adapter(tmp_path, "lort_tnoo", "2")
    assert only(tmp_path).warnings == ()
    with_trained_adapter(tmp_path, "lort_tort", "3", steps=500, **{"mlm.batch_size": 64})
    assert list(only(tmp_path).warnings)[:-1] == [
        f"Language adapters were trained with different {key}: L-NOO+T-NOO {a}, L-ORT+T-NOO {a}, L-ORT+T-ORT {b}."
        for key, a, b in (("iterations", 400, 500), ("mlm.batch_size", 8, 64))
    ]


def test_language_adapters_whose_training_is_not_there_are_named(tmp_path: Path) -> None:
    with_trained_adapter(tmp_path, "lnoo_tnoo", "1", steps=None)
    with_trained_adapter(tmp_path, "lort_tnoo", "2", steps=None)
    (warning,) = only(tmp_path).warnings
    assert warning.startswith("How the language adapters of L-NOO+T-NOO, L-ORT+T-NOO were trained (batch size,")
    assert warning.endswith("their training is not in RUNS_DIR.")


def test_cells_of_fewer_seeds_than_their_row_are_named(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5, "tr": 0.5})
    finished(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5}, seed=1)
    assert "Not all of T-NOO is of its 2 seeds: TR 1, AVGz 1." in only(tmp_path).warnings


def test_grids_of_one_size_and_other_values_are_named(tmp_path: Path) -> None:
    finished(tmp_path, "t_noo", lr=5e-5)
    finished(tmp_path, "t_ort", ort_lr=1e-7)
    finished(tmp_path, "lnoo_tort", ort_lr=1e-6)
    assert list(only(tmp_path).warnings) == [
        "Selected among different values of lr: T-NOO 5e-05, T-ORT 0.0001, L-NOO+T-ORT 0.0001.",
        "Selected among different values of ort lr: T-ORT 1e-07, L-NOO+T-ORT 1e-06.",
    ]


def test_runs_of_unknown_code_are_counted(tmp_path: Path) -> None:
    finished(tmp_path, "full_ft")
    finished(tmp_path, "t_noo", provenance={"git_commit": None})
    finished(tmp_path, "t_ort", provenance={"git_dirty": None})
    assert list(only(tmp_path).warnings) == [
        "2 of 3 selected runs do not tell by what code they were made, a commit's or a changed one."
    ]


@pytest.mark.parametrize(
    ("data", "split"),
    [({"data.source": "hub"}, True), ({"data.source": "conllu", "data.fuse_multiword": False}, True),
     ({"data.source": "conllu", "data.fuse_multiword": True}, False), ({"data.source": "xtreme"}, False)],
)  # fmt: skip
def test_test_sets_of_other_words_than_the_papers_are_named(tmp_path: Path, data: dict[str, Any], split: bool) -> None:
    finished(tmp_path / "udpos", choices=data)
    finished(tmp_path / "xnli", test={"en": 0.9, "ar": 0.5}, task="xnli", choices=data)
    told = [text for text in only(tmp_path / "udpos").warnings if "syntactic words" in text]
    assert [text.partition(": ")[2][:25] for text in told] == ["AR and TR differ from the"] * split
    assert not any("syntactic words" in text for text in only(tmp_path / "xnli").warnings)


def test_another_backbone_than_the_papers_is_no_replication(tmp_path: Path) -> None:
    finished(tmp_path, backbone="google/mbert", name="a")
    (warning,) = only(tmp_path).warnings
    assert warning.startswith(
        "The backbone is google/mbert, the paper's is FacebookAI/xlm-roberta-base: differences to"
    )


def test_alike_rows_have_no_warnings(tmp_path: Path) -> None:
    for variant in paper().variants:
        finished(tmp_path, variant, dev=0.8)
        if variant in ORT:
            finished(tmp_path, variant, ort_lr=1e-6)  # a larger grid by design
    report = build(tmp_path)
    assert (report.tables[0].warnings, report.problems) == ((), ())


SCORES = st.fixed_dictionaries({"en": st.floats(0, 1)}, optional={code: st.floats(0, 1) for code in ("ar", "et", "qu")})


@given(st.dictionaries(st.sampled_from(["t_noo", "t_ort", "mine"]), SCORES, min_size=1))
def test_every_number_is_a_runs_own_or_the_mean_of_them(
    tmp_path_factory: pytest.TempPathFactory, tests: dict[str, dict[str, float]]
) -> None:
    runs = tmp_path_factory.mktemp("runs")
    for variant, test in tests.items():
        finished(runs, variant, test)
    table = only(runs)
    targets = {code for test in tests.values() for code in test if code != "en"}
    assert {*table.targets} == targets
    for found in table.rows:
        test = tests.get(found.variant, {})
        assert {code: cell.value for code, cell in found.scores.items() if cell.by_seed and code != AVERAGE} == test
        full = bool(targets) and targets <= test.keys()
        expected = pytest.approx(sum(test[code] for code in targets) / len(targets)) if full else None
        assert found.scores[AVERAGE].value == expected


def test_the_order_of_folders_changes_no_number(tmp_path: Path) -> None:
    for name, lr in (("a", 1e-4), ("b", 5e-5), ("c", 7e-5)):
        finished(tmp_path / "one", "t_noo", {**UDPOS, "ar": lr * 1000}, name=name, lr=lr)
        finished(
            tmp_path / "two", "t_noo", {**UDPOS, "ar": lr * 1000}, name={"a": "c", "b": "a", "c": "b"}[name], lr=lr
        )
    values = [
        {code: cell.value for code, cell in row(only(tmp_path / name), "T-NOO").scores.items()}
        for name in ("one", "two")
    ]
    assert values[0] == values[1]
    assert values[0]["ar"] == 0.05  # equal on dev: the smaller lr
    assert asdict(row(only(tmp_path / "one"), "T-NOO"))["label"] == "T-NOO"
