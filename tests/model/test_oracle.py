"""Hidden states, adapter inputs and outputs, and L_ORT equal those of the `adapters` library 1.3.0 (tests/oracle/)."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from orthoadapters import AdaptedEncoder, orthogonality_loss

STACKS = {
    "none": (),
    "sw": ("sw",),
    "ar": ("ar",),
    "ner": ("ner",),
    "sw_ner": ("sw", "ner"),
    "ar_ner": ("ar", "ner"),
}


@pytest.fixture(scope="module", params=[".", "deberta", "modernbert"], ids=["xlmr", "deberta", "modernbert"])
def case(request: pytest.FixtureRequest, oracle: Path) -> Path:
    """The library's files and numbers for one family of backbones."""
    folder: Path = oracle / request.param
    return folder


@pytest.fixture(scope="module", params=["", "_safetensors"], ids=["pytorch_adapter.bin", "adapter.safetensors"])
def model(request: pytest.FixtureRequest, case: Path) -> AdaptedEncoder:
    model = AdaptedEncoder.from_pretrained(str(case / "backbone"))
    for name in ("sw", "ar", "ner"):
        assert model.load_adapter(case / f"{name}{request.param}", name) == name
    return model


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_computes_what_the_adapters_library_computes(model: AdaptedEncoder, case: Path, stack: str) -> None:
    expectation = load_file(case / "expected.safetensors")
    mask = expectation["attention_mask"]
    real = mask.bool()
    model.activate(*STACKS[stack])
    with torch.no_grad():
        out = model(expectation["input_ids"], mask)
    torch.testing.assert_close(out.hidden[real], expectation[f"hidden.{stack}"][real], atol=1e-5, rtol=0)
    assert len(out.pairs) == (len(model.sites) if STACKS[stack] else 0)
    for i, (x_h, x_a) in enumerate(out.pairs):
        torch.testing.assert_close(x_h[real], expectation[f"x_h.{stack}.{i}"][real], atol=1e-5, rtol=0)
        torch.testing.assert_close(x_a[real], expectation[f"x_a.{stack}.{i}"][real], atol=1e-5, rtol=0)
    if STACKS[stack]:
        loss = orthogonality_loss(out.pairs, mask)
        torch.testing.assert_close(loss, expectation[f"l_ort.{stack}"].squeeze(), atol=1e-6, rtol=0)


def test_swapping_back_gives_the_first_output_again(model: AdaptedEncoder, case: Path) -> None:
    expectation = load_file(case / "expected.safetensors")
    ids, mask = expectation["input_ids"], expectation["attention_mask"]
    outputs = []
    for language in ("sw", "ar", "sw"):
        model.activate(language, "ner")
        with torch.no_grad():
            outputs.append(model(ids, mask).hidden)
    assert torch.equal(outputs[0], outputs[2])
    assert not torch.allclose(outputs[0], outputs[1])
