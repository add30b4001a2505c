"""The benchmark behind docs/scale.md's cost table, on a backbone so small that its seconds mean nothing."""

import re
import subprocess
import sys

from tests.helpers.commands import ROOT, environment


def test_the_cost_of_a_table_is_measured() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "cost.py"), "udpos", "--shape", "tiny", "--iterations", "2"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    measured = re.findall(r"^(.*?) +([\d.e-]+) +[\d,]+ +[\d.]+ +([\d.e-]+) +[\d.e-]+$", done.stdout, re.MULTILINE)
    assert len(measured) == 5, done.stdout
    seconds, flop = ({name: float(row[at]) for name, *row in measured} for at in (0, 1))
    assert all(value > 0 for value in seconds.values())
    for on_top in (
        "",
        " on a language adapter",
    ):  # the second step's forward and backward are as large as the first one's
        assert 1.9 < flop[f"udpos orthogonal{on_top}"] / flop[f"udpos plain{on_top}"] <= 2.01
    (row,) = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| udpos")]
    assert row[1:3] == ["26", "1,727,700"]
    assert 0 < float(row[4]) < float(row[3])
