"""All results as one tidy table: the same rows as CSV and as a data frame, each with where it stands in the report."""

import csv
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest

import orthoadapters
from orthoadapters.commands.report import main
from orthoadapters.errors import UserError
from orthoadapters.report.tidy import FIELDS, write_tidy
from orthoadapters.runs.results import find_results
from tests.helpers.commands import ROOT
from tests.helpers.report_runs import write_attempt, write_run
from tests.helpers.xnli_runs import write_adapter_run
from tests.test_docs import blocks


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two grid points of a variant with two seeds each, a run of another task, a language adapter, a failed run."""
    folder = tmp_path_factory.mktemp("tidy") / "runs"
    history = [{"epoch": 2, "f1": 0.5, "accuracy": 0.6}, {"epoch": 3, "f1": 0.9, "accuracy": 0.95}]
    for seed in (0, 1):
        write_run(folder, "t_ort", {"en": 0.91, "sw": 0.123456789012345}, seed=seed, history=history, n=7)
        write_run(folder, "t_ort", {"en": 0.8, "sw": 0.7}, seed=seed, lr=5e-5, dev=0.1, target_dev={"sw": 0.25}, n=7)
    write_run(folder, "mine", {"en": 0.5}, task="myner", backbone="other", known=False)
    write_adapter_run(folder, "sw", "ort")
    write_attempt(folder, "t_noo", failed=True)
    return folder


@pytest.fixture(scope="module")
def frame(runs: Path) -> pandas.DataFrame:
    return orthoadapters.read_runs(runs)


def test_every_score_of_every_result_has_one_row(runs: Path, frame: pandas.DataFrame) -> None:
    assert tuple(frame.columns) == FIELDS
    keys = ["directory", "language", "split", "metric"]
    assert not frame.duplicated(keys).any()
    values = {tuple(row[:-1]): row[-1] for row in frame[[*keys, "value"]].itertuples(index=False)}
    reference: dict[tuple[str, ...], float] = {}
    for path, result in find_results(runs)[0]:
        for split, scores in (("test", result.test), ("dev", result.target_dev)):
            for code, row in scores.items():
                reference |= {(str(path), code, split, name): value for name, value in row.items() if name != "n"}
        if result.selection is not None:
            reference[str(path), "en", "dev", "f1"] = result.selection.value
            if result.selection.history:
                reference[str(path), "en", "dev", "accuracy"] = 0.95
    assert values == reference
    assert set(frame[frame.split == "test"].n) == {7, 100, 4}


def test_a_row_says_what_the_run_was_and_whether_it_was_selected(frame: pandas.DataFrame) -> None:
    turns = frame[(frame.variant == "t_ort") & (frame.split == "test") & (frame.language == "sw")]
    assert set(zip(turns.lr, turns.seed, turns.is_selected, turns.value, strict=True)) == {
        *((1e-4, seed, True, 0.123456789012345) for seed in (0, 1)),
        *((5e-5, seed, False, 0.7) for seed in (0, 1)),
    }
    assert (set(turns.table), set(turns.row), set(turns.source)) == ({"udpos-tiny"}, {"T-ORT"}, {"en"})
    assert set(turns.ort_lr) == {1e-7}
    assert set(turns.epoch) == {3}
    assert turns.fingerprint.nunique() == 4
    (mine,) = frame[(frame.task == "myner") & (frame.split == "test")].itertuples()
    assert (mine.backbone, mine.is_selected, mine.git_commit) == ("other", True, "c0ffee00")
    assert pandas.isna(mine.task_adapter)
    (adapter,) = frame[frame.stage == "mlm"].itertuples()
    assert (adapter.language, adapter.metric, adapter.value, adapter.n) == ("sw", "mlm_loss", 2.5, 4)
    assert (adapter.language_adapter, adapter.directory.rpartition("/")[2]) == ("ort", "mlm-sw-ort-40-1e-07")
    assert all(pandas.isna(value) for value in (adapter.task, adapter.table, adapter.is_selected, adapter.epoch))


def test_the_command_writes_the_rows_of_the_frame_and_names_what_is_set_apart(
    runs: Path,
    frame: pandas.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "new" / "runs.csv"
    monkeypatch.setattr(sys, "argv", ["report.py", str(runs), "--tidy", str(path)])
    monkeypatch.chdir(tmp_path)
    assert main() == 0
    out, err = capsys.readouterr()
    assert out == f"written: {path} ({len(frame)} rows)\n"
    assert "failed; its failed.txt says why" in err
    with path.open(newline="") as file:
        records = list(csv.DictReader(file))
    texts = [["" if pandas.isna(value) else str(value) for value in row] for row in frame.itertuples(index=False)]
    assert [list(record.values()) for record in records] == texts
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]


def test_the_lines_of_the_reports_page_give_what_the_tables_show(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks(ROOT / "docs" / "report.md", "python")
    monkeypatch.chdir(runs.parent)
    *lines, means = block.strip().splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    row = eval(means, names).loc["udpos-tiny", "T-ORT", "f1", "sw"]
    assert (row["mean"], row["std"], row["count"]) == (pytest.approx(0.123456789012345), 0, 2)


def test_one_backbone_can_be_asked_for(runs: Path, tmp_path: Path) -> None:
    number, _ = write_tidy(runs, "other", tmp_path / "runs.csv")
    assert number == 2


def test_a_former_table_is_replaced_and_no_other_file(runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "test-sw.tsv"
    for content in (b"", b"task,backbone,variant,a column of an earlier version\n"):
        path.write_bytes(content)
        write_tidy(runs, None, path)
        assert path.read_text().startswith(",".join(FIELDS))
    for content in (b"anna\tPROPN\n", b"task", b"\0\xff", b"task,backbone\n"):
        path.write_bytes(content)
        with pytest.raises(
            UserError, match=rf"--tidy {path} is there and is no table .*; name another file, or delete"
        ):
            write_tidy(runs, None, path)
        assert path.read_bytes() == content


def test_what_cannot_be_done_is_a_sentence(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        orthoadapters.read_runs(tmp_path / "runs")
    with pytest.raises(UserError, match="holds no finished run"):
        orthoadapters.read_runs(str(tmp_path))
    with pytest.raises(UserError, match=r"--tidy .* is a folder; name a file"):
        write_tidy(runs, None, tmp_path)
    result = find_results(runs)[0][0][0] / "result.json"
    with pytest.raises(
        UserError, match=r"--tidy .*/result.json is there and is no table that --tidy wrote; name another"
    ):
        write_tidy(runs, None, result)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--tidy .*x.csv cannot be written: .*file is no folder; name another file"):
        write_tidy(runs, None, tmp_path / "file" / "new" / "x.csv")
    with pytest.raises(UserError, match=r"file is a file and no folder; name the one that paths\.runs=DIR"):
        orthoadapters.read_runs(tmp_path / "file")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match=r"read_runs needs pandas; pip install pandas, or .*--tidy FILE"):
        orthoadapters.read_runs(runs)
