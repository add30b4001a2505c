"""How a checkpoint reaches the disk: without a detour through TMPDIR, which may be full where the run's own disk is not."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from orthoadapters.errors import naming


class DirectCheckpointIO(TorchCheckpointIO):
    """A CheckpointIO that writes to the path itself, and runs no code that a checkpoint holds.

    Whoever writes gives a temporary name, and renames the file.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with naming(Path(path)), Path(path).open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            # Without this before the rename, a power cut could leave an empty file under the final name.
            os.fsync(file.fileno())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        checkpoint: dict[str, Any] = torch.load(path, map_location or "cpu", weights_only=True)
        return checkpoint
