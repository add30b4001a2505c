"""Labels raw text with a finished task run, in any language that has an adapter.

python predict.py runs/xlmr_base/wikiann/lort_tnoo/lr0.0001-seed0-1f0c9a3e --language sw sentences.txt
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import TextIO, cast

from orthoadapters.config.program import shell_command
from orthoadapters.config.schema import Config, Under
from orthoadapters.config.version import version_line
from orthoadapters.errors import UserError, is_of_memory, machine_sentence
from orthoadapters.exit_codes import BROKEN_PIPE, CTRL_C
from orthoadapters.files import real_path, user_path
from orthoadapters.folders import check_loop, check_new_file
from orthoadapters.labelling.requests import DEVICES, check_language
from orthoadapters.own_process import check_working_directory, ending_on_sigterm, start_process
from orthoadapters.printing import Parser, discard_rest, print_error, printable, start_log

STDIN = 0  # the descriptor of standard input, as POSIX has it
STDOUT = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")  # the names of standard output, as Linux and macOS have them


def arguments() -> argparse.ArgumentParser:
    parser = Parser(
        prog=shell_command("predict"),
        description="Labels raw text with a finished task run, in any language that has an adapter.",
        epilog="A line holds what the run's kind of task asks for. tagging, sentence: a sentence. sentence_pair: premise TAB "
        "hypothesis. multiple_choice: premise TAB question TAB alternative TAB alternative. Output: as XTREME's files, or "
        "JSON lines.",
    )
    parser.add_argument("--version", action="version", version=version_line())
    parser.add_argument("run", metavar="RUN_DIR", type=user_path, help="directory of a finished task run")
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default="-", help="UTF-8 text; - (default) is standard input"
    )
    parser.add_argument("--language", metavar="CODE", help="the text's language, such as sw")
    parser.add_argument("--list", action="store_true", help="show the languages that this run can label, and stop")
    parser.add_argument("--format", choices=("tsv", "jsonl"), default="tsv")
    parser.add_argument(
        "--output", metavar="FILE", type=partial(user_path, name="--output"), help="write here, whole or not at all"
    )
    parser.add_argument("--pretokenized", action="store_true", help="words are separated by spaces already (tagging)")
    parser.add_argument("--batch-size", metavar="N", type=int, help="windows per batch (default: the run's)")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument(
        "--adapters", metavar="DIR", type=user_path, help="language adapters, if paths.adapters was moved"
    )
    parser.add_argument(
        "--config-dir",
        metavar="DIR",
        action="append",
        help="a folder of your own files, for a language's word_splitter, if the run had none or it was moved",
    )
    parser.add_argument(
        "--under",
        choices=[choice.value for choice in Under],
        help="what is under the task adapter, as transfer.under has it (default: the run's own choice)",
    )
    parser.add_argument("--backbone", metavar="PATH", type=user_path, help="the pretrained backbone, if it was moved")
    return parser


@ending_on_sigterm()
def predict(options: argparse.Namespace) -> None:
    # This import stands here, as PyTorch takes seconds, and --help and a mistyped language should be answered at once.
    from orthoadapters.config.kinds import KINDS
    from orthoadapters.config.overrides import own_folder
    from orthoadapters.labelling.finished_run import open_run
    from orthoadapters.labelling.listing import list_languages

    folders = (options.adapters, options.backbone, own_folder(options.config_dir or []))
    adapters, backbone, config_dir = (None if path is None else str(path) for path in folders)
    run = open_run(options.run, adapters, backbone, config_dir, options.under)
    if options.list:
        for line in list_languages(run):
            print(printable(line))
        return
    if not options.language:
        raise UserError("--language CODE is missing; --list shows the languages that this run can label")
    check_language(options.language, "--language ", "codes are such as sw, and --list shows the run's")
    if options.batch_size is not None and options.batch_size < 1:
        raise UserError(f"--batch-size {options.batch_size} must be at least 1")
    if options.pretokenized and not KINDS[run.config.task.kind].per_word:
        raise UserError(f"--pretokenized: {run.config.task.name} reads whole sentences; leave it out")
    run.require(options.language)
    with _source(options.file) as source, _target(options.output, options.file, run.config) as target:
        from orthoadapters.labelling.free_text import label_text

        predictor = run.load(options.language, options.device, options.batch_size)
        if options.file == "-" and sys.stdin.isatty():
            print("reading from the terminal, line by line; end with Ctrl-D", file=sys.stderr)
        name = "standard input" if options.file == "-" else options.file
        progress = sys.stderr.isatty() and not target.isatty()
        line_count = 0
        for count, text in label_text(predictor, source, name, options.language, options.format, options.pretokenized):
            target.write(text)
            target.flush()
            line_count += count
            if progress:
                print(f"\r{line_count} lines", end="", file=sys.stderr, flush=True)
        if progress:
            print(file=sys.stderr)
        for remark in predictor.take_remarks():
            print(printable(remark), file=sys.stderr)


@contextmanager
def _source(file: str) -> Iterator[BufferedReader]:
    if file == "-":
        if sys.stdin is None:
            raise UserError("standard input is closed; give the FILE to label")
        yield cast(BufferedReader, sys.stdin.buffer)
        return
    try:
        # It is opened outside of the block below, as what goes wrong there is not the opening's.
        stream = user_path(file).open("rb")
    except OSError as error:
        raise UserError(
            f"{file} cannot be read ({error.strerror}); give a UTF-8 text file, or - for standard input"
        ) from None
    with stream:
        yield stream


@contextmanager
def _target(output: Path | None, source: str, config: Config) -> Iterator[TextIO]:
    """Opens what the labels are written into. config: the run's, whose data they may not take the place of."""
    # By these names the system would open a file behind it anew, and empty it.
    text = STDIN if source == "-" else user_path(source)
    if output is None or str(output) in STDOUT:
        check_loop(sys.stdout, text)
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    from orthoadapters.files import new_file
    from orthoadapters.runs.records import records_at
    from orthoadapters.stages.inventory import data_files

    check_new_file(output, "--output", [text, *records_at(output), *(data_files(config) if output.exists() else [])])
    with ExitStack() as stack:
        try:
            file = stack.enter_context(new_file(output))
        except OSError as error:
            raise UserError(f"--output {output} cannot be written ({error.strerror}); name another file") from None
        yield file


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    start_process()
    start_log()
    output = None
    try:
        check_working_directory()
        # Intermixed arguments let FILE come last.
        options = arguments().parse_intermixed_args(words)
        output = options.output
        predict(options)
        sys.stdout.flush()
    except UserError as error:
        print_error(error)
        return 1
    except KeyboardInterrupt:
        return CTRL_C
    except BrokenPipeError:
        # Whoever read has read enough.
        discard_rest()
        return BROKEN_PIPE
    except OSError as error:
        discard_rest()
        sentence = f"the labels cannot be written ({error.strerror}); make room, or write elsewhere"
        if error.filename not in (None, output and str(real_path(output))):
            sentence = machine_sentence(error, "give the command again") or sentence
        print_error(sentence)
        return 1
    except (MemoryError, RuntimeError) as error:
        if not is_of_memory(error):
            raise
        print_error(machine_sentence(error, ""))
        return 1
    return 0
