"""One way to read result.json, and one sentence for a record that cannot be read."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from orthoadapters.config.compose import compose_config
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import Result, Selection, find_results, read_result, read_results, write_result
from orthoadapters.runs.terminal import show, show_together

RESULT = Result(
    run="tiny/udpos/t_noo/a",
    fingerprint="f",
    stage="task",
    task="udpos",
    variant="t_noo",
    backbone="tiny",
    seed=0,
    lr=1e-4,
    ort_lr=None,
    test={"en": {"f1": 0.5, "n": 2}, "tr": {"f1": 0.25, "n": 3}},
    adapters={},
    provenance={},
    selection=Selection("en", "dev", "f1", 0.75, 2, [{"epoch": 2, "f1": 0.75}]),
    avg_zero_shot={"f1": 0.25},
)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_result(tmp_path / "result.json", RESULT)
    assert read_result(tmp_path / "result.json") == RESULT
    record = json.loads((tmp_path / "result.json").read_text())
    for later in ("choices", "target_dev", "layer_cos2"):  # earlier versions did not write these
        del record[later]
    (tmp_path / "result.json").write_text(json.dumps(record))
    assert read_result(tmp_path / "result.json") == RESULT


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"status": "running"}, "it is damaged"),
        ({"seed": 0.5}, "it is damaged"),
        ({"lr": 0}, "it is damaged"),
        ({"ort_lr": float("nan")}, "it is damaged"),
        ({"variant": None}, "it is damaged"),
        ({"test": {"en": {"f1": 1.5, "n": 2}}}, "it is damaged"),
        ({"test": {"en": {"f1": 0.5, "n": 0}}}, "it is damaged"),
        ({"test": {"en": {"f1": 0.5}}}, "it is damaged"),
        ({"selection": {"metric": "f1"}}, "it is damaged"),
        ({"layer_cos2": {"before": [0.1], "after": []}}, "it is damaged"),
        ({"adapters": {"en": "noo"}}, "it is damaged"),
        ({"more": 0}, "it is damaged"),
        ({"seed": 10**400}, "it is damaged"),
        ({"lr": 10**400}, "it is damaged"),
        ({"test": {"en": {"f1": 0.5, "n": 2**63}}}, "it is damaged"),
        ({"layer_cos2": {"before": [0.1], "after": [10**300]}}, "it is damaged"),
        ({"selection": asdict(Selection("en", "dev", "f1", 0.75, 10**400, []))}, "it is damaged"),
        ({"selection": asdict(Selection("en", "dev", "f1", 0.75, 2, [{"epoch": 2, "f1": 2**63}]))}, "it is damaged"),
        ({"under": {"source": {"en": {"f1": 0.5, "n": "x"}}}}, "it is damaged"),
        ({"provenance": {"seconds": 10**400}}, "it is damaged"),
        ({"provenance": {"wall_seconds": "long"}}, "it is damaged"),
        ({"task": None, "test": {"en": {"mlm_loss": float("inf"), "n": 2}}}, "it is damaged"),
        ({"counts": None}, "it is damaged"),
        ({"counts": {"train": True}}, "it is damaged"),
        ({"provenance": []}, "it is damaged"),
        ({"choices": {"task.labels": None}}, "it is damaged"),
        ({"choices": {"task.labels": [["O"]]}}, "it is damaged"),
        ({"choices": {"data.source": {}}}, "it is damaged"),
        ({"choices": {"task.kind": "tagger"}}, "it is damaged"),
        ({"schema_version": 2}, "its schema 2 is newer than this project's"),
    ],
)
def test_a_result_that_no_run_writes_is_refused(change: dict[str, Any], problem: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(asdict(RESULT) | change))
    with pytest.raises(UserError, match=f"^{tmp_path}/result.json: {problem}"):
        read_result(tmp_path / "result.json")
    assert read_results(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        {"task": "../../elsewhere"},
        {"backbone": "/tmp/elsewhere"},
        {"variant": "a\nb"},
        {"test": {"../tr": {"f1": 0.5, "n": 2}}},
        {"backbone": "a\ud800"},
    ],
)
def test_a_result_whose_names_lead_elsewhere_is_left_out(change: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(asdict(RESULT) | change))
    results, problems = find_results(tmp_path)
    assert (results, problems) == (
        [],
        [f"{tmp_path}/result.json is left out: it is damaged; move its folder away and give the run's command again"],
    )


def test_runs_behind_links_are_read_once_and_what_is_out_of_reach_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("runs/a", "scratch/b"):
        write_result(tmp_path / place / "result.json", RESULT)
    (tmp_path / "runs" / "c").symlink_to(tmp_path / "scratch" / "b")
    (tmp_path / "runs" / "again").symlink_to(tmp_path / "runs")
    (tmp_path / "runs" / "moved").symlink_to("elsewhere")
    results, problems = find_results(tmp_path / "runs")
    assert [path.name for path, _ in results] == ["a", "c"]
    assert problems == [f"{tmp_path}/runs/moved is a link to elsewhere, which cannot be reached: it is left out"]
    monkeypatch.setattr("os.access", lambda *_: False)
    results, problems = find_results(tmp_path / "runs")
    assert results == []
    assert f"{tmp_path}/runs/a/result.json is left out: this account may not read it; mend its permissions" in problems
    with pytest.raises(UserError, match="there is no folder"):
        find_results(tmp_path / "runs" / "moved")


def test_scores_are_shown_x_100_and_runs_of_one_task_together(capsys: pytest.CaptureFixture[str]) -> None:
    show(RESULT)
    show_together([RESULT])
    output = capsys.readouterr().out
    assert "epoch 2, chosen on en dev (f1)" in output
    assert "udpos: f1 x 100 on test, zero-shot in all languages but the first" in output
    rows = [[word for word in line.split() if word != "│"] for line in output.splitlines()]
    assert ["tr", "25.00", "3"] in rows
    assert ["avg_zero_shot", "25.00"] in rows
    assert ["t_noo", "0.0001", "0", "50.00", "25.00", "25.00"] in rows


def test_a_broken_config_of_a_run_is_one_sentence(tmp_path: Path) -> None:
    run = RunDirectory(compose_config([f"paths.runs={tmp_path}"]))
    with run.open({}):
        pass
    (run.path / "config.yaml").write_text("a: [")
    with pytest.raises(UserError, match=r"config.yaml cannot be read \(.*\); restore it, or move the run away"):
        run.check_owner()
    (run.path / "config.yaml").write_text("fingerprint: another")
    with pytest.raises(UserError, match=r"belongs to another configuration \(fingerprint another, "):
        run.check_owner()
