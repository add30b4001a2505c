"""The alternating step: against a plain loop, and every trap of manual optimisation with two optimizers."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

import orthoadapters.training.alternating as alternating
from orthoadapters import AdaptedEncoder, AdapterConfig, UserError, orthogonality_loss
from orthoadapters.config.schema import OptimConfig, OrtConfig
from orthoadapters.model.heads import TokenHead
from orthoadapters.orthogonality import layers_orthogonality
from orthoadapters.orthogonality_losses import OrthogonalityLoss
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining
from tests.helpers.commands import ROOT

OPTIM = OptimConfig(lr=1e-2, ort_lr=3e-3, eps=1e-8, ort_eps=1e-8, clip_norm=1.0)


class ListTracker:
    """A tracker that keeps its rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def log(self, iteration: int, row: Any) -> None:
        self.rows.append({"iteration": float(iteration)} | dict(row))

    def resume_from(self, iteration: int) -> None: ...
    def flush(self) -> None: ...
    def summarise(self, values: Any) -> None: ...
    def close(self, exit_code: int) -> None: ...


def batches(count: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(3)
    parts = []
    for _ in range(count):
        ids = torch.randint(5, 400, (4, 7), generator=generator)
        mask = torch.ones(4, 7, dtype=torch.bool)
        mask[0, 4:] = False
        ids[0, 4:] = 1
        labels = torch.where(mask, ids % 3, -100)
        parts.append({"input_ids": ids, "attention_mask": mask, "labels": labels, "tokens": int(mask.sum())})
    return parts


def fresh(
    backbone: Path,
    orthogonal: bool,
    optim: OptimConfig = OPTIM,
    layers_loss: OrthogonalityLoss = layers_orthogonality,
    ort: OrtConfig | None = None,
) -> tuple[TaskTraining, ListTracker]:
    """A task adapter on top of a language adapter, with dropout off so that a plain loop can follow."""
    model = AdaptedEncoder.from_pretrained(str(backbone))
    torch.manual_seed(7)
    model.add_adapter("en", AdapterConfig(16, invertible=True))
    model.add_adapter("task", AdapterConfig(4))
    model.activate("en", "task")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    tracker = ListTracker()
    head = TokenHead(model.hidden_size, 3, dropout=0.0)
    recorder = Recorder([tracker], optim, orthogonal, 1, 2)
    return TaskTraining(model, head, "task", orthogonal, optim, recorder, layers_loss, ort), tracker


def train(
    module: alternating.AlternatingTraining,
    data: Sequence[Any],
    precision: Any = "32-true",
    callbacks: Sequence[Callback] = (),
) -> pl.Trainer:
    trainer = pl.Trainer(
        callbacks=list(callbacks),
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        precision=precision,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, train_dataloaders=torch.utils.data.DataLoader(data, batch_size=None))  # type: ignore[arg-type]
    return trainer


def plain_loop(module: TaskTraining, data: list[dict[str, Any]], orthogonal: bool) -> list[tuple[float, float]]:
    """The paper's section 2 in plain PyTorch, independent of Lightning and of our training step."""
    model, head = module.model, module.head
    adapter = list(model.adapter_modules("task").parameters())
    main = torch.optim.Adam([*adapter, *head.parameters()], lr=OPTIM.lr)
    ort = torch.optim.Adam(adapter, lr=OPTIM.ort_lr)
    model.train()
    calls = []
    for batch in data:
        for parameter in module.parameters():
            parameter.grad = None
        logits = head(model(batch["input_ids"], batch["attention_mask"]).hidden)
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch["labels"], reduction="none")
        loss = losses.sum(1).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*adapter, *head.parameters()], 1.0)
        main.step()
        l_ort = torch.zeros(())
        if orthogonal:
            for parameter in module.parameters():
                parameter.grad = None
            l_ort = orthogonality_loss(
                model(batch["input_ids"], batch["attention_mask"]).pairs, batch["attention_mask"]
            )
            l_ort.backward()
            torch.nn.utils.clip_grad_norm_(adapter, 1.0)
            ort.step()
        calls.append((loss.item(), l_ort.item()))
    return calls


@pytest.mark.parametrize("orthogonal", [False, True], ids=["noo", "ort"])
def test_training_equals_a_plain_loop(backbone: Path, orthogonal: bool) -> None:
    """In fp64: in fp32, sums in another order differ by as much as some gradients are, and Adam makes large steps of these."""
    data = batches(5)
    module, tracker = fresh(backbone, orthogonal)
    reference, _ = fresh(backbone, orthogonal)
    reference.double()
    train(module.double(), data, "64-true")
    expectation = plain_loop(reference, data, orthogonal)
    assert [row["loss"] for row in tracker.rows] == pytest.approx([loss for loss, _ in expectation], rel=1e-6)
    if orthogonal:
        assert [row["l_ort"] for row in tracker.rows] == pytest.approx([l_ort for _, l_ort in expectation], rel=1e-6)
    for name, parameter in module.trained_state().items():
        torch.testing.assert_close(parameter, reference.trained_state()[name], rtol=1e-9, atol=1e-12)


