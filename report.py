"""What a researcher needs of finished runs: the paper's tables, what was selected, or a submission to XTREME.

python report.py runs --paper --seeds
python report.py runs --xtreme submission
"""

import argparse
import logging
import sys
from pathlib import Path

from orthoadapters.errors import UserError
from orthoadapters.report.build import build
from orthoadapters.report.output import left_over, write
from orthoadapters.report.tables import Show, markdown, scores, selected
from orthoadapters.report.xtreme import choose, describe, write_submission


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    parser = argparse.ArgumentParser(description="Tables of finished runs, with what was selected and what is missing.")
    parser.add_argument("runs", nargs="?", default="runs", type=Path, metavar="RUNS_DIR", help="default: runs")
    parser.add_argument(
        "--out", default="report", type=Path, metavar="DIR", help="folder of the tables; default: report"
    )
    parser.add_argument("--backbone", metavar="NAME", help="runs of this backbone alone")
    parser.add_argument("--paper", action="store_true", help="beside each score: the paper's, and the difference")
    parser.add_argument("--seeds", action="store_true", help="beside each score: standard deviation over seeds, and n")
    parser.add_argument("--oracle", action="store_true", help="beside each score: chosen on target dev, not zero-shot")
    parser.add_argument("--sizes", action="store_true", help="the number of test sentences of each language")
    parser.add_argument(
        "--xtreme",
        type=Path,
        metavar="DIR",
        help="no tables: <task>/test-<language>.tsv of the best runs in a new folder",
    )
    given = parser.parse_args()
    try:
        if given.xtreme is not None:
            submit(given.runs, given.backbone, given.xtreme)
            return 0
        show = Show(paper=given.paper, seeds=given.seeds, oracle=given.oracle, sizes=given.sizes)
        return tabulate(given.runs, given.backbone, given.out, show)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def tabulate(runs: Path, backbone: str | None, out: Path, show: Show) -> int:
    report = build(runs, backbone)
    for table in report.tables:
        print(markdown(scores(table, show)))
        print(markdown(selected(table)))
    for problem in report.problems:
        print(f"- {problem}", file=sys.stderr)
    if not report.tables:
        raise UserError(f"{runs} holds no finished run of a task to report on; python train.py task=xnli makes one")
    written = write(report, out, show)
    for path in left_over(out, written):
        print(f"{path} and its like were left there by an earlier report; this one has no such table", file=sys.stderr)
    print(f"written: {out} ({len(written)} files)")
    return 0


def submit(runs: Path, backbone: str | None, out: Path) -> None:
    choices = choose(runs, backbone)
    written = write_submission(choices, out)
    for choice in choices:
        print(describe(choice))
    print(f"{'written' if written else 'there already, and the same'}: {out}")


if __name__ == "__main__":
    sys.exit(main())
