"""One adapter as a folder in AdapterHub's format: `adapter_config.json` beside its weights.

Tensor names are those of `adapters` 1.x, `encoder.layer.{i}.output.adapters.{name}.adapter_down.0.weight` and so on, or the
older `layer_text_lang_adapters`, `invertible_lang_adapters`, behind any prefix. Reading is strict: what a site does not
compute is refused, by field (`adapter_config`) or by tensor (here).
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from orthoadapters.adapters import AdapterConfig
from orthoadapters.errors import UserError, first_line
from orthoadapters.files import new_folder
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.adapters import FILE
from orthoadapters.model.adapterhub.config import HOULSBY, PLACEMENT, SUPPORTED, read_config

if TYPE_CHECKING:
    from orthoadapters.model.encoder import AdaptedEncoder

_SITE = re.compile(
    r"(?:.+\.)?encoder\.layer\.(\d+)\.output\.(?:adapters|layer_text_(?:lang|task)_adapters)\.([^.]+)"
    r"\.(adapter_down\.0|adapter_up)\.(weight|bias)"
)
_ATTENTION = re.compile(r"(?:.+\.)?attention\.output\.(?:adapters|attention_text_(?:lang|task)_adapters)\..+")
_INVERTIBLE = re.compile(r"(?:.+\.)?invertible_(?:lang_)?adapters\.([^.]+)\.([FG]\.[02]\.(?:weight|bias))")
_OURS = {"adapter_down.0": "down", "adapter_up": "up"}
_THEIRS = {"down": "adapter_down.0", "up": "adapter_up"}
logger = logging.getLogger(__name__)


def read(folder: Path, model: "AdaptedEncoder") -> tuple[str, AdapterConfig, dict[str, Tensor]]:
    """Reads a folder for the model's backbone: the adapter's name in the file, its size, its tensors.

    The tensors are named `{layer}.down.weight`, ..., `invertible.F.0.weight`, .... Raises UserError if a file is
    missing or broken, a config field asks for what a site does not compute, or a tensor is missing, surplus or misshapen.
    """
    layers = len(model.sites)
    described = read_config(folder, model)
    tensors = _named(folder, read_tensors(folder, adapter_hub.WEIGHTS))
    inverse = described.inverse_width
    if described.droppable and not any(name.startswith("invertible.") for name in tensors):
        inverse = None
    config = AdapterConfig(
        _bottleneck(folder, described.bottlenecks, tensors), inverse is not None, invertible_bottleneck=inverse
    )
    expected = _shapes(config, model)
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
    backbone = str(model.backbone.config.name_or_path)
    if described.model_name and not Path(backbone).is_dir() and _last(described.model_name) != _last(backbone):
        logger.warning("adapter %s was trained on %s; this backbone is %s", folder, described.model_name, backbone)
    return described.name, config, tensors


def write(folder: Path, model: "AdaptedEncoder", name: str) -> None:
    """Writes adapter `name` as a folder that `read` and the `adapters` library load; whole or not at all."""
    config = model.configs[name]
    tensors: dict[str, Tensor] = {}
    for key, parameter in model.adapter_parameters(name).items():
        head, _, rest = key.partition(".")
        if head == "invertible":
            theirs = f"invertible_adapters.{name}.{rest}"
        else:
            part, kind = rest.split(".")
            theirs = f"encoder.layer.{head}.output.adapters.{name}.{_THEIRS[part]}.{kind}"
        tensors[theirs] = parameter.detach().to("cpu", torch.float32).contiguous()
    described = described_backbone(model) | {
        "config": PLACEMENT
        | {
            "reduction_factor": _reduction(model.hidden_size, config.bottleneck),
            "inv_adapter": "nice" if config.invertible else None,
            "inv_adapter_reduction_factor": _inverse_reduction(model, config) if config.invertible else None,
        },
        "name": name,
    }
    with new_folder(folder) as temporary:
        (temporary / FILE).write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")
        save_file(tensors, temporary / adapter_hub.WEIGHTS[0])


def described_backbone(model: "AdaptedEncoder") -> dict[str, str | int]:
    """What AdapterHub's files say of the backbone; of a local folder its name alone, as paths are nobody else's."""
    path = Path(model.backbone.config.name_or_path)
    return {
        "hidden_size": model.hidden_size,
        "model_name": path.name if path.is_dir() else model.backbone.config.name_or_path,
        "model_type": model.backbone.config.model_type,
    }


def read_tensors(folder: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """The tensors in the first of these files that is there. Raises UserError if none is, or it holds anything else."""
    there = [folder / name for name in names if (folder / name).exists()]
    if not there:
        raise UserError(f"no weights in {folder}: neither {' nor '.join(names)} is there")
    if len(there) > 1:
        logger.warning("%s: %s is read, %s is not", folder, there[0].name, there[1].name)
    path = there[0]
    try:
        tensors = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        raise UserError(f"{path} cannot be read, it may be cut off: {first_line(error)}") from None
    except Exception as error:  # torch.load's refusal of code in a pickle has a private exception type
        raise UserError(f"{path} holds more than tensors and is not loaded: {type(error).__name__}") from None
    if not isinstance(tensors, dict) or not all(
        isinstance(t, Tensor) and t.is_floating_point() for t in tensors.values()
    ):
        raise UserError(f"{path} holds something else than named tensors of numbers and is not loaded")
    return tensors


def _named(folder: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    ours: dict[str, Tensor] = {}
    names: set[str] = set()
    for key, tensor in tensors.items():
        if site := _SITE.fullmatch(key):
            name, own = site[2], f"{int(site[1])}.{_OURS[site[3]]}.{site[4]}"
        elif inverse := _INVERTIBLE.fullmatch(key):
            name, own = inverse[1], f"invertible.{inverse[2]}"
        elif _ATTENTION.fullmatch(key):
            raise UserError(f"adapter {folder}: tensor {key}: {HOULSBY}; {SUPPORTED}")
        else:
            raise UserError(f"adapter {folder}: tensor {key} belongs to no site of this model")
        names.add(name)
        if own in ours:
            raise UserError(f"adapter {folder}: tensor {key} is there twice, under names of two ages or two adapters")
        ours[own] = tensor
    if len(names) > 1:
        raise UserError(f"adapter {folder} holds several adapters ({', '.join(sorted(names))}); one is supported")
    return ours


def _bottleneck(folder: Path, described: Sequence[int], tensors: Mapping[str, Tensor]) -> int:
    """The one d of every layer. Raises UserError if layers differ, or the tensors differ from reduction_factor."""
    if len(set(described)) > 1:
        raise UserError(
            f"adapter {folder}: reduction_factor gives the layers bottlenecks of {sorted(set(described))}; supported: "
            "the same in every layer"
        )
    down = tensors.get("0.down.weight")
    if down is None or down.dim() != 2:
        raise UserError(f"adapter {folder} has no adapter in layer 0's output; only that placement is supported")
    if len(down) != described[0]:
        raise UserError(
            f"adapter {folder}: reduction_factor makes a bottleneck of {described[0]}, and the tensors have {len(down)}"
        )
    return len(down)


def _last(name: str) -> str:
    """A model's name without its owner: xlm-roberta-base was FacebookAI/xlm-roberta-base before and after."""
    return name.rpartition("/")[2]


