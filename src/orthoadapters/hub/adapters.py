"""Adapters on the Hugging Face Hub: the folder of one, fetched into the Hub's own cache if it is not there yet.

The names of the files in such a folder stand here too, as this room needs no PyTorch.
"""

from pathlib import Path

from orthoadapters.config.hub_ids import ADAPTER_ID, is_id
from orthoadapters.errors import UserError
from orthoadapters.files import check_content, read_safetensors_header
from orthoadapters.hub.offline import from_hub

FILE = "adapter_config.json"
# Of two files with weights, the first one that is there is read.
WEIGHTS = ("adapter.safetensors", "pytorch_adapter.bin")
HEAD_FILE = "head_config.json"
HEAD_WEIGHTS = ("model_head.safetensors", "pytorch_model_head.bin")
# The files that are read of an adapter's folder. The first one is this project's record of an adapter that it trained.
FILES = ("training.json", FILE, *WEIGHTS, HEAD_FILE, *HEAD_WEIGHTS)

# ours: one fix for every file of an adapter
FIX = "bring it back from where it was published, or train it anew"


def check_files(folder: Path) -> None:
    """Looks at the files of an adapter's folder, without loading a weight.

    Raises UserError if one of them cannot be read, if something else lies in its place, or if there are no weights.
    """
    if not any((folder / name).exists() for name in WEIGHTS):
        raise UserError(f"no weights in {folder}: neither {' nor '.join(WEIGHTS)} is there")
    for name in FILES:
        if (folder / name).exists():
            check_content(folder / name, is_binary=name in (*WEIGHTS, *HEAD_WEIGHTS))
    if (path := folder / WEIGHTS[0]).exists():
        for name, entry in read_safetensors_header(path).items():
            if "F" not in entry["dtype"]:
                raise UserError(
                    f"{path}: tensor {name} is of type {entry['dtype']}, and weights are floating-point numbers; {FIX}"
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
