"""The choices of when the orthogonality step is taken, and from which forward: against a plain loop over Eq. 2."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import cross_entropy

import orthoadapters.training.alternating as alternating
from orthoadapters import AdaptedEncoder, orthogonality_loss
from orthoadapters.config.schema import OrtConfig
from orthoadapters.data.shares import share
from orthoadapters.training.task import TaskTraining
from tests.training.test_alternating import OPTIM, batches, fresh, train

SHARED, RARE, SHARED_AND_RARE = OrtConfig(share_forward=True), OrtConfig(every=3), OrtConfig(True, 2)


def main_loss(module: TaskTraining, batch: dict[str, Any]) -> Tensor:
    logits = module.head(module.model(batch["input_ids"], batch["attention_mask"]).hidden)
    return cross_entropy(logits.transpose(1, 2), batch["labels"], reduction="none").sum(1).mean()


def ort_loss(module: TaskTraining, batch: dict[str, Any]) -> Tensor:
    return orthogonality_loss(module.model(batch["input_ids"], batch["attention_mask"]).pairs, batch["attention_mask"])


def plain_loop(module: TaskTraining, data: list[dict[str, Any]], ort: OrtConfig) -> list[dict[str, float]]:
    """Both gradients of forwards of their own; with share_forward both are taken before either step."""
    adapter = list(module.model.adapter_modules("task").parameters())
    everything = [*adapter, *module.head.parameters()]
    optimizers = torch.optim.Adam(everything, lr=OPTIM.lr), torch.optim.Adam(adapter, lr=OPTIM.ort_lr)

    def step(index: int, gradients: tuple[Tensor, ...]) -> None:
        for parameter, gradient in zip([everything, adapter][index], gradients, strict=True):
            parameter.grad = gradient
        torch.nn.utils.clip_grad_norm_([everything, adapter][index], 1.0)
        optimizers[index].step()

    rows = []
    for number, batch in enumerate(data, 1):
        loss = main_loss(module, batch)
        gradients = torch.autograd.grad(loss, everything)
        row = {"loss": loss.item()}
        if number % ort.every == 0:
            if not ort.share_forward:
                step(0, gradients)
            l_ort = ort_loss(module, batch)
            row |= {"l_ort": l_ort.item()}
            ort_gradients = torch.autograd.grad(l_ort, adapter)
            if ort.share_forward:
                step(0, gradients)
            step(1, ort_gradients)
        else:
            step(0, gradients)
        rows.append(row)
    return rows


@pytest.mark.parametrize("ort", [OrtConfig(), SHARED, RARE, SHARED_AND_RARE], ids=str)
def test_every_choice_equals_a_plain_loop(backbone: Path, ort: OrtConfig) -> None:
    data = batches(5)
    module, tracker = fresh(backbone, True, ort=ort)
    reference, _ = fresh(backbone, True)
    assert train(module, data).global_step == 5
    for row, expectation in zip(tracker.rows, plain_loop(reference, data, ort), strict=True):
        assert {name: row[name] for name in ("loss", "l_ort") if name in row} == pytest.approx(expectation, rel=1e-6)
        assert ("ort_grad_norm" in row) == ("l_ort" in expectation)
    for name, parameter in module.trained_state().items():
        torch.testing.assert_close(parameter, reference.trained_state()[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("ort", "forwards"), [(OrtConfig(), 12), (SHARED, 6), (RARE, 8), (SHARED_AND_RARE, 6)])
def test_a_shared_forward_is_one_and_a_rare_step_costs_nothing_in_between(
    ort: OrtConfig, forwards: int, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, calls = AdaptedEncoder.encode, []

    def encode_and_count(model: AdaptedEncoder, *arguments: Any) -> Any:
        calls.append(1)
        return encode(model, *arguments)

    monkeypatch.setattr(AdaptedEncoder, "encode", encode_and_count)
    train(fresh(backbone, True, ort=ort)[0], batches(6))
    assert len(calls) == forwards


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
        for expectation, a, b in zip(torch.autograd.grad(loss, parameters), one, two, strict=True):
            torch.testing.assert_close(a + b, expectation, rtol=1e-4, atol=1e-7)


def test_layers_are_logged_at_the_first_step_after_each_interval(backbone: Path) -> None:
    """The recorder of `fresh` wants them every 2 iterations; steps are taken in iterations 3, 6 and 9."""
    module, tracker = fresh(backbone, True, ort=RARE)
    module.recorder.layers_every = 5
    train(module, batches(9))
    assert [row["iteration"] for row in tracker.rows if "l_ort_layer_2" in row] == [3, 6]
