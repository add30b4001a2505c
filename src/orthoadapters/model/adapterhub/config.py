"""`adapter_config.json`: reads what AdapterHub's files of every age say of an adapter, and refuses what no site computes.

Field names and defaults are those of `adapters` 1.3.0 and its forerunner adapter-transformers (2020 on).
"""

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthoadapters.errors import UserError
from orthoadapters.files import read_json
from orthoadapters.hub.adapters import FILE
from orthoadapters.hub.families import FAMILIES
from orthoadapters.model.shape import Shape

# The fields of the file for what `AdapterSite` computes, which is AdapterHub's `seq_bn`, formerly `pfeiffer`.
PLACEMENT: dict[str, Any] = {
    "adapter_residual_before_ln": False,
    "cross_adapter": False,
    "dropout": 0.0,
    "is_parallel": False,
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
# The fields that have no default in `adapters`.
_WITHOUT_DEFAULT = ("mh_adapter", "non_linearity", "output_adapter", "reduction_factor")
# The fields whose default in `adapters` is not what a site computes.
_OTHER_DEFAULT = {"original_ln_before": False}
_SIZES = ("leave_out", "reduction_factor", "inv_adapter", "inv_adapter_reduction_factor", "invertible_adapter")
# Fields that change nothing here: how fresh weights are drawn, AdapterFusion, the inside of PHM layers (refused).
_WITHOUT_EFFECT = {
    "attention_type",
    "factorized_phm_W",
    "factorized_phm_rule",
    "hypercomplex_nonlinearity",
    "init_weights",
    "init_weights_seed",
    "learn_phm",
    "phm_bias",
    "phm_c_init",
    "phm_dim",
    "phm_init_range",
    "phm_rank",
    "shared_W_phm",
    "shared_phm_rule",
}
_OLD_NAMES = {
    "LN_after": "ln_after",
    "LN_before": "ln_before",
    "MH_Adapter": "mh_adapter",
    "Output_Adapter": "output_adapter",
}
# ours: AdapterHub's presets, under their old names and their new ones
_PLAIN: dict[str, Any] = {"reduction_factor": 16}
_INVERTIBLE = _PLAIN | {"inv_adapter": "nice", "inv_adapter_reduction_factor": 2}
_PRESETS = {"pfeiffer": _PLAIN, "seq_bn": _PLAIN, "pfeiffer+inv": _INVERTIBLE, "seq_bn_inv": _INVERTIBLE}
SUPPORT = "sites compute AdapterHub's pfeiffer (seq_bn) adapter"
HOULSBY = "Houlsby's placement (houlsby, double_seq_bn), with adapters on the attention's output too, is not supported"


@dataclass(frozen=True)
class AdapterDescription:
    """One adapter as its file describes it.

    bottlenecks: d by layer, without the layers that have no adapter. leave_out: those layers, ascending. invertible_width: the
    width of the invertible part's F and G, None without one. invertible_is_optional: the invertible part counts only if its
    tensors are there. Task adapters of 2020 name one that they do not have. model_name: the backbone that the adapter was
    trained on, empty if the file does not say.
    """

    name: str
    bottlenecks: dict[int, int]
    leave_out: tuple[int, ...]
    invertible_width: int | None
    invertible_is_optional: bool
    model_name: str


def read_config(folder: Path, shape: Shape) -> AdapterDescription:
    """Reads a folder's adapter_config.json for a backbone of this shape.

    Raises UserError naming the field that asks for another backbone, or for what a site does not compute.
    """
    fields = read_fields(folder / FILE)
    config = _adapter_fields(folder, fields.get("config"))
    check_backbone(folder, fields, shape)
    _check_placement(folder, config)
    kind = fields.get("type")
    if kind not in (None, "text_lang", "text_task"):
        raise UserError(f"adapter {folder}: type = {kind!r} is not supported; supported: text_lang, text_task, or none")
    leave_out = _leave_out(folder, config.get("leave_out"), shape.layers)
    factors = {i: _layer_factor(folder, config, i) for i in range(shape.layers) if i not in leave_out}
    return AdapterDescription(
        name=str(fields.get("name") or folder.name),
        bottlenecks={i: _width(folder, "reduction_factor", shape.hidden_size, factor) for i, factor in factors.items()},
        leave_out=leave_out,
        invertible_width=_invertible_width(folder, config, shape.embedding_size // 2),
        invertible_is_optional=kind == "text_task",
        model_name=str(fields.get("model_name") or ""),
    )


def read_fields(path: Path) -> dict[str, Any]:
    """Reads adapter_config.json or head_config.json. Raises UserError if it is missing or broken."""
    if not path.exists():
        raise UserError(f"no adapter in {path.parent}: {path.name} is missing; give the folder that holds it")
    return read_json(path, "bring it back from where the adapter is published")


def check_backbone(folder: Path, fields: Mapping[str, Any], shape: Shape) -> None:
    """Raises UserError if adapter_config.json or head_config.json is for another family or size of backbone."""
    family = _family(fields)
    if family not in (None, shape.model_type):
        raise UserError(f"{folder} is for a backbone of type {family}; this one's is {shape.model_type}")
    if (size := fields.get("hidden_size")) not in (None, shape.hidden_size):
        raise UserError(f"{folder} is for hidden size {size}; this backbone's is {shape.hidden_size}")


def _adapter_fields(folder: Path, config: Any) -> dict[str, Any]:
    """Returns the fields of `config` by their present names; a text stands for one of AdapterHub's presets."""
    if isinstance(config, str):
        return _preset_fields(folder, config)
    if not isinstance(config, dict):
        raise UserError(f"{folder / FILE} has no 'config': it does not describe an AdapterHub adapter")
    if config.get("architecture"):
        raise UserError(f"adapter {folder}: architecture = {config['architecture']!r} is not supported; {SUPPORT}")
    return {_OLD_NAMES.get(str(field), str(field)): value for field, value in config.items() if field != "architecture"}


def _preset_fields(folder: Path, config: str) -> dict[str, Any]:
    """Returns the fields of a preset, some of which a text such as `seq_bn_inv[reduction_factor=2]` replaces."""
    name, bracket, rest = config.strip().partition("[")
    if name not in _PRESETS or (bracket and not rest.endswith("]")):
        why = f"; {HOULSBY}" if "houlsby" in config or config.startswith("double_seq_bn") else ""
        raise UserError(
            f"adapter {folder}: config = {config!r} is not supported{why}; supported names: {', '.join(_PRESETS)}"
        )
    # As in `adapters`: KEY=VALUE, ..., with values as Python writes them.
    values = re.sub(r"(\w+)=", r"'\1':", rest.removesuffix("]"))
    try:
        # Without a `=`, Python reads the values as a set, which has no items.
        items = ast.literal_eval("{" + values + "}").items()
        fields = {_OLD_NAMES.get(field, field): value for field, value in items}
    except (SyntaxError, ValueError, TypeError, AttributeError, MemoryError, RecursionError):
        raise UserError(
            f"adapter {folder}: config = {config!r} cannot be read; write it as {name}[reduction_factor=2]"
        ) from None
    return PLACEMENT | _PRESETS[name] | fields


def _check_placement(folder: Path, config: Mapping[str, Any]) -> None:
    """Raises UserError for a field that lacks what is needed, or asks for what a site does not compute."""
    for field in _WITHOUT_DEFAULT:
        if config.get(field) is None:
            raise UserError(f"adapter {folder}: {FILE} does not say {field}, which decides what the adapter computes")
    if config["mh_adapter"]:
        raise UserError(f"adapter {folder}: mh_adapter = {config['mh_adapter']!r}: {HOULSBY}; {SUPPORT}")
    for field, site_value in PLACEMENT.items():
        value = config.get(field, _OTHER_DEFAULT.get(field, site_value))
        plain = value.lower() if field == "non_linearity" and isinstance(value, str) else value
        if plain != site_value:
            origin = "" if field in config else " (what `adapters` takes where the file does not say it)"
            raise UserError(
                f"adapter {folder}: {field} = {value!r}{origin} is not supported; {SUPPORT}, where it is {site_value!r}"
            )
    for field, value in config.items():
        is_known = field in PLACEMENT or field in _WITHOUT_EFFECT or field in _SIZES
        if not is_known and value is not None and value is not False:
            raise UserError(
                f"adapter {folder}: the field {field} = {value!r} is not known here and may change what the adapter "
                f"computes; {SUPPORT}"
            )


def _invertible_width(folder: Path, config: Mapping[str, Any], half: int) -> int | None:
    """Returns the width of the invertible part's F and G on half of an embedding, None without one.

    The file says it in one of two ways: `inv_adapter`, or `invertible_adapter` until 2021.
    """
    block, factor = config.get("inv_adapter"), config.get("inv_adapter_reduction_factor")
    if part := config.get("invertible_adapter"):
        if not isinstance(part, dict) or part.get("non_linearity", "relu") != "relu":
            raise UserError(
                f"adapter {folder}: invertible_adapter = {part!r} is not supported; supported: a nice block with relu"
            )
        block, factor = part.get("block_type"), part.get("reduction_factor")
    if not block:
        return None
    if block != "nice":
        raise UserError(f"adapter {folder}: inv_adapter = {block!r} is not supported; supported: nice, or none")
    return _width(folder, "inv_adapter_reduction_factor", half, factor)


def _leave_out(folder: Path, layers: Any, count: int) -> tuple[int, ...]:
    """Returns the layers that have no adapter, ascending. count: the backbone's layers, of which one must be left."""
    numbers = [] if layers is None else layers
    is_list = isinstance(numbers, list) and all(type(layer) is int and 0 <= layer < count for layer in numbers)
    if not is_list or len(set(numbers)) == count:
        raise UserError(
            f"adapter {folder}: leave_out = {layers!r} is not supported; supported: numbers of layers, 0 to {count - 1}, but "
            "not all of them"
        )
    return tuple(sorted(set(numbers)))


def _layer_factor(folder: Path, config: Mapping[str, Any], layer: int) -> Any:
    """Returns the reduction factor of one layer; a file gives one number, or one for each layer."""
    factor = config["reduction_factor"]
    if not isinstance(factor, dict):
        return factor
    if str(layer) not in factor and "default" not in factor:
        raise UserError(f"adapter {folder}: reduction_factor = {factor!r} says nothing of layer {layer}, nor a default")
    return factor.get(str(layer), factor.get("default"))


def _width(folder: Path, field: str, size: int, factor: Any) -> int:
    """Divides `size` by a reduction factor, as `adapters` does it."""
    is_number = isinstance(factor, int | float) and not isinstance(factor, bool)
    # The smallest numbers divide to infinity, which no width is.
    if not is_number or not 0 < factor < math.inf or size // factor == math.inf:
        raise UserError(f"adapter {folder}: {field} = {factor!r} is not supported; supported: numbers above 0")
    return max(1, int(size // factor))


def _family(fields: Mapping[str, Any]) -> str | None:
    """Returns the backbone's model type, from the first field that says it; None if no field does."""
    if fields.get("model_type"):
        return str(fields["model_type"])
    if match := re.match(r"(\w+?)(?:Model|For|Adapter)", str(fields.get("model_class") or "")):
        return next((name for name, family in FAMILIES.items() if family.adapterhub == match[1]), match[1])
    model_name = str(fields.get("model_name") or "").rpartition("/")[2]
    return next((name for name in FAMILIES if model_name.startswith(f"{name}-")), None)
