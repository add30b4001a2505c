"""A sweep's cells and its plan: how many there are, in which order, what they cost."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from orthoadapters.config.compose import check_command_line
from orthoadapters.config.overrides import read_axes
from orthoadapters.config.schema import Stage, TrainerConfig
from orthoadapters.errors import UserError
from orthoadapters.runs.adapter_library import language_adapter
from orthoadapters.runs.directory import InUseError
from orthoadapters.runs.provenance import hardware
from orthoadapters.runs.results import Result, Selection
from orthoadapters.sweep.cells import Cell, State, expand
from orthoadapters.sweep.cost import costs, disk, hardware_here
from orthoadapters.sweep.run import in_order, run_all
from orthoadapters.sweep.table import duration, summary
from tests.helpers.commands import ROOT
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import run_sweep

SWEEPS = ROOT / "multirun_sweeps" / "sweep"
VARIANTS = ["full_ft", "t_noo", "t_ort", "lnoo_tnoo", "lnoo_tort", "lort_tnoo", "lort_tort"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@cache  # composing a hundred configurations takes seconds
def cells(*arguments: str) -> list[Cell]:
    return expand(read_axes(arguments))


def by_variant(found: list[Cell]) -> list[int]:
    counts = Counter(cell.config.variant.name for cell in found)
    return [counts[variant] for variant in VARIANTS]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("xnli", [3, 3, 9, 1, 3, 1, 3]),
        ("udpos", [2, 2, 6, 2, 6, 2, 6]),
        ("wikiann", [2, 2, 6, 2, 6, 2, 6]),
        ("language_adapters", [0, 0, 0, 10, 0, 10, 0]),
    ],
)
def test_the_paper_decides_how_many_cells_a_variant_has(name: str, counts: list[int]) -> None:
    found = cells(f"sweep={name}")
    assert by_variant(found) == counts
    assert len({cell.run.path for cell in found}) == len(found) == sum(counts)


def test_all_of_the_paper_is_twenty_language_adapters_and_three_tables_that_share_them() -> None:
    found = cells("sweep=paper")
    stages = [cell.config.stage for cell in found]
    assert stages == [Stage.mlm] * 20 + [Stage.task] * 75
    trained = {(c.config.language.code, c.config.variant.language_adapter.value) for c in found[:20]}
    languages = "en ar et hi ilo mhr qu sw tr zh".split()
    assert trained == {(language, kind) for language in languages for kind in ("noo", "ort")}
    assert Counter(cell.config.task.name for cell in found[20:]) == {"xnli": 23, "udpos": 26, "wikiann": 26}


@pytest.mark.parametrize("path", sorted(SWEEPS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sweep_opens_with_its_command_and_its_number_of_runs(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1] == f"# python train.py sweep={path.stem}"
    said = re.match(r"# (\d+) runs: ", lines[2])
    assert said, lines[2]
    if path.stem == "seeds":  # it needs a finished grid
        for cell in cells("sweep=paper"):
            if cell.config.stage is Stage.task:
                finished(cell, 0.5)
    assert int(said[1]) == len(cells(f"sweep={path.stem}"))
    assert any(line.startswith("# Costs: ") for line in lines)


def test_the_grid_is_the_papers() -> None:
    found = {(c.config.optim.lr, c.config.optim.ort_lr) for c in cells("sweep=xnli", "variant=t_ort")}
    assert found == {(lr, ort_lr) for lr in (2e-5, 5e-5, 7e-5) for ort_lr in (1e-6, 1e-7, 1e-8)}
    assert {c.config.optim.lr for c in cells("sweep=xnli", "variant=lort_tnoo")} == {5e-5}


def test_keys_on_the_command_line_replace_axes_and_rates_of_the_grid() -> None:
    # The grid knows four kinds of variants: with or without a language adapter, with or without L_ORT for the task adapter.
    four = ("sweep=xnli", "variant=t_noo,t_ort,lort_tnoo,lort_tort")
    assert by_variant(cells(*four)) == [0, 3, 9, 0, 0, 1, 3]
    assert by_variant(cells(*four, "optim.lr=1e-4")) == [0, 1, 3, 0, 0, 1, 3]
    assert by_variant(cells(*four, "optim.ort_lr=1e-5,1e-6")) == [0, 3, 6, 0, 0, 1, 2]
    assert by_variant(cells(*four, "seed=0,1,2")) == [0, 9, 27, 0, 0, 3, 9]
    of_one_task = cells("sweep=paper", "task=udpos", "variant=t_noo,t_ort")
    assert Counter(cell.config.task.name for cell in of_one_task) == {"udpos": 8}
    assert {c.config.trainer.max_epochs for c in cells("sweep=udpos", "variant=t_noo", "trainer.max_epochs=2")} == {2}


def test_a_cells_overrides_are_that_cell_alone() -> None:
    paper = cells("sweep=paper")  # language adapters first
    for cell in [*cells("sweep=xnli")[::9], paper[0], paper[20], paper[-1]]:
        assert cell.run.path in [c.run.path for c in cells(*cell.overrides)]
        assert [c.config.stage for c in cells(*cell.overrides)].count(cell.config.stage) == 1


def test_a_plain_multirun_is_the_product_less_what_means_the_same_run() -> None:
    found = cells("task=udpos", "variant=t_noo,t_ort", "optim.ort_lr=1e-6,1e-7", "seed=0,1")
    assert [(c.config.variant.name, c.config.seed) for c in found] == [
        ("t_noo", 0), ("t_noo", 1), ("t_ort", 0), ("t_ort", 1), ("t_ort", 0), ("t_ort", 1),
    ]  # fmt: skip


def test_language_adapters_of_one_name_are_not_trained_in_two_ways() -> None:
    with pytest.raises(UserError, match=r"two cells need adapters/xlmr_base/en-noo, trained differently"):
        cells("variant=lnoo_tnoo", "mlm.lr=1e-3,1e-4", "language_adapters.missing=train")


def test_what_cannot_be_run_is_refused_before_anything_runs() -> None:
    with pytest.raises(UserError, match="full_ft has no language adapter to train"):
        cells("stage=mlm", "variant=lnoo_tnoo,full_ft")
    with pytest.raises(UserError, match="is no list of values"):
        cells("optim.lr=interval(1e-5,1e-4)")
    with pytest.raises(UserError, match="variant has no value to sweep over"):
        cells("sweep=demo", "sweep.axes.variant=[]")
    with pytest.raises(UserError, match="plan is said once for all cells"):
        cells("sweep=demo", "plan=true,false")


def test_a_quoted_seed_is_a_seed() -> None:
    assert [cell.config.seed for cell in cells("task=udpos", "variant=t_noo", "seed='1',2")] == [1, 2]


def finished(cell: Cell, value: float, machine: str = "abacus", seconds: float = 100.0) -> None:
    """Writes the result that such a run would leave, with `value` on the source language's development set."""
    config = cell.config
    result = Result(
        run=cell.run.name, fingerprint=cell.run.fingerprint, stage="task", task=config.task.name,
        variant=config.variant.name, backbone=str(config.backbone.name), seed=config.seed, lr=config.optim.lr,
        ort_lr=config.optim.ort_lr if config.variant.task_adapter.value == "ort" else None,
        test={"en": {"f1": 0.9, "n": 3}, "ar": {"f1": 1 - value, "n": 3}}, adapters={},
        provenance={"hardware": machine, "wall_seconds": seconds, "steps": 10},
        selection=Selection("en", "dev", "f1", value, 1, [{"epoch": 1, "f1": value}]),
        choices={"task.batch_size": 16, "task.max_length": 128, "trainer.precision": "32-true",
                 "variant.language_adapter": config.variant.language_adapter.value,
                 "variant.task_adapter": config.variant.task_adapter.value},
    )  # fmt: skip
    cell.run.path.mkdir(parents=True)
    cell.run.result.write_text(json.dumps(asdict(result)))


