"""A report as one W&B run, in the group of the sweep that its runs are of."""

import json
from pathlib import Path

import pytest
import yaml

from orthoadapters.errors import UserError
from orthoadapters.report.printed.significance import COMPARISON_FIELDS
from orthoadapters.report.upload import upload
from tests.helpers.wandb_records import records
from tests.helpers.xnli_runs import FEW_DRAWS, analyse_runs, write_losses, write_xnli_run


def write_config(path: Path, sweep: str | None, group: str | None = None) -> None:
    config = {"logger": {"project": "mine", "entity": None, "group": group}, "sweep": {"name": sweep}}
    (path / "config.yaml").write_text(yaml.safe_dump(config))


def test_a_report_is_one_wandb_run_of_its_sweeps_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for variant in ("t_noo", "lnoo_tnoo"):
        path = write_xnli_run(tmp_path / "runs", variant)
        write_losses(path, orthogonal=False)
        write_config(path, "xnli")
    analysis = analyse_runs(tmp_path / "runs", FEW_DRAWS)
    sentences = [upload(*analysis, tmp_path / out) for out in ("a", "b")]
    assert sentences == ["W&B: one run in group xnli of project mine"] * 2
    assert f"`wandb sync {tmp_path}/a/wandb/offline-run-*` uploads it later" in capfd.readouterr().err
    a, b = (records(tmp_path / out) for out in ("a", "b"))
    assert a["id"] == b["id"] == "report-tiny-xnli"
    assert (a["group"], a["job_type"], a["exit"]) == ("xnli", "report", 0)
    assert a["summary"].keys() >= {
        "tables/xnli-tiny",
        "tables/selected-xnli-tiny",
        "tables/significance-xnli-tiny",
        "figures/differences-xnli-tiny",
        "figures/losses-xnli-tiny",
        "figures/text-xnli-tiny",
    }
    media = tmp_path / "a"
    (table,) = media.rglob("significance-xnli-tiny*.table.json")
    assert json.loads(table.read_text())["columns"] == [*COMPARISON_FIELDS]
    assert len(list(media.rglob("*.png"))) == 3
    analysis = analysis._replace(drawings=[])  # drawing them takes most of the time
    write_config(path, "another")
    assert upload(*analysis, tmp_path / "c") == "W&B: one run in group report of project mine"
    assert records(tmp_path / "c")["id"] == "report-tiny"
    for path in {
        row.selected_runs[0].path for table in analysis.report.tables for row in table.rows if row.selected_runs
    }:
        write_config(path, "another", group="nightly")
    assert upload(*analysis, tmp_path / "d") == "W&B: one run in group nightly of project mine"


def test_a_report_on_runs_without_a_project_is_not_uploaded(tmp_path: Path) -> None:
    write_xnli_run(tmp_path / "runs", "t_noo")
    with pytest.raises(UserError, match=r"no selected run in .*/runs has a config.yaml with logger.project; bring one"):
        upload(*analyse_runs(tmp_path / "runs", FEW_DRAWS), tmp_path / "out")
    assert not (tmp_path / "out").exists()
