"""`adapter_config.json`: what AdapterHub's files of every age say of an adapter, and what of it a site computes.

Field names and defaults are those of `adapters` 1.3.0 and its forerunner adapter-transformers (2020 on).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orthoadapters.errors import UserError
from orthoadapters.hub.adapters import FILE

if TYPE_CHECKING:
    from orthoadapters.model.encoder import AdaptedEncoder

# What `AdapterSite` computes, in the words of the file (AdapterHub's `seq_bn`, formerly `pfeiffer`).
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
_REQUIRED = ("mh_adapter", "non_linearity", "output_adapter", "reduction_factor")  # without a default in `adapters`
_OTHER_DEFAULT = {"original_ln_before": False}  # where the default of `adapters` is not what a site computes
_SIZES = ("reduction_factor", "inv_adapter", "inv_adapter_reduction_factor", "invertible_adapter")
# Fields that change nothing here: how fresh weights are drawn, AdapterFusion, the inside of PHM layers (refused).
_WITHOUT_EFFECT = {
    "attention_type", "factorized_phm_W", "factorized_phm_rule", "hypercomplex_nonlinearity", "init_weights",
    "init_weights_seed", "learn_phm", "phm_bias", "phm_c_init", "phm_dim", "phm_init_range", "phm_rank", "shared_W_phm",
    "shared_phm_rule",
}  # fmt: skip
_OLD_NAMES = {"LN_after": "ln_after", "LN_before": "ln_before", "MH_Adapter": "mh_adapter",
              "Output_Adapter": "output_adapter"}  # fmt: skip
# ours: AdapterHub's own presets, under their old names and their new ones
_PLAIN: dict[str, Any] = {"reduction_factor": 16}
_INVERTIBLE = _PLAIN | {"inv_adapter": "nice", "inv_adapter_reduction_factor": 2}
_PRESETS = {"pfeiffer": _PLAIN, "seq_bn": _PLAIN, "pfeiffer+inv": _INVERTIBLE, "seq_bn_inv": _INVERTIBLE}
SUPPORTED = "sites compute AdapterHub's pfeiffer (seq_bn) adapter"
HOULSBY = "Houlsby's placement (houlsby, double_seq_bn), with adapters on the attention's output too, is not supported"
_CLASSES = {"XLMRoberta": "xlm-roberta", "Roberta": "roberta", "Bert": "bert", "Electra": "electra"}


@dataclass(frozen=True)
class Described:
    """One adapter as its file describes it: d per layer, and the width of the invertible part's F and G, None without.

    droppable: the invertible part counts only if its tensors are there (task adapters of 2020, which name one in vain).
    """

    name: str
    bottlenecks: list[int]
    inverse_width: int | None
    droppable: bool
    model_name: str


def read_config(folder: Path, model: "AdaptedEncoder") -> Described:
    """Reads a folder's adapter_config.json for the model's backbone.

    Raises UserError naming the field that asks for another backbone, or for what a site does not compute.
    """
    described = read_json(folder / FILE)
    config = _fields(folder, described.get("config"))
    check_backbone(folder, described, model)
    _check_placement(folder, config)
    kind = described.get("type")
    if kind not in (None, "text_lang", "text_task"):
        raise UserError(f"adapter {folder}: type = {kind!r} is not supported; supported: text_lang, text_task, or none")
    return Described(
        str(described.get("name") or folder.name),
        [
            _divided(folder, "reduction_factor", model.hidden_size, _of_layer(folder, config, i))
            for i in range(len(model.sites))
        ],
        _inverse_width(folder, config, model.embedding_size // 2),
        kind == "text_task",
        str(described.get("model_name") or ""),
    )


def read_json(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no adapter in {path.parent}: {path.name} is missing") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from None
    if not isinstance(held, dict):
        raise UserError(f"{path} is not JSON with fields: it does not describe anything of AdapterHub's")
    return held


def check_backbone(folder: Path, described: Mapping[str, Any], model: "AdaptedEncoder") -> None:
    """Raises UserError if adapter_config.json or head_config.json is for another family or size of backbone."""
    family, own = _family(described), model.backbone.config.model_type
    if family not in (None, own):
        raise UserError(f"{folder} is for a backbone of type {family}; this one's is {own}")
    if (size := described.get("hidden_size")) not in (None, model.hidden_size):
        raise UserError(f"{folder} is for hidden size {size}; this backbone's is {model.hidden_size}")


def _fields(folder: Path, config: Any) -> dict[str, Any]:
    """The adapter's own fields by their present names; a name stands for the configuration that AdapterHub gives it."""
    if isinstance(config, str):
        if config not in _PRESETS:
            why = f"; {HOULSBY}" if "houlsby" in config or config.startswith("double_seq_bn") else ""
            raise UserError(
                f"adapter {folder}: config = {config!r} is not supported{why}; supported names: {', '.join(_PRESETS)}"
            )
        return PLACEMENT | _PRESETS[config]
    if not isinstance(config, dict):
        raise UserError(f"{folder / FILE} has no 'config': it does not describe an AdapterHub adapter")
    if config.get("architecture"):
        raise UserError(f"adapter {folder}: architecture = {config['architecture']!r} is not supported; {SUPPORTED}")
    return {_OLD_NAMES.get(str(field), str(field)): value for field, value in config.items() if field != "architecture"}


