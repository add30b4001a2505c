"""Evaluations in the report: rows and columns of their own, with a mark, and nothing else changes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.table import Report, Table
from orthoadapters.report.output import write
from orthoadapters.report.pictures.gallery import draw_pictures
from orthoadapters.report.printed.formats import latex, markdown
from orthoadapters.report.printed.records import scores_csv
from orthoadapters.report.printed.tables import Extras, printed_scores, printed_selection
from orthoadapters.report.statistics.analysis import analyse
from orthoadapters.runs.evaluations import EvaluationRecord, find_evaluations, write_evaluation
from orthoadapters.runs.results import read_result
from tests.helpers.report_runs import write_run

EVERYTHING = Extras(paper=True, seeds=True, oracle=True, sizes=True)
ADAPTER = {"name": "pos", "sha256": "5eed" * 16}


def evaluation(folder: Path, scores: dict[str, float], run: Path | None, *changes: str, **fields: Any) -> Path:
    """Writes an evaluation of a run, or of a task adapter from elsewhere. fields: those of its record."""
    result = None if run is None else read_result(run / "result.json")
    inputs = {"backbone": "b"} | {f"test-{code}": f"of {code}" for code in scores} | fields.pop("inputs", {})
    record = EvaluationRecord(
        **{
            "run": None if result is None else result.run,
            "fingerprint": "" if result is None else result.fingerprint,
            "elsewhere": ADAPTER if result is None else None,
            "task": "udpos",
            "variant": "lnoo_tnoo",
            "backbone": "tiny",
            "source": "en",
            "metric": "f1",
            "test": {code: {"f1": score, "n": 50} for code, score in scores.items()},
            "target_dev": {},
            "adapters": {code: {"kind": "noo", "source": "hub", "path": "p", "sha256": "a"} for code in scores},
            "inputs": inputs,
            "provenance": {"overrides": [f"languages=[{','.join(scores)}]", "plan=false", *changes]},
            "choices": {"stage": "task", "task.name": "udpos"},
        }
        | fields
    )
    folder = (folder if run is None else run) / "evaluations" / f"{'-'.join(scores)}-{len(changes)}"
    write_evaluation(folder, record)
    return folder


def only(report: Report) -> Table:
    (table,) = report.tables
    return table


def lines(table: Table) -> list[str]:
    return [line for line in markdown(printed_scores(table, EVERYTHING)).splitlines() if line.startswith("|")]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two seeds of MAD-X and one run of T-NOO."""
    for seed in (0, 1):
        write_run(tmp_path / "runs", "lnoo_tnoo", seed=seed)
    write_run(tmp_path / "runs", "t_noo")
    return tmp_path / "runs"


def run_of(runs: Path, seed: int) -> Path:
    (path,) = runs.rglob(f"lnoo_tnoo/*-seed{seed}-*/result.json")
    return path.parent


def test_scores_stand_in_marked_rows_and_columns_and_nothing_else_changes(runs: Path) -> None:
    before = only(build(runs))
    for seed, score in ((0, 0.5), (1, 0.6)):
        evaluation(runs, {"qu": score, "ar": 0.99}, run_of(runs, seed))
    table = only(build(runs))
    assert (table.rows, table.columns, table.targets) == (before.rows, before.columns, before.targets)
    assert (table.warnings, printed_selection(table)) == (before.warnings, printed_selection(before))
    assert analyse(table, 50).comparisons == analyse(before, 50).comparisons
    (row,) = table.evaluations
    assert row.note == "L-NOO+T-NOO †1 (seeds 0, 1): further languages."
    assert row.scores["qu"].value == pytest.approx(0.55)
    assert table.further_languages == ("qu",)
    printed = lines(table)
    assert len({line.count("|") for line in printed}) == 1
    assert "AVGz |" in printed[0]
    assert printed[0].endswith("QU † |")
    (own,) = [line for line in printed if "†1" in line]
    cells = [cell.strip() for cell in own.split("|")[2:-1]]
    assert cells == ["—", "99.00 ± 0.00 (2)", "—", "—", "—", "—", "—", "55.00 ± 7.07 (2)"]
    # The best of Arabic is still the best run.
    assert [line for line in printed if "**" in line or "<u>" in line] == [
        line for line in printed if "66.00" in line and "†" not in line
    ]
    assert "selects nothing" in markdown(printed_scores(table, Extras()))