def _shapes(config: AdapterConfig, model: "AdaptedEncoder") -> dict[str, tuple[int, ...]]:
    d, hidden = config.bottleneck, model.hidden_size
    site = {"down.weight": (d, hidden), "down.bias": (d,), "up.weight": (hidden, d), "up.bias": (hidden,)}
    shapes: dict[str, tuple[int, ...]] = {
        f"{i}.{key}": shape for i in range(len(model.sites)) for key, shape in site.items()
    }
    if config.invertible:
        half, width = model.embedding_size // 2, config.invertible_bottleneck or model.embedding_size // 4
        for part in "FG":
            shapes |= {f"invertible.{part}.0.weight": (width, half), f"invertible.{part}.0.bias": (width,)}
            shapes |= {f"invertible.{part}.2.weight": (half, width), f"invertible.{part}.2.bias": (half,)}
    return shapes


def _reduction(size: int, bottleneck: int) -> float:
    """AdapterHub's reduction factor r, for which size // r is the bottleneck; a whole number where one exists."""
    whole = max(1, size // bottleneck)
    return whole if size // whole == bottleneck else size / (bottleneck + 0.5)


def _inverse_reduction(model: "AdaptedEncoder", config: AdapterConfig) -> float:
    return _reduction(model.embedding_size // 2, config.invertible_bottleneck or model.embedding_size // 4)
