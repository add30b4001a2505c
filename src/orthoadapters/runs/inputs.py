"""The contents of what a run read: SHA-256 of the backbone's weights, examples, blocks and language adapters."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orthoadapters.checksums import check_sums, stamp
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.schema import BackboneConfig, Config, Under
from orthoadapters.config.under import choices_under, weights_table
from orthoadapters.errors import UserError
from orthoadapters.examples import Example
from orthoadapters.files import COPY_AGAIN, read_json
from orthoadapters.hub.backbones import TOKENIZER

# ours: the fields of a backbone's config.json that decide nothing of what is computed here. They say where it comes from, are
# for heads and for generating text, or are for training it anew; weights are read as float32, and attention is PyTorch's.
UNREAD = frozenset(
    "_attn_implementation _attn_implementation_autoset _name_or_path architectures attn_implementation bos_token_id "
    "chunk_size_feed_forward classifier_dropout cls_token_id decoder_start_token_id dtype eos_token_id finetuning_task "
    "gradient_checkpointing id2label initializer_cutoff_factor initializer_factor initializer_range is_encoder_decoder "
    "label2id output_attentions output_hidden_states output_past prefix problem_type return_dict sep_token_id "
    "task_specific_params tokenizer_class torch_dtype torchscript transformers_version use_cache".split()
)

# PyTorch takes seconds to import, and hashes of files do not need it.
if TYPE_CHECKING:
    from torch import nn


def read_inputs(run: Path, fix: str) -> dict[str, str]:
    """Reads a run's inputs.json: the SHA-256 of everything that it read, by name. Raises UserError if it is damaged."""
    path = run / "inputs.json"
    inputs = read_json(path, fix)
    if wrong := [name for name, digest in inputs.items() if not isinstance(digest, str)]:
        raise UserError(f"{path} is damaged: its field '{wrong[0]}' is no text; {fix}")
    check_sums(run, fix, (path.name,))
    return inputs


def source_set(split: str, code: str, sources: Sequence[str]) -> str:
    """Returns the name in inputs.json of a source language's train or dev: that split, and of further ones their code too."""
    return split if code == sources[0] else f"{split}-{code}"


def weights_sha256(module: "nn.Module") -> str:
    """Hashes every parameter's name and values."""
    digest = hashlib.sha256()
    for name, parameter in sorted(module.named_parameters()):
        digest.update(name.encode() + b"\0")
        digest.update(parameter.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def examples_sha256(examples: Sequence[Example]) -> str:
    """Hashes every word and label: the same for the same data from another source or folder."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(example).encode() + b"\n")
    return digest.hexdigest()


def local_folder(backbone: BackboneConfig) -> Path | None:
    """Returns the folder of a backbone that a user gave; None if it is the Hub's or the demo world's, or is not there."""
    folder = Path(backbone.path).expanduser()
    is_local = backbone.path != DEMO and backbone.revision is None and folder.is_dir()
    return folder if is_local else None


def backbone_files_sha256(backbone: BackboneConfig) -> dict[str, str]:
    """Hashes the tokenizer and the config.json of a local backbone, by their names in inputs.json; empty for the others.

    The Hub's revision, and the demo world's recipe, say what the others' files hold.
    """
    folder = local_folder(backbone)
    if folder is None:
        return {}
    return {"tokenizer": folder_sha256(folder, TOKENIZER), "config.json": config_sha256(folder)}


def config_sha256(folder: Path) -> str:
    """Hashes a backbone's config.json without UNREAD: all that may decide what its weights compute, as the number of heads."""
    fields = read_json(folder / "config.json", COPY_AGAIN)
    decisive = {name: fields[name] for name in fields.keys() - UNREAD}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def check_backbone(former: Mapping[str, str], present: Mapping[str, str], folder: str, run: Path) -> None:
    """Raises UserError if weights ("backbone"), tokenizer or config.json in a folder are others than a run was trained on.

    former: the run's inputs.json. present: what is in the folder, by the same names.
    """
    for name, sha256 in present.items():
        if former.get(name, sha256) != sha256:
            raise UserError(
                f"the {name} in {folder} is another one ({sha256[:8]}) than {run} was trained on ({former[name][:8]}); "
                "--backbone PATH names another place (evaluate.py: backbone.path=PATH)"
            )


def blocks_sha256(blocks: NDArray[np.int32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(blocks).data).hexdigest()


def folder_sha256(folder: Path, names: Collection[str]) -> str:
    """Hashes those of a folder's files that have one of these names, names included, in their order."""
    files = sorted(folder / name for name in names if (folder / name).exists())
    return _files_sha256(tuple((file, *stamp(file)) for file in files))


def table_sha256(config: Config) -> dict[str, str]:
    """Hashes the file of weights that transfer.weights names, by its name in inputs.json; empty where none is read."""
    table = weights_table(config.transfer)
    if table is None or Under.mean not in choices_under(config):
        return {}
    return {"transfer-weights": hashlib.sha256(table.read_bytes()).hexdigest()}


@cache
def _files_sha256(stamps: tuple[tuple[Path, int, int, int], ...]) -> str:
    """Reads files once as long as they do not change: dozens of cells of a sweep share the adapters of ten languages."""
    digest = hashlib.sha256()
    for file, *_ in stamps:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
