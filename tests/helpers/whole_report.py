"""A report with everything in it that a page has to show: seeds, grids, sentences, what is missing, failed or unlike."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.paper import paper
from orthoadapters.report.collect.table import Report
from orthoadapters.report.pictures.gallery import draw_pictures
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.statistics.analysis import Analysis, analyse
from orthoadapters.runs.predictions import write_sentence_counts
from tests.helpers.report_runs import ORT, write_attempt, write_run

DRAWS = 200
ADAPTER = {"source": "trained", "path": "adapters/tiny/en-noo", "sha256": "5eed" * 16}


def write_run_with_counts(runs: Path, variant: str, task: str, **fields: Any) -> Path:
    """A finished run on the paper's languages that scores about what the paper's did, with its sentence counts."""
    published = paper().tables[task]
    rng = np.random.default_rng([*variant.encode(), *task.encode(), fields.get("seed", 0)])
    counts = {}
    for language in published.languages:
        size = 40 if language in ("ilo", "mhr", "qu") else 120
        right = rng.random(size) < published.scores.get(variant, {}).get(language, 0.5)
        spans = [right, np.ones(size)] if task == "xnli" else [right, np.ones(size), np.ones(size)]
        counts[language] = np.stack(spans, axis=1).astype(np.int32)
    test = {language: float(rows[:, 0].mean()) for language, rows in counts.items()}
    path = write_run(runs, variant, test, task=task, history=[{"epoch": 1, published.metric: 0.7}], **fields)
    result = json.loads((path / "result.json").read_text())
    for language, rows in counts.items():
        write_sentence_counts(path, language, {published.metric: rows})
        result["test"][language]["n"] = len(rows)
    (path / "result.json").write_text(json.dumps(result))
    return path


def write_whole_report(runs: Path) -> None:
    """XNLI with seeds, an oracle and a failure; UD-POS on two grid points; one row of code that no commit holds."""
    for seed in (0, 1, 2):
        write_run_with_counts(
            runs, "t_noo", "xnli", seed=seed, target_dev={"ar": 0.6, "hi": 0.6, "sw": 0.6, "tr": 0.6, "zh": 0.6}
        )
    for variant in ("lnoo_tnoo", "lort_tort"):
        kind = "ort" if variant.startswith("lort") else "noo"
        write_run_with_counts(
            runs, variant, "xnli", adapters={"en": ADAPTER | {"kind": kind}}, provenance={"git_dirty": kind == "ort"}
        )
    write_attempt(runs, "full_ft", failed=True, task="xnli")
    for variant in paper().variants:
        if variant != "lnoo_tort":
            write_run_with_counts(runs, variant, "udpos", lr=5e-5, dev=0.85)
            write_run_with_counts(runs, variant, "udpos", lr=1e-4, dev=0.9, ort_lr=1e-6 if variant in ORT else None)


def make_report(runs: Path, pictures: bool = True) -> tuple[Report, list[Analysis], list[Drawing]]:
    """pictures: drawing takes most of the time of a page, and many tests need none."""
    report = build(runs)
    analyses = [analyse(table, DRAWS) for table in report.tables]
    return report, analyses, draw_pictures(report, analyses) if pictures else []
