"""trainer=ddp: shares of a batch give the batch's gradients, and two processes the weights of one; what is refused."""

import copy
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

import orthoadapters.training.alternating as alternating
from orthoadapters import AdaptedEncoder, AdapterConfig, UserError, orthogonality_loss
from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config
from orthoadapters.config.recorded import read_config
from orthoadapters.config.schema import OptimConfig, TrainerConfig
from orthoadapters.data.batching import Batch
from orthoadapters.data.masked_batches import BlockLoader
from orthoadapters.data.masking import Masking
from orthoadapters.data.shares import Shares, share
from orthoadapters.model.heads import ClassificationHead, MultipleChoiceHead, TokenHead
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.callbacks import KeepLast
from orthoadapters.training.fit import device
from orthoadapters.training.mlm import MLMTraining
from orthoadapters.training.processes import rank
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining
from tests.helpers.commands import start, train
from tests.helpers.short_runs import execute, overrides

pytestmark = pytest.mark.long

OPTIM = OptimConfig(lr=1e-2, ort_lr=1e-2, eps=1e-8, ort_eps=1e-8)
LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)  # real tokens of each window of a batch


@pytest.fixture(scope="module")
def dry(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny backbone without dropout, of which every process draws its own."""
    folder = tmp_path_factory.mktemp("dry") / "tiny"
    folder.mkdir()
    for file in backbone.iterdir():
        text = file.read_bytes()
        (folder / file.name).write_bytes(text.replace(b'_prob": 0.1', b'_prob": 0.0'))
    return folder


@pytest.fixture(scope="module")
def modules(backbone: Path) -> dict[str, AlternatingTraining]:
    """Both stages' modules, with both of the task stage's losses, in eval mode."""
    torch.manual_seed(0)
    by_name: dict[str, AlternatingTraining] = {}
    heads = {"mlm": None, "tagging": TokenHead(64, 3, 0.0), "pairs": ClassificationHead(64, 3, 0.0)}
    for name, head in (heads | {"choice": MultipleChoiceHead(64, 3, 0.0)}).items():
        model = AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
        model.add_adapter("x", AdapterConfig(8, invertible=head is None))
        model.activate("x")
        recorder = Recorder([], OPTIM, True, 1, 1)
        if head is None:
            by_name[name] = MLMTraining(model, "x", True, OPTIM, recorder, invert=False).eval()
        else:
            by_name[name] = TaskTraining(model, head, "x", True, OPTIM, recorder).eval()
    return by_name


def batch_of(lengths: list[int], kind: str, seed: int) -> Batch:
    """A batch of windows of these lengths, as `BatchLoader` or (all equally long) `BlockLoader` gives it.

    Of multiple choice, a window is three sequences, the first of which has this length.
    """
    windows = len(lengths)
    if kind == "choice":
        lengths = [max(length - n, 1) for length in lengths for n in range(3)]
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 400, (len(lengths), max(lengths)), generator=generator)
    if kind == "mlm":
        places = torch.rand(ids.numel(), generator=generator) < 0.2
        places[seed % ids.numel()] = True
        positions = places.nonzero().squeeze(1)
        return {"input_ids": ids, "positions": positions, "labels": ids.flatten()[positions], "tokens": ids.numel()}
    mask = torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None]
    labels = torch.where(mask & (ids % 4 > 0), ids % 3, -100) if kind == "tagging" else ids[:windows, 0] % 3
    index = torch.arange(windows)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "index": index, "tokens": int(mask.sum())}


def both_gradients(module: AlternatingTraining, batch: Batch) -> list[Tensor]:
    """Main loss, its gradient, L_ORT, its gradient: of this share, as far as it counts."""
    main = module.main_loss(module.model.encode(batch).hidden, batch) * batch.get("main_share", 1.0)
    pairs = module.model.encode(batch).pairs
    l_ort = orthogonality_loss(pairs, batch.get("attention_mask")) * batch.get("token_share", 1.0)
    return [
        main.detach(),
        *torch.autograd.grad(main, module.main_parameters),
        l_ort.detach(),
        *torch.autograd.grad(l_ort, module.body),
    ]


@pytest.mark.parametrize("kind", ["mlm", "tagging", "pairs", "choice"])
@settings(max_examples=12, deadline=None, derandomize=True)
@given(lengths=LENGTHS, processes=st.integers(2, 4), seed=st.integers(0, 99))
def test_gradients_of_the_shares_sum_to_the_gradient_of_the_batch(
    kind: str, lengths: list[int], processes: int, seed: int, modules: dict[str, AlternatingTraining]
) -> None:
    batch = batch_of(lengths, kind, seed)
    whole = both_gradients(modules[kind], batch)
    shares = [both_gradients(modules[kind], share(batch, rank, processes)) for rank in range(processes)]
    for expectation, *parts in zip(whole, *shares, strict=True):
        torch.testing.assert_close(sum(parts), expectation, rtol=1e-4, atol=1e-6)


@given(lengths=LENGTHS, processes=st.integers(2, 4), seed=st.integers(0, 99))
def test_every_row_and_masked_place_is_in_exactly_one_share(lengths: list[int], processes: int, seed: int) -> None:
    batch = batch_of(lengths, "tagging", seed)
    shares = [share(batch, rank, processes) for rank in range(processes)]
    rows = sorted(i for part in shares if part["main_share"] for i in part["index"].tolist())
    assert rows == list(range(len(lengths)))
    assert sum(part["token_share"] for part in shares) == pytest.approx(1)
    assert {part["tokens"] for part in shares} == {batch["tokens"]}
    batch = batch_of(lengths, "choice", seed)
    for part in [share(batch, number, processes) for number in range(processes)]:
        sequences = [3 * window + n for window in part["index"].tolist() for n in range(3)]
        assert torch.equal(part["input_ids"], batch["input_ids"][sequences])
        assert torch.equal(part["labels"], batch["labels"][part["index"]])
    batch = batch_of(lengths, "mlm", seed)
    shares = [share(batch, rank, processes) for rank in range(processes)]
    for part in shares:
        assert torch.equal(part["input_ids"].flatten()[part["positions"]], part["labels"])
        assert len(part["labels"]) > 0
    labels = torch.cat([part["labels"] for part in shares if part["main_share"]])
    assert torch.equal(labels.sort().values, batch["labels"].sort().values)


def test_shares_follow_the_loaders_order_and_position() -> None:
    blocks = np.arange(5 * 8, dtype=np.int32).reshape(5, 8) + 5
    masking = Masking(4, 400, torch.tensor([0]), 0.3)

    def loader() -> BlockLoader:
        return BlockLoader(blocks, 3, 6, 0, masking)

    whole = [share(batch, 1, 2) for batch in loader()]
    shares = Shares(loader(), 1, 2)
    first = iter(shares)
    batches_so_far = [next(first), next(first)]
    rest = Shares(loader(), 1, 2)
    rest.load_state_dict(shares.state_dict())
    batches_so_far += list(rest)
    assert len(batches_so_far) == len(shares) == 6
    for one, other in zip(batches_so_far, whole, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in ("input_ids", "positions", "labels"))


def test_each_process_goes_on_with_its_own_random_numbers(
    modules: dict[str, AlternatingTraining], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, elsewhere = copy.deepcopy(modules["tagging"]), {"cpu": torch.Generator().manual_seed(5).get_state()}
    monkeypatch.setattr(alternating, "gather_from_processes", lambda state: [elsewhere, state])
    module.trainer = SimpleNamespace(world_size=2, global_rank=1, global_step=0)  # type: ignore[assignment]
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    expectation = torch.rand(3)
    module.on_load_checkpoint(checkpoint)
    module.on_train_start()
    assert torch.equal(torch.rand(3), expectation)


def test_a_checkpoint_by_the_clock_is_written_once_when_all_know_that_it_is_due(
    modules: dict[str, AlternatingTraining], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, saves = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    keep, module = KeepLast(tmp_path / "last.ckpt", {}, every=1000, minutes=1, log_every=1), modules["pairs"]
    trainer: Any = SimpleNamespace(world_size=2, is_global_zero=True, max_steps=100, should_stop=False)

    def save(path: Path) -> None:
        path.write_bytes(b"")
        saves.append(trainer.global_step)

    trainer.save_checkpoint = save
    for iteration in range(1, 12):
        trainer.global_step, now[0] = iteration, 11.0 * iteration  # the minute ends during iteration 6
        module.request_sums = torch.tensor(module.requests)
        keep.on_train_batch_end(trainer, module, None, None, 0)
    assert saves == [7]


# Adam divides by the gradient's size, so that rounding of a gradient near 0 moves a weight by up to the learning rate,
# and a gradient scaled wrongly as a whole would move none: this eps, far above the gradients, undoes both.
LINEAR = ("optim.lr=1", "optim.ort_lr=1", "optim.eps=10", "optim.ort_eps=10")
MLM = ("stage=mlm", "variant=lort_tnoo", "language=sw", "trainer.checkpoint_every=5")
DDP = ("trainer=ddp", "trainer.devices=2")


def assert_same_training(one: Path, two: Path, parts: list[str]) -> None:
    """fp32 sums in another order and nothing else: weights that moved by about 0.1 are equal to 1e-6."""
    (one,), (two,) = one.rglob("result.json"), two.rglob("result.json")
    for part in parts:
        expectation, ours = load_file(one.parent / part), load_file(two.parent / part)
        for name, value in expectation.items():
            torch.testing.assert_close(ours[name], value, rtol=0, atol=1e-6, msg=name)
    rows, others = ((path.parent / "metrics.csv").read_text().splitlines() for path in (one, two))
    assert len(rows) == len(others)
    columns = [i for i, name in enumerate(rows[0].split(",")) if name != "tokens_per_second"]
    for row, other in zip(rows[1:], others[1:], strict=True):
        a, b = ([float(line.split(",")[i] or 0) for i in columns] for line in (row, other))
        assert a == pytest.approx(b, rel=1e-5, abs=1e-6)


def test_two_processes_train_the_task_adapter_of_one(
    dry: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """17 windows in batches of 8: the last batch of an epoch has one, and nothing is left for the second process."""
    common = ("variant=t_ort", "task=udpos", "languages=[tr]", "data.limit_train=17", *LINEAR)
    execute(overrides(dry, world, tmp_path / "one", *common))
    srun = tmp_path / "srun"  # as on a machine with SLURM
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    outcome = train(*overrides(dry, world, tmp_path / "two", *common, *DDP))
    assert outcome.returncode == 0, outcome.stderr
    assert "srun" not in outcome.stderr  # Lightning advises to use it
    assert outcome.stdout.count("avg_zero_shot") == 1
    assert "Traceback" not in outcome.stderr
    assert outcome.stderr.count("train-en.tsv: 17 sentences") == 1  # the second process is silent
    assert_same_training(tmp_path / "one", tmp_path / "two", ["adapter/adapter.safetensors", "head/head.safetensors"])
    assert "1 threads each, 2 processes" in next((tmp_path / "two").rglob("result.json")).read_text()


def test_two_processes_stop_together_and_go_on_to_the_language_adapter_of_one(
    dry: Path, world: Path, tmp_path: Path
) -> None:
    common = (*MLM, *LINEAR, "trainer.max_iterations=40")
    execute(overrides(dry, world, tmp_path / "one", *common))
    arguments = overrides(dry, world, tmp_path / "two", *common, *DDP)
    process = start(*arguments, one_stream=False)
    while not list(tmp_path.glob("two/**/last.ckpt")):
        time.sleep(0.02)
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert err.count("the same command goes on from") == 1
    assert "Traceback" not in err
    with pytest.raises(UserError, match=r"was written by 2 process\(es\) and this command asks for 1; give"):
        execute([*arguments, "trainer.devices=1"])
    (metrics,) = tmp_path.glob("two/runs/**/metrics.csv")
    rows = metrics.read_bytes().count(b"\n")
    again = start(*arguments, one_stream=False)
    while metrics.read_bytes().count(b"\n") < rows + 5:
        time.sleep(0.02)
        assert again.poll() is None, again.communicate()
    os.killpg(again.pid, signal.SIGINT)  # Ctrl-C reaches both
    _, err = again.communicate(timeout=120)
    assert again.returncode == 130, err
    assert err.count("the same command goes on from") == err.count("Ctrl-C again stops at once") == 1
    assert "Traceback" not in err
    outcome = train(*arguments)
    assert outcome.returncode == 0, outcome.stderr
    assert_same_training(tmp_path / "one", tmp_path / "two", ["adapter/adapter.safetensors"])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["trainer.devices=0"], "trainer.devices=0 must be greater than 0"),
        (["trainer.num_nodes=0"], "trainer.num_nodes=0 must be greater than 0"),
        (["task.batch_size=3", "trainer.num_nodes=2"], "task.batch_size=3 is shared by .* = 4 processes"),
        (["stage=mlm", "mlm.batch_size=1"], "mlm.batch_size=1 is shared by .* = 2 processes"),
    ],
)
def test_what_cannot_be_shared_is_refused(more: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config([*DDP, *more]))


def test_more_devices_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    trainer = compose_config([*DDP]).trainer
    with pytest.raises(UserError, match=r"trainer.devices=2: PyTorch sees 1 CUDA devices here; .*accelerator=cpu"):
        device(trainer)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device(trainer) == torch.device("cuda", 1)


def test_a_multirun_is_refused_with_the_way_to_do_it(tmp_path: Path) -> None:
    outcome = train("-m", *DDP, "seed=0,1", f"paths.cache={tmp_path}")
    assert outcome.returncode == 1
    assert "trainer.devices=2 in a multirun" in outcome.stderr
    assert "one command per run" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_processes_are_no_part_of_what_a_run_is() -> None:
    assert RunDirectory(compose_config([*DDP])).name == RunDirectory(compose_config([])).name


@pytest.mark.parametrize(
    ("environment", "expectation"),
    [
        ({}, 0),
        ({"LOCAL_RANK": "1"}, 1),
        ({"NODE_RANK": "1"}, 2),
        ({"NODE_RANK": "1", "LOCAL_RANK": "1"}, 3),
        ({"RANK": "3", "LOCAL_RANK": "1"}, 3),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, 2),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "LOCAL_RANK": "1"}, 1),
    ],
)
def test_a_process_knows_which_one_it_is(
    environment: dict[str, str], expectation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert rank(TrainerConfig(devices=2, num_nodes=2)) == expectation
    assert rank(TrainerConfig(devices=1, num_nodes=1)) == 0  # one job of many


def test_runs_from_before_there_were_processes_are_still_read(tmp_path: Path) -> None:
    run = RunDirectory(compose_config([f"paths.runs={tmp_path}"]))
    with run.open({}):
        text = (run.path / "config.yaml").read_text()
    lines = [line for line in text.splitlines() if not line.strip().startswith(("devices:", "num_nodes:"))]
    assert len(lines) == len(text.splitlines()) - 2
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    assert read_config(tmp_path / "config.yaml").trainer.processes == 1
