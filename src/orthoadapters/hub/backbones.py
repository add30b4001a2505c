"""The folder of a backbone: a local one, or a revision of a Hub repository in the local cache, fetched if it is missing."""

import re
from collections.abc import Sequence
from pathlib import Path

from orthoadapters.config.hub_ids import HUB_ID
from orthoadapters.errors import UserError
from orthoadapters.files import COPY_AGAIN, check_content, read_json
from orthoadapters.hub.backbone_config import check_fields, check_shapes
from orthoadapters.hub.families import FAMILIES, refusal
from orthoadapters.hub.offline import cache_error, from_hub, is_offline
from orthoadapters.hub.pickles import check_pickle

# A folder with any one of these has a tokenizer. Without the check transformers 5 builds an *empty* tokenizer of five
# special tokens from config.json alone, and every word of every sentence becomes <unk> without a warning.
TOKENIZER_FILES = (
    "tokenizer.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
    "vocab.txt",
)
# The files that are read of a repository. The others (pickles, ONNX, TensorFlow, Flax) are several times as large.
SAFETENSORS = ("model*.safetensors", "model.safetensors.index.json")
PICKLES = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
# Of these, the ones that are read.
PICKLE = re.compile(r"pytorch_model(-[0-9]+-of-[0-9]+)?\.bin")
# The files that a tokenizer is made of.
TOKENIZER = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    *TOKENIZER_FILES,
)
FILES = ("config.json", *TOKENIZER)


def backbone_folder(path: str, revision: str | None = None, allow_pickle: bool = False) -> Path:
    """Returns a local folder as it is, or a Hub id's folder in the local cache, fetched if it is not whole there.

    With a revision, or without a folder of that name, `path` is a Hub id. Raises UserError if there is no such folder or
    repository, the network is needed and cannot be reached, the type is not supported, or no weights may be read.
    """
    folder = Path(path).expanduser()
    if revision is not None or not folder.is_dir():
        if not HUB_ID.fullmatch(path):
            raise UserError(
                f"there is no folder {path}; backbone.path must be a folder or a Hub id such as FacebookAI/xlm-roberta-base"
            )
        folder = _hub_folder(path, revision, allow_pickle)
    check_folder(folder, path, allow_pickle)
    return folder


def cached_backbone(path: str, revision: str | None, allow_pickle: bool) -> Path | None:
    """Returns the folder as `backbone_folder` does, but fetches nothing: None if the network would be asked for it.

    Raises UserError as `backbone_folder`, for what can be seen without a network.
    """
    if revision is None:
        return backbone_folder(path, revision, allow_pickle)
    folder = _find_snapshot(path, revision, (SAFETENSORS, PICKLES) if allow_pickle else (SAFETENSORS,))
    if folder is not None:
        check_folder(folder, path, allow_pickle)
    elif is_offline():
        raise cache_error(f"backbone {path} at revision {revision}")
    return folder


def check_folder(folder: Path, path: str, allow_pickle: bool) -> None:
    """Looks at the files of a backbone's folder, without loading a weight. path: its name, for the sentences.

    Raises UserError if the type is not supported, a value in config.json is wrong or does not go with the weights, no weights
    may be read, or something lies in a file's place.
    """
    _check_type(folder, path)
    if not _has(folder, SAFETENSORS) and not (allow_pickle and _has(folder, PICKLES)):
        if _has(folder, PICKLES):
            raise UserError(
                f"backbone {path} has its weights in pytorch_model.bin alone, and pickles can hold code; convert them to "
                "model.safetensors, or have them read without running any with backbone.allow_pickle=true"
            )
        raise UserError(f"the weights of backbone {path} cannot be read: there is no model.safetensors in {folder}")
    for pattern in (*FILES, *SAFETENSORS, *(PICKLES if allow_pickle else ())):
        for file in sorted(folder.glob(pattern)):
            check_content(file, is_binary=file.suffix in (".safetensors", ".bin"))
            if PICKLE.fullmatch(file.name) and not _has(folder, SAFETENSORS):
                check_pickle(file, "bring it back whole, or convert it to model.safetensors")
    _check_index(folder)
    check_shapes(folder, SAFETENSORS[0])


def _check_index(folder: Path) -> None:
    """Raises UserError if the index of weights in several files names any but the files of safetensors in this folder."""
    path = folder / SAFETENSORS[1]
    if not path.exists():
        return
    files = read_json(path).get("weight_map")
    for name in files.values() if isinstance(files, dict) else [files]:
        if not isinstance(name, str) or not re.fullmatch(r"[^/\\]+\.safetensors", name):
            raise UserError(f"{path} names {name!r}, and weights lie in files of safetensors beside it; {COPY_AGAIN}")
        if not (folder / name).is_file():
            # Its layers would be missed in config.json.
            raise UserError(f"{path} names {name!r}, and there is no such file beside it; {COPY_AGAIN}")


def positions(folder: Path) -> int | None:
    """Reads from config.json how many subwords a sequence may have; None if it does not say."""
    fields = read_json(folder / "config.json")
    longest, padding = fields.get("max_position_embeddings"), fields.get("pad_token_id")
    if not FAMILIES[fields["model_type"]].positions_after_padding:
        padding = -1
    return longest - padding - 1 if isinstance(longest, int) and isinstance(padding, int) else None


def _hub_folder(hub_id: str, revision: str | None, allow_pickle: bool) -> Path:
    """Returns the snapshot's folder. The network is not asked where the cache holds all files that are read."""
    weights = (SAFETENSORS, PICKLES) if allow_pickle else (SAFETENSORS,)
    snapshot = _find_snapshot(hub_id, revision, weights)
    if snapshot is not None:
        return snapshot
    what = f"backbone {hub_id} at revision {revision or 'main'}"
    if is_offline():
        raise cache_error(what)
    folder = _fetch(what, hub_id, revision, ["config.json"])
    # This comes before a gigabyte of weights.
    _check_type(folder, hub_id)
    for patterns in weights:
        folder = _fetch(what, hub_id, revision, [*FILES, *patterns])
        if _has(folder, patterns):
            break
    return folder


def _find_snapshot(hub_id: str, revision: str | None, weights: Sequence[Sequence[str]]) -> Path | None:
    """Returns the snapshot's folder if the cache holds all files that are read, None if it lacks one."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    for patterns in weights:
        files = [*FILES, *patterns]
        try:
            folder = Path(snapshot_download(hub_id, revision=revision, allow_patterns=files, local_files_only=True))
        except LocalEntryNotFoundError:
            # There is no snapshot, or the cache knows that it lacks some of these files.
            continue
        if (folder / "config.json").is_file() and _has(folder, TOKENIZER_FILES) and _has(folder, patterns):
            return folder
    return None


def _fetch(what: str, hub_id: str, revision: str | None, patterns: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    with from_hub(what):
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=patterns))


def _has(folder: Path, patterns: Sequence[str]) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in patterns)


def _check_type(folder: Path, path: str) -> None:
    """Reads config.json alone, so that an unsupported backbone is refused before its weights are fetched."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"no backbone at {path}: there is no config.json in {folder}; give a Hugging Face folder with backbone=local "
            "backbone.path=DIR"
        )
    config = read_json(folder / "config.json", f"bring back backbone {path}", texts=("model_type",))
    check_fields(folder / "config.json", config)
    if sentence := refusal(f"backbone {path}", config):
        raise UserError(sentence)
