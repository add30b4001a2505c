"""Adapters on the Hugging Face Hub: the folder of one, fetched into the Hub's own cache if it is not there yet."""

from pathlib import Path

from orthoadapters.config.hub_ids import _ID, is_id
from orthoadapters.errors import UserError
from orthoadapters.hub.offline import from_hub

WEIGHTS = ("adapter.safetensors", "pytorch_adapter.bin")  # read in this order
# What is read of an adapter's folder. The files of a head are named again by head_files, which needs torch.
FILES = (
    *("training.json", "adapter_config.json", *WEIGHTS),
    *("head_config.json", "model_head.safetensors", "pytorch_model_head.bin"),
)


def find(path: str | Path, revision: str | None = None) -> Path:
    """The folder itself if it exists; what has the form of a Hub id is fetched. Raises UserError as `fetch`."""
    if Path(path).exists() or not is_id(str(path)):
        return Path(path)
    return fetch(str(path), revision)


def fetch(hub_id: str, revision: str | None = None, *, cached_only: bool = False) -> Path:
    """The snapshot folder of OWNER/NAME or OWNER/NAME@REVISION, whose own name is the commit; adapter files alone.

    cached_only: ask no network. Raises UserError if it is neither there nor to be had.
    """
    from huggingface_hub import snapshot_download  # late: a local folder needs none of it

    named = _ID.fullmatch(hub_id)
    if named is None:
        raise UserError(f"'{hub_id}' is no adapter on the Hub; ids are OWNER/NAME or OWNER/NAME@REVISION")
    with from_hub(f"adapter {hub_id}"):
        repo, revision = named["repo"], revision or named["revision"]
        return Path(
            snapshot_download(repo, revision=revision, allow_patterns=list(FILES), local_files_only=cached_only)
        )


FILE = "adapter_config.json"
