"""One adapter as a folder in AdapterHub's format: `adapter_config.json` beside its weights.

Tensor names are those of `adapters` 1.x, `encoder.layer.{i}.output.adapters.{name}.adapter_down.0.weight` and so on, or the
older `layer_text_lang_adapters`, `invertible_lang_adapters`, behind any prefix. Reading is strict: what a site does not
compute is refused, by field (`config.py`) or by tensor (here).

Shapes: H hidden size, E embedding size, d bottleneck size, W width of the invertible part's F and G.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from orthoadapters.adapters import AdapterConfig
from orthoadapters.checksums import check_sums
from orthoadapters.errors import UserError, first_line
from orthoadapters.files import check_content, new_folder
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.adapters import FILE, FIX
from orthoadapters.model.adapterhub.config import HOULSBY, PLACEMENT, SUPPORT, read_config
from orthoadapters.model.finite import check_finite
from orthoadapters.model.shape import Shape

_SITE = re.compile(
    r"(?:.+\.)?encoder\.layer\.(\d+)\.output\.(?:adapters|layer_text_(?:lang|task)_adapters)\.([^.]+)"
    r"\.(adapter_down\.0|adapter_up)\.(weight|bias)"
)
_ATTENTION = re.compile(r"(?:.+\.)?attention\.output\.(?:adapters|attention_text_(?:lang|task)_adapters)\..+")
_INVERTIBLE = re.compile(r"(?:.+\.)?invertible_(?:lang_)?adapters\.([^.]+)\.([FG]\.[02]\.(?:weight|bias))")
# Our modules by their names in the library, and the other way round.
_OURS = {"adapter_down.0": "down", "adapter_up": "up"}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}
logger = logging.getLogger(__name__)


def read(folder: Path, shape: Shape) -> tuple[str, AdapterConfig, dict[str, Tensor]]:
    """Reads a folder for a backbone of this shape: the adapter's name in the file, its size, its tensors.

    The tensors are named `{layer}.down.weight`, ..., `invertible.F.0.weight`, .... Raises UserError if a file is
    missing or broken, a config field asks for what a site does not compute, or a tensor is missing, surplus or misshapen.
    """
    description = read_config(folder, shape)
    tensors = _by_our_names(folder, read_tensors(folder, adapter_hub.WEIGHTS))
    width = description.invertible_width
    if description.invertible_is_optional and not any(name.startswith("invertible.") for name in tensors):
        width = None
    d = _bottleneck(folder, description.bottlenecks, tensors)
    config = AdapterConfig(d, invertible=width is not None, invertible_bottleneck=width)
    _check_tensors(folder, tensors, config, shape)
    check_sums(folder, FIX)
    backbone = shape.name_or_path
    if description.model_name and not Path(backbone).is_dir() and _last(description.model_name) != _last(backbone):
        logger.warning("adapter %s was trained on %s; this backbone is %s", folder, description.model_name, backbone)
    return description.name, config, tensors


def write(folder: Path, shape: Shape, name: str, config: AdapterConfig, parameters: Mapping[str, Tensor]) -> None:
    """Writes an adapter as a folder that `read` and the `adapters` library load; the folder is whole or not there at all.

    parameters: by the names that `read` gives them.
    """
    tensors = {
        _their_name(name, key): parameter.detach().to("cpu", torch.float32).contiguous()
        for key, parameter in parameters.items()
    }
    width = config.invertible_width(shape.embedding_size)
    sizes = {
        "reduction_factor": _reduction(shape.hidden_size, config.bottleneck),
        "inv_adapter": "nice" if config.invertible else None,
        "inv_adapter_reduction_factor": _reduction(shape.embedding_size // 2, width) if config.invertible else None,
    }
    fields = backbone_fields(shape) | {"config": PLACEMENT | sizes, "name": name}
    with new_folder(folder) as temporary:
        (temporary / FILE).write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n")
        save_file(tensors, temporary / adapter_hub.WEIGHTS[0])


def backbone_fields(shape: Shape) -> dict[str, str | int]:
    """Returns the fields of AdapterHub's files that name the backbone. A local folder's path is left out but for its name."""
    path = Path(shape.name_or_path)
    return {
        "hidden_size": shape.hidden_size,
        "model_name": path.name if path.is_dir() else shape.name_or_path,
        "model_type": shape.model_type,
    }


def read_tensors(folder: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """Reads the first of these files that is there. Raises UserError if none is, or it holds anything but finite tensors."""
    paths = [folder / name for name in names if (folder / name).exists()]
    if not paths:
        raise UserError(f"no weights in {folder}: neither {' nor '.join(names)} is there")
    if len(paths) > 1:
        logger.warning("%s: %s is read, %s is not", folder, paths[0].name, paths[1].name)
    path = paths[0]
    check_content(path, is_binary=True)
    try:
        tensors = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        raise UserError(f"{path} cannot be read, it may be cut off: {first_line(error)}; {FIX}") from None
    except Exception as error:
        # torch.load refuses code in a pickle with a private type of exception.
        raise UserError(f"{path} holds more than tensors and is not loaded ({type(error).__name__}); {FIX}") from None
    if not isinstance(tensors, dict) or not all(
        isinstance(t, Tensor) and t.is_floating_point() for t in tensors.values()
    ):
        raise UserError(
            f"{path} holds something else than named tensors of floating-point numbers and is not loaded; {FIX}"
        )
    check_finite(tensors, path, FIX)
    return tensors


def _their_name(adapter: str, key: str) -> str:
    """Returns the name in the library of our tensor `{layer}.down.weight`, ..., or `invertible.F.0.weight`, ...."""
    layer, _, rest = key.partition(".")
    if layer == "invertible":
        return f"invertible_adapters.{adapter}.{rest}"
    part, parameter = rest.split(".")
    return f"encoder.layer.{layer}.output.adapters.{adapter}.{_THEIRS[part]}.{parameter}"


def _by_our_names(folder: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Renames the tensors of one adapter, whatever it is called. Raises UserError for one that no site computes with."""
    ours: dict[str, Tensor] = {}
    names: set[str] = set()
    for key, tensor in tensors.items():
        if site := _SITE.fullmatch(key):
            name, our_key = site[2], f"{int(site[1])}.{_OURS[site[3]]}.{site[4]}"
        elif invertible := _INVERTIBLE.fullmatch(key):
            name, our_key = invertible[1], f"invertible.{invertible[2]}"
        elif _ATTENTION.fullmatch(key):
            raise UserError(f"adapter {folder}: tensor {key}: {HOULSBY}; {SUPPORT}")
        else:
            raise UserError(f"adapter {folder}: tensor {key} belongs to no site of this model")
        names.add(name)
        if our_key in ours:
            raise UserError(f"adapter {folder}: tensor {key} is there twice, under names of two ages or two adapters")
        ours[our_key] = tensor
    if len(names) > 1:
        raise UserError(f"adapter {folder} holds several adapters ({', '.join(sorted(names))}); one is supported")
    return ours


