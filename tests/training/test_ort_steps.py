"""The choices of when the orthogonality step is taken, from which forward and on which loss: against a plain loop."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import cross_entropy

import orthoadapters.training.alternating as alternating
from orthoadapters import AdaptedEncoder, orthogonality_loss
from orthoadapters.adapters import Adapter, AdapterSite
from orthoadapters.config.schema import OrtConfig
from orthoadapters.data.shares import share
from orthoadapters.orthogonality_losses import LOSSES, layers_subspace
from orthoadapters.training.task import TaskTraining
from tests.training.test_alternating import OPTIM, batches, fresh, train

SHARED, RARE, SHARED_AND_RARE = OrtConfig(share_forward=True), OrtConfig(every=3), OrtConfig(True, 2)
JOINT = OrtConfig(joint=0.5)


def main_loss(module: TaskTraining, batch: dict[str, Any]) -> Tensor:
    logits = module.head(module.model(batch["input_ids"], batch["attention_mask"]).hidden)
    return cross_entropy(logits.transpose(1, 2), batch["labels"], reduction="none").sum(1).mean()


def ort_loss(module: TaskTraining, batch: dict[str, Any], loss: str = "cosine") -> Tensor:
    pairs, mask = module.model(batch["input_ids"], batch["attention_mask"]).pairs, batch["attention_mask"]
    if loss == "weights":
        ups = [cast(Adapter, site.adapters["task"]).up.weight for site in module.model.sites]
        w_2s = [cast(AdapterSite, site).dense.weight for site in module.model.sites]
        products = [(up.T @ w_2).norm() / up.norm() / w_2.norm() for up, w_2 in zip(ups, w_2s, strict=True)]
        return torch.stack(products).square().sum()
    return orthogonality_loss(pairs, mask) if loss == "cosine" else layers_subspace(pairs, mask).sum()


def plain_loop(
    module: TaskTraining, data: list[dict[str, Any]], ort: OrtConfig, loss_name: str
) -> list[dict[str, float]]:
    """Both gradients of forwards of their own; with share_forward both are taken before either step, with joint one."""
    adapter = list(module.model.adapter_modules("task").parameters())
    everything = [*adapter, *module.head.parameters()]
    optimizers = torch.optim.Adam(everything, lr=OPTIM.lr), torch.optim.Adam(adapter, lr=OPTIM.ort_lr)

    def step(index: int, gradients: tuple[Tensor | None, ...]) -> None:
        for parameter, gradient in zip([everything, adapter][index], gradients, strict=True):
            parameter.grad = gradient
        torch.nn.utils.clip_grad_norm_([everything, adapter][index], 1.0)
        optimizers[index].step()

    rows = []
    for number, batch in enumerate(data, 1):
        loss = main_loss(module, batch)
        row = {"loss": loss.item()}
        if ort.joint is not None:
            l_ort = ort_loss(module, batch, loss_name)
            step(0, torch.autograd.grad(loss + ort.joint * l_ort, everything))
            rows.append(row | {"l_ort": l_ort.item()})
            continue
        gradients = torch.autograd.grad(loss, everything)
        if number % ort.every == 0:
            if not ort.share_forward:
                step(0, gradients)
            l_ort = ort_loss(module, batch, loss_name)
            row |= {"l_ort": l_ort.item()}
            ort_gradients = torch.autograd.grad(l_ort, adapter, allow_unused=True)
            if ort.share_forward:
                step(0, gradients)
            step(1, ort_gradients)
        else:
            step(0, gradients)
        rows.append(row)
    return rows


@pytest.mark.parametrize(
    ("ort", "loss"),
    [
        *((ort, "cosine") for ort in (OrtConfig(), SHARED, RARE, SHARED_AND_RARE, JOINT)),
        *((ort, loss) for ort in (OrtConfig(), JOINT) for loss in ("subspace", "weights")),
    ],
    ids=str,
)
def test_every_choice_equals_a_plain_loop(backbone: Path, ort: OrtConfig, loss: str) -> None:
    """In fp64, as in test_training_equals_a_plain_loop."""
    data = batches(5)
    module, tracker = fresh(backbone, True, layers_loss=LOSSES[loss], ort=ort)
    reference, _ = fresh(backbone, True)
    reference.double()
    assert train(module.double(), data, "64-true").global_step == 5
    for row, expectation in zip(tracker.rows, plain_loop(reference, data, ort, loss), strict=True):
        assert {name: row[name] for name in ("loss", "l_ort") if name in row} == pytest.approx(expectation, rel=1e-6)
        assert ("ort_grad_norm" in row) == ("l_ort" in expectation and ort.joint is None)
    assert sum(tracker.rows[1].get(f"l_ort_layer_{i}", 0.0) for i in range(3)) == pytest.approx(
        tracker.rows[1].get("l_ort", 0.0), rel=1e-5
    )
    # The second moments of W_2 are made before the module is one of fp64.
    rtol, atol = (1e-5, 1e-7) if loss == "weights" else (1e-9, 1e-12)
    # A constant in every token's x_a changes nothing in subspace: the last bias has a gradient of rounding alone, and Adam's
    # steps are as large for it as for others.
    for name, parameter in module.trained_state().items():
        if not (loss == "subspace" and name.endswith("layer.2.output.adapters.task.up.bias")):
            torch.testing.assert_close(parameter, reference.trained_state()[name], rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ("ort", "loss", "forwards"),
    [
        (OrtConfig(), "cosine", 12),
        (SHARED, "cosine", 6),
        (RARE, "cosine", 8),
        (SHARED_AND_RARE, "cosine", 6),
        (JOINT, "cosine", 6),
        (OrtConfig(), "weights", 6),
    ],
)
def test_a_forward_that_serves_both_is_one_and_a_rare_step_costs_nothing_in_between(
    ort: OrtConfig, loss: str, forwards: int, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, calls = AdaptedEncoder.encode, []

    def encode_and_count(model: AdaptedEncoder, *arguments: Any) -> Any:
        calls.append(1)
        return encode(model, *arguments)

    monkeypatch.setattr(AdaptedEncoder, "encode", encode_and_count)
    train(fresh(backbone, True, layers_loss=LOSSES[loss], ort=ort)[0], batches(6))
    assert len(calls) == forwards


def test_the_step_on_weights_moves_the_up_projections_alone(backbone: Path) -> None:
    """It has a state of Adam for these alone, and no backbone or head could have one."""
    module, _ = fresh(backbone, True, layers_loss=LOSSES["weights"])
    trainer = train(module, batches(2))
    states = trainer.optimizers[1].state
    names = {name for name, parameter in module.named_parameters() if parameter in states}
    assert names == {name for name in module.trained_state() if name.endswith("adapters.task.up.weight")}


def test_shares_of_a_batch_give_both_gradients_of_the_whole_batch_from_one_forward_each(
    backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (batch,) = batches(1)
    batch |= {"index": torch.arange(4)}
    sums: list[list[Tensor]] = []

    def sum_and_keep(parameters: list[Parameter], values: Tensor) -> Tensor:
        sums.append([value.clone() for parameter in parameters if (value := parameter.grad) is not None])
        return values

    monkeypatch.setattr(alternating, "sum_gradients", sum_and_keep)
    monkeypatch.setattr(alternating, "sum_over_processes", lambda values: values)
    for rank in range(2):
        train(fresh(backbone, True, ort=SHARED)[0], [share(batch, rank, 2)])  # type: ignore[arg-type]
    reference, _ = fresh(backbone, True)
    losses = ort_loss(reference, batch), main_loss(reference, batch)
    weights = reference.body, reference.main_parameters
    for loss, parameters, one, two in zip(losses, weights, sums[:2], sums[2:], strict=True):
        for expectation, a, b in zip(torch.autograd.grad(loss, parameters, retain_graph=True), one, two, strict=True):
            torch.testing.assert_close(a + b, expectation, rtol=1e-4, atol=1e-7)

    # One step of both losses: the gradient of their sum, of which the two losses have other shares.
    sums.clear()
    rows = []
    for rank in range(2):
        module, tracker = fresh(backbone, True, ort=JOINT)
        train(module, [share(batch, rank, 2)])  # type: ignore[arg-type]
        rows += tracker.rows
    whole = torch.autograd.grad(losses[1] + 0.5 * losses[0], reference.main_parameters)
    for expectation, a, b in zip(whole, *sums, strict=True):
        torch.testing.assert_close(a + b, expectation, rtol=1e-4, atol=1e-7)
    for name, value in zip(("l_ort", "loss"), losses, strict=True):
        assert sum(row[name] for row in rows) == pytest.approx(value.item(), rel=1e-5)


def test_layers_are_logged_at_the_first_step_after_each_interval(backbone: Path) -> None:
    """The recorder of `fresh` wants them every 2 iterations; steps are taken in iterations 3, 6 and 9."""
    module, tracker = fresh(backbone, True, ort=RARE)
    module.recorder.layers_every = 5
    train(module, batches(9))
    assert [row["iteration"] for row in tracker.rows if "l_ort_layer_2" in row] == [3, 6]
