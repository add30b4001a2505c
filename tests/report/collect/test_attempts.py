"""Failed and unfinished runs, and the table, row and languages that they are of."""

from pathlib import Path
from typing import Any

import pytest

from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.collect.settings import has_no_other_choice
from tests.helpers.report_runs import only_table, row_of, states, write_attempt, write_run


def test_failed_and_unfinished_cells_show(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5})
    write_attempt(tmp_path, "t_noo", failed=True, seed=1)
    failed = write_attempt(tmp_path, "t_ort", failed=True)
    write_attempt(tmp_path, "t_ort", failed=False, seed=1)
    attempt = write_attempt(tmp_path, "lort_tort", failed=False)
    write_attempt(tmp_path, "sw-ort", failed=True, task="mlm")
    (tmp_path / "elsewhere" / "checkpoints").mkdir(parents=True)
    report = build(tmp_path)
    (table,) = report.tables
    assert states(row_of(table, "T-ORT")) == {"failed"}
    assert states(row_of(table, "L-ORT+T-ORT")) == {"unfinished"}
    assert states(row_of(table, "L-NOO+T-NOO")) == {"missing"}
    assert row_of(table, "T-NOO").scores["ar"].state == "scored"
    assert "zh" not in table.columns
    assert "T-NOO was selected while 1 of its runs is failed." in table.warnings
    assert f"{failed} failed; its failed.txt says why" in report.problems
    assert f"{attempt} is unfinished, or under way" in report.problems
    assert (
        f"{tmp_path}/elsewhere is unfinished, and its name does not say of which cell: it is in no table"
        in report.problems
    )
    assert len(report.problems) == 6


def test_a_failed_run_is_of_the_setting_that_its_configuration_has(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo")
    write_run(tmp_path, "t_noo", choices={"data.limit_train": 100})
    config = {
        "stage": "task",
        "task": {"name": "udpos"},
        "backbone": {"path": "FacebookAI/xlm-roberta-base"},
        "trainer": {"max_epochs": 50},
        "source_language": "en",
        "data": {"limit_train": 100, "limit_test": None},
    }
    write_attempt(tmp_path, "t_ort", failed=True, config=config)
    write_attempt(tmp_path, "full_ft", failed=True)  # of which setting is not known: of none
    matches = {t.distinctions["data.limit_train"]: t for t in build(tmp_path).tables}
    assert states(row_of(matches[100], "T-ORT")) == {"failed"}
    for table, label in ((matches[None], "T-ORT"), (matches[None], "FULL-FT"), (matches[100], "FULL-FT")):
        assert states(row_of(table, label)) == {"missing"}


@pytest.mark.parametrize(
    ("key", "value", "is_of_the_row"),
    [
        ("transfer", {"train_under": ["en", "ar"]}, False),
        ("unfreeze", {"per": "epoch", "every": 1}, False),
        ("domain", {"name": "reviews", "kind": "noo"}, False),
        ("ort", {"every": 1, "share_forward": False, "joint": 0.5}, False),
        ("orthogonality", {"loss": "weights"}, False),
        ("variant", {"task_adapter": "ort", "leave_out": [11]}, False),
        ("transfer", {"under": ["target", "none"], "train_under": "source", "weights": None}, True),
        ("unfreeze", {"per": None, "every": 3}, True),
        ("domain", {"name": None, "kind": "ort"}, True),
    ],
)
def test_an_unfinished_run_of_a_choice_beyond_the_paper_is_not_one_of_the_plain_row(
    key: str, value: dict[str, Any], is_of_the_row: bool
) -> None:
    config = {"variant": {"task_adapter": "ort"}} | {key: value}
    row = {"variant.task_adapter": "ort", "optim.ort_eps": 1e-8}
    assert has_no_other_choice(config, row) is is_of_the_row
    # What a variant without L_ORT does not read is no choice of it.
    if key in ("ort", "orthogonality"):
        assert has_no_other_choice(config | {"variant": {"task_adapter": "noo"}}, row)


def test_only_the_languages_of_a_failed_run_failed(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo")
    config = {
        "stage": "task",
        "task": {"name": "udpos", "languages": ["en", "ar", "tr", "zh"]},
        "source_language": "en",
        "backbone": {"path": "FacebookAI/xlm-roberta-base"},
        "trainer": {"max_epochs": 50},
        "data": {"limit_train": None, "limit_test": None},
    }
    write_attempt(tmp_path, "t_ort", failed=True, config=config | {"languages": ["ar"]})
    write_attempt(tmp_path, "full_ft", failed=True, config=config | {"languages": None})
    write_attempt(tmp_path, "lnoo_tnoo", failed=False, config=config | {"languages": ["de"]})
    table = only_table(tmp_path)
    assert "de" in table.columns  # a column for what is under way
    for label, languages in (("T-ORT", {"en", "ar"}), ("FULL-FT", {"en", "ar", "tr", "zh"})):
        matches = {language for language, score in row_of(table, label).scores.items() if score.state == "failed"}
        assert matches == languages | {AVERAGE}
