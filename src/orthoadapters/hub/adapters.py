"""Adapters on the Hugging Face Hub: the folder of one, fetched into the Hub's own cache if it is not there yet.

The names of the files in such a folder stand here too, as this room needs no PyTorch.
"""

from functools import cache
from pathlib import Path

import numpy as np

from orthoadapters.checksums import check_sums
from orthoadapters.config.hub_ids import ADAPTER_ID, is_id
from orthoadapters.errors import UserError
from orthoadapters.files import check_content, read_safetensors_header
from orthoadapters.hub.offline import from_hub
from orthoadapters.hub.pickles import check_pickle

FILE = "adapter_config.json"
# Of two files with weights, the first one that is there is read.
WEIGHTS = ("adapter.safetensors", "pytorch_adapter.bin")
HEAD_FILE = "head_config.json"
HEAD_WEIGHTS = ("model_head.safetensors", "pytorch_model_head.bin")
# The files that are read of an adapter's folder. The first one is this project's record of an adapter that it trained.
FILES = ("training.json", FILE, *WEIGHTS, HEAD_FILE, *HEAD_WEIGHTS)

# The types of tensors, as numpy has them. It has no bfloat16, whose two bytes are the upper half of a float32.
NUMBERS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
# ours: with weights up to here, Eq. 1 has room in float32 (2**128): two of them, sums over 2**13 and 2**12 numbers, and a
# vector of 2**20; no training makes weights of a thousandth of it
LARGEST_WEIGHT = 2.0**40

# ours: one fix for every file of an adapter
FIX = "bring it back from where it was published, or train it anew"


def lack_of_config(folder: Path) -> str:
    """Says that a folder has an adapter's weights and not the file that describes them; empty if that is not so."""
    has_weights = any((folder / name).exists() for name in WEIGHTS)
    if not has_weights or (folder / FILE).exists():
        return ""
    return f"{folder} has an adapter's weights and no {FILE}; bring it back, or move the folder away to train it anew"


def check_files(folder: Path) -> None:
    """Looks at the files of an adapter's folder, without PyTorch.

    Raises UserError if one of them cannot be read, is not what was written, or has something else in its place, if there
    are no weights, or if one in a file of safetensors is no finite number or is far too large.
    """
    if not any((folder / name).exists() for name in WEIGHTS):
        raise UserError(f"no weights in {folder}: neither {' nor '.join(WEIGHTS)} is there")
    for name in FILES:
        if (folder / name).exists():
            check_content(folder / name, is_binary=name in (*WEIGHTS, *HEAD_WEIGHTS))
    for names in (WEIGHTS, HEAD_WEIGHTS):
        if not (folder / names[0]).exists() and (folder / names[1]).exists():
            check_pickle(folder / names[1], FIX)
    if (path := folder / WEIGHTS[0]).exists():
        _check_weights_once(path, path.stat().st_mtime_ns)
    check_sums(folder, FIX)


@cache
def _check_weights_once(path: Path, time: int) -> None:
    """Checks the same contents once. time: that of the file's last change."""
    check_weights(path)


def check_weights(path: Path, fix: str = FIX) -> None:
    """Refuses a file of safetensors whose weights are no floating-point numbers, a NaN, an infinity, or far too large."""
    with path.open("rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
    for name, entry in read_safetensors_header(path).items():
        dtype, (begin, end) = entry["dtype"], entry["data_offsets"]
        if "F" not in dtype:
            raise UserError(f"{path}: tensor {name} is of type {dtype}, and weights are floating-point numbers; {fix}")
        # Of the types of eight bits, which numpy does not have, `model.finite` looks at what was loaded.
        if (numbers := NUMBERS.get(dtype)) is None or begin == end:
            continue
        values = np.fromfile(path, numbers, (end - begin) // np.dtype(numbers).itemsize, offset=start + begin)
        values = (values.astype("<u4") << 16).view("<f4") if dtype == "BF16" else values
        if count := int((~np.isfinite(values)).sum()):
            raise UserError(f"{path}: tensor {name} has {count} weights that are NaN or infinite; {fix}")
        check_size(path, name, float(np.abs(values).max()), fix)


def check_size(path: Path, name: str, largest: float, fix: str = FIX) -> None:
    """Raises UserError if the largest weight of a tensor makes what an adapter computes infinite."""
    if largest > LARGEST_WEIGHT:
        raise UserError(
            f"{path}: tensor {name} has a weight of {largest:.3g}, which is far too large: what the adapter computes would be "
            f"infinite; {fix}"
        )


def find(path: str | Path, revision: str | None = None) -> Path:
    """Returns the folder itself if it exists, else fetches what has the form of a Hub id. Raises UserError as `fetch`."""
    if Path(path).exists() or not is_id(str(path)):
        return Path(path)
    return fetch(str(path), revision)


def fetch(hub_id: str, revision: str | None = None, *, cached_only: bool = False) -> Path:
    """Fetches the files of OWNER/NAME or OWNER/NAME@REVISION. Returns their folder, whose own name is the commit.

    cached_only: the network is not asked. Raises UserError if the files are neither in the cache nor to be had.
    """
    # This import stands here, as a local folder needs none of it.
    from huggingface_hub import snapshot_download

    match = ADAPTER_ID.fullmatch(hub_id)
    if match is None:
        raise UserError(f"'{hub_id}' is no adapter on the Hub; ids are OWNER/NAME or OWNER/NAME@REVISION")
    with from_hub(f"adapter {hub_id}"):
        repo, revision = match["repo"], revision or match["revision"]
        return Path(
            snapshot_download(repo, revision=revision, allow_patterns=list(FILES), local_files_only=cached_only)
        )