def test_golden_loss_curve(backbone: Path) -> None:
    """A change that should not matter gives these losses; regenerate them only for one that should."""
    module, tracker = fresh(backbone, orthogonal=True)
    train(module, batches(5))
    golden = torch.load(ROOT / "tests" / "golden" / "alternating.pt", weights_only=True)
    for column in ("loss", "l_ort", "grad_norm", "ort_grad_norm"):
        assert [row[column] for row in tracker.rows] == pytest.approx(golden[column], rel=1e-4), column


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("orthogonal", [False, True], ids=["noo", "ort"])
def test_global_step_counts_batches(backbone: Path, orthogonal: bool, precision: str) -> None:
    module, tracker = fresh(backbone, orthogonal)
    assert train(module, batches(5), precision).global_step == 5
    assert [row["iteration"] for row in tracker.rows] == [1, 2, 3, 4, 5]


def test_frozen_parameters_stay_bitwise_the_same_and_the_adapter_moves(backbone: Path) -> None:
    module, _ = fresh(backbone, orthogonal=True)
    before = copy.deepcopy(module.state_dict())
    train(module, batches(3))
    changes = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert changes == {name for name in before if ".adapters.task." in name or name.startswith("head.")}


def test_the_ort_step_touches_neither_the_head_nor_the_main_optimizer(
    backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever L_ORT computes, head and main optimizer's state are those of a run that is never orthogonal, for one batch."""
    states: list[Any] = []

    def step_and_keep(module: TaskTraining, batch: Any, batch_idx: int) -> None:
        original(module, batch, batch_idx)
        optimizers = module.optimizers(use_pl_optimizer=False)
        main = optimizers[0] if isinstance(optimizers, list) else optimizers
        states.append((copy.deepcopy(main.state_dict()["state"]), copy.deepcopy(module.head.state_dict())))

    original = alternating.AlternatingTraining.training_step
    monkeypatch.setattr(TaskTraining, "training_step", step_and_keep)
    for orthogonal in (False, True):
        module, _ = fresh(backbone, orthogonal)
        train(module, batches(1))
    (main_noo, head_noo), (main_ort, head_ort) = states
    assert all(torch.equal(head_noo[name], head_ort[name]) for name in head_noo)
    for index, values in main_noo.items():
        assert all(torch.equal(values[name], main_ort[index][name]) for name in values)


def test_a_noo_run_never_computes_l_ort(backbone: Path) -> None:
    def forbidden(*_: Any) -> Tensor:
        raise AssertionError("L_ORT was computed")

    module, tracker = fresh(backbone, orthogonal=False, layers_loss=forbidden)
    train(module, batches(2))
    assert all("l_ort" not in row for row in tracker.rows)
    module, _ = fresh(backbone, orthogonal=True, layers_loss=forbidden)
    with pytest.raises(AssertionError, match="L_ORT was computed"):
        train(module, batches(1))


def test_l_ort_is_computed_once_in_a_step_whether_or_not_its_layers_are_logged(backbone: Path) -> None:
    calls: list[int] = []

    def count(pairs: Any, mask: Any) -> Tensor:
        calls.append(len(pairs))
        return layers_orthogonality(pairs, mask)

    module, tracker = fresh(backbone, orthogonal=True, layers_loss=count)
    train(module, batches(3))
    assert calls == [3, 3, 3]
    assert "l_ort_layer_0" in tracker.rows[0]


def test_both_optimizers_own_the_adapter_and_the_main_one_alone_the_head(backbone: Path) -> None:
    module, _ = fresh(backbone, orthogonal=True)
    main, ort = ({id(p) for group in o.param_groups for p in group["params"]} for o in module.configure_optimizers())
    adapter = {id(p) for p in module.model.adapter_modules("task").parameters()}
    assert ort == adapter
    assert main == adapter | {id(p) for p in module.head.parameters()}


def test_clipping_goes_by_our_own_key(backbone: Path) -> None:
    """With a tiny limit every gradient is scaled down, so that Adam with a large eps hardly moves."""
    changes = {}
    for limit in (1e-6, None):
        optim = OptimConfig(lr=1e-2, ort_lr=1e-2, eps=1.0, ort_eps=1.0, clip_norm=limit)
        module, tracker = fresh(backbone, True, optim)
        before = {name: value.clone() for name, value in module.trained_state().items()}
        train(module, batches(1))
        changes[limit] = max(
            (value - before[name]).abs().max().item() for name, value in module.trained_state().items()
        )
        assert tracker.rows[0]["grad_norm"] > 0.1  # the norm before clipping
    assert changes[1e-6] < 1e-7 < changes[None]


def test_rows_hold_what_is_logged_per_iteration(backbone: Path) -> None:
    module, tracker = fresh(backbone, orthogonal=True)
    train(module, batches(2))
    always = {"iteration", "loss", "grad_norm", "l_ort", "ort_grad_norm", "lr", "ort_lr", "tokens_per_second"}
    layers = {"l_ort_layer_0", "l_ort_layer_1", "l_ort_layer_2"}
    assert always | layers == set(tracker.rows[0])
    assert sum(tracker.rows[0][name] for name in layers) == pytest.approx(tracker.rows[0]["l_ort"], rel=1e-5)
    assert tracker.rows[0]["lr"] == 1e-2


def test_a_loss_that_is_not_finite_stops_with_a_sentence(backbone: Path) -> None:
    module, _ = fresh(backbone, orthogonal=False, optim=OptimConfig(lr=1e30, ort_lr=1, eps=1e-8, ort_eps=1e-8))
    with pytest.raises(UserError, match=r"the loss is \w+ at iteration \d; a lower optim.lr"):
        train(module, batches(4))


def test_l_ort_needs_an_adapter(backbone: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone))
    with pytest.raises(ValueError, match="none to train"):
        TaskTraining(model, TokenHead(64, 3, 0.0), None, True, OPTIM, Recorder([], OPTIM, True, 1, 1))
