"""The training step on a GPU, as far as it shows without one: it never waits, and frozen weights are stored in bf16."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from orthoadapters import AdaptedEncoder, AdapterConfig
from orthoadapters.config.schema import OptimConfig, OrtConfig
from orthoadapters.data.batching import Batch
from orthoadapters.model import decoder_loss
from orthoadapters.model.compiled import compile_encode
from orthoadapters.model.decoder_rows import DecoderRows
from orthoadapters.model.heads import ClassificationHead, TokenHead
from orthoadapters.model.precision import store_frozen_in_bf16
from orthoadapters.orthogonality_losses import LOSSES
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.mlm import MLMTraining
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining

OPTIM = OptimConfig(lr=1e-2, ort_lr=3e-3, eps=1e-8, ort_eps=1e-8, clip_norm=1.0)
KINDS = {"mlm": None, "tagging": TokenHead, "pairs": ClassificationHead}
# The kinds of steps, each on a backbone of tests/oracle/: "." is an XLM-R.
STEPS = [*((kind, ".") for kind in KINDS), ("mlm", "deberta"), ("tagging", "deberta"), ("mlm", "modernbert")]


def step_of(
    kind: str,
    backbone: Path,
    device: str,
    precision: str = "32-true",
    ort: OrtConfig | None = None,
    loss: str = "cosine",
) -> tuple[AlternatingTraining, Any]:
    """A module with its optimizers, without a Trainer, and a function that trains one batch.

    With both steps from one forward, the softmax is over some subwords as well.
    """
    torch.manual_seed(0)
    model = AdaptedEncoder.from_pretrained(str(backbone), mlm_head=True)
    model.add_adapter("en", AdapterConfig(16, invertible=True))
    recorder, ort = Recorder([], OPTIM, True, 1000, 1), ort or OrtConfig()
    module: AlternatingTraining
    if (head := KINDS[kind]) is None:
        model.to(device).activate("en")
        assert model.mlm_head is not None
        rows = DecoderRows(model.mlm_head.decoder, torch.arange(100, device=device)) if ort.share_forward else None
        module = MLMTraining(model, "en", True, OPTIM, recorder, True, LOSSES[loss], ort, rows)
    else:
        model.add_adapter("task", AdapterConfig(4))
        model.to(device).activate("en", "task")
        task_head = head(model.hidden_size, 3, 0.1).to(device)
        module = TaskTraining(model, task_head, "task", True, OPTIM, recorder, LOSSES[loss], ort)
    # Modules are moved before they are trained: on the way to the meta device their parameters become other ones.
    module.train()
    optimizers = module.configure_optimizers()
    module.optimizers = lambda use_pl_optimizer: optimizers  # type: ignore[method-assign,assignment]
    module.manual_backward = Tensor.backward  # type: ignore[method-assign]

    batch = batch_of(kind, device)

    def train() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            module.training_step(batch, 0)

    return module, train


def batch_of(kind: str, device: str) -> Batch:
    ids, mask = torch.arange(5, 33).view(4, 7), torch.ones(4, 7, dtype=torch.bool)
    tensors = {
        "mlm": {"positions": torch.tensor([3, 9]), "labels": torch.tensor([8, 14])},
        "tagging": {"attention_mask": mask, "labels": ids % 3},
        "pairs": {"attention_mask": mask, "labels": ids[:, 0] % 3},
    }[kind] | {"input_ids": ids}
    batch: Any = {name: value.to(device) for name, value in tensors.items()} | {"tokens": 28}
    return batch


class NoCopies(TorchDispatchMode):
    """A mode in which no tensor of the CPU may be copied to the device: such a copy waits for the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.copy_):
            devices = {value.device.type for value in (*args, result) if isinstance(value, Tensor)}
            assert len(devices) == 1, f"{func} copies between {devices}"
        return result


