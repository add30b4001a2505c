"""One adapter as a folder in AdapterHub's format: `adapter_config.json` beside its weights.

Tensor names are those of `adapters` 1.x: `encoder.layer.{i}.output.adapters.{name}.adapter_down.0.weight` and so on,
with or without the backbone's prefix. Reading is strict: whatever the site does not compute is refused, by field.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from orthoadapters.adapters import AdapterConfig
from orthoadapters.errors import UserError
from orthoadapters.files import new_folder

if TYPE_CHECKING:
    from orthoadapters.model import AdaptedEncoder

WEIGHTS = ("adapter.safetensors", "pytorch_adapter.bin")  # read in this order
# What `AdapterSite` computes, in the words of adapter_config.json (AdapterHub's `seq_bn`, formerly `pfeiffer`).
PLACEMENT: dict[str, Any] = {
    "adapter_residual_before_ln": False,
    "cross_adapter": False,
    "dropout": 0.0,
    "is_parallel": False,
    "leave_out": [],
    "ln_after": False,
    "ln_before": False,
    "mh_adapter": False,
    "non_linearity": "relu",
    "original_ln_after": True,
    "original_ln_before": True,
    "output_adapter": True,
    "phm_layer": False,
    "residual_before_ln": True,
    "scaling": 1.0,
    "stochastic_depth": 0.0,
    "use_gating": False,
}
_SITE = re.compile(
    r"(?:\w+\.)?encoder\.layer\.(\d+)\.output\.adapters\.([^.]+)\.(adapter_down\.0|adapter_up)\.(weight|bias)"
)
_INVERTIBLE = re.compile(r"(?:\w+\.)?invertible_adapters\.([^.]+)\.([FG]\.[02]\.(?:weight|bias))")
_OURS = {"adapter_down.0": "down", "adapter_up": "up"}
_THEIRS = {"down": "adapter_down.0", "up": "adapter_up"}


def read(folder: Path, hidden: int, layers: int) -> tuple[str, AdapterConfig, dict[str, Tensor]]:
    """Reads a folder for a backbone of `layers` layers of size `hidden`: the adapter's name in the file, size, tensors.

    The tensors are named `{layer}.down.weight`, ..., `invertible.F.0.weight`, .... Raises UserError if a file is
    missing or broken, a config field asks for what a site does not compute, or a tensor is missing, surplus or misshapen.
    """
    described = _read_config(folder)
    for field, value in PLACEMENT.items():
        if described["config"].get(field, value) != value:
            raise UserError(
                f"adapter {folder}: {field} = {described['config'][field]!r} is not supported; sites compute AdapterHub's "
                f"pfeiffer (seq_bn) adapter, where it is {value!r}"
            )
    inverse = described["config"].get("inv_adapter")
    if inverse not in (None, "nice"):
        raise UserError(f"adapter {folder}: inv_adapter = {inverse!r} is not supported; supported: nice, or none")
    if described.get("hidden_size", hidden) != hidden:
        raise UserError(f"adapter {folder} is for hidden size {described['hidden_size']}; this backbone's is {hidden}")
    tensors = _named(folder, _read_tensors(folder))
    down = tensors.get("0.down.weight")
    if down is None or down.dim() != 2:
        raise UserError(f"adapter {folder} has no adapter in layer 0's output; only that placement is supported")
    f_0 = tensors.get("invertible.F.0.weight")
    config = AdapterConfig(
        len(down), invertible=inverse is not None, invertible_bottleneck=None if f_0 is None else len(f_0)
    )
    expected = _shapes(config, hidden, layers)
    missing, surplus = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or surplus:
        raise UserError(
            f"adapter {folder} does not fit a backbone of {layers} layers: "
            + "; ".join(
                f"{what} {', '.join(keys[:3])}" for what, keys in (("lacks", missing), ("also has", surplus)) if keys
            )
        )
    for name, shape in expected.items():
        if tuple(tensors[name].shape) != shape:
            raise UserError(f"adapter {folder}: {name} has shape {tuple(tensors[name].shape)}, expected {shape}")
    return str(described.get("name") or folder.name), config, tensors


def fill(model: "AdaptedEncoder", name: str, tensors: Mapping[str, Tensor]) -> None:
    """Copies tensors as `read` names them into adapter `name` of the model."""
    with torch.no_grad():
        for key, parameter in _parameters(model, name).items():
            parameter.copy_(tensors[key])


def write(folder: Path, model: "AdaptedEncoder", name: str) -> None:
    """Writes adapter `name` as a folder that `read` and the `adapters` library load; whole or not at all."""
    config = model.configs[name]
    tensors: dict[str, Tensor] = {}
    for key, parameter in _parameters(model, name).items():
        head, _, rest = key.partition(".")
        if head == "invertible":
            theirs = f"invertible_adapters.{name}.{rest}"
        else:
            part, kind = rest.split(".")
            theirs = f"encoder.layer.{head}.output.adapters.{name}.{_THEIRS[part]}.{kind}"
        tensors[theirs] = parameter.detach().to("cpu", torch.float32).contiguous()
    described = {
        "config": PLACEMENT
        | {
            "reduction_factor": _reduction(model.hidden_size, config.bottleneck),
            "inv_adapter": "nice" if config.invertible else None,
            "inv_adapter_reduction_factor": _inverse_reduction(model.hidden_size, config)
            if config.invertible
            else None,
        },
        "hidden_size": model.hidden_size,
        "model_name": model.backbone.config.name_or_path,
        "model_type": model.backbone.config.model_type,
        "name": name,
    }
    with new_folder(folder) as temporary:
        (temporary / "adapter_config.json").write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")
        save_file(tensors, temporary / WEIGHTS[0])


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    try:
        described = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"no adapter in {folder}: adapter_config.json is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not JSON: {error}") from None
    if not isinstance(described, dict) or not isinstance(described.get("config"), dict):
        raise UserError(f"{path} has no 'config': it does not describe an AdapterHub adapter")
    return described


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    for name in WEIGHTS:
        path = folder / name
        if not path.exists():
            continue
        try:
            return load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
        except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
            raise UserError(f"{path} cannot be read, it may be cut off: {str(error).splitlines()[0]}") from None
        except Exception as error:  # torch.load's refusal of code in a pickle has a private exception type
            raise UserError(f"{path} holds more than tensors and is not loaded: {type(error).__name__}") from None
    raise UserError(f"no adapter in {folder}: neither {' nor '.join(WEIGHTS)} is there")


def _named(folder: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    ours: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        if site := _SITE.fullmatch(key):
            ours[f"{int(site[1])}.{_OURS[site[3]]}.{site[4]}"] = tensor
        elif inverse := _INVERTIBLE.fullmatch(key):
            ours[f"invertible.{inverse[2]}"] = tensor
        else:
            raise UserError(f"adapter {folder}: tensor {key} belongs to no site of this model")
    return ours


def _parameters(model: "AdaptedEncoder", name: str) -> dict[str, Tensor]:
    own: dict[str, Tensor] = {
        f"{i}.{key}": p for i, site in enumerate(model.sites) for key, p in site.adapters[name].named_parameters()
    }
    if name in model.invertible:
        own |= {f"invertible.{key}": p for key, p in model.invertible[name].named_parameters()}
    return own


def _shapes(config: AdapterConfig, hidden: int, layers: int) -> dict[str, tuple[int, ...]]:
    d = config.bottleneck
    site = {"down.weight": (d, hidden), "down.bias": (d,), "up.weight": (hidden, d), "up.bias": (hidden,)}
    shapes: dict[str, tuple[int, ...]] = {f"{i}.{key}": shape for i in range(layers) for key, shape in site.items()}
    if config.invertible:
        half, width = hidden // 2, config.invertible_bottleneck or hidden // 4
        for part in "FG":
            shapes |= {f"invertible.{part}.0.weight": (width, half), f"invertible.{part}.0.bias": (width,)}
            shapes |= {f"invertible.{part}.2.weight": (half, width), f"invertible.{part}.2.bias": (half,)}
    return shapes


def _reduction(size: int, bottleneck: int) -> float:
    """AdapterHub's reduction factor r, for which size // r is the bottleneck; a whole number where one exists."""
    whole = size // bottleneck
    return whole if size // whole == bottleneck else size / (bottleneck + 0.5)


def _inverse_reduction(hidden: int, config: AdapterConfig) -> float:
    return _reduction(hidden // 2, config.invertible_bottleneck or hidden // 4)
