"""The rows of a table are compared by their selected runs' own files; what cannot be compared is named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.printed.significance import significance_markdown, summary
from orthoadapters.report.statistics.compare import MCNEMAR, OVER_SEEDS, RANDOMISATION, compare
from orthoadapters.runs.predictions import write_sentence_counts
from tests.helpers.xnli_runs import FEW_DRAWS, Counts, N, answers, one_analysis, write_xnli_run


def test_every_pair_is_compared_by_the_sentences_of_its_selected_runs(tmp_path: Path) -> None:
    for variant in ("t_noo", "lnoo_tnoo", "full_ft"):
        write_xnli_run(tmp_path, variant)
    write_xnli_run(tmp_path, "t_noo", answers("full_ft"), lr=5e-5, dev=0.1)  # another grid point, not selected
    analysis = one_analysis(tmp_path)
    labels = {"full_ft": "FULL-FT", "t_noo": "T-NOO", "lnoo_tnoo": "L-NOO+T-NOO"}
    reference = compare({label: answers(variant) for variant, label in labels.items()}, "en", FEW_DRAWS)
    assert list(analysis.comparisons) == reference
    assert analysis.notes == ()
    assert [c.language for c in analysis.comparisons[:4]] == ["en", "sw", "tr", AVERAGE]
    assert {c.test for c in analysis.comparisons} == {MCNEMAR, RANDOMISATION}
    (table,) = build(tmp_path).tables
    cells = {row.label: row.scores for row in table.rows}
    for c in analysis.comparisons:
        assert c.difference == pytest.approx((cells[c.a][c.language].value or 0) - (cells[c.b][c.language].value or 0))


def test_a_comparison_is_found_from_both_sides(tmp_path: Path) -> None:
    for variant in ("t_noo", "lnoo_tnoo"):
        write_xnli_run(tmp_path, variant)
    analysis = one_analysis(tmp_path)
    forward, backward = analysis.between("T-NOO", "L-NOO+T-NOO", "sw"), analysis.between("L-NOO+T-NOO", "T-NOO", "sw")
    assert forward is not None
    assert backward == forward.reverse()
    assert analysis.between("T-NOO", "T-ORT", "sw") is None


def test_all_seeds_are_compared_and_rows_may_have_different_numbers_of_them(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        write_xnli_run(tmp_path, "t_noo", seed=seed)
    write_xnli_run(tmp_path, "lnoo_tnoo")
    analysis = one_analysis(tmp_path)
    of_seeds = {code: np.stack([answers("t_noo", seed)[code] for seed in (0, 1, 2)]) for code in ("en", "sw", "tr")}
    reference = compare({"T-NOO": of_seeds, "L-NOO+T-NOO": answers("lnoo_tnoo")}, "en", FEW_DRAWS)
    assert list(analysis.comparisons) == reference
    assert {(c.seeds, c.test) for c in analysis.comparisons} == {((3, 1), OVER_SEEDS)}


def test_missing_counts_are_named_and_the_rest_is_compared(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "t_noo")
    path = write_xnli_run(tmp_path, "lnoo_tnoo", seed=1)
    write_xnli_run(tmp_path, "lnoo_tnoo", seed=0)
    (path / "sentences" / "test-sw.npz").unlink()  # of one of two seeds
    analysis = one_analysis(tmp_path)
    assert [c.language for c in analysis.comparisons] == ["en", "tr"]
    assert analysis.notes == (
        f"L-NOO+T-NOO is not compared on SW: there is no {path}/sentences/test-sw.npz; move {path} away and give its "
        "command again.",
        "L-NOO+T-NOO is not compared on AVGz: that is not of the same runs and languages as the above.",
    )


def test_runs_without_any_counts_are_compared_with_nothing(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "t_noo")
    shutil.rmtree(write_xnli_run(tmp_path, "lnoo_tnoo") / "sentences")
    analysis = one_analysis(tmp_path)
    assert (analysis.comparisons, analysis.baselines) == ((), [])
    assert analysis.notes[0].startswith("L-NOO+T-NOO is not compared on EN, SW, TR: there is no ")
    assert ", and similarly for the others" in analysis.notes[0]
    assert summary(analysis) == "xnli, tiny: no two rows could be compared"
    assert "L-NOO+T-NOO is not compared" in significance_markdown(analysis)


WRONG: dict[str, tuple[Counts, str]] = {
    "another score": ({"accuracy": np.ones((N, 2), np.int32)}, "make accuracy 1.0000 of 60 sentences, and its result"),
    "fewer sentences": ({"accuracy": answers("t_noo")["sw"][:-1]}, "of 59 sentences, and its result.json says"),
    "another metric": ({"f1": np.ones((N, 3), np.int32)}, "has no sentence counts of accuracy; move "),
    "no counts": ({"accuracy": np.ones((N, 4), np.int32)}, "its sentence counts: counts must be integers of shape"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_counts_that_do_not_make_the_score_are_not_used(wrong: str, tmp_path: Path) -> None:
    counts, complaint = WRONG[wrong]
    path = write_xnli_run(tmp_path, "t_noo")
    write_xnli_run(tmp_path, "lnoo_tnoo")
    write_sentence_counts(path, "sw", counts)
    analysis = one_analysis(tmp_path)
    assert [c.language for c in analysis.comparisons] == ["en", "tr"]
    assert analysis.notes[0].startswith("T-NOO is not compared on SW: ")
    assert complaint in analysis.notes[0]
    assert str(path) in analysis.notes[0]


def test_seeds_that_were_tested_on_other_sentences_are_not_used(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "lnoo_tnoo")
    write_xnli_run(tmp_path, "t_noo")
    path = write_xnli_run(tmp_path, "t_noo", seed=1)
    result = json.loads((path / "result.json").read_text())
    short = answers("t_noo", 1)["sw"][:-1]
    result["test"]["sw"] = {"accuracy": float(short[:, 0].mean()), "n": N - 1}
    (path / "result.json").write_text(json.dumps(result))
    write_sentence_counts(path, "sw", {"accuracy": short})
    (note, _) = one_analysis(tmp_path).notes
    assert note.startswith(
        "T-NOO is not compared on SW: its seeds were tested on different numbers of sentences (60, 59)"
    )


def test_a_language_whose_sentences_are_others_is_compared_for_no_pair(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "t_noo")
    other = dict(answers("lnoo_tnoo"))
    other["sw"] = other["sw"] * 2  # two words each
    write_xnli_run(tmp_path, "lnoo_tnoo", other)
    analysis = one_analysis(tmp_path)
    assert [c.language for c in analysis.comparisons] == ["en", "tr"]
    assert analysis.notes[0].startswith("SW is compared for no pair: ")


def test_a_row_that_was_not_tested_on_a_language_has_no_average_to_compare(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "t_noo", {code: rows for code, rows in answers("t_noo").items() if code != "sw"})
    write_xnli_run(tmp_path, "lnoo_tnoo")
    write_xnli_run(tmp_path, "full_ft")
    analysis = one_analysis(tmp_path)
    assert analysis.notes == ("T-NOO is not compared on SW: it has no score there.",)
    assert [(c.a, c.b) for c in analysis.comparisons if c.language == AVERAGE] == [("FULL-FT", "L-NOO+T-NOO")]
    assert analysis.between("T-NOO", "L-NOO+T-NOO", "sw") is None


def test_an_average_of_other_runs_than_its_languages_is_not_compared(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "lnoo_tnoo")
    write_xnli_run(tmp_path, "t_noo")
    write_xnli_run(
        tmp_path, "t_noo", {code: rows for code, rows in answers("t_noo", 1).items() if code != "sw"}, seed=1
    )
    analysis = one_analysis(tmp_path)  # T-NOO's AVGz is of seed 0, its TR of both
    assert [c.seeds for c in analysis.comparisons] == [(2, 1), (1, 1), (2, 1)]
    assert [c.language for c in analysis.comparisons] == ["en", "sw", "tr"]
    (note,) = analysis.notes
    assert note == "T-NOO is not compared on AVGz: that is not of the same runs and languages as the above."


def test_the_baselines_are_mad_x_and_t_noo_or_else_the_first_row(tmp_path: Path) -> None:
    for variant in ("full_ft", "t_ort"):
        write_xnli_run(tmp_path, variant)
    assert [row.label for row in one_analysis(tmp_path).baselines] == ["FULL-FT"]
    for variant in ("t_noo", "lnoo_tnoo"):
        write_xnli_run(tmp_path, variant)
    assert [row.label for row in one_analysis(tmp_path).baselines] == ["L-NOO+T-NOO", "T-NOO"]
