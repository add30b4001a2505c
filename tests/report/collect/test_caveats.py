"""What a reader has to know before the rows of a table are compared."""

from pathlib import Path
from typing import Any

import pytest

from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import paper
from orthoadapters.runs.results import Result, write_result
from tests.helpers.report_runs import ORT, only_table, write_run


def test_warnings_name_what_makes_rows_unlike(tmp_path: Path) -> None:
    def adapters(kind: str, source: str, sha256: str) -> dict[str, dict[str, str]]:
        return {"en": {"kind": kind, "source": source, "path": "p", "sha256": sha256}}

    write_run(tmp_path, "lnoo_tnoo", adapters=adapters("noo", "hub", "1"))
    write_run(tmp_path, "lort_tnoo", lr=5e-5, adapters=adapters("ort", "trained", "2"), dev=0.1)
    write_run(tmp_path, "lort_tnoo", adapters=adapters("ort", "trained", "2"), provenance={"git_dirty": True})
    write_run(
        tmp_path, "lort_tnoo", seed=1, adapters=adapters("ort", "trained", "3"), provenance={"git_commit": "beef"}
    )
    write_run(tmp_path, "t_ort", choices={"optim.ort_eps": 1e-8})
    write_run(tmp_path, "lort_tort", choices={"optim.ort_eps": 1e-12}, adapters=adapters("ort", "trained", "2"))
    mlm_result = Result(
        "m",
        "m",
        "mlm",
        None,
        "lort_tnoo",
        "tiny",
        0,
        1e-4,
        1e-7,
        {"en": {"mlm_loss": 2.5, "n": 4}},
        adapters("ort", "trained", "2"),
        {"steps": 400},
    )
    write_result(tmp_path / "m" / "result.json", mlm_result)
    assert list(only_table(tmp_path).warnings) == [
        "Selected on different numbers of grid points: L-NOO+T-NOO 1, L-ORT+T-NOO 2.",
        "Selected among different values of lr: T-ORT 0.0001, L-NOO+T-NOO 0.0001, L-ORT+T-NOO 5e-05/0.0001, "
        "L-ORT+T-ORT 0.0001.",
        "Means are over different numbers of seeds: T-ORT 1, L-NOO+T-NOO 1, L-ORT+T-NOO 2, L-ORT+T-ORT 1.",
        "Language adapters of different provenance are compared: L-NOO+T-NOO hub, L-ORT+T-NOO trained, L-ORT+T-ORT trained.",
        "Language adapters of L-NOO+T-NOO, L-ORT+T-NOO are not known to be trained as the others were (batch size, "
        "iterations, corpus): their training is not in RUNS_DIR.",
        "Not all runs used the same language adapter for en (ort).",
        "Rows differ in optim.ort_eps: T-ORT 1e-08, L-ORT+T-ORT 1e-12.",
        "1 of 5 selected runs were made by code with changes that no commit holds.",
        "The selected runs were made by different commits: c0ffee00, beef.",
    ]


def test_rows_with_two_losses_are_told_apart_by_the_losses_names(tmp_path: Path) -> None:
    write_run(tmp_path, "t_ort", name="a")
    write_run(tmp_path, "t_ort", name="b", choices={"orthogonality.loss": "mine"})
    label = "T-ORT [orthogonality.loss=mine]"
    assert f"Rows differ in orthogonality.loss: T-ORT cosine, {label} mine." in only_table(tmp_path).warnings


def test_a_row_of_one_loss_for_both_is_compared_with_those_of_two_steps(tmp_path: Path) -> None:
    write_run(tmp_path, "t_ort", name="a", ort_lr=1e-7, choices={"optim.ort_eps": 1e-8})
    write_run(tmp_path, "t_ort", name="b", choices={"ort.joint": 0.5})
    warnings = only_table(tmp_path).warnings
    assert "Rows differ in ort.joint: T-ORT None, T-ORT [ort.joint=0.5] 0.5." in warnings
    assert not any("ort_eps" in warning for warning in warnings)


def with_trained_adapter(runs: Path, variant: str, sha256: str, steps: int | None = 400, **choices: Any) -> None:
    """A run of the task stage, and that of the MLM stage behind its adapter; without steps the former alone."""
    kind = "ort" if variant.startswith("lort") else "noo"
    adapters = {"en": {"kind": kind, "source": "trained", "path": "p", "sha256": sha256}}
    write_run(runs, variant, adapters=adapters)
    if steps is not None:
        adapter_choices = {
            "mlm.batch_size": 8,
            "corpus.source": "wikipedia",
            "optim.lr": 1e-4,
            "variant.language_adapter": kind,
        }
        adapter_choices |= {"language.code": "en"} | ({"optim.ort_lr": 1e-7} if kind == "ort" else {}) | choices
        mlm_result = Result(
            sha256,
            "m",
            "mlm",
            None,
            variant,
            "tiny",
            0,
            1e-4,
            None,
            {"en": {"mlm_loss": 2.5, "n": 4}},
            adapters,
            {"steps": steps},
            choices=adapter_choices,
        )
        write_result(runs / sha256 / "result.json", mlm_result)


