"""The benchmark behind docs/scale.md's cost table, on a backbone so small that its seconds mean nothing."""

import importlib
import re

import pytest

from tests.helpers.commands import ROOT


def test_the_cost_of_a_table_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    importlib.import_module("cost").main(["udpos", "--shape", "tiny", "--iterations", "2"])
    output = capsys.readouterr().out
    rows = re.findall(r"^(.*?) +([\d.e-]+) +[\d,]+ +[\d.]+ +([\d.e-]+) +[\d.e-]+$", output, re.MULTILINE)
    assert len(rows) == 5, output
    seconds, flop = ({name: float(row[at]) for name, *row in rows} for at in (0, 1))
    assert all(value > 0 for value in seconds.values())
    # The second step's forward and backward are as large as the first one's.
    for below in ("", " on a language adapter"):
        assert 1.9 < flop[f"udpos orthogonal{below}"] / flop[f"udpos plain{below}"] <= 2.01
    (row,) = [line.strip("| ").split(" | ") for line in output.splitlines() if line.startswith("| udpos")]
    assert row[1:3] == ["26", "1,727,700"]
    assert 0 < float(row[4]) < float(row[3])
