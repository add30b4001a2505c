"""Repetition and interruption on the tiny world: the same command gives, and goes on to, the same numbers."""

import csv
import errno
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from orthoadapters import UserError
from orthoadapters.config.compose import compose_config
from orthoadapters.evaluation.scoring import EvaluationOutcome
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import Result
from orthoadapters.training.alternating import AlternatingTraining
from tests.helpers.short_runs import execute, numbers, overrides


@cache
def _result(arguments: tuple[str, ...]) -> Result:
    return execute(arguments)


def run_once(arguments: list[str]) -> Result:
    """Runs what several tests compare with, for the first of them."""
    return _result(tuple(arguments))


@pytest.mark.parametrize("stage", ["mlm", "task"])
def test_the_same_command_twice_gives_the_same_result(
    stage: str, out: Path, backbone: Path, world: Path, tmp_path: Path
) -> None:
    twice = []
    for name in ("one", "two"):
        arguments = overrides(
            backbone, world, tmp_path / name, f"stage={stage}", "variant=t_ort", "task=udpos", "languages=[tr]"
        )
        if stage == "mlm":
            arguments += ["variant=lort_tnoo", "language=tr"]
        twice.append(numbers(execute(arguments)))
    assert twice[0] == twice[1]


INTERRUPTIONS: list[tuple[str, int, list[str]]] = [
    (variant, stop, []) for variant in ("lort_tort", "full_ft") for stop in (1, 3, 5, 6, 9, 10)
]
TURNS = ["transfer=tlr_bilingual"]
# The lowest of the three layers is trained from the seventh iteration on.
SLOWLY = ["unfreeze.per=iteration", "unfreeze.every=3"]