def test_seeds_are_run_at_the_grid_point_that_english_dev_selects() -> None:
    grid = cells("sweep=udpos", "variant=t_noo,t_ort")
    for number, cell in enumerate(grid):
        finished(cell, 0.5 + number / 100)  # the better in English, the worse in Arabic
    found = cells("sweep=seeds", "task=udpos", "variant=t_noo,t_ort")
    assert [c.config.seed for c in found] == [0, 1, 2, 3, 4] * 2
    assert {(c.config.variant.name, c.config.optim.lr, c.config.optim.ort_lr) for c in found} == {
        ("t_noo", 1e-4, 1e-7), ("t_ort", 1e-4, 1e-8),
    }  # fmt: skip
    assert summary(found) == "10 cells: 2 finished, 8 to run"


def test_seeds_wait_for_the_whole_grid() -> None:
    finished(cells("sweep=udpos", "variant=t_noo")[0], 0.5)
    with pytest.raises(
        UserError, match=r"of udpos t_noo 1 of 2 grid points are not finished with seed 0 \(.*run them first"
    ):
        cells("sweep=seeds", "task=udpos", "variant=t_noo")


def test_seeds_do_not_take_a_grid_with_a_damaged_point_for_a_whole_one() -> None:
    grid = cells("sweep=udpos", "variant=t_noo")
    for number, cell in enumerate(grid):
        finished(cell, 0.5 + number / 100)
    grid[1].run.result.write_text("{")
    with pytest.raises(
        UserError, match=r"1 of 2 grid points are not finished with seed 0 \(the first of them is .*lr0.0001"
    ):
        cells("sweep=seeds", "task=udpos", "variant=t_noo")


