"""Comparisons and pictures are made of the selected runs' own files; what cannot be compared or drawn is named."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from orthoadapters.errors import UserError
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.output import left_over, significance_csv, write, write_analyses
from orthoadapters.report.pictures.gallery import Drawing, drawings, undrawn
from orthoadapters.report.printed.significance import COMPARED, significance_markdown, summary
from orthoadapters.report.printed.tables import Show
from orthoadapters.report.statistics.analysis import Analysis, analyse
from orthoadapters.report.statistics.compare import MCNEMAR, OVER_SEEDS, RANDOMISATION, compare
from orthoadapters.report.upload import upload
from orthoadapters.runs.predictions import write_sentence_counts
from orthoadapters.runs.results import Result, write_result
from tests.helpers.commands import ROOT
from tests.helpers.report_runs import finished
from tests.helpers.wandb_records import records

N = 60
DRAWS = 300
EASE = {"full_ft": 0.5, "t_noo": 0.7, "t_ort": 0.88, "lnoo_tnoo": 0.9}
Counts = Mapping[str, NDArray[np.int32]]


def answers(variant: str, seed: int = 0) -> Counts:
    """Right and wrong of XNLI's kind, by language."""
    rng = np.random.default_rng([seed, *variant.encode()])
    return {
        code: np.stack([rng.random(N) < EASE[variant], np.ones(N)], axis=1).astype(np.int32)
        for code in ("en", "sw", "tr")
    }


def scored(runs: Path, variant: str, counts: Counts | None = None, seed: int = 0, **given: Any) -> Path:
    """A finished run whose scores are those of its sentence counts."""
    counts = answers(variant, seed) if counts is None else counts
    test = {code: float(rows[:, 0].sum() / rows[:, 1].sum()) for code, rows in counts.items()}
    path = finished(runs, variant, test, task="xnli", n=N, seed=seed, **given)
    for code, rows in counts.items():
        write_sentence_counts(path, code, {"accuracy": rows})
    return path


def only(runs: Path) -> Analysis:
    (table,) = build(runs).tables
    return analyse(table, DRAWS)


def pictures(runs: Path) -> dict[str, Drawing]:
    report = build(runs)
    return {drawing.name: drawing for drawing in drawings(report, [analyse(table, DRAWS) for table in report.tables])}


# Comparisons


def test_every_pair_is_compared_by_the_sentences_of_its_selected_runs(tmp_path: Path) -> None:
    for variant in ("t_noo", "lnoo_tnoo", "full_ft"):
        scored(tmp_path, variant)
    scored(tmp_path, "t_noo", answers("full_ft"), lr=5e-5, dev=0.1)  # another grid point, not selected
    found = only(tmp_path)
    labels = {"full_ft": "FULL-FT", "t_noo": "T-NOO", "lnoo_tnoo": "L-NOO+T-NOO"}
    expected = compare({label: answers(variant) for variant, label in labels.items()}, "en", DRAWS)
    assert list(found.comparisons) == expected
    assert found.notes == ()
    assert [c.language for c in found.comparisons[:4]] == ["en", "sw", "tr", AVERAGE]
    assert {c.test for c in found.comparisons} == {MCNEMAR, RANDOMISATION}
    (table,) = build(tmp_path).tables
    cells = {row.label: row.cells for row in table.rows}
    for c in found.comparisons:
        assert c.difference == pytest.approx((cells[c.a][c.language].value or 0) - (cells[c.b][c.language].value or 0))


def test_a_comparison_is_found_from_both_sides(tmp_path: Path) -> None:
    for variant in ("t_noo", "lnoo_tnoo"):
        scored(tmp_path, variant)
    found = only(tmp_path)
    there, back = found.between("T-NOO", "L-NOO+T-NOO", "sw"), found.between("L-NOO+T-NOO", "T-NOO", "sw")
    assert there is not None
    assert back == there.reversed()
    assert found.between("T-NOO", "T-ORT", "sw") is None


