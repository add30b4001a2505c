"""A report's files: all of them are named, what an earlier report left is named, and equal runs give equal bytes."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from orthoadapters.commands.report import main
from orthoadapters.errors import UserError
from orthoadapters.report.output import find_leftovers, write
from orthoadapters.report.printed.tables import Extras
from tests.helpers.commands import ROOT
from tests.helpers.whole_report import make_report, write_run_with_counts
from tests.helpers.xnli_runs import WholeReport


class Outcome(NamedTuple):
    folder: Path
    paths: list[Path]


@pytest.fixture(scope="module")
def outcome(everything: WholeReport, everything_runs: Path) -> Outcome:
    """A report beside its runs, as report.py writes it."""
    report, analyses, drawings = everything
    out = everything_runs.parent / "report"
    return Outcome(out, write(report, analyses, drawings, out, Extras()))


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


def test_what_comes_from_data_neither_leaves_the_folder_nor_is_run(tmp_path: Path) -> None:
    """Line breaks end a comment of LaTeX, a $ begins a formula of a picture's text, = one of a spreadsheet."""
    runs, out = tmp_path / "runs", tmp_path / "a" / "out"
    for number, variant in enumerate(("=1+2", "$_{", "T^\\")):
        choices = {"optim.note": f"x{number}\n\\input{{passwd}}\u2028\\input{{more}}"}
        write_run_with_counts(runs, variant, "xnli", backbone="a/b", name=f"a/b/xnli/v{number}/x", choices=choices)
    report, analyses, drawings = make_report(runs)
    paths = write(report, analyses, drawings, out, Extras())
    assert {path.parent for path in paths} == {out, out / "figures"}
    assert [
        path for path in tmp_path.rglob("*") if path.is_file() and runs not in path.parents and out not in path.parents
    ] == []
    for path in paths:
        if path.suffix == ".tex":
            assert not re.search(r"^\\input|[\r\u2028]", path.read_text(), re.MULTILINE)
            assert all(line[:1] in "%\\" or line[0].isprintable() for line in path.read_text().splitlines())
        if path.suffix == ".csv":
            assert not any(cell[:1] in tuple("=+@") for row in csv.reader(path.open()) for cell in row if cell)


def test_what_lies_in_the_place_of_a_file_is_named_before_anything_is_printed_or_written(
    outcome: Outcome, everything_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe would be waited for, and a folder would end the command after its other files."""
    names = [path.relative_to(outcome.folder) for path in outcome.paths if path.parent == outcome.folder]
    pictures = [path.relative_to(outcome.folder) for path in outcome.paths if path.parent != outcome.folder]
    for number, name in enumerate([*names, *pictures[:2]]):
        for make, what in ((Path.mkdir, "a folder"), (os.mkfifo, "a pipe, socket or device")):
            out = tmp_path / f"{number}-{make.__name__}"
            (out / name).parent.mkdir(parents=True)
            make(out / name)
            assert main([str(everything_runs), "--out", str(out)]) == 1
            printed = capsys.readouterr()
            assert f"error: {out / name} is {what}, where the report writes a file; move it away, or cho" in printed.err
            assert printed.out == ""
            assert [path for path in out.rglob("*") if path.name != "figures"] == [out / name]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "figures").touch()
    assert main([str(everything_runs), "--out", str(tmp_path / "out")]) == 1
    assert f"error: {tmp_path}/out/figures is no folder; move it away" in capsys.readouterr().err


def test_two_files_that_a_link_makes_one_are_named_and_none_is_written(
    outcome: Outcome, everything: WholeReport, everything_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The later one took the place of the other, and the command ended well."""
    fix = "are one file through a link, and the report writes two; remove the link, or choose another folder with --out"
    page, problems = tmp_path / "report.html", tmp_path / "problems.md"
    page.symlink_to("problems.md")
    assert main([str(everything_runs), "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"error: {problems} and {page} {fix} DIR\n")
    assert list(tmp_path.iterdir()) == [page]
    # Which pictures there will be is known at the end alone.
    page.unlink()
    first, second = [tmp_path / path.relative_to(outcome.folder) for path in outcome.paths if path.suffix == ".svg"][:2]
    first.parent.mkdir()
    first.symlink_to(second.name)
    report, analyses, drawings = everything
    with pytest.raises(UserError, match=f"^{first} and {second} {fix}"):
        write(report, analyses, drawings, tmp_path, Extras())
    assert [path for path in tmp_path.rglob("*") if path != first.parent] == [first]
    # An alias that the report does not write is the user's own.
    first.rename(first.with_name("newest.svg"))
    (tmp_path / "newest.html").symlink_to("report.html")
    write(report, analyses, drawings, tmp_path, Extras())
    assert first.with_name("newest.svg").is_symlink()


def test_a_pipe_of_another_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "other.csv")
    (tmp_path / "more.csv").mkdir()
    assert find_leftovers(tmp_path, []) == []


def test_a_folder_that_cannot_be_written_is_a_sentence(everything: WholeReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report, analyses, drawings = everything
    with pytest.raises(UserError, match=r"cannot write .*file: .*; choose another folder with --out DIR"):
        write(report, analyses, drawings[:1], tmp_path / "file", Extras())


def test_a_report_on_a_full_disk_leaves_an_earlier_one_whole(
    outcome: Outcome, everything_runs: Path, tmp_path: Path
) -> None:
    """Otherwise tables of this report and pictures of the earlier one would stand side by side."""
    out = shutil.copytree(outcome.folder, tmp_path / "out")
    for path in outcome.paths:
        (out / path.relative_to(outcome.folder)).write_text("earlier\n")
    sizes = sorted(path.stat().st_size for path in outcome.paths)
    limit = f"ulimit -f {sizes[-3] // 1024}; exec "  # all files but the largest three can be written
    command = shlex.join([sys.executable, str(ROOT / "report.py"), str(everything_runs), "--out", str(out)])
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)}
    process = subprocess.run(
        ["bash", "-c", limit + command], env=environment, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 1
    assert f"error: cannot write {out}: File too large; choose another folder with --out DIR" in process.stderr
    assert {path.read_text() for path in out.rglob("*.*") if path.is_file()} == {"earlier\n"}
    assert len(list(out.rglob("*.*"))) == len(outcome.paths)


def test_the_command_writes_the_same_bytes_in_another_process_and_prints_a_summary(
    outcome: Outcome, everything_runs: Path
) -> None:
    out = everything_runs.parent / "again"
    command = [sys.executable, str(ROOT / "report.py"), str(everything_runs), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "7"}
    environment |= {"HOME": str(everything_runs.parent / "home"), "MPLCONFIGDIR": str(everything_runs.parent / "home")}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "")
    assert "xnli, tiny: against L-NOO+T-NOO, 0 of 9 scores are better and " in process.stdout
    one, two = ({path.relative_to(folder): path for path in folder.rglob("*.*")} for folder in (outcome.folder, out))
    assert one.keys() == two.keys()
    assert Path("figures/text-xnli-tiny.pdf") in one
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one)