def test_states_are_read_from_the_disk_and_decide_the_order() -> None:
    found = cells("sweep=udpos", "variant=t_noo,lnoo_tnoo,full_ft", "optim.lr=1e-4,1e-3")
    lnoo, t_noo, full_ft = found[2], found[0], found[4]
    t_noo.run.path.mkdir(parents=True)
    t_noo.run.failure.write_text("python train.py\nexit code 1\n\n")
    full_ft.run.checkpoint.parent.mkdir(parents=True)
    full_ft.run.checkpoint.touch()
    assert [c.state for c in (lnoo, t_noo, full_ft)] == [State.waiting, State.failed, State.resume]
    assert lnoo.awaited_languages == ["en", "ar", "et", "hi", "tr", "zh"]
    with full_ft.run.open({}):
        assert full_ft.state is State.running
    assert full_ft.state is State.resume
    assert in_order(found) == [found[1], found[4], found[5], found[0], found[2], found[3]]
    assert summary(found) == "6 cells: 1 failed, 2 waiting, 1 to resume, 2 to run"


def test_a_plan_estimates_from_earlier_runs_on_the_same_hardware_alone() -> None:
    found = cells("sweep=udpos", "variant=t_noo,t_ort", "optim.ort_lr=1e-7")
    finished(found[0], 0.5, seconds=20.0)
    assert [(c.steps, c.hours) for c in costs(found, lambda trainer: "abacus")] == [
        (10, 20 / 3600),  # finished: what it took
        (66450, 66450 * 2 / 3600),  # 50 epochs of 21,253 sentences in batches of 16, at 2 seconds a step
        (66450, None),  # no run with an orthoadapter yet
        (66450, None),
    ]
    assert [c.hours for c in costs(found, lambda trainer: "slide rule")] == [20 / 3600, None, None, None]


def test_a_plan_counts_what_is_left_of_a_stopped_cell() -> None:
    done, stopped = cells("sweep=udpos", "variant=t_noo")
    finished(done, 0.5, seconds=20.0)
    stopped.run.checkpoint.parent.mkdir(parents=True)
    stopped.run.checkpoint.touch()
    (stopped.run.path / "metrics.csv").write_text("iteration,loss\n1,2.0\n65450,1.0\n")
    assert costs([done, stopped], lambda trainer: "abacus")[1].hours == 1000 * 2 / 3600


def test_the_hardware_is_asked_for_in_a_process_of_its_own_as_runs_record_it() -> None:
    trainer = TrainerConfig(accelerator="cpu")
    assert hardware_here(trainer) == hardware(torch.device("cpu"), trainer.processes)


def test_the_disk_that_a_plan_names_is_what_the_weights_take(backbone: Path, world: Path, tmp_path: Path) -> None:
    given = overrides(backbone, world, tmp_path, "task=udpos", "languages=[tr]", "language_adapters.missing=train")
    for cell in cells(*given, "variant=full_ft,lort_tort"):  # language adapters first
        execute(cell.overrides)
        folders = [cell.run.path]
        if cell.config.stage is Stage.mlm:
            folders += Path(cell.config.paths.adapters).rglob(cell.run.path.parent.name)  # where it was published
        files = [path for folder in folders for path in folder.rglob("*.safetensors")]
        taken = sum(tensor.nbytes for path in files for tensor in load_file(path).values())
        taken += _bytes(torch.load(cell.run.checkpoint, weights_only=True))
        size = disk(cell.config)
        assert size is not None
        assert 0.9 * taken < size < 1.1 * taken, cell.overrides


def _bytes(content: Any) -> int:
    """Counts the bytes of all floating point tensors in nested dicts and lists."""
    if isinstance(content, torch.Tensor):
        return content.nbytes if content.is_floating_point() else 0
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list | tuple) else []
    return sum(_bytes(one) for one in inner)


def test_a_plan_needs_no_weights_no_data_and_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_sweep("sweep=xnli", "plan=true") == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "23 cells: 8 waiting, 15 to run"
    assert "368,160" in printed  # 30 epochs of 392,702 pairs in batches of 32
    assert list(tmp_path.iterdir()) == []


