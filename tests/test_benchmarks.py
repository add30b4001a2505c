"""The benchmarks of cost and speed, on a backbone so small that their seconds mean nothing."""

import importlib
import re
from pathlib import Path

import pytest
import torch

from orthoadapters.adapters import Adapter
from orthoadapters.config.compose import compose_config
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


def test_the_speed_of_each_kind_is_measured_with_its_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    bench = importlib.import_module("bench")
    for kind in bench.KINDS:
        config = bench.configuration(kind, str(tmp_path), "32-true")
        assert config.is_orthogonal == kind.endswith("ORT"), kind
    kinds = ("mlm ORT", "wikiann full_ft")
    speeds = [bench.measure(kind, bench.configuration(kind, str(tmp_path), "32-true"), "tiny", 1) for kind in kinds]
    for one in speeds:
        assert min(one.seconds, one.flop, one.memory, one.peak_share) > 0
        assert sum(one.parts.values()) == pytest.approx(1)
        assert all(one.parts[part] > 0 for part in bench.PARTS)
        assert 0 < one.dropout < 1
    rows = [line.strip("| ").split(" | ") for line in bench.table(speeds).splitlines()]
    assert [row[0] for row in rows] == ["kind", "---", *kinds]
    assert {len(row) for row in rows} == {len(rows[0])}
    with pytest.raises(SystemExit):
        bench.main(["mlm"])
    assert "no kind mlm" in capsys.readouterr().err


def test_stacked_adapters_are_so_many_adapters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    stacked = importlib.import_module("stacked")
    adapter, (x_h, x_r) = stacked.StackedAdapter(3, 8, 4), torch.randn(2, 6, 5, 8)
    x_a = adapter(x_h, x_r)
    for point in range(3):
        alone, rows = Adapter(8, 4), slice(2 * point, 2 * point + 2)
        state = {"down.weight": adapter.down[point].T, "down.bias": adapter.down_bias[point, 0]}
        state |= {"up.weight": adapter.up[point].T, "up.bias": adapter.up_bias[point, 0]}
        alone.load_state_dict(state)
        torch.testing.assert_close(x_a[rows], alone(x_h[rows], x_r[rows]))
    stacked.main(["--shape", "tiny", "--steps", "1"])
    assert [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()[1:]] == list(stacked.POINTS)


def test_the_scripts_that_a_quick_run_leaves_out_find_what_they_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    assert importlib.import_module("against_adapters").KINDS
    windows = importlib.import_module("turns_ours").windows("udpos")
    assert len(windows.input_ids) == len(importlib.import_module("turns").lengths("udpos"))


def test_the_time_to_the_first_step_ends_with_the_first_row_of_losses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    start_up = importlib.import_module("start_up")
    for overrides in start_up.COMMANDS.values():
        compose_config(["suite=demo", *overrides])
    calls = tmp_path / "calls"
    # A command that writes the header, a row, and then goes on for longer than anybody waits.
    (tmp_path / "train.py").write_text(f"""import pathlib, sys, time
runs = pathlib.Path(next(one for one in sys.argv if one.startswith("paths.runs=")).split("=")[1]) / "run"
runs.mkdir(parents=True)
with open({str(calls)!r}, "a") as file: file.write(sys.argv[2] + "\\n")
if "stops" in sys.argv: sys.exit()
(runs / "metrics.csv").write_text("step\\n0\\n")
time.sleep(600)
""")
    monkeypatch.setattr(start_up, "ROOT", tmp_path)
    monkeypatch.setattr(start_up, "ensure_backbone", lambda folder: None)
    monkeypatch.setattr(start_up, "COMMANDS", {"first": ["a"], "second": ["b"]})
    seconds = start_up.seconds_to_first_step()
    assert list(seconds) == ["first", "second"]
    assert min(seconds.values()) > 0
    assert calls.read_text().split() == ["a", "a", "b", "b"]  # the second time counts
    monkeypatch.setattr(start_up, "COMMANDS", {"first": ["a", "stops"]})
    with pytest.raises(SystemExit, match="took no step in"):
        start_up.seconds_to_first_step()