@pytest.mark.parametrize(
    ("kind", "family", "ort", "loss"),
    [
        *((*step, OrtConfig(), "cosine") for step in STEPS),
        ("tagging", "modernbert", OrtConfig(), "weights"),
        ("tagging", ".", OrtConfig(joint=0.1), "subspace"),
        ("mlm", ".", OrtConfig(share_forward=True), "cosine"),
    ],
)
def test_no_part_of_a_step_waits_for_the_device(
    kind: str, family: str, ort: OrtConfig, loss: str, oracle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the meta device, a number that is read, a shape that depends on data and a tensor left on the CPU are errors.

    So is, by `NoCopies`, a tensor that is made on the CPU and brought to the device.
    """
    monkeypatch.setattr(decoder_loss, "SLICE", 64)
    module, train = step_of(kind, oracle / family / "backbone", "meta", ort=ort, loss=loss)
    monkeypatch.setattr(AlternatingTraining, "global_step", 1)
    for _ in range(2):
        with NoCopies():
            train()
    assert {value.device.type for value in module.recorder._values} == {"meta"}
    # The step on weights comes last, and has a gradient of the up-projections alone.
    gradients = [p.grad for p in module.body if loss != "weights" or any(p is up for up in module.up_weights)]
    assert all(gradient is not None and gradient.device.type == "meta" for gradient in gradients)
    with pytest.raises(RuntimeError, match="meta"):
        module.recorder.flush()


@pytest.mark.parametrize(
    ("kind", "family", "ort", "loss"),
    [
        *((*step, OrtConfig(), "cosine") for step in STEPS),
        ("tagging", ".", OrtConfig(), "weights"),
        ("mlm", ".", OrtConfig(joint=0.1), "subspace"),
    ],
)
def test_frozen_weights_in_bf16_change_no_number_under_autocast(
    kind: str, family: str, ort: OrtConfig, loss: str, oracle: Path
) -> None:
    states, backbone = [], oracle / family / "backbone"
    for is_stored in (False, True):
        module, train = step_of(kind, backbone, "cpu", "bf16-mixed", ort, loss)
        if is_stored:
            store_frozen_in_bf16(module)
        for _ in range(3):
            train()
        states.append(module.trained_state())
    names = ("attention.self.query", "layers.0.attn.Wqkv", "mlp.Wo")
    stored = {p.dtype for name, p in module.named_parameters() if any(part in name for part in names)}
    assert stored == {torch.bfloat16}
    assert {p.dtype for p in [*module.parameters()] if p.requires_grad} == {torch.float32}
    assert module.model.backbone.get_input_embeddings().weight.dtype is torch.float32
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.long
@pytest.mark.parametrize(("kind", "family"), [("mlm", "."), ("tagging", "deberta"), ("pairs", "modernbert")])
def test_a_compiled_encoder_trains_as_the_plain_one(
    kind: str, family: str, oracle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This backend traces forward and backward, and leaves out the minute that a compiler of kernels takes.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    monkeypatch.setattr(AlternatingTraining, "global_step", 1)
    plain, train_plain = step_of(kind, oracle / family / "backbone", "cpu")
    compiled, train_compiled = step_of(kind, oracle / family / "backbone", "cpu")
    compiled.encode = compile_encode(compiled.model, rows=4)
    torch.compiler.reset()
    graphs = torch._dynamo.utils.counters["stats"]
    graphs.clear()
    for module, train in ((plain, train_plain), (compiled, train_compiled)):
        module.eval()  # dropout draws other numbers in a graph
        for _ in range(3):
            train()
    assert graphs["unique_graphs"] == 1  # both steps of all batches take it
    expectation = plain.trained_state()
    for name, value in compiled.trained_state().items():
        torch.testing.assert_close(value, expectation[name], rtol=1e-5, atol=1e-6)


def test_a_batch_that_is_not_full_is_not_compiled(backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda *_, **__: None)
    module, _ = step_of("pairs", backbone, "cpu")
    batch = batch_of("pairs", "cpu")
    encode = compile_encode(module.model.eval(), rows=5)
    assert torch.equal(encode(batch).hidden, module.model.encode(batch).hidden)


def test_the_fused_step_of_adam_is_its_plain_one_but_for_rounding(oracle: Path) -> None:
    states = []
    for is_fused in (True, False):
        module, train = step_of("tagging", oracle / "backbone", "cpu")
        optimizers = module.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizers, list)
        assert all(group["fused"] for optimizer in optimizers for group in optimizer.param_groups)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["fused"] = is_fused
        for _ in range(5):
            train()
        states.append(module.trained_state())
    for name, value in states[0].items():
        # Where a gradient is close to zero, Adam divides a rounding error by its own size.
        torch.testing.assert_close(value, states[1][name], rtol=1e-4, atol=2e-5, msg=name)


def test_a_run_that_an_earlier_version_began_keeps_the_plain_step_of_adam(oracle: Path) -> None:
    module, train = step_of("tagging", oracle / "backbone", "cpu")
    optimizers = module.optimizers(use_pl_optimizer=False)
    assert isinstance(optimizers, list)
    train()
    for optimizer in optimizers:
        state = optimizer.state_dict()
        # Adam had no fused step on a CPU: its state says None.
        state["param_groups"] = [group | {"fused": None} for group in state["param_groups"]]
        optimizer.load_state_dict(state)
    train()
    assert not any(group["fused"] for optimizer in optimizers for group in optimizer.param_groups)