def test_what_was_read_tells_rows_apart(runs: Path) -> None:
    run = run_of(runs, 0)
    evaluation(runs, {"ar": 0.5}, run)
    evaluation(runs, {"ar": 0.4}, run, "data.root=DIR", inputs={"test-ar": "another"})
    evaluation(runs, {"qu": 0.4}, run_of(runs, 1), "data.root=DIR")
    rows = only(build(runs)).evaluations
    assert [(list(row.scores), row.subject) for row in rows] == [
        (["ar"], "further languages"), (["ar", "qu"], "data.root=DIR"),
    ]  # fmt: skip


def test_another_run_in_its_place_takes_no_evaluation_over(runs: Path) -> None:
    path = evaluation(runs, {"ar": 0.5}, run_of(runs, 0), fingerprint="of another")
    lost = runs / "nowhere" / "evaluations" / path.name
    shutil.copytree(path, lost)
    damaged = evaluation(runs, {"tr": 0.5}, run_of(runs, 1)) / "evaluation.json"
    whole = json.loads(damaged.read_text())
    vast = whole | {"test": {"tr": {"f1": 0.5, "n": 2**63}}}
    others = [whole | {"run": None, "elsewhere": value} for value in ({}, {"name": "x"}, "x", 1.5, None)]
    others += [whole | {"test": {"tr": {"accuracy": 0.5, "n": 2}}}, whole | {"provenance": {"overrides": 3}}]
    for content in (
        b"{",
        b'{"schema_version": 1}',
        *(json.dumps(one).encode() for one in ({"schema_version": 2}, vast, *others)),
    ):
        damaged.write_bytes(content)
        report = build(runs)
        assert only(report).evaluations == ()
        problems = " ".join(report.problems)
        assert f"{path} is left out: it was made of another run" in problems
        assert f"{lost} is left out: no table has the run that it belongs to" in problems
        assert f"{damaged.parent} is left out" in problems


def test_a_task_adapter_from_elsewhere_stands_in_the_table_that_read_the_same_test_sets(runs: Path) -> None:
    evaluation(runs / "elsewhere", {"en": 0.9, "ar": 0.6}, None)
    (row,) = only(build(runs)).evaluations
    assert row.note.endswith(
        "†1: task adapter 'pos' that was trained elsewhere (SHA-256 5eed5eed), language adapters: hub."
    )
    evaluation(runs / "other", {"ar": 0.6}, None, inputs={"test-ar": "another"})
    assert [len(table.evaluations) for table in build(runs).tables] == [1, 1]


def test_a_report_of_adapters_from_elsewhere_alone_has_all_its_files(tmp_path: Path) -> None:
    evaluation(tmp_path / "runs" / "elsewhere", {"ar": 0.6}, None)
    report = build(tmp_path / "runs")
    table = only(report)
    out = tmp_path / "report"
    analysis = analyse(table, 50)
    write(report, [analysis], draw_pictures(report, [analysis]), out, EVERYTHING)
    page = (out / "report.html").read_text()
    assert "scored afterwards, without training" in page
    assert "60.00" in page
    assert r"AR \textdagger{}" in latex(printed_scores(table, Extras()))
    assert ",ar,evaluated,0.6," in scores_csv(table)


def test_an_evaluation_behind_a_link_is_read_once(tmp_path: Path) -> None:
    folder = evaluation(tmp_path / "scratch" / "a", {"sw": 0.5}, None)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "scratch")
    (tmp_path / "scratch" / "back").symlink_to(tmp_path / "runs")
    records, problems = find_evaluations(tmp_path / "runs")
    assert [path for path, _ in records] == [tmp_path / "runs" / "link" / folder.relative_to(tmp_path / "scratch")]
    assert problems == []
