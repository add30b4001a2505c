"""The order in which a sweep launches its cells, with a stand-in for Hydra's launcher."""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orthoadapters.config.schema import Stage
from orthoadapters.runs.directory import InUseError
from orthoadapters.runs.language_adapter import language_adapter
from orthoadapters.sweep.cells import Cell, State
from orthoadapters.sweep.process import PRELOAD
from orthoadapters.sweep.run import in_order, run_all
from orthoadapters.sweep.table import summary
from tests.helpers.cells import cells

pytestmark = pytest.mark.usefixtures("elsewhere")


class Launcher:
    """A stand-in for Hydra's launcher: a launch does to the cells' directories what `outcomes` says, and returns exit codes."""

    def __init__(self, sweep_cells: Sequence[Cell], outcomes: Mapping[str, Sequence[int]]) -> None:
        self.by_overrides = {cell.overrides: cell for cell in sweep_cells}
        self.outcomes = {name: list(codes) for name, codes in outcomes.items()}
        self.rounds: list[list[str]] = []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        jobs = [self.by_overrides[tuple(overrides)] for overrides in job_overrides]
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
    sweep_cells = cells(*ROUNDS)
    launcher = Launcher(sweep_cells, {})
    assert set(run_all(in_order(sweep_cells), launcher).values()) == {0}
    assert launcher.rounds == [["en", "tr", "t_noo"], ["lnoo_tnoo"]]
    assert {cell.state for cell in sweep_cells} == {State.finished}


def test_what_waits_for_an_adapter_that_failed_is_not_tried() -> None:
    sweep_cells = cells(*ROUNDS)
    launcher = Launcher(sweep_cells, {"tr": [1]})
    run_all(in_order(sweep_cells), launcher)
    assert launcher.rounds == [["en", "tr", "t_noo"]]
    assert summary(sweep_cells) == "4 cells: 2 finished, 1 failed, 1 waiting"


def test_a_cell_that_another_process_has_is_tried_again() -> None:
    sweep_cells = cells(*ROUNDS)
    launcher = Launcher(sweep_cells, {"en": [InUseError.exit_code, InUseError.exit_code, 0]})
    run_all(in_order(sweep_cells), launcher)
    assert launcher.rounds == [["en", "tr", "t_noo"], ["en"], ["en"], ["lnoo_tnoo"]]


def test_an_adapter_that_another_sweep_finishes_between_two_looks_is_not_overlooked() -> None:
    """The waiting cell is looked at before, the running one after: as of one look, nothing is left to do."""

    class FakeCell:
        def __init__(self, *states: State) -> None:
            self.states, self.run, self.overrides = list(states), SimpleNamespace(path=Path(str(id(self)))), ()

        @property
        def state(self) -> State:
            return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    waiting = FakeCell(State.waiting, State.to_run, State.finished)
    sweep_cells: Any = [waiting, FakeCell(State.finished)]
    launch_all = SimpleNamespace(launch=lambda jobs, initial_job_idx: [SimpleNamespace(return_value=0) for _ in jobs])
    assert run_all(sweep_cells, launch_all) == {waiting.run.path: 0}


def test_a_launcher_that_breaks_off_ends_the_sweep_with_what_is_finished(capsys: pytest.CaptureFixture[str]) -> None:
    class BrokenLauncher(Launcher):
        def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
            super().launch(job_overrides[:1], initial_job_idx)
            raise RuntimeError("a worker was lost")

    sweep_cells = cells(*ROUNDS)
    assert list(run_all(in_order(sweep_cells), BrokenLauncher(sweep_cells, {})).values()) == [None] * 3
    assert "the launcher stopped: RuntimeError: a worker was lost" in capsys.readouterr().err
    assert summary(sweep_cells) == "4 cells: 1 finished, 1 waiting, 2 to run"


def test_the_server_that_forks_cells_loads_modules_that_exist() -> None:
    """Python passes over a name that it cannot import, and every cell would take seconds longer."""
    assert all(find_spec(module) for module in PRELOAD)
