"""A sweep's cells and its plan: how many there are, in which order, what they cost."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from orthoadapters.config.command_line import check_command_line
from orthoadapters.config.schema import Stage
from orthoadapters.errors import UserError
from orthoadapters.sweep.cells import Cell, State
from orthoadapters.sweep.run import in_order
from orthoadapters.sweep.table import closing_rows, summary
from tests.helpers.cells import cells, finish_cell
from tests.helpers.commands import ROOT

pytestmark = pytest.mark.usefixtures("elsewhere")

SWEEPS = ROOT / "multirun_sweeps" / "sweep"
VARIANTS = ["full_ft", "t_noo", "t_ort", "lnoo_tnoo", "lnoo_tort", "lort_tnoo", "lort_tort"]


def by_variant(sweep_cells: list[Cell]) -> list[int]:
    counts = Counter(cell.config.variant.name for cell in sweep_cells)
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
    sweep_cells = cells(f"sweep={name}")
    assert by_variant(sweep_cells) == counts
    assert len({cell.run.path for cell in sweep_cells}) == len(sweep_cells) == sum(counts)


def test_all_of_the_paper_is_twenty_language_adapters_and_three_tables_that_share_them() -> None:
    sweep_cells = cells("sweep=paper")
    stages = [cell.config.stage for cell in sweep_cells]
    assert stages == [Stage.mlm] * 20 + [Stage.task] * 75
    adapter_kinds = {(c.config.language.code, c.config.variant.language_adapter.value) for c in sweep_cells[:20]}
    languages = "en ar et hi ilo mhr qu sw tr zh".split()
    assert adapter_kinds == {(language, kind) for language in languages for kind in ("noo", "ort")}
    assert Counter(cell.config.task.name for cell in sweep_cells[20:]) == {"xnli": 23, "udpos": 26, "wikiann": 26}


@pytest.mark.parametrize("path", sorted(SWEEPS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sweep_opens_with_its_command_and_its_number_of_runs(path: Path, tmp_path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1] == f"# python train.py sweep={path.stem}"
    count_in_words = re.match(r"# (\d+) runs: ", lines[2])
    assert count_in_words, lines[2]
    if path.stem == "seeds":  # it needs a finished grid
        for cell in cells("sweep=paper"):
            if cell.config.stage is Stage.task:
                finish_cell(cell, 0.5)
    # Those of the study say which paths the command gives as well.
    paths = [f"{key}={tmp_path}" for key in re.findall(r" ([a-z]+\.[a-z]+)=DIR", "".join(lines[:6]))]
    assert int(count_in_words[1]) == len(cells(f"sweep={path.stem}", *paths))
    assert any(line.startswith("# Costs: ") for line in lines)


def test_the_grid_is_the_papers() -> None:
    sweep_cells = {(c.config.optim.lr, c.config.optim.ort_lr) for c in cells("sweep=xnli", "variant=t_ort")}
    assert sweep_cells == {(lr, ort_lr) for lr in (2e-5, 5e-5, 7e-5) for ort_lr in (1e-6, 1e-7, 1e-8)}
    # One optimizer has one rate.
    assert len(cells("sweep=xnli", "variant=t_ort", "ort.joint=0.1,1")) == 2 * 3
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
    sweep_cells = cells("task=udpos", "variant=t_noo,t_ort", "optim.ort_lr=1e-6,1e-7", "seed=0,1")
    assert [(c.config.variant.name, c.config.seed) for c in sweep_cells] == [
        ("t_noo", 0),
        ("t_noo", 1),
        ("t_ort", 0),
        ("t_ort", 1),
        ("t_ort", 0),
        ("t_ort", 1),
    ]


def test_language_adapters_of_one_name_are_not_trained_in_two_ways() -> None:
    with pytest.raises(UserError, match=r"two cells need adapters/xlmr_base/en-noo, trained differently"):
        cells("variant=lnoo_tnoo", "mlm.lr=1e-3,1e-4", "language_adapters.missing=train")


def test_a_domain_adapter_is_trained_once_after_the_language_adapters_that_it_and_the_swap_need() -> None:
    domains = ("domain.name=reviews,news", "domain.root=DIR", "task=udpos", "languages=[ar]")
    sweep_cells = cells("variant=lnoo_tnoo", *domains, "seed=0,1", "language_adapters.missing=train")
    names = [cell.run.name.split("/")[2] for cell in sweep_cells]
    assert names == ["en-noo", "ar-noo", "en-noo-reviews-noo", "en-noo-news-noo", *["lnoo_tnoo"] * 4]
    awaited = [[adapter.name for adapter in cell.awaited_adapters] for cell in sweep_cells[1:5]]
    assert awaited == [[], ["en"], ["en"], ["en", "ar", "domain:reviews"]]
    assert [cell.state for cell in sweep_cells[1:3]] == [State.to_run, State.waiting]


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


@pytest.mark.parametrize("values", ["[0, 0.5]", "[[0], [1]]", "[-1]", "['range(0,3)']", "[x]"])
def test_a_sweep_over_what_is_no_seed_is_a_sentence(values: str, tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    axes = f"axes: {{variant: [t_noo], seed: {values}}}"
    text = f"# @package _global_\nhydra: {{mode: MULTIRUN}}\nsweep:\n  name: mine\n  {axes}\n"
    (tmp_path / "sweep" / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match="a seed is a whole number from 0 on; write such ones"):
        cells(f"paths.config={tmp_path}", "sweep=mine", "task=udpos")


def test_a_users_file_that_no_run_chooses_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "language").mkdir()
    os.mkfifo(tmp_path / "language" / "xi.yaml")
    (tmp_path / "language" / "xj.yaml").write_bytes(b"code: xj\nname: \xff\xfe\n")
    assert (
        len(cells(f"paths.config={tmp_path}", "task=udpos", "variant=t_noo,t_ort", "languages=[tr]", "seed=0,1")) == 4
    )


def test_seeds_are_run_at_the_grid_point_that_english_dev_selects() -> None:
    grid = cells("sweep=udpos", "variant=t_noo,t_ort")
    for number, cell in enumerate(grid):
        finish_cell(cell, 0.5 + number / 100)  # the better in English, the worse in Arabic
    sweep_cells = cells("sweep=seeds", "task=udpos", "variant=t_noo,t_ort")
    assert [c.config.seed for c in sweep_cells] == [0, 1, 2, 3, 4] * 2
    assert {(c.config.variant.name, c.config.optim.lr, c.config.optim.ort_lr) for c in sweep_cells} == {
        ("t_noo", 1e-4, 1e-7),
        ("t_ort", 1e-4, 1e-8),
    }
    assert summary(sweep_cells) == "10 cells: 2 finished, 8 to run"


def test_seeds_wait_for_the_whole_grid() -> None:
    finish_cell(cells("sweep=udpos", "variant=t_noo")[0], 0.5)
    with pytest.raises(
        UserError, match=r"of udpos t_noo 1 of 2 grid points are not finished with seed 0 \(.*run them first"
    ):
        cells("sweep=seeds", "task=udpos", "variant=t_noo")


def test_seeds_do_not_take_a_grid_with_a_damaged_point_for_a_whole_one() -> None:
    grid = cells("sweep=udpos", "variant=t_noo")
    for number, cell in enumerate(grid):
        finish_cell(cell, 0.5 + number / 100)
    grid[1].run.result.write_text("{")
    with pytest.raises(
        UserError, match=r"1 of 2 grid points are not finished with seed 0 \(the first of them is .*lr0.0001"
    ):
        cells("sweep=seeds", "task=udpos", "variant=t_noo")


def test_states_are_read_from_the_disk_and_decide_the_order() -> None:
    sweep_cells = cells("sweep=udpos", "variant=t_noo,lnoo_tnoo,full_ft", "optim.lr=1e-4,1e-3")
    lnoo, t_noo, full_ft = sweep_cells[2], sweep_cells[0], sweep_cells[4]
    t_noo.run.path.mkdir(parents=True)
    t_noo.run.failure.write_text("python train.py\nexit code 1\n\n")
    full_ft.run.checkpoint.parent.mkdir(parents=True)
    full_ft.run.checkpoint.touch()
    assert [c.state for c in (lnoo, t_noo, full_ft)] == [State.waiting, State.failed, State.resume]
    assert [adapter.name for adapter in lnoo.awaited_adapters] == ["en", "ar", "et", "hi", "tr", "zh"]
    with full_ft.run.open({}):
        assert full_ft.state is State.running
    assert full_ft.state is State.resume
    assert in_order(sweep_cells) == [
        sweep_cells[1],
        sweep_cells[4],
        sweep_cells[5],
        sweep_cells[0],
        sweep_cells[2],
        sweep_cells[3],
    ]
    assert summary(sweep_cells) == "6 cells: 1 failed, 2 waiting, 1 to resume, 2 to run"


def test_a_command_line_names_one_sweep_that_exists() -> None:
    with pytest.raises(UserError, match="one sweep at a time"):
        check_command_line(["sweep=xnli,udpos"])
    with pytest.raises(UserError, match="did you mean 'xnli'"):
        check_command_line(["sweep=xnlii"])


def test_a_name_that_yaml_reads_otherwise_is_refused_in_the_axes_of_a_sweep() -> None:
    with pytest.raises(UserError, match=r"sweep.axes.language has False where the name of a file belongs; put quotes"):
        cells("stage=mlm", "+sweep.axes.language=[sw,false]")


def test_two_trainings_of_one_adapter_are_refused_with_the_folders_that_they_need(elsewhere: None) -> None:
    grid = ("stage=mlm", "language=tr", "mlm.lr=1e-3,1e-4", "seed=0,1")
    with pytest.raises(
        UserError, match=r"two cells train the adapter .*tr-noo, with other values of seed; .*-\$\{seed\}'"
    ):
        cells(*grid)
    with pytest.raises(UserError, match=r"with other values of mlm\.lr"):
        cells(*grid[:-1])
    locations = [cell.config.paths.adapters for cell in cells(*grid, "paths.adapters=adapters-${mlm.lr}-${seed}")]
    assert locations == ["adapters-0.001-0", "adapters-0.001-1", "adapters-0.0001-0", "adapters-0.0001-1"]


def test_a_value_that_refers_to_a_rate_of_the_grid_is_the_cells_own(elsewhere: None, tmp_path: Path) -> None:
    sweep_cells = cells("sweep=xnli", "variant=t_noo", "paths.runs=runs-${optim.lr}")
    assert [cell.config.paths.runs for cell in sweep_cells] == [f"runs-{lr:g}" for lr in (2e-5, 5e-5, 7e-5)]
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "mine.yaml").write_text("# @package _global_\npaths: {runs: 'runs-${seed}'}\n")
    sweep_cells = cells("suite=mine", "variant=t_noo", "seed=3,4", f"paths.config={tmp_path}")
    assert [cell.config.paths.runs for cell in sweep_cells] == ["runs-3", "runs-4"]


def test_cells_that_differ_in_a_choice_without_a_column_have_different_names() -> None:
    axes = ("transfer=swap,tlr_multi", "unfreeze.per=null,epoch", "source_language=en,[en,tr]")
    rows = closing_rows(cells("task=udpos", "variant=lnoo_tnoo", "languages=[ar]", *axes))
    assert len({row[1] for row in rows}) == 8
    assert rows[0][1] == "udpos lnoo_tnoo"
    assert rows[-1][1] == "udpos lnoo_tnoo from en+tr unfreeze.per=epoch transfer.train_under=[en,tr,ar]"
