"""The time from the command line to the first training step, in the demo world."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orthoadapters.demo import ensure_backbone

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "language adapter": ["stage=mlm", "variant=lnoo_tnoo", "language=qsa"],
    "task adapter": ["variant=t_noo", "task=udpos"],
}
# ours: seconds after which a command counts as hanging; a cold disk takes a minute
LIMIT = 300


def seconds_to_first_step() -> dict[str, float]:
    """Measures each of COMMANDS. It is given twice and the second time counts, for which files and blocks are at hand."""
    ensure_backbone(ROOT / ".cache")
    return {name: [_measure(overrides) for _ in range(2)][1] for name, overrides in COMMANDS.items()}


def _measure(overrides: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"paths.runs={folder}/runs", f"paths.adapters={folder}/adapters", f"paths.cache={ROOT / '.cache'}"]
        command = [sys.executable, str(ROOT / "train.py"), "suite=demo", *overrides, *paths, "trainer.log_every=1"]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            # The first row is in metrics.csv as soon as the first step is over.
            while not any(len(path.read_text().splitlines()) > 1 for path in Path(folder).rglob("metrics.csv")):
                if process.poll() is not None or time.perf_counter() - start > LIMIT:
                    raise SystemExit(f"{' '.join(command)} took no step in {time.perf_counter() - start:.0f} s")
                time.sleep(0.02)
            seconds = time.perf_counter() - start
            process.kill()
        return seconds
