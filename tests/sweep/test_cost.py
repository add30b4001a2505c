"""The cost of a sweep's cells as its plan shows it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import Stage
from orthoadapters.runs.provenance import hardware
from orthoadapters.sweep.cost import Cost, costs, disk, hardware_here, iteration
from orthoadapters.sweep.table import duration, print_plan
from tests.helpers.cells import cells, finish_cell
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import run_sweep

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_a_plan_estimates_from_earlier_runs_on_the_same_hardware_alone() -> None:
    sweep_cells = cells("sweep=udpos", "variant=t_noo,t_ort", "optim.ort_lr=1e-7")
    finish_cell(sweep_cells[0], 0.5, seconds=20.0)
    assert [(c.steps, c.hours) for c in costs(sweep_cells, lambda config: "abacus")] == [
        (10, 20 / 3600),  # finished: what it took
        (66450, 66450 * 2 / 3600),  # 50 epochs of 21,253 sentences in batches of 16, at 2 seconds a step
        (66450, None),  # no run with an orthoadapter yet
        (66450, None),
    ]
    assert [c.hours for c in costs(sweep_cells, lambda config: "slide rule")] == [20 / 3600, None, None, None]


def test_the_plan_of_cells_that_run_side_by_side_says_what_both_take(capsys: pytest.CaptureFixture[str]) -> None:
    sweep_cells = cells("sweep=udpos", "variant=t_noo")
    hours = [Cost(10, 3.0, None)] * len(sweep_cells)
    print_plan(sweep_cells, hours, 1)
    assert f"left: time {duration(6.0)}; disk unknown" in capsys.readouterr().out
    print_plan(sweep_cells, hours, 2)
    both = f"left: time {duration(6.0)} one after the other, and at least {duration(3.0)} with 2 at once; disk unknown"
    assert both in capsys.readouterr().out


def test_the_cost_of_cells_that_may_end_early_is_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    finished, open_cell = cells("sweep=udpos", "variant=t_noo", "trainer.patience=3")
    finish_cell(finished, 0.5, seconds=20.0)
    sweep_costs = costs([finished, open_cell], lambda config: "abacus")
    assert [cost.is_bound for cost in sweep_costs] == [False, True]
    print_plan([finished, open_cell], sweep_costs, 2)
    output = capsys.readouterr().out
    assert "at most 66,450 │ at most 36.9 h" in output
    assert "left: time at most 36.9 h one after the other, and about 18.5 h with 2 at once" in output
    assert output.count("at most") == 3


@pytest.mark.parametrize(
    ("choice", "hours"), [("ort.every=4", [10 / 3600, None]), ("trainer.compile=true", [None, None])]
)
def test_a_plan_estimates_a_choice_from_runs_with_that_choice(choice: str, hours: list[float | None]) -> None:
    common = ("sweep=udpos", "variant=t_noo,t_ort", "optim.ort_lr=1e-7", "seed=0", "optim.lr=1e-4")
    for cell, seconds in zip(cells(*common), (10.0, 20.0), strict=True):
        finish_cell(cell, 0.5, seconds=seconds)
    assert [cost.hours for cost in costs(cells(*common, choice), lambda config: "abacus")] == hours


def test_a_plan_counts_what_is_left_of_a_stopped_cell() -> None:
    whole, second = cells("sweep=udpos", "variant=t_noo")
    finish_cell(whole, 0.5, seconds=20.0)
    second.run.checkpoint.parent.mkdir(parents=True)
    second.run.checkpoint.touch()
    for last in ("9" * 400, "9" * 5000):
        (second.run.path / "metrics.csv").write_text(f"iteration,loss\n1,2.0\n{last},1.0\n")
        assert iteration(second) == 0
    (second.run.path / "metrics.csv").write_text("iteration,loss\n1,2.0\n65450,1.0\n")
    assert costs([whole, second], lambda config: "abacus")[1].hours == 1000 * 2 / 3600


def test_the_hardware_is_asked_for_in_a_process_of_its_own_as_runs_record_it() -> None:
    config = compose_config(["trainer.accelerator=cpu"])
    assert hardware_here(config) == hardware(torch.device("cpu"), 1, 1)


def test_cells_that_joblib_runs_at_once_have_their_part_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    config = compose_config(["trainer.accelerator=cpu"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    alone = hardware_here(config)
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert hardware_here(config, at_once=2) == alone
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert hardware_here(config, at_once=2).endswith(" CPU, 4 threads")
    assert hardware_here(config, at_once=12).endswith(" CPU, 1 threads")


def test_the_disk_that_a_plan_names_is_what_the_weights_take(backbone: Path, world: Path, tmp_path: Path) -> None:
    arguments = overrides(backbone, world, tmp_path, "task=udpos", "languages=[tr]", "language_adapters.missing=train")
    for cell in cells(*arguments, "variant=full_ft,lort_tort"):  # language adapters first
        execute(cell.overrides)
        folders = [cell.run.path]
        if cell.config.stage is Stage.mlm:
            folders += Path(cell.config.paths.adapters).rglob(cell.run.path.parent.name)  # where it was published
        files = [path for folder in folders for path in folder.rglob("*.safetensors")]
        size_on_disk = sum(tensor.nbytes for path in files for tensor in load_file(path).values())
        size_on_disk += _bytes(torch.load(cell.run.checkpoint, weights_only=True))
        size = disk(cell.config)
        assert size is not None
        assert 0.9 * size_on_disk < size < 1.1 * size_on_disk, cell.overrides


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_size", float("inf")), ("num_hidden_layers", float("nan")), ("embedding_size", ["x"])],
)
def test_a_plan_names_no_disk_for_a_damaged_backbone(
    name: str, value: object, backbone: Path, world: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(backbone, tmp_path / "own"))
    arguments = overrides(own, world, tmp_path, "stage=mlm", "language=sw", "variant=lort_tnoo")
    assert disk(compose_config(arguments)) is not None
    fields = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(fields | {name: value}))
    assert disk(compose_config(arguments)) is None


def _bytes(content: Any) -> int:
    """Counts the bytes of all floating point tensors in nested dicts and lists."""
    if isinstance(content, torch.Tensor):
        return content.nbytes if content.is_floating_point() else 0
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list | tuple) else []
    return sum(_bytes(one) for one in inner)


def test_a_plan_needs_no_weights_no_data_and_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_sweep("sweep=xnli", "plan=true") == 0
    output = capsys.readouterr().out
    assert output.splitlines()[-1] == "23 cells: 8 waiting, 15 to run"
    assert "368,160" in output  # 30 epochs of 392,702 pairs in batches of 32
    assert list(tmp_path.iterdir()) == []


def test_durations_are_shown_in_the_unit_that_suits_them() -> None:
    assert [duration(hours) for hours in (None, 0.001, 0.5, 30.25)] == ["unknown", "4 s", "30 min", "30.2 h"]