def _bottleneck(folder: Path, bottlenecks: Sequence[int], tensors: Mapping[str, Tensor]) -> int:
    """Returns the one d of all layers. Raises UserError if layers differ, or the tensors differ from reduction_factor."""
    if len(set(bottlenecks)) > 1:
        raise UserError(
            f"adapter {folder}: reduction_factor gives the layers bottlenecks of {sorted(set(bottlenecks))}; supported: "
            "the same in every layer"
        )
    down = tensors.get("0.down.weight")
    if down is None or down.dim() != 2:
        raise UserError(f"adapter {folder} has no adapter in layer 0's output; only that placement is supported")
    if len(down) != bottlenecks[0]:
        raise UserError(
            f"adapter {folder}: reduction_factor makes a bottleneck of {bottlenecks[0]}, and the tensors have {len(down)}"
        )
    return len(down)


def _last(name: str) -> str:
    """Returns a model's name without its owner, as xlm-roberta-base and FacebookAI/xlm-roberta-base are the same model."""
    return name.rpartition("/")[2]


def _check_tensors(folder: Path, tensors: Mapping[str, Tensor], config: AdapterConfig, shape: Shape) -> None:
    """Raises UserError naming tensors that are missing, surplus or misshapen."""
    shapes = _tensor_shapes(config, shape)
    missing, surplus = sorted(shapes.keys() - tensors.keys()), sorted(tensors.keys() - shapes.keys())
    if missing or surplus:
        parts = [f"{verb} {', '.join(k[:3])}" for verb, k in (("lacks", missing), ("also has", surplus)) if k]
        raise UserError(f"adapter {folder} does not fit a backbone of {shape.layers} layers: {'; '.join(parts)}; {FIX}")
    for name, size in shapes.items():
        if tuple(tensors[name].shape) != size:
            raise UserError(f"adapter {folder}: {name} has shape {tuple(tensors[name].shape)}, expected {size}; {FIX}")


def _tensor_shapes(config: AdapterConfig, shape: Shape) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every tensor of an adapter: (d, H), (d,), (H, d), (H,), and (W, E/2), ... of F and G."""
    d, hidden = config.bottleneck, shape.hidden_size
    site = {"down.weight": (d, hidden), "down.bias": (d,), "up.weight": (hidden, d), "up.bias": (hidden,)}
    shapes: dict[str, tuple[int, ...]] = {
        f"{layer}.{key}": size for layer in range(shape.layers) for key, size in site.items()
    }
    if config.invertible:
        half, width = shape.embedding_size // 2, config.invertible_width(shape.embedding_size)
        for part in "FG":
            shapes |= {f"invertible.{part}.0.weight": (width, half), f"invertible.{part}.0.bias": (width,)}
            shapes |= {f"invertible.{part}.2.weight": (half, width), f"invertible.{part}.2.bias": (half,)}
    return shapes


def _reduction(size: int, bottleneck: int) -> float:
    """Returns AdapterHub's reduction factor r with size // r = bottleneck; a whole number where one exists."""
    whole = max(1, size // bottleneck)
    return whole if size // whole == bottleneck else size / (bottleneck + 0.5)
