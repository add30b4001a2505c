"""Training iterations of this project against those of `adapters`, on a CPU: python benchmarks/against_adapters.py THEIR_PYTHON

Both sides take one iteration each, in turn, so that whatever else the machine does meets both. Their iteration is the plain
one, ours the plain or the orthogonal one; a task's batches are padded to their longest row, and on their side to 128 as well,
as the field's scripts do. Prints the medians, the peak memory, and the median ratio with its range.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import KINDS

FOLDER = Path(__file__).parent
# ours: the length to which the field's fine-tuning scripts pad by default
PAD = "128"


class Side:
    """One side's process."""

    def __init__(self, python: str, script: str, arguments: Sequence[str]) -> None:
        self.command = [python, str(FOLDER / script), *arguments]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seconds: list[float] = []
        self.memory = 0.0
        self._answer()

    def iterate(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self._answer()
        self.seconds.append(answer["seconds"])
        self.memory = answer["memory"]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise SystemExit(f"{' '.join(self.command)} ended before its turn")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(kind: str, python: str, pad: str | None, iterations: int) -> str:
    """Trains both sides in turn, and returns the line of this kind. The first iteration of each does not count."""
    theirs = [kind.split()[0], *([] if pad is None else [pad])]
    sides = [Side(sys.executable, "turns_ours.py", [kind]), Side(python, "turns_theirs.py", theirs)]
    for _ in range(1 + iterations):
        for side in sides:
            side.iterate()
    for side in sides:
        side.close()
    times = [side.seconds[1:] for side in sides]
    ratios = sorted(b / a for a, b in zip(*times, strict=True))
    figures = [f"{statistics.median(t):.2f} s, {side.memory:.1f} GB" for t, side in zip(times, sides, strict=True)]
    where = "" if kind.startswith("mlm") else f", theirs padded to {pad or 'the longest row'}"
    ratio = f"{statistics.median(ratios):.2f} times ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"- {kind}{where}: {figures[0]}; `adapters` NOO {figures[1]}; {ratio}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="of the environment with `adapters` (make test-adapterhub makes it)")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="mlm NOO, mlm ORT, xnli NOO, ...; all without one")
    parser.add_argument("--iterations", type=int, default=7)
    options = parser.parse_args(arguments)
    for kind in options.kinds or [kind for kind in KINDS if "full_ft" not in kind]:
        for pad in [None] if kind.startswith("mlm") else [None, PAD]:
            print(compare(kind, options.python, pad, options.iterations), flush=True)


if __name__ == "__main__":
    main()