def _check_placement(folder: Path, config: Mapping[str, Any]) -> None:
    for field in _REQUIRED:
        if config.get(field) is None:
            raise UserError(f"adapter {folder}: {FILE} does not say {field}, which decides what the adapter computes")
    if config["mh_adapter"]:
        raise UserError(f"adapter {folder}: mh_adapter = {config['mh_adapter']!r}: {HOULSBY}; {SUPPORTED}")
    for field, supported in PLACEMENT.items():
        value = config.get(field, _OTHER_DEFAULT.get(field, supported))
        same = value.lower() if field == "non_linearity" and isinstance(value, str) else value
        if same != supported and not (field == "leave_out" and value is None):
            said = "" if field in config else " (what `adapters` takes where the file does not say it)"
            raise UserError(
                f"adapter {folder}: {field} = {value!r}{said} is not supported; {SUPPORTED}, where it is {supported!r}"
            )
    for field, value in config.items():
        known = field in PLACEMENT or field in _WITHOUT_EFFECT or field in _SIZES
        if not known and value is not None and value is not False:
            raise UserError(
                f"adapter {folder}: the field {field} = {value!r} is not known here and may change what the adapter "
                f"computes; {SUPPORTED}"
            )


def _inverse_width(folder: Path, config: Mapping[str, Any], half: int) -> int | None:
    """Width of the invertible part's F and G on half of the embeddings, None without one; both spellings of it."""
    block, factor = config.get("inv_adapter"), config.get("inv_adapter_reduction_factor")
    if nested := config.get("invertible_adapter"):  # until 2021
        if not isinstance(nested, dict) or nested.get("non_linearity", "relu") != "relu":
            raise UserError(
                f"adapter {folder}: invertible_adapter = {nested!r} is not supported; supported: a nice block with relu"
            )
        block, factor = nested.get("block_type"), nested.get("reduction_factor")
    if not block:
        return None
    if block != "nice":
        raise UserError(f"adapter {folder}: inv_adapter = {block!r} is not supported; supported: nice, or none")
    return _divided(folder, "inv_adapter_reduction_factor", half, factor)


def _of_layer(folder: Path, config: Mapping[str, Any], layer: int) -> Any:
    factor = config["reduction_factor"]
    if not isinstance(factor, dict):
        return factor
    if str(layer) not in factor and "default" not in factor:
        raise UserError(f"adapter {folder}: reduction_factor = {factor!r} says nothing of layer {layer}, nor a default")
    return factor.get(str(layer), factor.get("default"))


def _divided(folder: Path, field: str, size: int, factor: Any) -> int:
    """The width that a reduction factor makes of `size`, as `adapters` computes it."""
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor > 0:
        raise UserError(f"adapter {folder}: {field} = {factor!r} is not supported; supported: numbers above 0")
    return max(1, int(size // factor))


def _family(described: Mapping[str, Any]) -> str | None:
    """The backbone's type, from whichever field says it; None if none does."""
    if described.get("model_type"):
        return str(described["model_type"])
    if named := re.match(r"(\w+?)(?:Model|For|Adapter)", str(described.get("model_class") or "")):
        return _CLASSES.get(named[1], named[1])
    name = str(described.get("model_name") or "").rpartition("/")[2]
    return next((family for family in _CLASSES.values() if name.startswith(f"{family}-")), None)