def test_a_command_line_names_one_sweep_that_exists() -> None:
    with pytest.raises(UserError, match="one sweep at a time"):
        check_command_line(["sweep=xnli,udpos"])
    with pytest.raises(UserError, match="did you mean 'xnli'"):
        check_command_line(["sweep=xnlii"])


def test_durations_are_shown_in_the_unit_that_suits_them() -> None:
    assert [duration(hours) for hours in (None, 0.001, 0.5, 30.25)] == ["unknown", "4 s", "30 min", "30.2 h"]


class Launcher:
    """A stand-in for Hydra's launcher: a launch does to the cells' directories what `outcomes` says, and returns exit codes."""

    def __init__(self, known: Sequence[Cell], outcomes: Mapping[str, Sequence[int]]) -> None:
        self.known = {cell.overrides: cell for cell in known}
        self.outcomes = {name: list(codes) for name, codes in outcomes.items()}
        self.rounds: list[list[str]] = []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        jobs = [self.known[tuple(overrides)] for overrides in job_overrides]
        self.rounds.append([name(cell) for cell in jobs])
        return [SimpleNamespace(return_value=self.run(cell)) for cell in jobs]

    def run(self, cell: Cell) -> int:
        codes = self.outcomes.get(name(cell), [0])
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        cell.run.path.mkdir(parents=True, exist_ok=True)
        if code == 0:
            cell.run.result.write_text("{}")
            if cell.config.stage is Stage.mlm:
                adapter = Path(language_adapter(cell.config, cell.config.language.code).location)
                adapter.mkdir(parents=True)
                (adapter / "adapter_config.json").touch()
                (adapter / "training.json").write_text(json.dumps({"fingerprint": cell.run.fingerprint}))
        elif code == 1:
            cell.run.failure.write_text("python train.py\nexit code 1\n\n")
        return code


def name(cell: Cell) -> str:
    return cell.config.language.code if cell.config.stage is Stage.mlm else cell.config.variant.name


ROUNDS = ("task=udpos", "languages=[tr]", "variant=lnoo_tnoo,t_noo", "language_adapters.missing=train")


def test_language_adapters_come_first_and_what_needs_them_when_they_are_there() -> None:
    found = cells(*ROUNDS)
    launcher = Launcher(found, {})
    assert set(run_all(in_order(found), launcher).values()) == {0}
    assert launcher.rounds == [["en", "tr", "t_noo"], ["lnoo_tnoo"]]
    assert {cell.state for cell in found} == {State.finished}


def test_what_waits_for_an_adapter_that_failed_is_not_tried() -> None:
    found = cells(*ROUNDS)
    launcher = Launcher(found, {"tr": [1]})
    run_all(in_order(found), launcher)
    assert launcher.rounds == [["en", "tr", "t_noo"]]
    assert summary(found) == "4 cells: 2 finished, 1 failed, 1 waiting"


def test_a_cell_that_another_process_has_is_tried_again() -> None:
    found = cells(*ROUNDS)
    launcher = Launcher(found, {"en": [InUseError.exit_code, InUseError.exit_code, 0]})
    run_all(in_order(found), launcher)
    assert launcher.rounds == [["en", "tr", "t_noo"], ["en"], ["en"], ["lnoo_tnoo"]]


def test_an_adapter_that_another_sweep_finishes_between_two_looks_is_not_overlooked() -> None:
    """The waiting cell is looked at before, the running one after: as of one look, nothing is left to do."""

    class Seen:
        def __init__(self, *states: State) -> None:
            self.states, self.run, self.overrides = list(states), SimpleNamespace(path=Path(str(id(self)))), ()

        @property
        def state(self) -> State:
            return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    waiting = Seen(State.waiting, State.to_run, State.finished)
    found: Any = [waiting, Seen(State.finished)]
    launched = SimpleNamespace(launch=lambda jobs, initial_job_idx: [SimpleNamespace(return_value=0) for _ in jobs])
    assert run_all(found, launched) == {waiting.run.path: 0}  # type: ignore[arg-type]


def test_a_launcher_that_breaks_off_ends_the_sweep_with_what_is_finished(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(Launcher):
        def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
            super().launch(job_overrides[:1], initial_job_idx)
            raise RuntimeError("a worker was lost")

    found = cells(*ROUNDS)
    assert list(run_all(in_order(found), Broken(found, {})).values()) == [None] * 3
    assert "the launcher stopped: RuntimeError: a worker was lost" in capsys.readouterr().err
    assert summary(found) == "4 cells: 1 finished, 1 waiting, 2 to run"
