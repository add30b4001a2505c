"""Runs of the MLM stage stand together if they differ in language, kind and seed alone."""

from pathlib import Path

from orthoadapters.report.collect.build import build
from tests.helpers.xnli_runs import write_adapter_run, write_xnli_run


def test_language_adapters_of_other_settings_are_apart(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "t_noo")
    for iterations in (40, 4000):
        write_adapter_run(tmp_path, "sw", "ort", iterations)
    write_adapter_run(tmp_path, "sw", "ort", ort_lr=1e-6)
    short, long = sorted(build(tmp_path).language_adapters, key=lambda adapters: adapters.title)
    assert short.title == "language adapters, tiny (trainer.max_iterations=40)"
    assert list(short.runs) == ["sw ORT, ort lr 1e-06", "sw ORT, ort lr 1e-07"]
    assert list(short.kinds) == ["NOO", "ORT, ort lr 1e-06", "ORT, ort lr 1e-07"]
    assert list(long.runs) == ["sw ORT"]
    assert short.name != long.name


def test_language_adapters_are_told_apart_by_their_loss_and_by_its_steps(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "t_noo")
    write_adapter_run(tmp_path, "sw", "ort")
    write_adapter_run(tmp_path, "sw", "ort", more={"orthogonality.loss": "subspace"})
    write_adapter_run(tmp_path, "sw", "ort", more={"ort.joint": 0.1})
    (adapters,) = build(tmp_path).language_adapters
    assert sorted(adapters.kinds) == ["NOO", "ORT", "ORT, ort.joint=0.1", "ORT, orthogonality.loss=subspace"]
