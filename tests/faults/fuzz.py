"""Coverage-guided fuzzing of what reads files: a right result or a UserError, never another exception.

python -m tests.faults.fuzz --runs 20000 --seed 7 [TARGET ...]

`make test-faults` brings atheris. It ends a process with its runs, so that each target has one of its own.
"""

import argparse
import logging
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.faults.good_files import GOOD

RUNS = 2000  # ours: inputs for each target in a round, seconds
LONGEST = 2048  # ours: bytes of an input; short ones find the same sooner
MOST_SECONDS = 5  # ours: of computing, with what is loaded at the first call; no reader takes it for so few bytes


def fuzz_target(target: str, runs: int, seed: int, folder: Path) -> None:
    """Gives a reader inputs, and writes each new kind of failure to failures.txt with its input. Ends the process."""
    import atheris  # type: ignore[import-untyped, unused-ignore]

    with atheris.instrument_imports(include=["orthoadapters"]):
        from tests.faults.readers import reader

        name, read = reader(target)
    from orthoadapters.errors import UserError

    logging.disable(logging.CRITICAL)
    path, kinds = folder / "files" / name, set[str]()
    path.parent.mkdir(parents=True)

    def try_one(content: bytes) -> None:
        path.write_bytes(content)
        begin = time.process_time()
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
            seconds = time.process_time() - begin
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


def fuzz(folder: Path, rounds: int, rng: random.Random, targets: Sequence[str] = (), runs: int = RUNS) -> list[str]:
    """Fuzzes each target in a process of its own. Without atheris it says so, and fuzzes nothing."""
    if find_spec("atheris") is None:
        print("fuzz: there is no atheris here; `make test-faults` brings it where it has a wheel", flush=True)
        return []
    failures = []
    for target in targets or GOOD:
        place = folder / target
        place.mkdir()
        words = ["--runs", str(rounds * runs), "--seed", str(rng.randrange(2**31)), "--folder", str(place)]
        command = [sys.executable, "-m", "tests.faults.fuzz", target, *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        lines = list_failures(place)
        if done.returncode != 0:
            lines.append(f"{target}: exit code {done.returncode}: {done.stdout[-2000:]}")
        failures += lines
        print(f"fuzz {target}: {rounds * runs} runs, {len(lines)} failures", flush=True)
    return failures


def list_failures(folder: Path) -> list[str]:
    path = folder / "failures.txt"
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzzes readers, guided by the lines that their inputs reach.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(GOOD)}; default: all")
    parser.add_argument("--runs", type=int, default=RUNS, help="inputs for each target")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder is not None:
        fuzz_target(options.targets[0], options.runs, options.seed, options.folder)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        failures = fuzz(Path(folder), 1, random.Random(options.seed), options.targets, options.runs)
    print("\n".join([f"{len(failures)} failures", *failures]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