def test_all_seeds_are_compared_and_rows_may_have_different_numbers_of_them(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        scored(tmp_path, "t_noo", seed=seed)
    scored(tmp_path, "lnoo_tnoo")
    found = only(tmp_path)
    of_seeds = {code: np.stack([answers("t_noo", seed)[code] for seed in (0, 1, 2)]) for code in ("en", "sw", "tr")}
    expected = compare({"T-NOO": of_seeds, "L-NOO+T-NOO": answers("lnoo_tnoo")}, "en", DRAWS)
    assert list(found.comparisons) == expected
    assert {(c.seeds, c.test) for c in found.comparisons} == {((3, 1), OVER_SEEDS)}


def test_missing_counts_are_named_and_the_rest_is_compared(tmp_path: Path) -> None:
    scored(tmp_path, "t_noo")
    path = scored(tmp_path, "lnoo_tnoo", seed=1)
    scored(tmp_path, "lnoo_tnoo", seed=0)
    (path / "sentences" / "test-sw.npz").unlink()  # of one of two seeds
    found = only(tmp_path)
    assert [c.language for c in found.comparisons] == ["en", "tr"]
    assert found.notes == (
        f"L-NOO+T-NOO is not compared on SW: there is no {path}/sentences/test-sw.npz; move {path} away and give its "
        "command again.",
        "L-NOO+T-NOO is not compared on AVGz: that is not of the same runs and languages as the above.",
    )


def test_runs_without_any_counts_are_compared_with_nothing(tmp_path: Path) -> None:
    scored(tmp_path, "t_noo")
    shutil.rmtree(scored(tmp_path, "lnoo_tnoo") / "sentences")
    found = only(tmp_path)
    assert (found.comparisons, found.baselines) == ((), [])
    assert found.notes[0].startswith("L-NOO+T-NOO is not compared on EN, SW, TR: there is no ")
    assert ", and similarly for the others" in found.notes[0]
    assert summary(found) == "xnli, tiny: no two rows could be compared"
    assert "L-NOO+T-NOO is not compared" in significance_markdown(found)


WRONG: dict[str, tuple[Counts, str]] = {
    "another score": ({"accuracy": np.ones((N, 2), np.int32)}, "make accuracy 1.0000 of 60 sentences, and its result"),
    "fewer sentences": ({"accuracy": answers("t_noo")["sw"][:-1]}, "of 59 sentences, and its result.json says"),
    "another metric": ({"f1": np.ones((N, 3), np.int32)}, "has no sentence counts of accuracy; move "),
    "no counts": ({"accuracy": np.ones((N, 4), np.int32)}, "its sentence counts: counts must be integers of shape"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_counts_that_do_not_make_the_score_are_not_used(wrong: str, tmp_path: Path) -> None:
    counts, said = WRONG[wrong]
    path = scored(tmp_path, "t_noo")
    scored(tmp_path, "lnoo_tnoo")
    write_sentence_counts(path, "sw", counts)
    found = only(tmp_path)
    assert [c.language for c in found.comparisons] == ["en", "tr"]
    assert found.notes[0].startswith("T-NOO is not compared on SW: ")
    assert said in found.notes[0]
    assert str(path) in found.notes[0]


def test_seeds_that_were_tested_on_other_sentences_are_not_used(tmp_path: Path) -> None:
    scored(tmp_path, "lnoo_tnoo")
    scored(tmp_path, "t_noo")
    path = scored(tmp_path, "t_noo", seed=1)
    result = json.loads((path / "result.json").read_text())
    short = answers("t_noo", 1)["sw"][:-1]
    result["test"]["sw"] = {"accuracy": float(short[:, 0].mean()), "n": N - 1}
    (path / "result.json").write_text(json.dumps(result))
    write_sentence_counts(path, "sw", {"accuracy": short})
    (note, _) = only(tmp_path).notes
    assert note.startswith(
        "T-NOO is not compared on SW: its seeds were tested on different numbers of sentences (60, 59)"
    )


def test_a_language_whose_sentences_are_others_is_compared_for_no_pair(tmp_path: Path) -> None:
    scored(tmp_path, "t_noo")
    other = dict(answers("lnoo_tnoo"))
    other["sw"] = other["sw"] * 2  # two words each
    scored(tmp_path, "lnoo_tnoo", other)
    found = only(tmp_path)
    assert [c.language for c in found.comparisons] == ["en", "tr"]
    assert found.notes[0].startswith("SW is compared for no pair: ")


def test_a_row_that_was_not_tested_on_a_language_has_no_average_to_compare(tmp_path: Path) -> None:
    scored(tmp_path, "t_noo", {code: rows for code, rows in answers("t_noo").items() if code != "sw"})
    scored(tmp_path, "lnoo_tnoo")
    scored(tmp_path, "full_ft")
    found = only(tmp_path)
    assert found.notes == ("T-NOO is not compared on SW: it has no score there.",)
    assert [(c.a, c.b) for c in found.comparisons if c.language == AVERAGE] == [("FULL-FT", "L-NOO+T-NOO")]
    assert found.between("T-NOO", "L-NOO+T-NOO", "sw") is None


def test_an_average_of_other_runs_than_its_languages_is_not_compared(tmp_path: Path) -> None:
    scored(tmp_path, "lnoo_tnoo")
    scored(tmp_path, "t_noo")
    scored(tmp_path, "t_noo", {code: rows for code, rows in answers("t_noo", 1).items() if code != "sw"}, seed=1)
    found = only(tmp_path)  # T-NOO's AVGz is of seed 0, its TR of both
    assert [c.seeds for c in found.comparisons] == [(2, 1), (1, 1), (2, 1)]
    assert [c.language for c in found.comparisons] == ["en", "sw", "tr"]
    assert found.notes == (
        "T-NOO is not compared on AVGz: that is not of the same runs and languages as the above.",
    )  # fmt: skip


def test_the_baselines_are_mad_x_and_t_noo_or_else_the_first_row(tmp_path: Path) -> None:
    for variant in ("full_ft", "t_ort"):
        scored(tmp_path, variant)
    assert [row.label for row in only(tmp_path).baselines] == ["FULL-FT"]
    for variant in ("t_noo", "lnoo_tnoo"):
        scored(tmp_path, variant)
    assert [row.label for row in only(tmp_path).baselines] == ["L-NOO+T-NOO", "T-NOO"]


def test_comparisons_in_print(tmp_path: Path) -> None:
    for variant in ("full_ft", "t_noo", "lnoo_tnoo"):
        scored(tmp_path, variant)
    found = only(tmp_path)
    text = significance_markdown(found)
    first, second = text.split("**xnli, tiny: difference in accuracy x 100 to ")[1:]
    assert first.startswith("L-NOO+T-NOO on test (95 % interval)**")
    assert second.startswith("T-NOO on test (95 % interval)**")
    c = found.between("FULL-FT", "L-NOO+T-NOO", "sw")
    assert c is not None
    assert c.significant
    assert f"**{100 * c.difference:+.2f} ({100 * c.low:+.2f} to {100 * c.high:+.2f})**" in first
    mean = found.between("T-NOO", "L-NOO+T-NOO", AVERAGE)
    assert mean is not None
    assert f"- AVGz, T-NOO against L-NOO+T-NOO: {mean.effect}." in second
    records = list(csv.DictReader(significance_csv(found).splitlines()))
    assert tuple(records[0]) == COMPARED
    assert len(records) == len(found.comparisons) == 12
    for record, c in zip(records, found.comparisons, strict=True):
        assert (record["a"], record["b"], record["language"]) == (c.a, c.b, c.language)
        assert float(record["difference_x100"]) == 100 * c.difference
        assert (float(record["p"]), float(record["p_holm"])) == (c.p, c.p_holm)
        assert (record["n_sentences"], record["n_seeds_a"], record["effect"]) == (str(c.n), "1", c.effect)
    better = sum(c.significant for c in found.comparisons if c.language != AVERAGE and "L-NOO+T-NOO" in (c.a, c.b))
    assert summary(found).endswith(
        f"against L-NOO+T-NOO, 0 of 6 scores are better and {better} worse by more than chance. "
        "One seed: intervals and p are of these trained weights; training again may differ by more."
    )


# Pictures


def complete(runs: Path) -> None:
    """Runs that every picture has something to show of."""
    history = [{"epoch": 1, "accuracy": 0.5}, {"epoch": 2, "accuracy": 0.8}]
    below = {
        "t_noo": ("none", "noo"),
        "t_ort": ("none", "ort"),
        "lnoo_tnoo": ("noo", "noo"),
        "full_ft": ("none", "none"),
    }
    for variant, (language, task) in below.items():
        own = {"variant.language_adapter": language, "variant.task_adapter": task}
        cos2 = {} if task == "none" else {"before": [0.4, 0.3], "after": [0.2, 0.1]}
        path = scored(runs, variant, choices=own, history=history, layer_cos2=cos2)
        losses(path, orthogonal=task == "ort")
        scored(runs, variant, answers("full_ft"), lr=5e-5, dev=0.1, choices=own, history=history)
    for code, kind in (("en", "noo"), ("sw", "noo"), ("sw", "ort")):
        losses(trained(runs, code, kind), orthogonal=kind == "ort")


def losses(path: Path, orthogonal: bool) -> None:
    rows = [f"{i},{1 / i},{1 - i / 9 if orthogonal else ''}" for i in range(1, 9)]
    (path / "metrics.csv").write_text("\n".join(["iteration,loss,l_ort", *rows]) + "\n")


def trained(runs: Path, code: str, kind: str, iterations: int = 40, ort_lr: float = 1e-7) -> Path:
    """A run of the MLM stage."""
    path = runs / f"mlm-{code}-{kind}-{iterations}-{ort_lr:g}"
    adapters = {code: {"kind": kind, "source": "trained", "path": "p", "sha256": path.name}}
    choices = {
        "stage": "mlm",
        "language.code": code,
        "variant.language_adapter": kind,
        "trainer.max_iterations": iterations,
    }
    result = Result(
        path.name, "m", "mlm", None, f"l{kind}_tnoo", "tiny", 0, 1e-4, ort_lr if kind == "ort" else None,
        {code: {"mlm_loss": 2.5, "n": 4}}, adapters, {"steps": iterations}, choices=choices,
        layer_cos2={"before": [0.4, 0.3], "after": [0.3, 0.2]},
    )  # fmt: skip
    write_result(path / "result.json", result)
    return path


def test_everything_that_has_data_is_drawn(tmp_path: Path) -> None:
    complete(tmp_path)
    report = build(tmp_path)
    analyses = [analyse(table, DRAWS) for table in report.tables]
    drawn = drawings(report, analyses)
    kinds = ["differences", "dev", "losses", "cos2", "text"]
    assert [drawing.name for drawing in drawn] == [
        *(f"{kind}-xnli-tiny" for kind in kinds),
        "losses-mlm-tiny",
        "cos2-mlm-tiny",
    ]
    assert [drawing.table for drawing in drawn] == [report.tables[0]] * 5 + [None] * 2
    assert undrawn(report, drawn) == []
    for drawing in drawn:
        assert drawing.caption.startswith(("xnli, tiny: ", "language adapters, tiny: "))
        assert drawing.caption.endswith(".")


def test_the_map_shows_the_comparisons_with_mad_x(tmp_path: Path) -> None:
    complete(tmp_path)
    figure = pictures(tmp_path)["differences-xnli-tiny"].figure
    found = only(tmp_path)
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["FULL-FT", "T-NOO", "T-ORT", "L-NOO+T-ORT", "L-ORT+T-NOO", "L-ORT+T-ORT"]
    shown = axes.collections[0].get_array().filled(np.nan)  # type: ignore[union-attr]
    columns = [*found.table.columns]
    hatched = {(round(p.get_y() + 0.5), round(p.get_x() + 0.5)) for p in axes.patches if isinstance(p, Rectangle)}
    expected = set()
    for row, label in enumerate(labels):
        for column, code in enumerate(columns):
            c = found.between(label, "L-NOO+T-NOO", code)
            if c is None:
                assert np.isnan(shown[row, column])
                continue
            assert shown[row, column] == pytest.approx(100 * c.difference)
            if not c.significant:
                expected.add((row, column))
    assert hatched == expected != set()


def test_the_selected_grid_points_line_is_the_thick_one(tmp_path: Path) -> None:
    complete(tmp_path)
    drawing = pictures(tmp_path)["dev-xnli-tiny"]
    assert "(n = 8 runs" in drawing.caption
    for axes in drawing.figure.axes:
        thin, thick = axes.get_lines()  # in order of the grid: lr 5e-05 was not selected
        assert thick.get_linewidth() > 2 * thin.get_linewidth()


def test_a_damaged_metrics_file_is_named_and_the_others_are_drawn(tmp_path: Path) -> None:
    complete(tmp_path)
    (path,) = (tmp_path / "tiny/xnli/t_ort").glob("lr0.0001-*")
    (path / "metrics.csv").write_text("iteration,loss,l_ort\n1,cut")
    drawing = pictures(tmp_path)["losses-xnli-tiny"]
    assert f"Without T-ORT: {path}/metrics.csv is damaged" in drawing.caption
    assert {line.get_label() for line in drawing.figure.axes[0].get_lines()} == {"FULL-FT", "T-NOO", "L-NOO+T-NOO"}


def test_what_has_no_data_is_not_drawn_and_named(tmp_path: Path) -> None:
    codes = {"en": "en", "sw": "qaa", "tr": "qab"}  # of the last two nobody counted the words
    scored(tmp_path, "t_noo", {codes[code]: rows for code, rows in answers("t_noo").items()})
    report = build(tmp_path)
    drawn = drawings(report, [analyse(table, DRAWS) for table in report.tables])
    assert drawn == []
    notes = undrawn(report, drawn)
    assert len(notes) == 6
    assert all(note.startswith(("xnli, tiny: there is no picture of ", "There are no pictures of")) for note in notes)


def test_language_adapters_of_other_settings_are_drawn_apart(tmp_path: Path) -> None:
    scored(tmp_path, "t_noo")
    for iterations in (40, 4000):
        trained(tmp_path, "sw", "ort", iterations)
    trained(tmp_path, "sw", "ort", ort_lr=1e-6)
    short, long = sorted(build(tmp_path).language_adapters, key=lambda adapters: adapters.place)
    assert short.place == "language adapters, tiny (trainer.max_iterations=40)"
    assert list(short.runs) == ["sw ORT, ort lr 1e-06", "sw ORT, ort lr 1e-07"]
    assert list(short.kinds) == ["NOO", "ORT, ort lr 1e-06", "ORT, ort lr 1e-07"]
    assert list(long.runs) == ["sw ORT"]
    assert short.name != long.name


# Files, the command line, and W&B


def test_a_report_with_everything_and_what_it_leaves_of_an_earlier_one(tmp_path: Path) -> None:
    complete(tmp_path / "runs")
    report = build(tmp_path / "runs")
    analyses = [analyse(table, DRAWS) for table in report.tables]
    drawn = drawings(report, analyses)
    out = tmp_path / "out"
    written = [*write(report, out, Show()), *write_analyses(report, analyses, drawn, out)]
    assert sorted(written) == sorted(path for path in out.rglob("*") if path.is_file())
    assert left_over(out, written) == []
    text = (out / "figures.md").read_text()
    assert all(f"![{d.name}](figures/{d.name}.svg)\n\n{d.caption}" in text for d in drawn)
    for path in ("significance-xnli-other.csv", "figures/dev-xnli-other.svg"):
        shutil.copy(out / path.replace("other", "tiny"), out / path)
    assert left_over(out, written) == [out / "figures/dev-xnli-other.svg", out / "significance-xnli-other.csv"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file: .*; choose another folder with --out DIR"):
        write_analyses(report, analyses, drawn, tmp_path / "file")


def test_the_command_writes_the_same_twice_and_prints_a_summary(tmp_path: Path) -> None:
    complete(tmp_path / "runs")
    for out in ("a", "b"):
        command = [sys.executable, str(ROOT / "report.py"), str(tmp_path / "runs"), "--out", str(tmp_path / out)]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True,
                              timeout=60)  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert "xnli, tiny: against L-NOO+T-NOO, 0 of 9 scores are better and " in done.stdout
    one, two = ({p.relative_to(tmp_path / out): p for p in (tmp_path / out).rglob("*.*")} for out in ("a", "b"))
    assert one.keys() == two.keys()
    assert Path("figures/text-xnli-tiny.pdf") in one
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one)


def configured(path: Path, sweep: str | None) -> None:
    config = {"logger": {"project": "mine", "entity": None}, "sweep": {"name": sweep}}
    (path / "config.yaml").write_text(yaml.safe_dump(config))


def uploaded(runs: Path, out: Path) -> str:
    report = build(runs)
    analyses = [analyse(table, DRAWS) for table in report.tables]
    return upload(report, analyses, drawings(report, analyses), out)


def test_a_report_is_one_wandb_run_of_its_sweeps_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for variant in ("t_noo", "lnoo_tnoo"):
        path = scored(tmp_path / "runs", variant)
        losses(path, orthogonal=False)
        configured(path, "xnli")
    said = [uploaded(tmp_path / "runs", tmp_path / out) for out in ("a", "b")]
    assert said == ["W&B: one run in group xnli of project mine"] * 2
    assert f"`wandb sync {tmp_path}/a/wandb/offline-run-*` uploads it later" in capfd.readouterr().err
    a, b = (records(tmp_path / out) for out in ("a", "b"))
    assert a["id"] == b["id"] == "report-tiny-xnli"
    assert (a["group"], a["job_type"], a["exit"]) == ("xnli", "report", 0)
    assert a["summary"].keys() >= {
        "tables/xnli-tiny", "tables/selected-xnli-tiny", "tables/significance-xnli-tiny", "figures/differences-xnli-tiny",
        "figures/losses-xnli-tiny", "figures/text-xnli-tiny",
    }  # fmt: skip
    media = tmp_path / "a"
    (table,) = media.rglob("significance-xnli-tiny*.table.json")
    assert json.loads(table.read_text())["columns"] == [*COMPARED]
    assert len(list(media.rglob("*.png"))) == 3
    configured(path, "another")
    assert uploaded(tmp_path / "runs", tmp_path / "c") == "W&B: one run in group report of project mine"
    assert records(tmp_path / "c")["id"] == "report-tiny"


def test_a_report_on_runs_without_a_project_is_not_uploaded(tmp_path: Path) -> None:
    scored(tmp_path / "runs", "t_noo")
    with pytest.raises(UserError, match=r"no selected run in .*/runs has a config.yaml with logger.project; bring one"):
        uploaded(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()
