"""A backbone's pretrained weights, read from a folder or from the Hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from transformers import AutoModel, AutoModelForMaskedLM
from transformers.utils import logging as transformers_logging

from orthoadapters.errors import UserError, first_line, is_of_memory
from orthoadapters.files import COPY_AGAIN, read_json
from orthoadapters.hub.backbone_config import check_loading
from orthoadapters.hub.backbones import backbone_folder
from orthoadapters.hub.families import FAMILIES, Layout
from orthoadapters.model.finite import check_finite

# How the names of the MLM head's tensors begin in DeBERTa-v3's files. Their config.json does not tell this head from the one
# of transformers' own (`legacy`), which is read otherwise.
MICROSOFTS_HEAD = "lm_predictions."


def read_pretrained(path: str, revision: str | None, *, mlm_head: bool, allow_pickle: bool) -> Any:
    """Reads a Hugging Face folder or Hub id as transformers' model, with its MLM head around it if `mlm_head`.

    Weights are read from safetensors, or with `allow_pickle` from a pickle of which no code is run. Raises UserError if
    they cannot be read, the backbone is of an unsupported type, or a pretrained weight that is used is missing, misshapen or
    not finite.
    """
    folder = backbone_folder(path, revision, allow_pickle)
    check_loading(folder)
    auto = AutoModelForMaskedLM if mlm_head else AutoModel
    try:
        model, info = _load(auto, folder, allow_pickle)
        if (
            mlm_head
            and info["missing_keys"]
            and any(key.startswith(MICROSOFTS_HEAD) for key in info["unexpected_keys"])
        ):
            model, info = _load(auto, folder, allow_pickle, legacy=False)
    except UnpicklingError as error:
        raise UserError(
            f"the weights of backbone {path} cannot be read: its pickle is damaged, or holds more than tensors, and code in "
            "it is not run; bring it back whole, or convert it to model.safetensors"
        ) from error
    except Exception as error:
        if is_of_memory(error):
            raise
        # Of damaged files, and of a config.json that asks for what there is not, transformers raises many types.
        raise UserError(f"the weights of backbone {path} cannot be read: {first_line(error)}; {COPY_AGAIN}") from error
    for key, shape, config_shape in sorted(info["mismatched_keys"]):
        if "pooler" not in key:
            raise UserError(
                f"backbone {path}: tensor {key} has shape {list(shape)}, and config.json makes it {list(config_shape)}; bring "
                "back the config.json that belongs to these weights"
            )
    missing = sorted(key for key in info["missing_keys"] if "pooler" not in key)
    if missing:
        raise UserError(f"backbone {path} lacks pretrained weights ({', '.join(missing[:3])}); {COPY_AGAIN}")
    check_finite(dict(model.named_parameters()), folder, f"bring back the weights of backbone {path}")
    return model


def _load(auto: Any, folder: Path, allow_pickle: bool, **fields: Any) -> tuple[Any, dict[str, Any]]:
    """Reads a folder with one of transformers' auto classes. fields: those of config.json that are to be others."""
    config = read_json(folder / "config.json")
    layout = FAMILIES[config["model_type"]].layout
    if layout is Layout.deberta and not fields.get("legacy", config.get("legacy", True)):
        # The decoder of Microsoft's head is the word embeddings. Older releases of transformers look for one to tie to them.
        fields["tie_word_embeddings"] = False
    # PyTorch's attention is the faster one. DeBERTa has its own, with positions in its scores.
    attention = "eager" if layout is Layout.deberta else "sdpa"
    with _silence():
        model, info = auto.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            attn_implementation=attention,
            dtype=torch.float32,
            use_safetensors=None if allow_pickle else True,
            weights_only=True,
            # Without it transformers raises an error of its own. Such a weight is refused by `read_pretrained`.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **fields,
        )
    return model, info


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps transformers' report on unused heads out of the terminal. `read_pretrained` checks what is missing itself."""
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)
        transformers_logging.enable_progress_bar()
