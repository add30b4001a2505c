"""Gradual unfreezing: which layers are trained when, what frozen ones cost, and a training that is too short for it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError, orthogonality_loss
from orthoadapters.config.schema import OrtConfig, Period, UnfreezeConfig
from orthoadapters.model.heads import TokenHead
from orthoadapters.model.walks import second_matrices
from orthoadapters.orthogonality_losses import LOSSES, second_moment
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining
from orthoadapters.training.unfreezing import GradualUnfreezing, unfreezing
from tests.training.test_alternating import OPTIM, batches, fresh, train

EVERY_TWO = UnfreezeConfig(Period.iteration, 2)


def callback_of(module: TaskTraining, iterations: int) -> GradualUnfreezing:
    (callback,) = unfreezing(EVERY_TWO, module.model, "task", iterations)
    assert isinstance(callback, GradualUnfreezing)
    return callback


def plain_loop(module: TaskTraining, data: list[dict[str, Any]]) -> list[float]:
    """Whole gradients, of which those of layers that are not yet trained are left out."""
    model = module.model
    layers = [list(site.adapters["task"].parameters()) for site in model.sites]
    adapter = [parameter for layer in layers for parameter in layer]
    everything = [*adapter, *module.head.parameters()]
    main, ort = torch.optim.Adam(everything, lr=OPTIM.lr), torch.optim.Adam(adapter, lr=OPTIM.ort_lr)
    norms = []
    for number, batch in enumerate(data):
        frozen = {id(parameter) for layer in layers[: max(0, 2 - number // 2)] for parameter in layer}
        for adam, parameters in ((main, everything), (ort, adapter)):
            encoding = model(batch["input_ids"], batch["attention_mask"])
            if adam is main:
                logits = module.head(encoding.hidden).transpose(1, 2)
                loss = cross_entropy(logits, batch["labels"], reduction="none").sum(1).mean()
            else:
                loss = orthogonality_loss(encoding.pairs, batch["attention_mask"])
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = None if id(parameter) in frozen else gradient
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, 1.0).item())
            adam.step()
    return norms


def test_training_from_the_top_down_equals_a_plain_loop(backbone: Path) -> None:
    data = batches(6)
    module, tracker = fresh(backbone, True)
    reference, _ = fresh(backbone, True)
    before = {name: value.clone() for name, value in module.trained_state().items()}
    train(module, data, callbacks=[callback_of(module, 6)])
    norms = plain_loop(reference, data)
    assert [row[name] for row in tracker.rows for name in ("grad_norm", "ort_grad_norm")] == pytest.approx(
        norms, rel=1e-4
    )
    for name, value in module.trained_state().items():
        torch.testing.assert_close(value, reference.trained_state()[name], rtol=1e-4, atol=1e-6)
        assert not torch.equal(value, before[name])


def test_no_gradient_is_computed_below_the_lowest_layer_that_is_trained(backbone: Path) -> None:
    module, _ = fresh(backbone, True)
    rows: list[list[bool]] = []

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        if torch.is_grad_enabled():
            rows[-1].append(output[0].requires_grad)

    for site in module.model.sites:
        site.register_forward_hook(keep)
    module.model.backbone.embeddings.register_forward_hook(lambda *_: rows.append([]))
    train(module, batches(5), callbacks=[callback_of(module, 5)])
    # The pass of either loss, in each iteration.
    assert rows == [[False, False, True]] * 4 + [[False, True, True]] * 4 + [[True, True, True]] * 2


@pytest.mark.parametrize(
    ("ort", "loss"),
    [(OrtConfig(), "weights"), (OrtConfig(joint=0.5), "subspace"), (OrtConfig(share_forward=True), "cosine")],
)
def test_frozen_layers_stay_whatever_the_loss_and_its_step(backbone: Path, ort: OrtConfig, loss: str) -> None:
    module, _ = fresh(backbone, True, layers_loss=LOSSES[loss], ort=ort)
    before = {name: value.clone() for name, value in module.trained_state().items()}
    callback = callback_of(module, 5)
    train(module, batches(2), callbacks=[callback])
    changes = {name for name, value in module.trained_state().items() if not torch.equal(value, before[name])}
    assert changes == {name for name in before if ".layer.2." in name or name.startswith("head.")}


def test_an_invertible_part_comes_last(backbone: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone))
    model.add_adapter("sw", AdapterConfig(8, invertible=True))
    (callback,) = unfreezing(UnfreezeConfig(Period.epoch, 2), model, "sw", 100, epoch=5)
    assert isinstance(callback, GradualUnfreezing)
    assert callback.interval == 10
    expectation = [*(site.adapters["sw"] for site in reversed(model.sites)), model.invertible["sw"]]
    assert all(part is other for part, other in zip(callback.parts, expectation, strict=True))
    assert unfreezing(UnfreezeConfig(), model, "sw", 100) == []


def test_a_training_that_ends_before_all_layers_are_trained_is_refused(backbone: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone))
    model.add_adapter("sw", AdapterConfig(8, invertible=True))
    assert unfreezing(EVERY_TWO, model, "sw", 7)
    with pytest.raises(
        UserError, match=r"3 layers and the invertible part are all trained from iteration 7 on, .* has 6;"
    ):
        unfreezing(EVERY_TWO, model, "sw", 6)


def test_layers_without_an_adapter_have_no_turn_and_no_loss(backbone: Path) -> None:
    """The adapter is in the first and the second of three layers."""
    model = AdaptedEncoder.from_pretrained(str(backbone))
    model.add_adapter("task", AdapterConfig(4, leave_out=(2,)))
    model.activate("task")
    (callback,) = unfreezing(EVERY_TWO, model, "task", 10)
    assert isinstance(callback, GradualUnfreezing)
    expectation = [model.sites[layer].adapters["task"] for layer in (1, 0)]
    assert all(part is other for part, other in zip(callback.parts, expectation, strict=True))
    recorder = Recorder([], OPTIM, True, 1, 1)
    module = TaskTraining(model, TokenHead(64, 3, 0.0), "task", True, OPTIM, recorder, LOSSES["weights"])
    assert module.frozen_parts.shape == (2, 64, 64)
    torch.testing.assert_close(module.frozen_parts[1], second_moment(second_matrices(model.backbone)[1]))
    before = model.adapter_parameters("task")["1.up.weight"].clone()
    train(module, batches(2))
    assert not torch.equal(model.adapter_parameters("task")["1.up.weight"], before)
