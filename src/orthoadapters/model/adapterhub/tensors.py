"""One adapter as a folder in AdapterHub's format: `adapter_config.json` beside its weights.

Tensor names are those of `adapters` 1.x, `encoder.layer.{i}.output.adapters.{name}.adapter_down.0.weight` and so on (for
ModernBERT `layers.{i}.output_adapters.adapters. ...`), or the older `layer_text_lang_adapters`, `invertible_lang_adapters`,
behind any prefix. Reading is strict: what a site does not
compute is refused, by field (`config.py`) or by tensor (`layout.py`).

Shapes: H hidden size, E embedding size, d bottleneck size, W width of the invertible part's F and G.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from orthoadapters.adapters import AdapterConfig
from orthoadapters.checksums import check_sums
from orthoadapters.errors import UserError, first_line, is_of_memory
from orthoadapters.files import check_content, new_folder
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.adapters import FILE, FIX, check_size
from orthoadapters.hub.families import FAMILIES, Layout
from orthoadapters.model.adapterhub.config import PLACEMENT, read_config
from orthoadapters.model.adapterhub.layout import THEIRS, check_layout, our_names
from orthoadapters.model.finite import check_finite
from orthoadapters.model.shape import Shape

logger = logging.getLogger(__name__)


def read(folder: Path, shape: Shape) -> tuple[str, AdapterConfig, dict[str, Tensor]]:
    """Reads a folder for a backbone of this shape: the adapter's name in the file, its size, its tensors.

    The tensors are named `{layer}.down.weight`, ..., `invertible.F.0.weight`, .... Raises UserError if a file is
    missing or broken, a config field asks for what a site does not compute, or a tensor is missing, surplus or misshapen.
    """
    description = read_config(folder, shape)
    tensors = read_tensors(folder, adapter_hub.WEIGHTS)
    tensors = {ours: tensors[name] for ours, name in our_names(folder, tensors).items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    d, width = check_layout(folder, shapes, description, shape)
    config = AdapterConfig(d, width is not None, width, description.leave_out)
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
        _their_name(shape, name, key): parameter.detach().to("cpu", torch.float32).contiguous()
        for key, parameter in parameters.items()
    }
    width = config.invertible_width(shape.embedding_size)
    sizes = {
        "leave_out": list(config.leave_out),
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
    """Reads the first of these files that is there. Raises UserError if none is, or it holds other than finite tensors."""
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
        if is_of_memory(error):
            raise
        raise UserError(f"{path} cannot be read, it may be cut off: {first_line(error)}; {FIX}") from None
    except MemoryError:
        raise
    except Exception as error:
        # torch.load refuses code in a pickle with a private type of exception.
        raise UserError(f"{path} holds more than tensors and is not loaded ({type(error).__name__}); {FIX}") from None
    if not isinstance(tensors, dict) or not all(map(_is_plain, tensors.values())):
        raise UserError(
            f"{path} holds something else than named tensors of floating-point numbers and is not loaded; {FIX}"
        )
    check_finite(tensors, path, FIX)
    for name, tensor in tensors.items():
        check_size(path, name, float(tensor.float().abs().max()) if tensor.numel() else 0.0)
    return tensors


def _is_plain(value: object) -> bool:
    """Says whether a value is a tensor of floating-point numbers that are all there: neither sparse nor without storage."""
    if not isinstance(value, Tensor) or value.layout is not torch.strided:
        return False
    return value.is_floating_point() and not value.is_meta


def _their_name(shape: Shape, adapter: str, key: str) -> str:
    """Returns the name in the library of our tensor `{layer}.down.weight`, ..., or `invertible.F.0.weight`, ...."""
    layer, _, rest = key.partition(".")
    if layer == "invertible":
        return f"invertible_adapters.{adapter}.{rest}"
    part, parameter = rest.split(".")
    is_pre_norm = FAMILIES[shape.model_type].layout is Layout.modernbert
    site = f"layers.{layer}.output_adapters" if is_pre_norm else f"encoder.layer.{layer}.output"
    return f"{site}.adapters.{adapter}.{THEIRS[part]}.{parameter}"


def _last(name: str) -> str:
    """Returns a model's name without its owner, as xlm-roberta-base and FacebookAI/xlm-roberta-base are the same model."""
    return name.rpartition("/")[2]


def _reduction(size: int, bottleneck: int) -> float:
    """Returns AdapterHub's reduction factor r with size // r = bottleneck; a whole number where one exists."""
    whole = max(1, size // bottleneck)
    return whole if size // whole == bottleneck else size / (bottleneck + 0.5)