@pytest.mark.parametrize(
    ("variant", "stop", "more"),
    [*INTERRUPTIONS, ("lort_tort", 3, TURNS), ("lort_tort", 7, TURNS), ("lort_tort", 5, SLOWLY)],
)
def test_an_interrupted_task_run_goes_on_with_the_weights_it_would_have_had(
    variant: str,
    stop: int,
    more: list[str],
    out: Path,
    backbone: Path,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """10 iterations, an epoch ends at 5 and at 10, a checkpoint is written every 2 and at the end."""
    undisturbed = out.parent / "undisturbed"
    common = [
        f"variant={variant}",
        "task=udpos",
        "languages=[tr]",
        "trainer.checkpoint_every=2",
        f"paths.adapters={out}/adapters",
        *more,
    ]
    reference = run_once(overrides(backbone, world, undisturbed, *common))
    again = overrides(backbone, world, tmp_path / "stopped", *common)
    interrupt(monkeypatch, stop, again)
    result, steps = count_steps(monkeypatch, again)
    assert steps == 10 - stop // 2 * 2  # it went on from the last checkpoint
    assert numbers(result) == numbers(reference)
    whole, rest = undisturbed / "runs" / result.run, tmp_path / "stopped" / "runs" / result.run
    part = "backbone/model.safetensors" if variant == "full_ft" else "adapter/adapter.safetensors"
    assert same_tensors(whole / part, rest / part)
    assert read_log(whole) == read_log(rest)


CHOICES = ["ort.share_forward=true", "ort.every=2", "mlm.vocabulary=corpus"]
JOINT = ["ort.joint=0.5", "orthogonality=subspace"]
# The invertible part is trained from the fourth iteration on.
FROM_THE_TOP = ["unfreeze.per=iteration"]


@pytest.mark.parametrize(
    ("stop", "every", "more"),
    [(1, 2, []), (3, 2, []), (6, 2, []), (4, 3, CHOICES), (4, 3, JOINT), (3, 2, FROM_THE_TOP)],
)
def test_an_interrupted_mlm_run_goes_on_with_the_weights_it_would_have_had(
    stop: int,
    every: int,
    more: list[str],
    out: Path,
    backbone: Path,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    common = ["stage=mlm", "variant=lort_tnoo", "language=sw", f"trainer.checkpoint_every={every}", *more]
    undisturbed = out.parent / f"undisturbed-{every}-{len(more)}"
    reference = run_once(overrides(backbone, world, undisturbed, *common))
    again = overrides(backbone, world, tmp_path / "stopped", *common)
    interrupt(monkeypatch, stop, again)
    result, steps = count_steps(monkeypatch, again)
    assert steps == 6 - stop // every * every  # it went on from the last checkpoint
    assert numbers(result) == numbers(reference)
    whole, rest = undisturbed / "runs" / result.run, tmp_path / "stopped" / "runs" / result.run
    assert same_tensors(whole / "adapter/adapter.safetensors", rest / "adapter/adapter.safetensors")
    assert read_log(whole) == read_log(rest)


def test_a_run_ends_when_its_dev_score_has_not_risen_interrupted_or_not(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the run of four epochs, the fourth of which has the second one's score again; an epoch is 5 iterations."""
    scores = cycle([0.1, 0.3, 0.2, 0.3])

    def evaluate(*_: Any) -> EvaluationOutcome:
        return EvaluationOutcome({"f1": next(scores), "accuracy": 0.0}, [])

    monkeypatch.setattr("orthoadapters.training.callbacks.evaluate", evaluate)
    common = ["variant=t_ort", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=3"]
    reference = execute(overrides(backbone, world, tmp_path / "four", *common, "trainer.max_epochs=4"))
    common += ["trainer.max_epochs=6", "trainer.patience=2"]
    whole = execute(overrides(backbone, world, tmp_path / "whole", *common))
    runs = {"four": reference.run, "whole": whole.run}
    for stop, rest in ((7, 20 - 6), (20, 0)):
        again = overrides(backbone, world, tmp_path / f"stopped-{stop}", *common)
        interrupt(monkeypatch, stop, again)
        result, steps = count_steps(monkeypatch, again)
        assert steps == rest
        assert numbers(result) == numbers(whole)
        runs |= {f"stopped-{stop}": result.run}
    assert whole.selection is not None
    assert (whole.selection.epoch, whole.provenance["steps"]) == (2, 20)
    assert whole.counts == reference.counts | {"epochs": 4}
    same = ("test", "selection", "layer_cos2", "target_dev")
    assert {key: numbers(whole)[key] for key in same} == {key: numbers(reference)[key] for key in same}
    folders = {name: tmp_path / name / "runs" / run for name, run in runs.items()}
    assert len({(folder / "adapter/adapter.safetensors").read_bytes() for folder in folders.values()}) == 1
    assert all(read_log(folder) == read_log(folders["four"]) for folder in folders.values())
    assert "20 iterations of 8 sentences" in (folders["whole"] / "adapter/README.md").read_text()


def interrupt(monkeypatch: pytest.MonkeyPatch, stop: int, arguments: list[str]) -> None:
    """Starts a run that dies when it has taken step `stop`, and not before."""

    def dying(module: AlternatingTraining, batch: Any, batch_idx: int) -> None:
        if module.global_step == stop:
            raise RuntimeError("power cut")
        step(module, batch, batch_idx)

    def dying_at_the_end(*_: Any) -> None:
        raise RuntimeError("power cut")

    step = AlternatingTraining.training_step
    with monkeypatch.context() as patch:
        patch.setattr(AlternatingTraining, "training_step", dying)
        for stage in ("task", "language_adapter"):
            patch.setattr(f"orthoadapters.stages.{stage}.finish", dying_at_the_end)  # a stop after the last step
        with pytest.raises(RuntimeError, match="power cut"):
            execute(arguments)


def count_steps(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> tuple[Result, int]:
    """The result of a run, and how many steps it took."""
    steps: list[int] = []

    def counting(module: AlternatingTraining, batch: Any, batch_idx: int) -> None:
        steps.append(batch_idx)
        step(module, batch, batch_idx)

    step = AlternatingTraining.training_step
    with monkeypatch.context() as patch:
        patch.setattr(AlternatingTraining, "training_step", counting)
        return execute(arguments), len(steps)


def same_tensors(one: Path, two: Path) -> bool:
    a, b = load_file(one), load_file(two)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def read_log(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        return [
            {key: value for key, value in row.items() if key != "tokens_per_second"} for row in csv.DictReader(file)
        ]


def test_a_run_directory_of_another_configuration_is_refused(backbone: Path, world: Path, tmp_path: Path) -> None:
    arguments = overrides(
        backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]", "trainer.max_epochs=1"
    )
    run = tmp_path / "runs" / execute(arguments).run
    (run / "SHA256SUMS").unlink()
    (run / "config.yaml").write_text("fingerprint: 0123456789\n")
    before = (run / "result.json").read_text()
    with pytest.raises(UserError, match="belongs to another configuration"):
        execute(arguments)
    assert (run / "result.json").read_text() == before


@pytest.mark.parametrize("change", ["adapter-en", "train"])
def test_a_run_is_not_resumed_with_other_inputs(
    change: str, out: Path, backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapters, data = tmp_path / "adapters", tmp_path / "data"
    shutil.copytree(out / "adapters", adapters)
    shutil.copytree(world, data)
    arguments = overrides(
        backbone, data, tmp_path, "variant=lnoo_tnoo", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=2"
    )
    interrupt(monkeypatch, 3, arguments)
    if change == "train":
        train = data / "udpos/train-en.tsv"
        train.write_text(train.read_text().replace("NOUN", "VERB", 1))
    else:
        weights = load_file(adapters / "tiny/en-noo/adapter.safetensors")
        save_file({name: 3 * value for name, value in weights.items()}, adapters / "tiny/en-noo/adapter.safetensors")
        (adapters / "tiny/en-noo/SHA256SUMS").unlink()  # the change is meant
    with pytest.raises(UserError, match=f"was started with other contents of {change};"):
        execute(arguments)


def test_two_processes_do_not_train_the_same_run(backbone: Path, world: Path, tmp_path: Path) -> None:
    arguments = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]")
    run = RunDirectory(compose_config(arguments))
    run.path.mkdir(parents=True)
    hold = f"import fcntl, time; f = open({str(run.path / '.lock')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX)"
    holder = f"{hold}; print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(UserError, match="is being trained by another process"):
        execute(arguments)
    process.kill()
    process.wait()
    assert execute(arguments).status == "finished"  # a dead process holds nothing


def test_a_file_system_without_locks_is_a_sentence(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]")

    def flock(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    run = RunDirectory(compose_config(arguments))
    for _ in range(2):
        with pytest.raises(UserError, match=re.escape(f"{run.path / '.lock'} cannot be locked (No locks available)")):
            execute(arguments)
        assert not run.in_use
    assert not (run.path / "config.yaml").exists()


def test_a_broken_checkpoint_is_a_sentence(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = overrides(
        backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=2"
    )
    interrupt(monkeypatch, 3, arguments)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:3000])
    with pytest.raises(UserError, match=r"last.ckpt cannot be read .*delete it to start"):
        execute(arguments)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: {}, r"last.ckpt cannot be read \(it is none that a run has written\); delete it to start"),
        (lambda content: [1], r"last.ckpt cannot be read \(it is none that a run has written\); delete it to start"),
        (
            lambda content: content | {"callbacks": {}},
            r"last.ckpt cannot be read \(it is none that a run has written\); delete it to start",
        ),
        (lambda content: content | {"state_dict": {}}, r"last.ckpt holds other weights than this run trains"),
        (
            lambda content: content | {"state_dict": {name: one[:1] for name, one in content["state_dict"].items()}},
            r"last.ckpt holds other weights than this run trains",
        ),
    ],
)
def test_what_is_no_checkpoint_of_this_run_is_a_sentence(
    backbone: Path,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Any], Any],
    says: str,
) -> None:
    arguments = overrides(
        backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=2"
    )
    interrupt(monkeypatch, 3, arguments)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    torch.save(change(torch.load(checkpoint, weights_only=True)), checkpoint)
    with pytest.raises(UserError, match=says):
        execute(arguments)


