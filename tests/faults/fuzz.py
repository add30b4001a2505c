"""Coverage-guided fuzzing of what reads files: a right result or a UserError, never another exception.

python -m tests.faults.fuzz --runs 20000 --seed 7 [TARGET ...]

`make test-fuzz` brings atheris. It ends a process with its runs, so that each target has one of its own.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults.good_files import GOOD

LONGEST = 2048  # ours: bytes of an input; short ones find the same sooner
MOST_SECONDS = 5  # ours: what no reader takes for so few bytes, on a busy machine


def fuzz(target: str, runs: int, seed: int, folder: Path) -> None:
    """Gives a reader inputs, and writes each new kind of failure to failures.txt with its input. Ends the process."""
    import atheris

    with atheris.instrument_imports(include=["orthoadapters"]):
        from tests.faults.readers import reader

        name, read = reader(target)
    from orthoadapters.errors import UserError

    logging.disable(logging.CRITICAL)
    path, kinds = folder / "files" / name, set[str]()
    path.parent.mkdir(parents=True)

    def try_one(content: bytes) -> None:
        path.write_bytes(content)
        begin = time.monotonic()
        try:
            read(path)
        except UserError as error:
            if str(error):
                return
            kind = "a sentence without a word"
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} in {place.filename}, line {place.lineno}: {error!s:.100}"
        else:
            seconds = time.monotonic() - begin
            kind = f"{seconds:.0f} seconds" if seconds > MOST_SECONDS else ""
        if kind and (short := kind.partition(": ")[0]) not in kinds:
            kinds.add(short)
            with (folder / "failures.txt").open("a") as file:
                print(f"{target}: {kind}: {content!r}", file=file)

    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(GOOD[target]):
        (corpus / str(number)).write_bytes(content)
    options = [f"-runs={runs}", f"-seed={seed % 2**31}", f"-max_len={LONGEST}", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], try_one)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzzes readers, guided by the lines that their inputs reach.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(GOOD)}; default: all")
    parser.add_argument("--runs", type=int, default=20_000, help="inputs for each target")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder is not None:
        fuzz(options.targets[0], options.runs, options.seed, options.folder)
    print(f"seed {options.seed}", flush=True)
    count = 0
    for target in options.targets or GOOD:
        with tempfile.TemporaryDirectory() as folder:
            words = ["--runs", str(options.runs), "--seed", str(options.seed), "--folder", folder]
            command = [sys.executable, "-m", "tests.faults.fuzz", target, *words]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            failures = Path(folder, "failures.txt")
            lines = failures.read_text().splitlines() if failures.exists() else []
        if done.returncode != 0:
            lines.append(f"{target}: exit code {done.returncode}: {done.stdout[-2000:]}")
        count += len(lines)
        print("\n".join([f"{target}: {options.runs} runs, {len(lines)} failures", *lines]), flush=True)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
