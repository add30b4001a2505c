"""Times a report: python benchmarks/many_runs.py [--runs 1000] [--seeds 1] [--sentences 5000] [--iterations 100000]

It first reads many runs and writes their tables. Then it runs report.py on a task with all variants, the paper's languages,
sentence counts and logged losses. The time does not depend on the numbers.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from orthoadapters.evaluation.metrics import f1_of_counts  # noqa: E402
from orthoadapters.report.collect.build import build  # noqa: E402
from orthoadapters.report.collect.paper import paper  # noqa: E402
from orthoadapters.report.output import table_texts  # noqa: E402
from orthoadapters.report.printed.tables import Extras  # noqa: E402
from orthoadapters.runs.predictions import write_sentence_counts  # noqa: E402
from tests.helpers.report_runs import ORT, UDPOS, write_run  # noqa: E402

CHOICES = {f"key.{number}": number for number in range(60)}  # ours: about as many as a run has


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"runs": 1000, "seeds": 1, "sentences": 5000, "iterations": 100_000}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    size = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        many(Path(folder) / "many", size.runs)
        whole(Path(folder) / "whole", size.seeds, size.sentences, size.iterations)


def many(folder: Path, runs: int) -> None:
    """Measures the reading of at least so many runs, and the making of their tables."""
    count = 0
    while count < runs:
        for variant in paper().variants:
            for ort_lr in (1e-6, 1e-7, 1e-8) if variant in ORT else (None,):
                for task in ("udpos", "wikiann"):
                    write_run(
                        folder, variant, UDPOS, seed=count, ort_lr=ort_lr, task=task, choices=CHOICES, target_dev=UDPOS
                    )
                    count += 1
    start = time.perf_counter()
    report = build(folder)
    built = time.perf_counter()
    table_texts(report, Extras(paper=True, seeds=True, oracle=True, sizes=True))
    print(
        f"{count} runs, {len(report.tables)} tables: {built - start:.2f} s to read, "
        f"{time.perf_counter() - built:.2f} s to make the texts"
    )


def whole(folder: Path, seeds: int, sentences: int, iterations: int) -> None:
    """Measures report.py on one task."""
    rng = np.random.default_rng(0)
    gold = {language: rng.poisson(2.0, sentences) for language in UDPOS}
    losses = "".join(f"{i},{1 / i:.7g},0.2,0.3,0.4,0.0001,1e-07,5000.0\n" for i in range(1, iterations + 1))
    history = [{"epoch": epoch, "f1": 0.5 + epoch / 200} for epoch in range(1, 51)]
    for variant in paper().variants:
        for seed in range(seeds):
            right = {language: rng.binomial(spans, 0.8) for language, spans in gold.items()}
            counts = {code: np.stack((right[code], right[code], gold[code]), axis=1) for code in gold}
            path = write_run(
                folder,
                variant,
                {code: f1_of_counts(rows) for code, rows in counts.items()},
                seed=seed,
                n=sentences,
                history=history,
                choices=CHOICES,
            )
            for code, rows in counts.items():
                write_sentence_counts(path, code, {"f1": rows})
            header = "iteration,loss,grad_norm,l_ort,ort_grad_norm,lr,ort_lr,tokens_per_second\n"
            (path / "metrics.csv").write_text(header + losses)
    start = time.perf_counter()
    command: list[str | Path] = [
        sys.executable,
        ROOT / "report.py",
        folder,
        "--out",
        folder / "out",
        "--paper",
        "--seeds",
    ]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, check=True, stdout=subprocess.DEVNULL)
    print(
        f"report.py on 7 variants x {seeds} seeds x {len(gold)} languages x {sentences} sentences, {iterations} iterations "
        f"each: {time.perf_counter() - start:.1f} s, of which {cpu_seconds():.1f} s computing"
    )


def cpu_seconds() -> float:
    """Returns the processor seconds of the commands that were run: other work on the machine does not change them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
