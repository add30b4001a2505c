"""L_MLM on the masked places only is the full loss of transformers' own masked language model."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM

from orthoadapters import AdaptedEncoder, AdapterConfig, orthogonality_loss
from orthoadapters.data.batching import Batch
from orthoadapters.model import decoder_loss
from orthoadapters.model.decoder_rows import DecoderRows
from orthoadapters.training.mlm import MLMTraining, mlm_loss, score_held_out
from orthoadapters.training.record import Recorder
from tests.training.test_alternating import OPTIM, train


def batch(seed: int, places: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 400, (3, 11), generator=generator)
    positions = torch.randperm(33, generator=generator)[:places]
    labels = torch.randint(5, 400, (places,), generator=generator)
    return {"input_ids": ids, "positions": positions, "labels": labels, "tokens": 33}


def test_it_equals_the_loss_over_full_logits(backbone: Path) -> None:
    one = batch(0, 6)
    full_labels = torch.full((33,), -100)
    full_labels[one["positions"]] = one["labels"]
    reference = AutoModelForMaskedLM.from_pretrained(backbone).eval()
    model = AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
    with torch.no_grad():
        expectation = reference(input_ids=one["input_ids"], labels=full_labels.view(3, 11)).loss
        loss = mlm_loss(model, model(one["input_ids"]).hidden, one["positions"], one["labels"], invert=False)
    torch.testing.assert_close(loss, expectation)


@pytest.mark.parametrize("invert", [False, True])
def test_its_gradient_is_that_of_all_logits(backbone: Path, invert: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_loss, "SLICE", 64)
    one, model = batch(0, 6), AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
    torch.manual_seed(0)
    model.add_adapter("sw", AdapterConfig(8, invertible=True))
    model.train_adapter("sw")
    model.eval()
    hidden = model(one["input_ids"]).hidden
    logits = model.mlm_logits(hidden.flatten(0, 1)[one["positions"]], invert=invert)
    losses = [
        mlm_loss(model, hidden, one["positions"], one["labels"], invert),
        torch.nn.functional.cross_entropy(logits, one["labels"]),
    ]
    weights = list(model.adapter_modules("sw").parameters())
    ours, plain = (torch.autograd.grad(loss, weights, retain_graph=True) for loss in losses)
    for gradient, expectation in zip(ours, plain, strict=True):
        torch.testing.assert_close(gradient, expectation, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("slice_size", [64, 16_384], ids=["slices", "whole"])
def test_a_softmax_over_some_subwords_is_the_whole_one_given_that_it_is_one_of_them(
    slice_size: int, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-log p(label | some) = -log p(label) + log p(some), and so for the gradients."""
    monkeypatch.setattr(decoder_loss, "SLICE", slice_size)
    one, model = batch(0, 6), AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
    assert model.mlm_head is not None
    state = torch.get_rng_state()
    some = torch.cat([one["labels"], torch.arange(7, 200, 3)]).unique()
    rows = DecoderRows(model.mlm_head.decoder, some)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(rows.subwords[rows.places(one["labels"])], one["labels"])
    assert not any(parameter.requires_grad for parameter in rows.parameters())
    hidden = model(one["input_ids"]).hidden.detach().requires_grad_()
    losses = [mlm_loss(model, hidden, one["positions"], one["labels"], False, choice) for choice in (rows, None)]
    probabilities = model.mlm_logits(hidden.flatten(0, 1)[one["positions"]]).softmax(-1)
    expectation = losses[1] + probabilities[:, some].sum(1).log().mean()
    torch.testing.assert_close(losses[0], expectation, rtol=1e-5, atol=0)
    gradients = [torch.autograd.grad(loss, hidden, retain_graph=True)[0] for loss in (losses[0], expectation)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-7)
    everything = DecoderRows(model.mlm_head.decoder, torch.arange(len(model.mlm_head.decoder.weight)))
    assert torch.equal(mlm_loss(model, hidden, one["positions"], one["labels"], False, everything), losses[1])


def test_held_out_loss_weighs_every_masked_subword_the_same(backbone: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
    torch.manual_seed(0)
    model.add_adapter("sw", AdapterConfig(8, invertible=True))
    model.activate("sw")
    batches = [batch(1, 2), batch(2, 9)]
    with torch.no_grad():
        encodings = [model(b["input_ids"]) for b in batches]
        losses = [
            mlm_loss(model, e.hidden, b["positions"], b["labels"], False)
            for e, b in zip(encodings, batches, strict=True)
        ]
        l_ort = sum(orthogonality_loss(e.pairs).item() for e in encodings) / 2
    scores, layers = score_held_out(model, batches, invert=False)
    assert scores["mlm_loss"] == pytest.approx((2 * losses[0].item() + 9 * losses[1].item()) / 11, rel=1e-5)
    assert scores["l_ort"] == pytest.approx(l_ort, rel=1e-5)
    assert len(layers) == 3
    assert sum(layers) == scores["l_ort"]
    model.activate()
    scores, layers = score_held_out(model, batches, invert=False)
    assert scores.keys() == {"mlm_loss"}
    assert layers == []


@pytest.mark.parametrize("invert", [False, True])
def test_training_a_domain_adapter_moves_it_alone(backbone: Path, invert: bool) -> None:
    """The language adapter below it, with its active invertible part, stays bitwise the same, and so does the backbone."""
    model = AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
    torch.manual_seed(0)
    model.add_adapter("en", AdapterConfig(8, invertible=True))
    model.add_adapter("domain", AdapterConfig(4))
    model.activate("en", "domain")
    assert model.first_invertible is model.invertible["en"]
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    train(
        MLMTraining(model, "domain", True, OPTIM, Recorder([], OPTIM, True, 1, 1), invert),
        [batch(i, 6) for i in range(3)],
    )
    parts = [name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])]
    assert len(parts) == 3 * 4  # in each layer two matrices with their biases
    assert all(".adapters.domain." in name for name in parts)
