"""TensorBoard and W&B together, in a run that is stopped and goes on: every value once, and the keys of `logger`."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from orthoadapters.runs.results import Result
from orthoadapters.training.alternating import AlternatingTraining
from tests.helpers.short_runs import execute, overrides
from tests.helpers.wandb_records import records

STOP = 8  # the step that fails; a checkpoint is written every 3 of the 10, so that 7 and 8 are taken twice


class TwoParts(NamedTuple):
    """A run that was stopped and went on: its result, its folder, and W&B's records of both parts."""

    result: Result
    folder: Path
    parts: list[dict[str, Any]]


@pytest.fixture(scope="module")
def two_parts(backbone: Path, world: Path, tmp_path_factory: pytest.TempPathFactory) -> TwoParts:
    """A run on a backbone whose folder has a long and odd name."""
    folder = tmp_path_factory.mktemp("logged")
    odd = folder / ("a b #ü" + "x" * 70)
    odd.symlink_to(backbone)
    keys = ["group=nightly", "tags=[draft]", "notes=why", "project=mine"]
    arguments = overrides(
        odd, world, folder, "variant=t_ort", "task=udpos", "languages=[tr]", "logger=[tensorboard,wandb]"
    )
    arguments = [
        f"backbone.path='{odd}'" if override.startswith("backbone.path=") else override for override in arguments
    ]
    arguments += [*(f"logger.{key}" for key in keys), "trainer.checkpoint_every=3", "trainer.log_every=1"]

    def fail(module: AlternatingTraining, batch: Any, batch_idx: int) -> None:
        if module.global_step == STOP:
            raise RuntimeError("power cut")
        step(module, batch, batch_idx)

    step = AlternatingTraining.training_step
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AlternatingTraining, "training_step", fail)
        with pytest.raises(RuntimeError, match="power cut"):
            execute(arguments)
    result = execute(arguments)
    run = folder / "runs" / result.run
    parts = [records(part) for part in sorted((run / "wandb").glob("offline-run-*"))]
    return TwoParts(result, run, parts)


def iterations_of(folder: Path) -> dict[str, list[int]]:
    """Reads at which iterations metrics.csv has each value."""
    iterations: dict[str, list[int]] = {}
    with (folder / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name != "iteration":
                    iterations.setdefault(name, []).append(int(row["iteration"]))
    return iterations


def test_wandb_has_one_run_with_every_value_once(two_parts: TwoParts) -> None:
    first, second = two_parts.parts
    assert first["id"] == second["id"]
    assert (first["exit"], second["exit"]) == (1, 0)
    expected = iterations_of(two_parts.folder)
    assert expected["loss"] == list(range(1, 11))
    for name, iterations in expected.items():
        assert first["values"].get(name, []) + second["values"].get(name, []) == iterations, name


def test_wandb_has_what_the_keys_say(two_parts: TwoParts) -> None:
    run = two_parts.parts[-1]
    assert (run["group"], run["notes"], run["project"]) == ("nightly", "why", "mine")
    assert run["tags"] > {"draft", "task", "t_ort", "udpos", "seed0"}
    assert len(run["tags"]) == 6  # and the backbone's name, cut
    assert run["name"].endswith(two_parts.result.run[-30:])


def test_tensorboard_has_every_value_once(two_parts: TwoParts) -> None:
    events = EventAccumulator(str(two_parts.folder / "tensorboard"))
    events.Reload()
    for name, iterations in iterations_of(two_parts.folder).items():
        assert [point.step for point in events.Scalars(name)] == iterations, name
    (point,) = events.Scalars("test_tr_f1")
    assert point.value == pytest.approx(two_parts.result.test["tr"]["f1"])


def test_tensorboard_has_a_line_of_hyperparameters(two_parts: TwoParts) -> None:
    events = EventAccumulator(str(two_parts.folder / "tensorboard"))
    events.Reload()
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"optim.lr" in content
    assert b"t_ort" in content
