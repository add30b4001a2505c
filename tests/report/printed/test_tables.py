"""The report in print and as files, and its command line."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoadapters.commands.report import main
from orthoadapters.report.collect.build import build
from orthoadapters.report.printed.formats import _escape_latex, latex, markdown
from orthoadapters.report.printed.records import scores_csv, selection_csv
from orthoadapters.report.printed.tables import Extras, printed_scores, printed_selection
from tests.helpers.commands import ROOT, report
from tests.helpers.report_runs import UDPOS, write_attempt, write_run

GOLDEN = ROOT / "tests" / "golden"
ALL = Extras(paper=True, seeds=True, oracle=True, sizes=True)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_run(folder, "full_ft", {"en": 0.9, "ar": 0.65, "tr": 0.5}, name="f", n=7)
    write_run(folder, "t_noo", {"en": 0.91234, "ar": 0.65, "tr": 0.7}, dev=0.8, name="a", n=7)
    write_run(folder, "t_noo", {"en": 0.91236, "ar": 0.65, "tr": 0.8}, dev=0.8, seed=1, epoch=12, name="b", n=7)
    for seed, name in enumerate("cd"):
        write_run(
            folder,
            "t_ort",
            {"en": 0.5, "ar": 0.5, "tr": 0.5},
            seed=seed,
            name=name,
            n=7,
            target_dev={"ar": 0.2, "tr": 0.3},
            provenance={"git_dirty": True},
        )
    for seed, name in enumerate("eh"):
        write_run(
            folder,
            "t_ort",
            {"en": 0.9, "ar": 0.4, "tr": 0.6},
            ort_lr=1e-8,
            dev=0.1,
            seed=seed,
            name=name,
            n=7,
            target_dev={"ar": 0.1, "tr": 0.31},
        )
    write_run(folder, "my_own", {"en": 0.1, "ar": 0.64999}, name="g", n=7)
    write_attempt(folder, "lnoo_tnoo", failed=True)
    write_attempt(folder, "lnoo_tort", failed=False)
    return folder


def test_markdown_of_scores_and_of_what_was_selected(runs: Path) -> None:
    (table,) = build(runs).tables
    assert (
        markdown(printed_scores(table, Extras())) + "\n" + markdown(printed_selection(table))
        == (GOLDEN / "report.md").read_text()
    )


def test_latex_of_a_text_that_begins_like_a_number_is_text() -> None:
    assert _escape_latex("-1.5") == "$-1.5$"
    assert _escape_latex("+1\\input{x}\n$") == r"+1\textbackslash{}input\{x\} \$"


def test_latex_of_everything(runs: Path) -> None:
    (table,) = build(runs).tables
    assert latex(printed_scores(table, ALL)) == (GOLDEN / "report.tex").read_text()


def test_what_was_selected_as_csv(runs: Path) -> None:
    (table,) = build(runs).tables
    rows = list(csv.DictReader(selection_csv(table).splitlines()))
    assert [row["row"] for row in rows] == [row.label for row in table.rows]
    assert rows[1] | {"runs": ""} == {
        "variant": "t_noo",
        "row": "T-NOO",
        "lr": "0.0001",
        "ort_lr": "",
        "epochs": "3;12",
        "dev": "0.8",
        "metric": "f1",
        "grid_points": "1",
        "seeds": "0;1",
        "failed": "0",
        "unfinished": "0",
        "runs": "",
    }
    assert rows[1]["runs"] == f"{runs}/a;{runs}/b"


def test_csv_has_everything_in_full_precision(runs: Path) -> None:
    (table,) = build(runs).tables
    rows = list(csv.DictReader(scores_csv(table).splitlines()))
    assert len(rows) == len(table.rows) * len(table.columns)
    scores = [(row, row.scores[column]) for row in table.rows for column in table.columns]
    for record, (row, score) in zip(rows, scores, strict=True):
        assert (record["variant"], record["language"], record["state"]) == (row.variant, score.language, score.state)
        oracle = None if score.oracle is None else score.oracle.value
        reference = {
            "score": score.value,
            "std": score.std,
            "paper": score.paper,
            "difference": score.difference,
            "n_sentences": score.n_sentences,
            "oracle": oracle,
            "dev": row.dev,
        }
        for name, value in reference.items():
            assert (float(record[name]) if record[name] else None) == value
    (one,) = (row for row in rows if (row["variant"], row["language"]) == ("t_ort", "tr"))
    assert [one[name] for name in ("score", "n_seeds", "seeds", "oracle", "oracle_lr", "oracle_ort_lr", "ort_lr")] == [
        "0.5",
        "2",
        "0;1",
        "0.6",
        "0.0001",
        "1e-08",
        "1e-07",
    ]
    assert one["runs"] == f"{runs}/c;{runs}/d"


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_best_and_second_are_those_of_the_printed_numbers(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    for index, value in enumerate(values):
        write_run(folder, f"variant{index}", {"en": value})
    (table,) = build(folder).tables
    in_print = [row.cells[0] for row in printed_scores(table, Extras()).rows if row.label.startswith("variant")]
    order = sorted({float(cell.text) for cell in in_print}, reverse=True)
    for cell in in_print:
        rank = order.index(float(cell.text))
        assert cell.mark == {0: "best", 1: "second"}.get(rank, "")


def test_another_world_has_nothing_of_the_paper_beside_it(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {"qsa": 0.5, "qtu": 0.4}, source="qsa")
    (table,) = build(tmp_path).tables
    assert printed_scores(table, Extras(paper=True)) == printed_scores(table, Extras())


def test_names_do_not_break_the_markup(tmp_path: Path) -> None:
    write_run(tmp_path, "a|b_c&d%{e}~^\\#$", {"en": 0.5}, name="x")
    (table,) = build(tmp_path).tables
    assert "| a\\|b_c&d%{e}~^\\\\#$ |" in markdown(printed_scores(table, Extras()))
    reference = r"a|b\_c\&d\%\{e\}\textasciitilde{}\textasciicircum{}\textbackslash{}\#\$ & 50.00 &"
    assert reference in latex(printed_scores(table, Extras()))
    (row,) = (row for row in csv.DictReader(scores_csv(table).splitlines()) if row["state"] == "scored")
    assert row["variant"] == "a|b_c&d%{e}~^\\#$"


def test_a_label_is_of_characters_that_tex_reads_as_they_stand(tmp_path: Path) -> None:
    write_run(tmp_path, backbone="oth_er%")
    (table,) = build(tmp_path).tables
    assert r"\label{tab:udpos-oth-er-}" in latex(printed_scores(table, Extras()))


# The command line


def test_the_command_writes_what_it_prints(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_run(runs, "t_noo", {"en": 0.5}, task="xnli", name="x")
    process = report(runs, "--out", out, "--paper", "--seeds")
    assert process.returncode == 0
    stems = ("udpos-tiny", "xnli-tiny", "selected-udpos-tiny", "selected-xnli-tiny")
    names = {f"{stem}.{ending}" for stem in stems for ending in ("md", "tex", "csv")}
    names |= {"problems.md", "figures.md", "report.html"}
    # These runs have no counts, so that there is nothing to write as CSV.
    names |= {f"significance-{name}.md" for name in ("udpos-tiny", "xnli-tiny")}
    assert {str(path.relative_to(out)) for path in out.rglob("*.*") if path.parent == out} == names
    for stem in stems:
        assert (out / f"{stem}.md").read_text() in process.stdout
    assert min(path.stat().st_size for path in out.rglob("*") if path.is_file()) > 1
    number = sum(path.is_file() for path in out.rglob("*"))
    assert process.stdout.endswith(f"written: {out} ({number} files)\n")
    problems, notes = (out / "problems.md").read_text(), process.stderr.splitlines()
    assert process.stderr.startswith(problems)
    assert "lnoo_tnoo/lr0.0001-seed0-0123abcd failed; its failed.txt says why" in problems
    assert all(
        " is not compared on " in note for note in notes[len(problems.splitlines()) :]
    )  # these runs have no counts
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    shutil.rmtree(runs / "x")
    again = report(runs, "--out", out, "--paper", "--seeds")
    differences = {path for path, content in before.items() if path.read_bytes() != content}
    assert differences == {out / "figures.md", out / "report.html"}
    assert f"{out} still has a table or picture of an earlier report, such as {out}/xnli-tiny.csv" in again.stderr


@pytest.mark.parametrize(
    "arguments", ["--xtreme x --tidy x.csv", "--tidy x.csv --wandb", "--wandb --xtreme x", "--wandb --tidy x.csv"]
)
def test_of_two_ends_of_the_command_neither_is_left_out_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    write_run(tmp_path / "runs", "t_noo", UDPOS)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments.split())
    assert end.value.code == 2
    first, second = (word for word in arguments.split() if word.startswith("--"))
    assert f"argument {second}: not allowed with argument {first}\n" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "there is no folder runs; name the one that paths.runs=DIR named when the runs were made"),
        ("empty", "empty holds no finished run of a task to report on; python train.py task=xnli makes one"),
        ("some --backbone x", "some holds no finished run of backbone 'x'; it has runs of tiny"),
        ("some --backbone=", "some holds no finished run of backbone ''; it has runs of tiny"),
        (
            "some --out file",
            "nothing can be written to file: {}/file is no folder; choose another folder with --out=DIR",
        ),
        (
            "some --out file/x",
            "nothing can be written to file/x: {}/file is no folder; choose another folder with --out=DIR",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    write_run(tmp_path / "some", "t_noo", UDPOS)
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["report.py", *arguments.split()])
    assert main() == 1
    assert capsys.readouterr().err == f"error: {message.format(tmp_path)}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "some", "file"}


def test_a_folder_of_damaged_results_alone_names_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "result.json").write_text("{")
    process = report(tmp_path, "--out", tmp_path / "out")
    assert process.returncode == 1
    assert process.stderr.startswith(f"- {tmp_path}/a/result.json is left out: it is damaged")
    assert not (tmp_path / "out").exists()


def test_the_report_needs_neither_torch_nor_transformers(runs: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.argv = ['report.py', {str(runs)!r}, '--out', {str(tmp_path / 'out')!r}]; import report; "
        "assert report.main() == 0; assert not {'torch', 'transformers', 'datasets'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr


def test_average_has_no_size(runs: Path) -> None:
    (table,) = build(runs).tables
    in_print = printed_scores(table, ALL)
    assert [cell.text for cell in in_print.rows[-1].cells] == ["7", "7", "7", ""]
