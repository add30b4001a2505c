"""The names and shapes of the tensors of one adapter's file, which show that it fits a backbone before a weight is read.

No PyTorch is loaded here. Shapes: H hidden size, E embedding size, d bottleneck size, W width of the invertible part's F and G.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from orthoadapters.errors import UserError
from orthoadapters.files import read_safetensors_header
from orthoadapters.hub.adapters import FIX, WEIGHTS
from orthoadapters.model.adapterhub.config import HOULSBY, SUPPORT, AdapterDescription, read_config
from orthoadapters.model.shape import Shape

_SITE = re.compile(
    r"(?:.+\.)?(?:encoder\.layer\.(?P<layer>\d+)\.output\.(?:adapters|layer_text_(?:lang|task)_adapters)"
    r"|layers\.(?P<pre_norm_layer>\d+)\.output_adapters\.adapters)"
    r"\.(?P<name>[^.]+)\.(?P<module>adapter_down\.0|adapter_up)\.(?P<parameter>weight|bias)"
)
_ATTENTION = re.compile(r"(?:.+\.)?attention\.output\.(?:adapters|attention_text_(?:lang|task)_adapters)\..+")
_INVERTIBLE = re.compile(r"(?:.+\.)?invertible_(?:lang_)?adapters\.([^.]+)\.([FG]\.[02]\.(?:weight|bias))")
# Our modules by their names in the library, and the other way round.
OURS = {"adapter_down.0": "down", "adapter_up": "up"}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}

TensorShape = tuple[int, ...]


def check_header(folder: Path, shape: Shape) -> tuple[int, tuple[int, ...]]:
    """Compares an adapter's files with a backbone of this shape, as `read` would; a pickle's tensors are not looked at.

    Returns the bottleneck that the adapter has, and the layers that it is left out of. Raises UserError as `read`, but for the
    weights themselves.
    """
    description = read_config(folder, shape)
    size = next(iter(description.bottlenecks.values()))
    if (path := folder / WEIGHTS[0]).exists():
        header = read_safetensors_header(path)
        tensors = {ours: tuple(header[name]["shape"]) for ours, name in our_names(folder, header).items()}
        size, _ = check_layout(folder, tensors, description, shape)
    return size, description.leave_out


def check_layout(
    folder: Path, tensors: Mapping[str, TensorShape], description: AdapterDescription, shape: Shape
) -> tuple[int, int | None]:
    """Returns the bottleneck and the width of the invertible part, None without one.

    tensors: the shapes, by our names. Raises UserError for a tensor that is missing, surplus or misshapen.
    """
    width = description.invertible_width
    if description.invertible_is_optional and not any(name.startswith("invertible.") for name in tensors):
        width = None
    d = _bottleneck(folder, description.bottlenecks, tensors)
    _check_shapes(folder, tensors, _tensor_shapes(d, width, shape, description.bottlenecks), shape)
    return d, width


def our_names(folder: Path, keys: Iterable[str]) -> dict[str, str]:
    """Returns the file's name of each tensor by ours, whatever the adapter is called.

    Raises UserError for a tensor that no site computes with.
    """
    ours: dict[str, str] = {}
    names: set[str] = set()
    for key in keys:
        if site := _SITE.fullmatch(key):
            layer = int(site["layer"] or site["pre_norm_layer"])
            name, our_key = site["name"], f"{layer}.{OURS[site['module']]}.{site['parameter']}"
        elif invertible := _INVERTIBLE.fullmatch(key):
            name, our_key = invertible[1], f"invertible.{invertible[2]}"
        elif _ATTENTION.fullmatch(key):
            raise UserError(f"adapter {folder}: tensor {key}: {HOULSBY}; {SUPPORT}")
        else:
            raise UserError(f"adapter {folder}: tensor {key} belongs to no site of this model")
        names.add(name)
        if our_key in ours:
            raise UserError(f"adapter {folder}: tensor {key} is there twice, under names of two ages or two adapters")
        ours[our_key] = key
    if len(names) > 1:
        raise UserError(f"adapter {folder} holds several adapters ({', '.join(sorted(names))}); one is supported")
    return ours


def _bottleneck(folder: Path, bottlenecks: Mapping[int, int], tensors: Mapping[str, TensorShape]) -> int:
    """Returns the one d of all layers. Raises UserError if layers differ, or the tensors differ from reduction_factor."""
    sizes = sorted(set(bottlenecks.values()))
    if len(sizes) > 1:
        raise UserError(
            f"adapter {folder}: reduction_factor gives the layers bottlenecks of {sizes}; supported: the same in every layer"
        )
    first = min(bottlenecks)
    down = tensors.get(f"{first}.down.weight")
    if down is None or len(down) != 2:
        raise UserError(f"adapter {folder} has no adapter in layer {first}'s output; only that placement is supported")
    if down[0] != sizes[0]:
        raise UserError(
            f"adapter {folder}: reduction_factor makes a bottleneck of {sizes[0]}, and the tensors have {down[0]}"
        )
    return down[0]


def _check_shapes(
    folder: Path, tensors: Mapping[str, TensorShape], shapes: Mapping[str, TensorShape], shape: Shape
) -> None:
    """Raises UserError naming tensors that are missing, surplus or misshapen."""
    missing, surplus = sorted(shapes.keys() - tensors.keys()), sorted(tensors.keys() - shapes.keys())
    if missing or surplus:
        parts = [f"{verb} {', '.join(k[:3])}" for verb, k in (("lacks", missing), ("also has", surplus)) if k]
        raise UserError(f"adapter {folder} does not fit a backbone of {shape.layers} layers: {'; '.join(parts)}; {FIX}")
    for name, size in shapes.items():
        if tensors[name] != size:
            raise UserError(f"adapter {folder}: {name} has shape {tensors[name]}, expected {size}; {FIX}")


def _tensor_shapes(d: int, width: int | None, shape: Shape, layers: Iterable[int]) -> dict[str, TensorShape]:
    """Returns the shape of every tensor of an adapter: (d, H), (d,), (H, d), (H,), and (W, E/2), ... of F and G."""
    hidden = shape.hidden_size
    site = {"down.weight": (d, hidden), "down.bias": (d,), "up.weight": (hidden, d), "up.bias": (hidden,)}
    shapes: dict[str, TensorShape] = {f"{layer}.{key}": size for layer in layers for key, size in site.items()}
    if width is not None:
        half = shape.embedding_size // 2
        for part in "FG":
            shapes |= {f"invertible.{part}.0.weight": (width, half), f"invertible.{part}.0.bias": (width,)}
            shapes |= {f"invertible.{part}.2.weight": (half, width), f"invertible.{part}.2.bias": (half,)}
    return shapes
