"""Scores what is there, without training: a finished run, or a task adapter with its head that was trained elsewhere.

python evaluate.py RUN_DIR languages=[qu,ilo]
python evaluate.py RUN_DIR data=xtreme data.root=DIR
python evaluate.py ADAPTER_DIR variant=lnoo_tnoo task=wikiann backbone=xlmr_base language_adapters.source=hub
"""

import argparse
import sys
from collections.abc import Sequence

from orthoadapters.config.mistakes import parse_overrides
from orthoadapters.config.overrides import CONFIG_DIR, override_text, own_folder
from orthoadapters.config.program import shell_command
from orthoadapters.config.schema import Under
from orthoadapters.config.version import version_line
from orthoadapters.errors import UserError
from orthoadapters.exit_codes import stoppable_exit_code_of
from orthoadapters.files import user_path
from orthoadapters.hub.offline import NotFetchedError
from orthoadapters.own_process import ending_on_sigterm, start_process
from orthoadapters.printing import Parser, start_log
from orthoadapters.runs.evaluations import read_evaluation
from orthoadapters.runs.terminal import show_scores
from orthoadapters.stages.subject import KEYS, Subject, open_subject


def arguments() -> argparse.ArgumentParser:
    parser = Parser(
        prog=shell_command("evaluate"),
        description="Scores a finished run on further languages, other data or with other language adapters; or an "
        "AdapterHub folder with a task adapter and its head. Nothing is trained.",
        epilog=f"Of a run, these can be changed: {', '.join(KEYS)}; one that ends in a dot stands for all keys that begin so. "
        "Of an adapter from elsewhere, say variant=, task= and backbone= as for train. plan=true shows what would be scored.",
    )
    parser.add_argument("--version", action="version", version=version_line())
    parser.add_argument(
        "folder", metavar="RUN_DIR", type=user_path, help="a finished run, or a folder with adapter and head"
    )
    parser.add_argument(
        "--config-dir",
        metavar="DIR",
        action="append",
        help="a folder of your own files, as for train (paths.config=DIR)",
    )
    parser.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help="such as languages=[qu,ilo]")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    start_process()
    start_log()
    return stoppable_exit_code_of(lambda: _evaluate(words), "the same command begins anew")


@ending_on_sigterm()
def _evaluate(words: Sequence[str] | None) -> None:
    options = arguments().parse_intermixed_args(words)
    folder = own_folder(options.config_dir or [], parse_overrides(options.overrides))
    own = [override_text(CONFIG_DIR, folder)] if options.config_dir and folder is not None else []
    run(open_subject(options.folder, [*options.overrides, *own]))
    sys.stdout.flush()


def run(subject: Subject) -> None:
    """Shows the plan, or the scores of before, or scores the subject."""
    if not subject.is_finished:
        subject.check_place()
    if subject.config.plan:
        print_plan(subject)
        return
    if subject.is_finished:
        print(f"finished before: {subject.path}")
        record = read_evaluation(subject.path)
    else:
        # PyTorch takes seconds to import. It is loaded for scoring alone, so that a plan and a mistake are answered at once.
        from orthoadapters.stages.evaluation import evaluate_subject

        try:
            record = evaluate_subject(subject)
        except NotFetchedError as error:
            raise UserError(f"{error} backbone={subject.config.backbone.name}") from error
    for under, rows in {record.test_under: record.test, **record.under}.items():
        if [under, *record.under] != [Under.target.value]:
            print(f"under the task adapter: {under} (transfer.under)")
        show_scores(rows)
    print(f"evaluation: {subject.path}")


def print_plan(subject: Subject) -> None:
    """Prints what would be scored, and whether it was before. The data and adapters are there, or it would not come to this."""
    config = subject.config
    print(f"{subject.path}: {'finished' if subject.is_finished else 'to run'}")
    print(f"  {config.variant.name} on {config.task.name} with {config.backbone.path}: {', '.join(subject.languages)}")
    root = "" if config.data.root is None else f" data.root={config.data.root}"
    print(f"  test sets: data={config.data.source}{root}")
    if [*subject.mixtures] != [Under.target]:
        print(f"  under the task adapter: {', '.join(choice.value for choice in subject.mixtures)}")
    for adapter in subject.adapters:
        print(f"  {adapter.name}: {adapter.location}")
