"""The worth of the swap in the report: scores side by side, differences from the same sentences, and where they stand."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from orthoadapters.commands.report import main
from orthoadapters.config.schema import Under
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.printed.formats import markdown
from orthoadapters.report.printed.under import printed_under
from orthoadapters.report.statistics.compare import compare
from orthoadapters.report.tidy import FIELDS, tidy_records
from orthoadapters.runs.evaluations import EvaluationRecord, write_evaluation
from orthoadapters.runs.predictions import write_sentence_counts
from orthoadapters.runs.results import read_result
from tests.helpers.xnli_runs import FEW_DRAWS, N, answers, one_analysis, scores_of, write_xnli_run

OWN = answers("lnoo_tnoo")
KEPT = {**answers("full_ft"), "en": OWN["en"]}
BARE = answers("t_noo")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run with its other choices beside it, and one of another seed without them."""
    choices = {"transfer.under": ["target", "source", "none"]}
    write_xnli_run(tmp_path / "runs", "lnoo_tnoo", OWN, choices=choices, under={"source": KEPT, "none": BARE})
    write_xnli_run(tmp_path / "runs", "lnoo_tnoo", seed=1)
    return tmp_path / "runs"


def write_evaluation_of(run: Path, name: str, overrides: list[str], **fields: object) -> None:
    result = read_result(run / "result.json")
    test = {code: {"accuracy": score, "n": N} for code, score in scores_of(BARE).items()}
    inputs = {"backbone": "b"} | {f"test-{code}": f"of {code}" for code in test}
    record = EvaluationRecord(
        run=result.run,
        fingerprint=result.fingerprint,
        elsewhere=None,
        task="xnli",
        variant=result.variant,
        backbone=result.backbone,
        source="en",
        metric="accuracy",
        test=test,
        target_dev={},
        adapters={},
        inputs=inputs,
        provenance={"overrides": overrides},
        test_under="none",
    )
    folder = run / "evaluations" / name
    write_evaluation(folder, replace(record, **fields))  # type: ignore[arg-type]
    for code, rows in BARE.items():
        write_sentence_counts(folder, code, {"accuracy": rows})


def test_choices_stand_side_by_side_with_the_difference_to_the_swap_on_the_same_sentences(runs: Path) -> None:
    analysis = one_analysis(runs)
    assert [row.label for row in analysis.table.rows if row.selected_runs] == ["L-NOO+T-NOO"]
    assert [worth.under.label for worth in analysis.under] == [
        "L-NOO+T-NOO, source adapter kept",
        "L-NOO+T-NOO, no language adapter",
    ]
    kept, bare = analysis.under
    assert {code: score.value for code, score in kept.under.scores.items() if code != AVERAGE} == scores_of(KEPT)
    # The source language has its own adapter either way.
    own = {code: rows for code, rows in OWN.items() if code != "en"}
    reference = compare({"L-NOO+T-NOO": own, kept.under.label: {"sw": KEPT["sw"], "tr": KEPT["tr"]}}, "en", FEW_DRAWS)
    assert [*kept.comparisons.values()] == reference
    assert [*bare.comparisons] == ["en", "sw", "tr", AVERAGE]
    text = markdown(printed_under(analysis))
    difference = 100 * (scores_of(OWN)["sw"] - scores_of(KEPT)["sw"])
    assert f"{difference:+.2f} (" in text.partition("source adapter kept")[2]


def test_counts_that_do_not_make_the_score_are_not_compared(runs: Path) -> None:
    (run,) = {path.parents[2] for path in runs.rglob("under-source/test-sw.npz")}
    write_sentence_counts(run, "sw", {"accuracy": BARE["sw"]}, Under.source)
    analysis = one_analysis(runs)
    assert [*analysis.under[0].comparisons] == ["tr"]
    assert any("is not compared on SW: the sentence counts of" in note for note in analysis.notes)