def test_language_adapters_that_were_trained_otherwise_are_named(tmp_path: Path) -> None:
    with_trained_adapter(tmp_path, "lnoo_tnoo", "1")
    with_trained_adapter(tmp_path, "lort_tnoo", "2")
    assert only_table(tmp_path).warnings == ()
    with_trained_adapter(tmp_path, "lort_tort", "3", steps=500, **{"mlm.batch_size": 64})
    assert list(only_table(tmp_path).warnings)[:-1] == [
        f"Language adapters were trained with different {key}: L-NOO+T-NOO {a}, L-ORT+T-NOO {a}, L-ORT+T-ORT {b}."
        for key, a, b in (("iterations", 400, 500), ("mlm.batch_size", 8, 64))
    ]


def test_language_adapters_whose_training_is_not_there_are_named(tmp_path: Path) -> None:
    with_trained_adapter(tmp_path, "lnoo_tnoo", "1", steps=None)
    with_trained_adapter(tmp_path, "lort_tnoo", "2", steps=None)
    (warning,) = only_table(tmp_path).warnings
    assert warning.startswith("How the language adapters of L-NOO+T-NOO, L-ORT+T-NOO were trained (batch size,")
    assert warning.endswith("their training is not in RUNS_DIR.")


def test_cells_of_fewer_seeds_than_their_row_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5, "tr": 0.5})
    write_run(tmp_path, "t_noo", {"en": 0.9, "ar": 0.5}, seed=1)
    assert "Not all of T-NOO is of its 2 seeds: TR 1, AVGz 1." in only_table(tmp_path).warnings


def test_grids_of_one_size_and_other_values_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, "t_noo", lr=5e-5)
    write_run(tmp_path, "t_ort", ort_lr=1e-7)
    write_run(tmp_path, "lnoo_tort", ort_lr=1e-6)
    assert list(only_table(tmp_path).warnings) == [
        "Selected among different values of lr: T-NOO 5e-05, T-ORT 0.0001, L-NOO+T-ORT 0.0001.",
        "Selected among different values of ort lr: T-ORT 1e-07, L-NOO+T-ORT 1e-06.",
    ]


def test_runs_of_unknown_code_are_counted(tmp_path: Path) -> None:
    write_run(tmp_path, "full_ft")
    write_run(tmp_path, "t_noo", provenance={"git_commit": None})
    write_run(tmp_path, "t_ort", provenance={"git_dirty": None})
    assert list(only_table(tmp_path).warnings) == [
        "2 of 3 selected runs do not tell by what code they were made, a commit's or a changed one."
    ]


@pytest.mark.parametrize(
    ("data", "split"),
    [
        ({"data.source": "hub"}, True),
        ({"data.source": "conllu", "data.fuse_multiword": False}, True),
        ({"data.source": "conllu", "data.fuse_multiword": True}, False),
        ({"data.source": "xtreme"}, False),
    ],
)
def test_test_sets_of_other_words_than_the_papers_are_named(tmp_path: Path, data: dict[str, Any], split: bool) -> None:
    write_run(tmp_path / "udpos", choices=data)
    write_run(tmp_path / "xnli", test={"en": 0.9, "ar": 0.5}, task="xnli", choices=data)
    texts = [text for text in only_table(tmp_path / "udpos").warnings if "syntactic words" in text]
    assert [text.partition(": ")[2][:25] for text in texts] == ["AR and TR differ from the"] * split
    assert not any("syntactic words" in text for text in only_table(tmp_path / "xnli").warnings)


def test_another_backbone_than_the_papers_is_no_replication(tmp_path: Path) -> None:
    write_run(tmp_path, backbone="google/mbert", name="a")
    (warning,) = only_table(tmp_path).warnings
    assert warning.startswith(
        "The backbone is google/mbert, the paper's is FacebookAI/xlm-roberta-base: differences to"
    )


def test_alike_rows_have_no_warnings(tmp_path: Path) -> None:
    for variant in paper().variants:
        write_run(tmp_path, variant, dev=0.8)
        if variant in ORT:
            write_run(tmp_path, variant, ort_lr=1e-6)  # a larger grid by design
    report = build(tmp_path)
    assert (report.tables[0].warnings, report.problems) == ((), ())
