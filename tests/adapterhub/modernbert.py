"""Writes tests/oracle/modernbert/; runs where `adapters` 1.3.0 is installed, and our package is not.

python modernbert.py DIR: a tiny random ModernBERT, adapters on it, and what the library computes with six stacks of them. The
library has no classes for ModernBERT: `AdapterModelInterface` tells it the names of the modules.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import adapters
import torch
import transformers
from adapters import AdapterConfig, AdapterModelInterface
from adapters.composition import Stack
from safetensors.torch import save_file

INTERFACE = AdapterModelInterface(
    adapter_methods=["bottleneck", "invertible"],
    model_embeddings="embeddings",
    model_layers="layers",
    layer_self_attn="attn",
    layer_cross_attn=None,
    attn_k_proj="Wqkv",
    attn_q_proj="Wqkv",
    attn_v_proj="Wqkv",
    attn_o_proj="Wo",
    layer_intermediate_proj="mlp.Wi",
    layer_output_proj="mlp.Wo",
    layer_pre_self_attn="attn_norm",
    layer_pre_ffn="mlp_norm",
)
ADAPTERS = {"sw": ("seq_bn_inv", 2), "ar": ("seq_bn_inv", 2), "ner": ("seq_bn", 4)}
STACKS = {
    "none": (),
    "sw": ("sw",),
    "ar": ("ar",),
    "ner": ("ner",),
    "sw_ner": ("sw", "ner"),
    "ar_ner": ("ar", "ner"),
}
Seen = dict[tuple[int, str], tuple[torch.Tensor, torch.Tensor]]


def backbone() -> Any:
    """Makes a model whose layers attend to all, to neighbours, to neighbours, and to all."""
    config = transformers.ModernBertConfig(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=70,
        local_attention=8,
        pad_token_id=0,
        eos_token_id=1,
        sep_token_id=1,
        bos_token_id=2,
        cls_token_id=2,
    )
    config._attn_implementation = "sdpa"
    return transformers.ModernBertForMaskedLM(config).eval()


def shake(module: torch.nn.Module, names: tuple[str, ...] = ("",)) -> None:
    """Moves the values of the parameters with one of these in their names far away from those of fresh modules."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if any(part in name for part in names):
                parameter.add_(0.1 * torch.randn_like(parameter))


def listen(seen: Seen, layer: int, name: str) -> Callable[..., None]:
    def hook(_: Any, inputs: Any, __: Any, outputs: Any) -> None:
        seen[layer, name] = inputs[0], outputs[0]

    return hook


def main(folder: Path) -> None:
    torch.manual_seed(5)
    model = backbone()
    shake(model)
    model.save_pretrained(folder / "backbone")
    ids, mask = torch.randint(5, 400, (3, 17)), torch.ones(3, 17, dtype=torch.long)
    mask[1, 11:] = mask[2, 6:] = 0
    tensors = {"input_ids": ids * mask, "attention_mask": mask}
    base, seen = model.model, Seen()
    adapters.init(base, interface=INTERFACE)
    for name, (config, reduction) in ADAPTERS.items():
        base.add_adapter(name, config=AdapterConfig.load(config, reduction_factor=reduction))
    shake(base, tuple(f".{name}." for name in ADAPTERS))
    for name in ADAPTERS:
        base.save_adapter(str(folder / name), name)
        base.save_adapter(str(folder / f"{name}_safetensors"), name, use_safetensors=True)
        for i, layer in base.iter_layers():
            layer.output_adapters.adapters[name].register_forward_hook(listen(seen, i, name), with_kwargs=True)
    for key, stack in STACKS.items():
        base.set_active_adapters(Stack(*stack) if stack else None)
        with torch.no_grad():
            tensors[f"hidden.{key}"] = base(input_ids=tensors["input_ids"], attention_mask=mask)[0]
        l_ort = torch.zeros(1)
        for i, _ in base.iter_layers() if stack else ():
            x_h, x_a = seen[i, stack[-1]]
            squares = torch.cosine_similarity(x_h, x_a, dim=-1) ** 2
            l_ort += (squares * mask).sum() / mask.sum()
            tensors |= {f"x_h.{key}.{i}": x_h, f"x_a.{key}.{i}": x_a, f"l_ort.{key}": l_ort}
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, folder / "expected.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
