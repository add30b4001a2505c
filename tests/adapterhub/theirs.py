"""The `adapters` library's side of the exchange; runs where `adapters` 1.3.0 is installed, and our package is not.

python theirs.py write DIR [SHAPE ...]: cases that the library computed, for ours.py to check
python theirs.py check DIR: loads what ours.py wrote and compares
"""

import sys
from pathlib import Path
from typing import Any

import adapters
import torch
import transformers
from adapters import AdapterConfig, AutoAdapterModel
from adapters.composition import Stack
from safetensors.torch import load_file, save_file

# family, hidden size, layers, reduction of the language adapter, invertible part, reduction of the task adapter
SHAPES = {
    "xlmr": ("XLMRoberta", 64, 3, 2, True, 16),
    "xlmr-narrow": ("XLMRoberta", 48, 2, 3.7, True, 5),
    "xlmr-plain": ("XLMRoberta", 32, 1, 2, False, 12),
    "xlmr-deep": ("XLMRoberta", 96, 6, 2, True, 16),
    "roberta": ("Roberta", 64, 2, 4, True, 8),
    "bert": ("Bert", 64, 2, 2, True, 16),
    "electra": ("Electra", 64, 2, 2, True, 16),
    "electra-small": ("Electra", 64, 2, 2, True, 16),  # embeddings half as wide
    "deberta": ("DebertaV2", 64, 2, 2, True, 16),
    "xlmr-left-out": ("XLMRoberta", 64, 3, 2, True, 16),  # no adapters in the last layer
    "frozen-xlmr": ("XLMRoberta", 32, 2, 2, True, 8),
    "frozen-bert": ("Bert", 32, 2, 4, True, 16),
}
LABELS = {
    "pair": ["entailment", "neutral", "contradiction"],
    "tags": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "choice": ["first", "second"],  # the two sequences are the alternatives of one question
}
IDS = torch.tensor([[0, 7, 8, 9, 11, 4, 2], [0, 30, 31, 2, 1, 1, 1]])
MASK = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])


def backbone(family: str, hidden: int, layers: int, embedding: int) -> transformers.PreTrainedModel:
    sizes = {
        "vocab_size": 60,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * hidden,
        "max_position_embeddings": 20,
        "type_vocab_size": 2,
    }
    more = {"embedding_size": embedding} if family == "Electra" else {}
    more |= {"pad_token_id": 1} if "Roberta" in family else {}
    model = getattr(transformers, f"{family}Model")(getattr(transformers, f"{family}Config")(**sizes, **more))
    return shake(model).eval()


def shake(module: torch.nn.Module) -> torch.nn.Module:
    """Moves all values far away from those of fresh modules, biases and norms included."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def outputs(model: Any, head: str) -> torch.Tensor:
    model.active_head = head
    with torch.no_grad():
        return model(IDS, attention_mask=MASK).logits


def write(folder: Path, shapes: list[str]) -> None:
    for number, shape in enumerate(shapes):
        family, hidden, layers, reduction, invertible, task_reduction = SHAPES[shape]
        torch.manual_seed(number)
        case = folder / shape
        embedding = hidden // 2 if shape == "electra-small" else hidden
        backbone(family, hidden, layers, embedding).save_pretrained(case / "backbone", safe_serialization=True)
        model = AutoAdapterModel.from_pretrained(case / "backbone").eval()
        leave_out = [layers - 1] if shape.endswith("left-out") else []
        config = AdapterConfig.load(
            "seq_bn_inv" if invertible else "seq_bn", reduction_factor=reduction, leave_out=leave_out
        )
        model.add_adapter("lang", config=config)
        expectation = {"input_ids": IDS, "attention_mask": MASK}
        for head, labels in LABELS.items():
            task_config = AdapterConfig.load("seq_bn", reduction_factor=task_reduction, leave_out=leave_out)
            model.add_adapter(head, config=task_config)
            names = dict(enumerate(labels))
            if head == "pair":
                model.add_classification_head(head, num_labels=len(labels), id2label=names)
            elif head == "choice":
                model.add_multiple_choice_head(head, num_choices=len(labels), id2label=names)
            else:
                model.add_tagging_head(head, num_labels=len(labels), id2label=names)
        for name, parameter in model.named_parameters():
            if "adapters." in name or "heads." in name:
                parameter.data.add_(0.1 * torch.randn_like(parameter))
        model.active_adapters = "lang"
        with torch.no_grad():
            expectation["lang"] = model(IDS, attention_mask=MASK, output_hidden_states=True).hidden_states[-1].clone()
        for head in LABELS:
            model.active_adapters = Stack("lang", head)
            expectation[head] = outputs(model, head)
        for name in ("lang", *LABELS):
            model.save_adapter(str(case / name), name, with_head=name in LABELS, use_safetensors=number % 2 == 0)
        save_file({name: tensor.contiguous() for name, tensor in expectation.items()}, case / "expected.safetensors")


def check(folder: Path) -> None:
    cases = sorted(path for path in folder.iterdir() if path.is_dir())
    for case in cases:
        expectation = load_file(case / "expected.safetensors")
        model = AutoAdapterModel.from_pretrained(case / "backbone").eval()
        for name in ("lang", *LABELS):
            info: dict[str, Any] = {}
            name_in_model = model.load_adapter(str(case / name), use_safetensors=True, loading_info=info)
            assert name_in_model == name, (case, name_in_model)
            assert not info["missing_keys"], (case, name, info)
            assert not info["unexpected_keys"], (case, name, info)
        worst = 0.0
        for head, labels in LABELS.items():
            assert model.get_labels(head) == labels, (case, head)
            model.active_adapters = Stack("lang", head)
            difference = (outputs(model, head) - expectation[head])[MASK.bool() if head == "tags" else ...]
            worst = max(worst, difference.abs().max().item())
        assert worst < 1e-5, (case, worst)
        print(f"{case.name}: ours in adapters {adapters.__version__}, largest difference {worst:.1e}")
    assert cases, folder


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()  # each load says that no adapter is active yet
    command, where = sys.argv[1], Path(sys.argv[2])
    if command == "write":
        write(where, sys.argv[3:] or [shape for shape in SHAPES if not shape.startswith("frozen")])
    else:
        check(where)