def test_an_evaluation_with_nothing_else_changed_stands_among_them_and_others_do_not(tmp_path: Path) -> None:
    run = write_xnli_run(tmp_path, "lnoo_tnoo")
    write_evaluation_of(run, "a", ["transfer.under=none"])
    write_evaluation_of(run, "data", ["transfer.under=none", "data.root=x"])
    for number, weights in enumerate([{"sw": {"tr": 1.0}}, {"sw": {"tr": 0.5, "en": 0.5}}]):
        fields: dict[str, object] = {"test_under": "mean", "mean_weights": weights}
        write_evaluation_of(run, f"mean-{number}", ["transfer.under=mean"], **fields)
    analysis = one_analysis(tmp_path)
    worth, *means = analysis.under
    assert [one.under.label.rpartition(", ")[2] for one in means] == ["mean of adapters 1", "mean of adapters 2"]
    assert "L-NOO+T-NOO, mean of adapters 2: sw: tr 0.5, en 0.5." in printed_under(analysis).notes
    assert worth.under.label == "L-NOO+T-NOO, no language adapter"
    assert worth.comparisons["sw"].difference == pytest.approx(scores_of(OWN)["sw"] - scores_of(BARE)["sw"])
    (row,) = analysis.table.evaluations
    assert row.subject == "transfer.under=none data.root=x, no language adapter"


def test_a_run_whose_own_choice_is_another_has_a_row_of_its_own(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "lnoo_tnoo")
    choices = {"transfer.under": ["source", "target"]}
    write_xnli_run(tmp_path, "lnoo_tnoo", KEPT, choices=choices, under={"target": OWN})
    (table,) = build(tmp_path).tables
    rows = {row.label: row.scores["sw"] for row in table.rows if row.selected_runs}
    assert sorted(rows) == ["L-NOO+T-NOO", "L-NOO+T-NOO, source adapter kept"]
    assert rows["L-NOO+T-NOO"].paper is not None
    assert rows["L-NOO+T-NOO, source adapter kept"].paper is None
    assert [row.label for row in table.under] == ["L-NOO+T-NOO, adapter swapped"]


def test_runs_that_trained_on_several_language_adapters_have_a_row_of_their_own(tmp_path: Path) -> None:
    for languages in (["en", "sw"], ["en", "sw", "tr"]):
        write_xnli_run(tmp_path, "lnoo_tnoo", KEPT, choices={"transfer.train_under": languages})
    write_xnli_run(tmp_path, "lnoo_tnoo", seed=2)
    (table,) = build(tmp_path).tables
    first, *others = [(row.label, row.scores["sw"].paper is None) for row in table.rows if row.selected_runs]
    assert first == ("L-NOO+T-NOO", False)
    assert sorted(others) == [("L-NOO+T-NOO, trained on en+sw", True), ("L-NOO+T-NOO, trained on en+sw+tr", True)]


@pytest.mark.parametrize(
    "choices",
    [
        {"unfreeze.per": "epoch"},
        {"ort.joint": 0.1},
        {"orthogonality.loss": "subspace"},
        {"variant.leave_out": [11]},
        {"domain.name": "reviews"},
    ],
)
def test_a_row_with_a_choice_beyond_the_paper_comes_after_the_plain_one_and_without_the_papers_scores(
    choices: dict[str, object], tmp_path: Path
) -> None:
    write_xnli_run(tmp_path, "lnoo_tnoo", choices=choices)
    write_xnli_run(tmp_path, "lnoo_tnoo", seed=2)
    (table,) = build(tmp_path).tables
    plain, other = [row for row in table.rows if row.selected_runs]
    assert plain.label.startswith("L-NOO+T-NOO")
    assert (plain.seeds, other.seeds) == ([2], [0])
    assert plain.scores["sw"].paper is not None
    assert (other.scores["sw"].paper, other.scores[AVERAGE].paper) == (None, None)


def test_the_report_writes_them_and_the_tidy_table_has_a_column(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orthoadapters.report.statistics.analysis.DRAWS", FEW_DRAWS)
    monkeypatch.setattr("orthoadapters.report.pictures.gallery.draw_pictures", lambda report, analyses: [])
    assert main([str(runs), "--out", str(tmp_path / "out")]) == 0
    assert "L-NOO+T-NOO, source adapter kept" in capsys.readouterr().out
    with (tmp_path / "out" / "under-xnli-tiny.csv").open() as file:
        records = {(row["under"], row["language"]): row for row in csv.DictReader(file)}
    record = records["L-NOO+T-NOO, no language adapter", "en"]
    difference = scores_of(OWN)["en"] - scores_of(BARE)["en"]
    assert float(record["difference_x100"]) == pytest.approx(100 * difference)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "L-NOO+T-NOO minus source adapter kept" in page
    rows = [dict(zip(FIELDS, row, strict=True)) for row in tidy_records(runs)[0]]
    scores = {row["under"]: row["value"] for row in rows if (row["split"], row["language"]) == ("under", "sw")}
    assert scores == {"source": scores_of(KEPT)["sw"], "none": scores_of(BARE)["sw"]}
    assert sum((row["split"], row["language"]) == ("test", "sw") for row in rows) == 2
