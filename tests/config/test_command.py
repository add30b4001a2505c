"""The command that repeats a run: composing it gives the run's fingerprint, and nothing in it is superfluous."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.command import command, override_text
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import Stage
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import Result


def recorded(overrides: Sequence[str]) -> Result:
    """What a run of the command records, without running it."""
    config = compose_config(overrides)
    return Result(
        run=RunDirectory(config).name, fingerprint=fingerprint(config), stage=config.stage.value,
        task=config.task.name if config.stage is Stage.task else None, variant=config.variant.name,
        backbone=str(config.backbone.name), seed=config.seed, lr=config.optim.lr, ort_lr=None, test={}, adapters={},
        provenance={}, choices=choices(config),
    )  # fmt: skip


SHORTEST = [
    ["task=udpos", "variant=t_ort", "seed=3", "optim.lr=5e-05", "optim.ort_lr=1e-06", "trainer.max_epochs=2"],
    ["suite=demo", "task=udpos", "variant=lort_tort", "data.limit_train=400", "trainer.max_epochs=2", "languages=[qtu]"],
    ["stage=mlm", "suite=demo", "language=qtu", "variant=lort_tnoo", "trainer.max_iterations=60"],
    ["backbone=mbert", "data=xtreme", "data.root=/data/x treme,'old'", "source_language=tr", "variant=full_ft"],
    ["backbone=local", "backbone.path=models/tiny=1", "task=udpos", "data=conllu", "data.root=ud", "data.fuse_multiword=false"],
    ["language_adapters.source=local", "language_adapters.root=mine", "optim.clip_norm=null", "task.labels=[a,b]"],
    ["language_adapters.source=hub", "language_adapters.hub={sw:me/sw@c0ffee,tr:null}"],
    ["variant=lort_tort", "orthogonality.pair=update", "trainer.precision=bf16-mixed", "optim.ort_eps=1e-12"],
]  # fmt: skip


@pytest.mark.parametrize("given", SHORTEST, ids=" ".join)
def test_the_command_gives_the_runs_fingerprint_and_is_no_longer_than_the_one_that_made_it(given: list[str]) -> None:
    result = recorded([as_typed(override) for override in given])
    found = command(result)
    assert found is not None
    config = compose_config(found)
    assert (fingerprint(config), RunDirectory(config).name) == (result.fingerprint, result.run)
    assert len(found) == len(given)
    assert {override.partition("=")[0] for override in found} == {override.partition("=")[0] for override in given}


def as_typed(override: str) -> str:
    """With the quotes that Hydra's grammar wants."""
    key, _, value = override.partition("=")
    return override if value[:1] in "[{" or not set(value) & set(" ,'=") else override_text(key, value)


def test_what_changes_no_number_is_no_part_of_it() -> None:
    given = ["logger=none", "paths.runs=elsewhere", "trainer.log_every=1", "plan=true", "trainer=ddp"]
    assert command(recorded(given)) == []


def test_a_multirun_of_the_paper_is_repeated_cell_by_cell() -> None:
    result = recorded(["sweep=udpos", "variant=lort_tort"])
    assert command(result) == ["task=udpos", "variant=lort_tort"]


def test_the_folder_of_adapters_is_named_unless_it_is_the_usual_one() -> None:
    entry = {"kind": "noo", "source": "trained", "path": "/mine/xlmr_base/sw-noo", "sha256": "0"}
    result = recorded([])
    assert command(replace(result, adapters={"sw": entry})) == ["paths.adapters=/mine"]
    assert command(replace(result, adapters={"sw": entry | {"path": "adapters/xlmr_base/sw-noo"}})) == []
    assert command(replace(result, adapters={"sw": entry | {"source": "hub", "path": "a/b@c"}})) == []


OTHERS = [
    {"optim.momentum": 0.9}, {"task.folder": {"a": 1}}, {"data.source": "elsewhere"}, {"languages": None}, {"optim.lr": []},
    {"stage": None}, {"variant.task_reduction": "x"},
]  # fmt: skip


@pytest.mark.parametrize("choice", OTHERS, ids=str)
def test_choices_that_this_version_does_not_have_give_no_command(choice: dict[str, object]) -> None:
    result = recorded([])
    assert command(replace(result, choices=result.choices | choice)) is None


def test_a_run_that_did_not_record_all_choices_has_no_command() -> None:
    result = recorded([])
    assert command(replace(result, choices={})) is None
    for lost in ("optim.eps", "seed", "languages", "variant.task_adapter"):
        assert command(replace(result, choices={k: v for k, v in result.choices.items() if k != lost})) is None


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" '\\\"$"), min_size=1))
def test_any_text_is_written_so_that_hydra_reads_it(text: str) -> None:
    if "${" in text:
        return  # an interpolation, whatever the quotes
    written = override_text("data.root", text)
    assert OverridesParser.create().parse_override(written).value() == text
