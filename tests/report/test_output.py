"""A report's files: all of them are named, what an earlier report left is named, and equal runs give equal bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from orthoadapters.errors import UserError
from orthoadapters.report.output import find_leftovers, write, write_analyses
from orthoadapters.report.printed.tables import Extras
from tests.helpers.commands import ROOT
from tests.helpers.xnli_runs import WholeReport


class Outcome(NamedTuple):
    folder: Path
    paths: list[Path]


@pytest.fixture(scope="module")
def outcome(everything: WholeReport, everything_runs: Path) -> Outcome:
    """A report beside its runs, as report.py writes it."""
    report, analyses, drawings = everything
    out = everything_runs.parent / "report"
    return Outcome(out, [*write(report, out, Extras()), *write_analyses(report, analyses, drawings, out)])


def test_all_that_is_written_is_named_and_pictures_stand_in_figures_md(
    outcome: Outcome, everything: WholeReport
) -> None:
    assert sorted(outcome.paths) == sorted(path for path in outcome.folder.rglob("*") if path.is_file())
    text = (outcome.folder / "figures.md").read_text()
    assert all(f"![{d.name}](figures/{d.name}.svg)\n\n{d.caption}" in text for d in everything.drawings)


def test_what_an_earlier_report_left_is_named(outcome: Outcome, tmp_path: Path) -> None:
    out = shutil.copytree(outcome.folder, tmp_path / "out")
    paths = [out / path.relative_to(outcome.folder) for path in outcome.paths]
    assert find_leftovers(out, paths) == []
    for name in ("significance-xnli-other.csv", "figures/dev-xnli-other.svg"):
        shutil.copy(out / name.replace("other", "tiny"), out / name)
    assert find_leftovers(out, paths) == [out / "figures/dev-xnli-other.svg", out / "significance-xnli-other.csv"]


def test_a_folder_that_cannot_be_written_is_a_sentence(everything: WholeReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report, analyses, drawings = everything
    with pytest.raises(UserError, match=r"cannot write .*file: .*; choose another folder with --out DIR"):
        write_analyses(report, analyses, drawings[:1], tmp_path / "file")


def test_the_command_writes_the_same_bytes_in_another_process_and_prints_a_summary(
    outcome: Outcome, everything_runs: Path
) -> None:
    out = everything_runs.parent / "again"
    command = [sys.executable, str(ROOT / "report.py"), str(everything_runs), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "7"}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "")
    assert "xnli, tiny: against L-NOO+T-NOO, 0 of 9 scores are better and " in process.stdout
    one, two = ({path.relative_to(folder): path for path in folder.rglob("*.*")} for folder in (outcome.folder, out))
    assert one.keys() == two.keys()
    assert Path("figures/text-xnli-tiny.pdf") in one
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one)
