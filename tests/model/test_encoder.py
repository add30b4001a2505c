"""The adapted encoder: the architectures it supports, the stack, what is refused."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError, orthogonality_loss
from orthoadapters.model.walks import relative_positions
from tests.helpers.session import ORACLE

SMALL = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
}
TYPES: dict[str, dict[str, Any]] = {
    "XLMRoberta": {"pad_token_id": 1},
    "Roberta": {"pad_token_id": 1},
    "Bert": {},
    "Electra": {"embedding_size": 8},
    "DebertaV2": {
        # What mDeBERTa-v3 has.
        "relative_attention": True,
        "position_buckets": 4,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": "p2c|c2p",
        "position_biased_input": False,
        "pad_token_id": 1,
    },
    # The second layer attends to the next subword alone.
    "ModernBert": {"local_attention": 2}
    | {f"{name}_token_id": i for name, i in (("cls", 0), ("bos", 0), ("pad", 1), ("eos", 2), ("sep", 2))},
}


@pytest.fixture(params=TYPES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = getattr(transformers, f"{request.param}Config")(**SMALL, **TYPES[request.param])
    model = getattr(transformers, f"{request.param}ForMaskedLM")(config)
    with torch.no_grad():
        for parameter in model.parameters():
            # Fresh norms and biases would hide one that is left out.
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(tmp_path)
    return tmp_path


IDS = torch.tensor([[0, 5, 6, 7, 2], [0, 8, 2, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


@pytest.mark.parametrize("mask", [MASK, torch.ones_like(MASK), None], ids=["padded", "unpadded", "without a mask"])
def test_without_a_stack_it_is_the_backbone_itself(folder: Path, mask: Tensor | None) -> None:
    reference = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    model = AdaptedEncoder.from_pretrained(str(folder), mlm_head=True)
    model.add_adapter("sw", AdapterConfig(4, invertible=True))
    ids = IDS.clamp(min=0 if mask is MASK else 2)
    real = torch.ones_like(MASK).bool() if mask is None else mask.bool()
    with torch.no_grad():
        expectation = reference(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        out = model(ids, mask)
        logits = model.mlm_logits(out.hidden[real])
    assert torch.equal(out.hidden[real], expectation.hidden_states[-1][real])
    torch.testing.assert_close(logits, expectation.logits[real], atol=1e-5, rtol=0)
    assert out.pairs == []


def test_without_a_mask_nothing_is_padded(folder: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(folder))
    with torch.no_grad():
        hidden = model(IDS[:1]).hidden
        torch.testing.assert_close(hidden, model(IDS[:1], MASK[:1]).hidden)


def test_deberta_v3s_head_is_read_though_its_config_does_not_name_it(tmp_path: Path) -> None:
    config = transformers.DebertaV2Config(**SMALL, **TYPES["DebertaV2"], legacy=False)
    reference = transformers.DebertaV2ForMaskedLM(config).eval()
    torch.nn.init.normal_(reference.lm_predictions.lm_head.bias)
    reference.save_pretrained(tmp_path)
    fields = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({key: fields[key] for key in fields if key != "legacy"}))
    model = AdaptedEncoder.from_pretrained(str(tmp_path), mlm_head=True)
    with torch.no_grad():
        logits = model.mlm_logits(model(IDS, MASK).hidden[MASK.bool()])
        expectation = reference(input_ids=IDS, attention_mask=MASK).logits[MASK.bool()]
    torch.testing.assert_close(logits, expectation, atol=1e-5, rtol=0)
    assert model.mlm_head is not None
    assert model.mlm_head.decoder.weight is model.backbone.get_input_embeddings().weight


@given(st.integers(1, 80), st.integers(1, 40), st.integers(2, 80))
def test_debertas_relative_positions_are_those_of_transformers(length: int, half: int, longest: int) -> None:
    x = torch.zeros(1, length, 1)
    for buckets in (-1, 2 * half):
        expectation = build_relative_position(x, x, buckets, longest)
        assert torch.equal(relative_positions(length, buckets, longest, x.device), expectation)


@pytest.mark.parametrize(("field", "value"), [("conv_kernel_size", 3), ("embedding_size", 8)])
def test_a_deberta_of_another_layout_is_refused_before_its_weights_are_read(
    tmp_path: Path, field: str, value: int
) -> None:
    transformers.DebertaV2Config(**SMALL, **{field: value}).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=rf"{value}\).*not supported.*backbone=mdeberta"):
        AdaptedEncoder.from_pretrained(str(tmp_path))


def test_an_adapter_trains_and_the_backbone_does_not(folder: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(folder))
    assert not any(p.requires_grad for p in model.parameters())
    model.add_adapter("sw", AdapterConfig(4, invertible=True))
    assert not any(p.requires_grad for p in model.parameters())
    model.adapter_modules("sw").requires_grad_(True)
    model.activate("sw")
    model(IDS, MASK).hidden.sum().backward()
    with_gradient = {name for name, p in model.named_parameters() if p.grad is not None}
    assert with_gradient == {
        name for name, p in model.named_parameters() if ".adapters.sw." in name or "invertible.sw" in name
    }


def test_the_gradient_of_l_ort_reaches_the_adapters_alone(folder: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(folder))
    for name in ("sw", "task"):
        model.add_adapter(name, AdapterConfig(4, invertible=name == "sw"))
    model.activate("sw", "task")
    model.adapter_modules("task").requires_grad_(True)
    out = model(IDS, MASK)
    assert len(out.pairs) == 2
    orthogonality_loss(out.pairs, MASK).backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert gradients.keys() == {name for name, _ in model.named_parameters() if ".adapters.task." in name}
    assert all(gradient.any() for gradient in gradients.values())


def test_only_the_first_adapter_of_a_stack_contributes_its_invertible_part(folder: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(folder))
    for name in ("sw", "ar"):
        model.add_adapter(name, AdapterConfig(4, invertible=True))
    model.activate("sw", "ar")
    with torch.no_grad():
        both = model(IDS, MASK).hidden
        for parameter in model.invertible["ar"].parameters():
            parameter.add_(1.0)
        assert torch.equal(both, model(IDS, MASK).hidden)
        for parameter in model.invertible["sw"].parameters():
            parameter.add_(1.0)
        assert not torch.equal(both, model(IDS, MASK).hidden)


@given(stack=st.permutations(["sw", "domain", "task"]), place=st.integers(0, 2))
@settings(max_examples=12)
def test_an_adapter_that_adds_nothing_changes_nothing_wherever_it_lies_in_the_stack(
    stack: list[str], place: int, backbone: Path
) -> None:
    """So that a domain adapter, which starts near it, starts near what the other two compute without it."""
    model = AdaptedEncoder.from_pretrained(str(backbone))
    torch.manual_seed(0)
    for name in stack:
        model.add_adapter(name, AdapterConfig(4))
        for parameter in model.adapter_modules(name).parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    for site in model.sites:
        for parameter in site.adapters[stack[place]].up.parameters():  # type: ignore[union-attr]
            torch.nn.init.zeros_(parameter)
    outputs = []
    for names in (stack, stack[:place] + stack[place + 1 :]):
        model.activate(*names)
        outputs.append(model(IDS, MASK).hidden)
    assert torch.equal(*outputs)


def test_undoing_the_invertible_adapter_before_the_decoder(folder: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(folder), mlm_head=True)
    model.add_adapter("sw", AdapterConfig(4, invertible=True))
    model.activate("sw")
    hidden = torch.randn(3, 16)
    if model.embedding_size < 16:
        with pytest.raises(UserError, match=r"narrower .* language_adapters.invert_before_decoder=false"):
            model.mlm_logits(hidden, invert=True)
        return
    with torch.no_grad():
        inverse_logits = model.mlm_logits(hidden, invert=True)
        assert model.first_invertible is not None
        assert torch.equal(inverse_logits, model.mlm_logits(model.first_invertible.inverse(hidden)))
        assert not torch.equal(inverse_logits, model.mlm_logits(hidden))


def test_the_invertible_part_is_as_wide_as_the_embeddings_and_survives_a_round_trip(
    folder: Path, tmp_path: Path
) -> None:
    model = AdaptedEncoder.from_pretrained(str(folder))
    model.add_adapter("sw", AdapterConfig(4, invertible=True))
    width = 8 if model.backbone.config.model_type == "electra" else 16
    # AdapterHub's reduction factor 2, of half an embedding
    assert model.adapter_parameters("sw")["invertible.F.0.weight"].shape == (width // 4, width // 2)
    model.save_adapter(tmp_path / "adapter", "sw")
    model.load_adapter(tmp_path / "adapter", "again")
    outputs = []
    for name in ("sw", "again"):
        model.activate(name)
        with torch.no_grad():
            outputs.append(model(IDS, MASK).hidden)
    assert torch.equal(*outputs)


@pytest.fixture(scope="module")
def two_adapters(oracle: Path) -> AdaptedEncoder:
    """A language and a task adapter in each of three layers, with weights far from fresh ones."""
    model = AdaptedEncoder.from_pretrained(str(oracle / "backbone"))
    for name in ("sw", "task"):
        model.add_adapter(name, AdapterConfig(8, invertible=name == "sw"))
        for parameter in model.adapter_modules(name).parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    model.activate("sw", "task")
    return model


Layers = st.sets(st.integers(0, 2), max_size=2).map(sorted)


@settings(max_examples=8)
@given(language=Layers, task=Layers)
def test_an_adapter_that_is_left_out_of_layers_is_one_that_adds_nothing_there(
    two_adapters: AdaptedEncoder, tmp_path_factory: pytest.TempPathFactory, language: list[int], task: list[int]
) -> None:
    """That is: one with zeros in the up-projections of these layers. Its file says what it is left out of."""
    whole = copy.deepcopy(two_adapters)
    small = AdaptedEncoder.from_pretrained(str(ORACLE / "backbone"))
    for name, leave_out in (("sw", language), ("task", task)):
        for layer in leave_out:
            for key, parameter in whole.adapter_parameters(name).items():
                if key.startswith(f"{layer}.up."):
                    torch.nn.init.zeros_(parameter)
        small.add_adapter(name, AdapterConfig(8, invertible=name == "sw", leave_out=tuple(leave_out)))
        parameters, values = small.adapter_parameters(name), whole.adapter_parameters(name)
        assert parameters.keys() == {key for key in values if key.partition(".")[0] not in map(str, leave_out)}
        with torch.no_grad():
            for key, parameter in parameters.items():
                parameter.copy_(values[key])
        folder = tmp_path_factory.mktemp("adapters") / name
        small.save_adapter(folder, name)
        config = small.configs[name]
        small.delete_adapter(name)
        assert small.load_adapter(folder) == name
        assert small.configs[name].leave_out == config.leave_out
    small.activate("sw", "task")
    with torch.no_grad():
        expectation, out = whole(IDS, MASK), small(IDS, MASK)
    assert torch.equal(out.hidden, expectation.hidden)
    assert small.pair_layers == [layer for layer in range(3) if layer not in task]
    for layer, pair in zip(small.pair_layers, out.pairs, strict=True):
        assert all(map(torch.equal, pair, expectation.pairs[layer]))


@pytest.mark.parametrize(("layers", "sentence"), [((3,), "its layers are 0 to 2"), ((0, 1, 2), "names all layers")])
def test_layers_that_cannot_be_left_out_are_refused(
    two_adapters: AdaptedEncoder, layers: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(UserError, match=rf"^variant.leave_out=\[{','.join(map(str, layers))}\].*{sentence}"):
        two_adapters.add_adapter("new", AdapterConfig(8, leave_out=layers))
    assert "new" not in two_adapters.configs


def test_unknown_names_raise_and_name_what_is_there(backbone: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone))
    model.add_adapter("sw", AdapterConfig(4))
    with pytest.raises(KeyError, match=r"no adapter named 'tr'; adapters of this model: sw"):
        model.activate("tr")
    with pytest.raises(UserError, match="'sw' is there already"):
        model.add_adapter("sw", AdapterConfig(4))
    model.activate("sw")
    model.delete_adapter("sw")
    assert model.stack == ()
    assert not any("sw" in name for name, _ in model.named_parameters())


def test_train_adapter_makes_exactly_one_adapter_trainable_and_active(backbone: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
    for name in ("sw", "task"):
        model.add_adapter(name, AdapterConfig(4, invertible=name == "sw"))

    def trainable() -> set[int]:
        return {id(parameter) for parameter in model.parameters() if parameter.requires_grad}

    assert trainable() == set()
    for name, stack in (("task", ("task",)), ("sw", ("sw",))):
        model.train_adapter(name)
        assert model.stack == stack
        assert trainable() == {id(parameter) for parameter in model.adapter_modules(name).parameters()}
        assert model.training
    model.activate("sw", "task")
    model.train_adapter("task")
    assert model.stack == ("sw", "task")
    with pytest.raises(KeyError, match="no adapter named 'tr'"):
        model.train_adapter("tr")


def test_sites_are_visible(backbone: Path) -> None:
    assert "(output): AdapterSite" in str(AdaptedEncoder.from_pretrained(str(backbone)))


@pytest.mark.parametrize("d", [0, 64, 100])
def test_a_bottleneck_must_be_below_the_hidden_size(backbone: Path, d: int) -> None:
    with pytest.raises(UserError, match="not between 1 and H = 64"):
        AdaptedEncoder.from_pretrained(str(backbone)).add_adapter("sw", AdapterConfig(d))


def test_other_architectures_are_refused_with_those_that_are_supported(tmp_path: Path) -> None:
    config = transformers.DistilBertConfig(vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    transformers.DistilBertModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"'distilbert'.*xlm-roberta, roberta, bert, electra"):
        AdaptedEncoder.from_pretrained(str(tmp_path))


def test_a_missing_backbone_and_missing_weights_are_sentences(tmp_path: Path, backbone: Path) -> None:
    with pytest.raises(UserError, match="no backbone at"):
        AdaptedEncoder.from_pretrained(str(tmp_path))
    transformers.XLMRobertaModel(transformers.XLMRobertaConfig(**SMALL)).save_pretrained(tmp_path)
    AdaptedEncoder.from_pretrained(str(tmp_path))
    with pytest.raises(UserError, match="lacks pretrained weights"):
        AdaptedEncoder.from_pretrained(str(tmp_path), mlm_head=True)
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot be read"):
        AdaptedEncoder.from_pretrained(str(tmp_path))


def test_it_compiles_in_one_graph(backbone: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(backbone))
    model.add_adapter("sw", AdapterConfig(8))
    model.activate("sw")
    explanation = torch._dynamo.explain(model)(torch.tensor([[0, 5, 6, 2]]))
    assert explanation.graph_break_count == 0
