"""Seconds that a report of a thousand runs takes: python benchmarks/report.py [RUNS]"""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from report_runs import ORT, UDPOS, finished  # noqa: E402

from orthoadapters.report.build import build  # noqa: E402
from orthoadapters.report.output import write  # noqa: E402
from orthoadapters.report.paper import paper  # noqa: E402
from orthoadapters.report.tables import Show  # noqa: E402


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        runs, made = Path(folder) / "runs", 0
        more = {f"key.{number}": number for number in range(60)}  # about as many choices as a run has
        while made < wanted:
            for variant in paper().variants:
                for ort_lr in (1e-6, 1e-7, 1e-8) if variant in ORT else (None,):
                    for task in ("udpos", "wikiann"):
                        finished(
                            runs, variant, UDPOS, seed=made, ort_lr=ort_lr, task=task, choices=more, target_dev=UDPOS
                        )
                        made += 1
        start = time.perf_counter()
        report = build(runs)
        built = time.perf_counter()
        write(report, Path(folder) / "out", Show(paper=True, seeds=True, oracle=True, sizes=True))
        print(f"{made} runs, {len(report.tables)} tables: {built - start:.2f} s to read, "
              f"{time.perf_counter() - built:.2f} s to write")  # fmt: skip


if __name__ == "__main__":
    main()
