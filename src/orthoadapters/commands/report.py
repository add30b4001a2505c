"""Turns finished runs into the paper's tables, statistics and pictures, or into a submission to XTREME.

python report.py runs --paper --seeds
python report.py runs --xtreme submission
python report.py runs --tidy runs.csv
"""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orthoadapters.config.program import shell_command
from orthoadapters.config.version import version_line
from orthoadapters.errors import UserError
from orthoadapters.exit_codes import stoppable_exit_code_of
from orthoadapters.files import user_path
from orthoadapters.folders import check_writable
from orthoadapters.own_process import ending_on_sigterm, start_process
from orthoadapters.printing import Parser, printable, start_log
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.table import Report, table_title
from orthoadapters.report.places import check_places
from orthoadapters.report.printed.formats import markdown
from orthoadapters.report.printed.tables import Extras, printed_scores, printed_selection
from orthoadapters.report.xtreme import choose, describe, write_submission


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    start_process()
    start_log()
    parser = Parser(prog=shell_command("report"), description="Finished runs as tables, statistics and pictures.")
    parser.add_argument("--version", action="version", version=version_line())
    parser.add_argument("runs", nargs="?", default="runs", type=user_path, metavar="RUNS_DIR", help="default: runs")
    parser.add_argument(
        "--out",
        default="report",
        type=partial(user_path, name="--out"),
        metavar="DIR",
        help="folder of what is made; default: report",
    )
    parser.add_argument("--backbone", metavar="NAME", help="runs of this backbone alone")
    parser.add_argument("--paper", action="store_true", help="beside each score: the paper's, and the difference")
    parser.add_argument("--seeds", action="store_true", help="beside each score: standard deviation over seeds, and n")
    parser.add_argument("--oracle", action="store_true", help="beside each score: chosen on target dev, not zero-shot")
    parser.add_argument("--sizes", action="store_true", help="the number of test sentences of each language")
    # Each of these is another end of the command: of two, one would be left out without a word.
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--wandb", action="store_true", help="tables and pictures also as one W&B run of the sweep's group"
    )
    ends.add_argument(
        "--xtreme",
        type=partial(user_path, name="--xtreme"),
        metavar="DIR",
        help="no tables: <task>/test-<language>.tsv of the best runs in a new folder",
    )
    ends.add_argument(
        "--tidy",
        type=partial(user_path, name="--tidy"),
        metavar="FILE",
        help="no tables: a CSV file, a row per run, language, split and metric",
    )
    return stoppable_exit_code_of(lambda: _report(parser.parse_args(arguments)), "give the command again")


@ending_on_sigterm()
def _report(options: argparse.Namespace) -> None:
    if options.xtreme is not None:
        check_writable(options.xtreme.absolute().parent, "--xtreme")
        submit(options.runs, options.backbone, options.xtreme)
    elif options.tidy is not None:
        tidy(options.runs, options.backbone, options.tidy)
    else:
        check_writable(options.out, "--out")
        extras = Extras(paper=options.paper, seeds=options.seeds, oracle=options.oracle, sizes=options.sizes)
        report = build(options.runs, options.backbone)
        check_places(report, options.out)
        make(report, options.out, extras, options.wandb)
    sys.stdout.flush()


def make(report: Report, out: Path, extras: Extras, wandb: bool) -> None:
    """Prints the tables, then computes the statistics, draws the pictures and writes all files."""
    for table in report.tables:
        print(markdown(printed_scores(table, extras)))
        # A table of evaluations alone has no rows of runs.
        if table.rows:
            print(markdown(printed_selection(table)))
    for problem in report.problems:
        print(printable(f"- {problem}"), file=sys.stderr)
    if not report.tables:
        raise UserError(
            f"{report.folder} holds no finished run of a task to report on; {shell_command('train')} task=xnli makes one"
        )

    if wandb:
        from orthoadapters.runs.wandb_session import check_wandb

        check_wandb("report.py without --wandb")
    # ours: thin products gain nothing from a second thread, and on a busy machine waiting for it takes five times as long.
    # NumPy reads this when it is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # scipy and matplotlib take a second to import, and the tables above need neither.
    from orthoadapters.report.output import find_leftovers, write
    from orthoadapters.report.pictures.gallery import draw_pictures
    from orthoadapters.report.printed.significance import summary
    from orthoadapters.report.printed.under import printed_under
    from orthoadapters.report.statistics.analysis import analyse

    analyses = []
    for number, table in enumerate(report.tables, start=1):
        progress(f"statistics of {table_title(table)} ({number} of {len(report.tables)}) ...")
        analyses.append(analyse(table))
    progress("pictures ...")
    pictures = draw_pictures(report, analyses)
    files = write(report, analyses, pictures, out, extras)
    progress("")
    for analysis in analyses:
        if analysis.under:
            print(markdown(printed_under(analysis)))
        print(printable(summary(analysis)))
        for note in analysis.notes:
            print(printable(f"- {note}"), file=sys.stderr)
    if leftovers := find_leftovers(out, files):
        count = "a table or picture" if len(leftovers) == 1 else f"{len(leftovers)} tables and pictures"
        print(f"{out} still has {count} of an earlier report, such as {leftovers[0]}", file=sys.stderr)
    print(f"written: {out} ({len(files)} files)")
    if wandb:
        from orthoadapters.report.upload import upload

        print(upload(report, analyses, pictures, out))


def progress(step: str) -> None:
    """Shows the step that is under way, on one line of a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{step}", end="", file=sys.stderr, flush=True)


def tidy(runs: Path, backbone: str | None, path: Path) -> None:
    """Writes one tidy table of all runs."""
    from orthoadapters.report.tidy import write_tidy

    number, problems = write_tidy(runs, backbone, path)
    for problem in problems:
        print(printable(f"- {problem}"), file=sys.stderr)
    print(f"written: {path} ({number} rows)")


def submit(runs: Path, backbone: str | None, out: Path) -> None:
    """Writes a submission of the best runs, and describes them."""
    choices = choose(runs, backbone)
    files = write_submission(choices, out)
    for choice in choices:
        print(printable(describe(choice)))
    print(f"{'written' if files else 'there already, and the same'}: {out}")
