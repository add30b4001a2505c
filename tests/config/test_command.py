"""The command that repeats a run: it means the run that recorded it, or the report says why there is none."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from orthoadapters.config.choices import fingerprint
from orthoadapters.config.command import adapter_command, command
from orthoadapters.config.compose import compose_config
from orthoadapters.config.overrides import override_text
from orthoadapters.errors import UserError
from orthoadapters.runs.language_adapter import language_adapter
from orthoadapters.runs.results import read_results
from orthoadapters.sweep.cells import expand
from tests.helpers.short_runs import execute, overrides

COMMANDS = [
    ["task=udpos", "variant=t_ort", "seed=3", "optim.lr=5e-05", "optim.ort_lr=1e-06", "trainer.max_epochs=2"],
    ["stage=mlm", "suite=demo", "language=qtu", "variant=lort_tnoo", "trainer.max_iterations=60"],
    [override_text("data.root", "/data/x treme,'old'"), "data=xtreme", "source_language=tr", "paths.adapters=mine"],
]


def means(line: str) -> str:
    """The fingerprint of the run that a command line means, typed into a shell."""
    python, train, *overrides = shlex.split(line)
    assert (python, train) == ("python", "train.py")
    return fingerprint(compose_config(overrides))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_command_is_what_the_run_recorded_and_means_that_run(arguments: Sequence[str]) -> None:
    run_fingerprint = fingerprint(compose_config(arguments))
    line = command(list(arguments), run_fingerprint)
    assert shlex.split(line) == ["python", "train.py", *arguments]
    assert means(line) == run_fingerprint


@pytest.mark.parametrize(
    "rates", [["seed=3", "optim.lr=2e-5", "optim.ort_lr=1e-8"], ["optim.lr=${task.ort_lr}"]], ids=str
)
def test_rates_and_seeds_of_a_grid_count(rates: list[str]) -> None:
    arguments = ["variant=lort_tort", "task=udpos", *rates]
    command(arguments, fingerprint(compose_config(arguments)))
    with pytest.raises(UserError, match="now means another one"):
        command(arguments[:-1], fingerprint(compose_config(arguments)))


def test_a_finished_run_recorded_its_command(backbone: Path, world: Path, tmp_path: Path) -> None:
    for arguments in (["stage=mlm", "language=ar"], ["variant=t_noo", "task=udpos", "languages=[ar]"]):
        line_overrides = overrides(backbone, world, tmp_path, *arguments)
        result = execute(line_overrides)
        (record,) = (other for _, other in read_results(tmp_path / "runs") if other.run == result.run)
        assert record.provenance["overrides"] == line_overrides
        assert means(command(record.provenance["overrides"], record.fingerprint)) == result.fingerprint


def test_a_cells_command_repeats_that_cell_alone() -> None:
    axes = {"sweep": ["sweep=udpos"], "variant": ["variant=lort_tort"]}
    for cell in expand(axes)[:2]:
        line = command(list(cell.overrides), cell.run.fingerprint)
        again = expand({text.partition("=")[0]: [text] for text in shlex.split(line)[2:]})
        assert [other.run.path for other in again] == [cell.run.path]


@pytest.mark.parametrize("record", [None, "task=udpos", [1], {"task": "udpos"}], ids=str)
def test_runs_of_earlier_versions_recorded_none(record: object) -> None:
    with pytest.raises(UserError, match="recorded no command; runs of earlier versions did not"):
        command(record, "c0ffee")


def test_overrides_that_mean_another_run_by_now_are_no_command() -> None:
    run_fingerprint = fingerprint(compose_config(["task=udpos"]))
    with pytest.raises(
        UserError, match=rf"train.py task=wikiann now means another one .* this run's is {run_fingerprint[:8]}"
    ):
        command(["task=wikiann"], run_fingerprint)
    with pytest.raises(UserError, match="no longer works: task has no 'udposs', did you mean 'udpos'"):
        command(["task=udposs"], run_fingerprint)


@pytest.mark.parametrize("variant", ["variant=lnoo_tnoo", "variant=madx2"])
@pytest.mark.parametrize("more", [[], ["variant.language_reduction=4"], ["variant.leave_out=[1]", "variant.name=mine"]])
def test_the_command_of_a_missing_adapter_has_the_runs_layers_and_size(variant: str, more: list[str]) -> None:
    config = compose_config(["task=udpos", "languages=[ar]", variant, *more])
    line = adapter_command(config, "ar")
    training = compose_config(shlex.split(line)[2:])
    for key in ("language_adapter", "language_reduction", "leave_out"):
        assert getattr(training.variant, key) == getattr(config.variant, key)
    assert bool(more) == ("variant." in line)


def test_the_command_of_a_missing_domain_adapter_has_the_place_of_its_language_adapter() -> None:
    run = ["task=udpos", "domain.name=reviews"]
    on_hub = ["language_adapters.source=hub", "language_adapters.hub={ar:me/ar,tr:me/tr}"]
    local = ["language_adapters.source=local", "language_adapters.root=/my adapters"]
    for more in (on_hub, local, []):
        config = compose_config([*run, *more])
        line = adapter_command(config, "ar", of_domain=True)
        training = compose_config(shlex.split(line)[2:])
        assert language_adapter(training, "ar") == language_adapter(config, "ar")
    assert "language_adapters" not in line