def test_a_checkpoint_of_another_run_is_a_sentence_and_one_of_an_earlier_version_is_gone_on_with(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arguments(name: str, *more: str) -> list[str]:
        common = ["variant=t_noo", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=2"]
        return overrides(backbone, data, tmp_path / name, *common, *more)

    data = tmp_path / "world"
    shutil.copytree(world, data)
    run, seed = arguments("run"), arguments("run", "seed=1")
    whole = numbers(execute(arguments("whole")))
    interrupt(monkeypatch, 3, run)
    interrupt(monkeypatch, 3, seed)
    test = data / "udpos" / "test-tr.tsv"
    content = test.read_text()
    test.write_text(f"{content}\nanna\tPROPN\n")
    interrupt(monkeypatch, 3, arguments("data"))
    test.write_text(content)
    checkpoint, of_seed, of_data = (
        RunDirectory(compose_config(one)).checkpoint for one in (run, seed, arguments("data"))
    )
    own = checkpoint.read_bytes()
    for path, name in ((of_seed, "fingerprint"), (of_data, "test-tr")):
        shutil.copy(path, checkpoint)
        with pytest.raises(
            UserError, match=rf"{checkpoint} is another run's, with other {name}; bring back this run's"
        ):
            execute(run)
    checkpoint.write_bytes(own)
    parts = torch.load(checkpoint, weights_only=True)
    del parts["callbacks"]["KeepLast"]
    torch.save(parts, checkpoint)
    assert numbers(execute(run)) == whole


@pytest.mark.parametrize("lines", [0, 5])
def test_rows_that_are_lost_after_the_last_step_are_said(
    lines: int,
    backbone: Path,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Training is over, and Lightning starts none."""
    arguments = overrides(backbone, world, tmp_path, "stage=mlm", "variant=lnoo_tnoo", "language=sw")
    interrupt(monkeypatch, 100, arguments)
    (metrics,) = tmp_path.rglob("metrics.csv")
    kept = metrics.read_text().splitlines(keepends=True)[:lines]
    metrics.write_text("".join(kept)) if kept else metrics.unlink()
    _, steps = count_steps(monkeypatch, arguments)
    assert steps == 0
    lost = "6 of the 6 iterations before this start, the first of them iteration 1"
    lost = "2 of the 6 .* iteration 5" if lines else lost
    assert re.search(f"metrics.csv was damaged: it has no rows of {lost}$", caplog.text, re.MULTILINE)
    assert metrics.read_text().startswith("".join(kept) or "iteration,loss")


def test_a_byte_that_was_changed_in_a_checkpoint_is_noticed(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = overrides(
        backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]", "trainer.checkpoint_every=2"
    )
    with monkeypatch.context() as patch:
        # A full disk elsewhere, where temporary files lie by default, is none of its concern.
        patch.setattr(tempfile, "mkstemp", None)
        interrupt(monkeypatch, 3, arguments)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    content = bytearray(checkpoint.read_bytes())
    with zipfile.ZipFile(checkpoint) as file:
        largest = max(file.infolist(), key=lambda part: part.file_size)
    content[largest.header_offset + 1000] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(
        UserError, match=r"last.ckpt cannot be read \(its part .* was changed since it was written\); delete"
    ):
        execute(arguments)


def spoil_gradient(monkeypatch: pytest.MonkeyPatch, iteration: int) -> None:
    """Makes one gradient infinite in one iteration, as a GPU's failing memory does."""

    def clip(parameters: Any, limit: float) -> torch.Tensor:
        counter.append(1)
        if len(counter) == iteration:
            next(iter(parameters)).grad[0] = float("inf")
        return plain_clip(parameters, limit)

    counter: list[int] = []
    plain_clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip)


@pytest.mark.parametrize("iteration", [4, 6])
def test_a_gradient_that_is_not_finite_stops_the_run_and_replaces_no_checkpoint(
    iteration: int, backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the training and in its last iteration, after which no loss is computed."""
    arguments = overrides(
        backbone, world, tmp_path, "stage=mlm", "variant=lnoo_tnoo", "language=sw", "trainer.checkpoint_every=1"
    )
    arguments += ["trainer.log_every=50"]
    with monkeypatch.context() as patch:
        spoil_gradient(patch, iteration)
        with pytest.raises(UserError) as error:
            execute(arguments)
    sentence = (
        rf"the norm of the gradients is (inf|nan) at iteration {iteration}, whose batch has the blocks of the sw text"
    )
    place = rf"the last good checkpoint is {tmp_path}.*last.ckpt, of iteration {iteration - 1}"
    assert re.fullmatch(
        rf"{sentence} with the numbers \d+, \d+, .* begins '.*lower optim.lr .*{place}", str(error.value)
    )
    assert not (tmp_path / "adapters").exists()
    result, steps = count_steps(monkeypatch, arguments)
    assert (result.status, steps) == ("finished", 7 - iteration)


def test_the_batch_of_a_task_run_is_named(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = overrides(backbone, world, tmp_path, "variant=t_noo", "task=udpos", "languages=[tr]")
    spoil_gradient(monkeypatch, 3)
    words = r"examples of the en training set with the numbers (\d+, ){7}\d+, the first of which begins '\w+ \w+ \w+'"
    with pytest.raises(
        UserError, match=rf"at iteration 3, whose batch has the {words}.*; no checkpoint was written yet"
    ):
        execute(arguments)
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.parametrize("stage", ["mlm", "task"])
def test_weights_too_large_to_compute_with_are_neither_published_nor_scored(
    stage: str, backbone: Path, world: Path, tmp_path: Path
) -> None:
    """The only iteration has a finite loss, gradient and weight."""
    more = ["variant=t_noo", "task=udpos", "languages=[tr]", "data.limit_train=8", "trainer.max_epochs=1"]
    if stage == "mlm":
        more = ["stage=mlm", "variant=lnoo_tnoo", "language=sw", "trainer.max_iterations=1"]
    with pytest.raises(UserError, match="NaN or infinite"):
        execute(overrides(backbone, world, tmp_path, *more, "optim.lr=1e30"))
    assert not list(tmp_path.rglob("result.json"))
    assert not (tmp_path / "adapters").exists()
