"""Which runs stand in one table, and which are left out."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from orthoadapters.errors import UserError
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import AVERAGE
from tests.helpers.report_runs import UDPOS, row_of, states, write_run


def test_other_settings_backbones_tasks_and_tables_without_choices_are_apart(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", name="a")
    write_run(tmp_path, "t_ort", name="b", choices={"data.limit_train": 100})
    write_run(tmp_path, "t_noo", name="c", known=False)
    write_run(tmp_path, "t_noo", name="d", backbone="other")
    write_run(tmp_path, "t_noo", {"en": 0.8}, name="e", task="xnli")
    report = build(tmp_path)
    assert [(t.task, t.backbone) for t in report.tables] == [
        ("xnli", "tiny"),
        ("udpos", "other"),
        ("udpos", "tiny"),
        ("udpos", "tiny"),
        ("udpos", "tiny"),
    ]
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
    with pytest.raises(UserError, match=r"holds no finished run of backbone 'third'; it has runs of other, tiny"):
        build(tmp_path, "third")


@pytest.mark.parametrize("what", ["test-ar", "dev", "backbone"])
def test_runs_on_other_contents_are_apart(tmp_path: Path, what: str) -> None:
    write_run(tmp_path, "t_noo", name="a")
    write_run(tmp_path, "t_noo", name="b", lr=5e-5, inputs={what: "another"})
    write_run(tmp_path, "t_ort", name="c", inputs={"adapter-en": "of another variant"})
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
    write_run(tmp_path, "t_noo", name="a")
    path = write_run(tmp_path, "t_ort", name="b") / "inputs.json"
    path.unlink() if content is None else path.write_text(content)
    report = build(tmp_path)
    assert states(row_of(report.tables[0], "T-ORT")) == {"missing"}
    assert report.problems == (
        f"{tmp_path}/b is left out: its inputs.json does not say what it was tested on; bring that back",
    )


def test_damaged_and_newer_results_are_named_and_left_out(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", name="a")
    text = (write_run(tmp_path, "t_noo", name="b", lr=5e-5, dev=0.99) / "result.json").read_text()
    fields = json.loads(text)
    cases = {
        "cut": text[: len(text) // 2],
        "empty": "",
        "list": "[]",
        "null": "null",
        "text": json.dumps(fields | {"lr": "1e-4"}),
        "more": text.replace("0.66", "66"),
        "nan": text.replace("0.66", "NaN"),
        "true": text.replace("0.66", "true"),
        "test": json.dumps(fields | {"test": [1]}),
        "none": json.dumps(fields | {"test": None}),
        "running": json.dumps(fields | {"status": "running"}),
        "seed": json.dumps(fields | {"seed": 0.5}),
        "half": text.replace('"n": 100', '"n": 99.5'),
        "no-n": text.replace('"n": 100', '"n": 0'),
        "zero": json.dumps(fields | {"lr": 0.0}),
        "inf": json.dumps(fields | {"lr": float("inf")}),
        "minus": json.dumps(fields | {"ort_lr": -1e-7}),
        "ort": json.dumps(fields | {"ort_lr": float("nan")}),
    }
    for name, content in cases.items():
        shutil.copytree(tmp_path / "b", tmp_path / name)
        (tmp_path / name / "result.json").write_text(content)
    (tmp_path / "b" / "result.json").write_text(json.dumps(fields | {"schema_version": 2, "more": 0}))
    report = build(tmp_path)
    assert [run.path.name for run in row_of(report.tables[0], "T-NOO").candidates] == ["a"]
    for name in cases:
        assert any(
            problem.startswith(f"{tmp_path}/{name}/result.json is left out: it is damaged")
            for problem in report.problems
        )
    assert any(
        problem.startswith(f"{tmp_path}/b/result.json is left out: its schema 2 is newer")
        for problem in report.problems
    )
    assert len(report.problems) == len(cases) + 1


def test_duplicates_are_counted_once_if_equal_and_left_out_if_not(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", name="a", dev=0.5)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    report = build(tmp_path)
    assert len(row_of(report.tables[0], "T-NOO").candidates) == 1
    assert report.problems == (f"{tmp_path}/b has the same scores as {tmp_path}/a: it is counted once",)
    write_run(tmp_path, "t_noo", {**UDPOS, "ar": 0.67}, name="c", dev=0.5)
    write_run(tmp_path, "t_noo", name="d", lr=5e-5, dev=0.4)
    report = build(tmp_path)
    assert [run.path.name for run in row_of(report.tables[0], "T-NOO").candidates] == ["d"]
    assert (
        f"{tmp_path}/a, {tmp_path}/b, {tmp_path}/c are of the same cell (variant, lr, ort lr, seed) and have different"
        in (report.problems[-1])
    )
    shutil.rmtree(tmp_path / "d")
    assert build(tmp_path).tables == ()


@pytest.mark.parametrize("other", [{"dev": 0.6}, {"epoch": 4}, {"target_dev": {"ar": 0.2}}])
def test_duplicates_that_were_selected_otherwise_are_left_out(tmp_path: Path, other: dict[str, Any]) -> None:
    same: dict[str, Any] = {"dev": 0.5, "epoch": 3, "target_dev": {"ar": 0.1}}
    write_run(tmp_path, "t_noo", name="a", **same)
    write_run(tmp_path, "t_noo", name="b", **(same | other))
    report = build(tmp_path)
    assert report.tables == ()
    assert "have different scores" in report.problems[0]


def test_one_cell_tested_on_its_languages_in_two_runs_is_one(tmp_path: Path) -> None:
    a = write_run(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5}, name="a")
    b = write_run(tmp_path, "t_noo", {"en": 0.9, "tr": 0.7}, name="b")
    report = build(tmp_path)
    scores = row_of(report.tables[0], "T-NOO").scores
    assert (scores["ar"].paths, scores["tr"].paths, scores[AVERAGE].paths) == ((a,), (b,), (a, b))
    assert scores[AVERAGE].value == pytest.approx(0.6)
    assert report.problems == ()
    write_run(tmp_path, "t_noo", {"en": 0.8, "zh": 0.7}, name="c")
    assert build(tmp_path).tables == ()
