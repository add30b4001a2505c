"""Finished runs of XNLI with sentence counts, and all that a picture has to show: for tests of statistics and pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from orthoadapters.config.schema import Under
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.table import Report
from orthoadapters.report.pictures.gallery import draw_pictures
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.statistics.analysis import Analysis, analyse
from orthoadapters.report.statistics.compare import DRAWS
from orthoadapters.runs.predictions import write_sentence_counts
from orthoadapters.runs.results import Result, write_result
from tests.helpers.report_runs import write_run

N = 60
FEW_DRAWS = 300
EASE = {"full_ft": 0.5, "t_noo": 0.7, "t_ort": 0.88, "lnoo_tnoo": 0.9}
ADAPTERS = {
    "t_noo": ("none", "noo"),
    "t_ort": ("none", "ort"),
    "lnoo_tnoo": ("noo", "noo"),
    "full_ft": ("none", "none"),
}
Counts = Mapping[str, NDArray[np.int32]]


class WholeReport(NamedTuple):
    """A report with all that is made of it before it is written."""

    report: Report
    analyses: list[Analysis]
    drawings: list[Drawing]

    def picture(self, name: str) -> Drawing:
        return next(drawing for drawing in self.drawings if drawing.name == name)


def analyse_runs(runs: Path, draws: int = DRAWS) -> WholeReport:
    report = build(runs)
    analyses = [analyse(table, draws) for table in report.tables]
    return WholeReport(report, analyses, draw_pictures(report, analyses))


def one_analysis(runs: Path) -> Analysis:
    (table,) = build(runs).tables
    return analyse(table, FEW_DRAWS)


def answers(variant: str, seed: int = 0) -> Counts:
    """Right and wrong of XNLI's kind, by language."""
    rng = np.random.default_rng([seed, *variant.encode()])
    return {
        code: np.stack([rng.random(N) < EASE[variant], np.ones(N)], axis=1).astype(np.int32)
        for code in ("en", "sw", "tr")
    }


def write_xnli_run(
    runs: Path,
    variant: str,
    counts: Counts | None = None,
    seed: int = 0,
    under: Mapping[str, Counts] | None = None,
    **fields: Any,
) -> Path:
    """A finished run whose scores are those of its sentence counts. under: those with something else under its adapter."""
    counts, under = answers(variant, seed) if counts is None else counts, under or {}
    others = {name: scores_of(of_choice) for name, of_choice in under.items()}
    path = write_run(runs, variant, scores_of(counts), task="xnli", n=N, seed=seed, under=others, **fields)
    for choice, of_choice in {"": counts, **under}.items():
        for code, rows in of_choice.items():
            write_sentence_counts(path, code, {"accuracy": rows}, Under(choice) if choice else None)
    return path


def scores_of(counts: Counts) -> dict[str, float]:
    return {code: float(rows[:, 0].sum() / rows[:, 1].sum()) for code, rows in counts.items()}


def write_everything(runs: Path) -> None:
    """Runs that every picture has something to show of."""
    history = [{"epoch": 1, "accuracy": 0.5}, {"epoch": 2, "accuracy": 0.8}]
    for variant, (language_adapter, task_adapter) in ADAPTERS.items():
        choices = {"variant.language_adapter": language_adapter, "variant.task_adapter": task_adapter}
        cos2 = {} if task_adapter == "none" else {"before": [0.4, 0.3], "after": [0.2, 0.1]}
        path = write_xnli_run(runs, variant, choices=choices, history=history, layer_cos2=cos2)
        write_losses(path, orthogonal=task_adapter == "ort")
        write_xnli_run(runs, variant, answers("full_ft"), lr=5e-5, dev=0.1, choices=choices, history=history)
    for code, kind in (("en", "noo"), ("sw", "noo"), ("sw", "ort")):
        write_losses(write_adapter_run(runs, code, kind), orthogonal=kind == "ort")


def write_losses(path: Path, orthogonal: bool) -> None:
    rows = [f"{i},{1 / i},{1 - i / 9 if orthogonal else ''}" for i in range(1, 9)]
    (path / "metrics.csv").write_text("\n".join(["iteration,loss,l_ort", *rows]) + "\n")


def write_adapter_run(
    runs: Path, code: str, kind: str, iterations: int = 40, ort_lr: float = 1e-7, more: Mapping[str, Any] | None = None
) -> Path:
    """A run of the MLM stage. more: further choices."""
    path = runs / f"mlm-{code}-{kind}-{iterations}-{ort_lr:g}{'-'.join(more or ())}"
    result = Result(
        run=path.name,
        fingerprint="m",
        stage="mlm",
        task=None,
        variant=f"l{kind}_tnoo",
        backbone="tiny",
        seed=0,
        lr=1e-4,
        ort_lr=ort_lr if kind == "ort" else None,
        test={code: {"mlm_loss": 2.5, "n": 4}},
        adapters={code: {"kind": kind, "source": "trained", "path": "p", "sha256": path.name}},
        provenance={"steps": iterations},
        choices={
            "stage": "mlm",
            "language.code": code,
            "variant.language_adapter": kind,
            "trainer.max_iterations": iterations,
        }
        | dict(more or {}),
        layer_cos2={"before": [0.4, 0.3], "after": [0.3, 0.2]},
    )
    write_result(path / "result.json", result)
    return path
