"""Orthogonal language and task adapters for zero-shot cross-lingual transfer (arXiv:2012.06460).

Four places to look first: Eq. 1, the adapter (adapters.py); Eq. 2, the orthogonality loss (orthogonality.py); the
alternating step (training/alternating.py); the swap of the language adapter (evaluation/transfer.py).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orthoadapters.adapters import AdapterConfig as AdapterConfig
    from orthoadapters.errors import UserError as UserError
    from orthoadapters.hub import adapters as adapter_hub
    from orthoadapters.labelling.finished_run import open_run as open_run
    from orthoadapters.model.adapterhub import heads as head_files
    from orthoadapters.model.encoder import AdaptedEncoder as AdaptedEncoder
    from orthoadapters.orthogonality import orthogonality_loss as orthogonality_loss
    from orthoadapters.report.tidy import read_runs as read_runs

# The module that has each name.
_HOMES = {
    "AdaptedEncoder": "model.encoder",
    "AdapterConfig": "adapters",
    "UserError": "errors",
    "open_run": "labelling.finished_run",
    "orthogonality_loss": "orthogonality",
    "read_runs": "report.tidy",
}
# Modules by the names that model cards on the Hub import them by.
_MODULES = {"adapter_hub": "hub.adapters", "head_files": "model.adapterhub.heads"}
__all__ = [
    "AdaptedEncoder",
    "AdapterConfig",
    "UserError",
    "adapter_hub",
    "head_files",
    "open_run",
    "orthogonality_loss",
    "read_runs",
]


def __getattr__(name: str) -> Any:
    """Imports on first use, as torch takes seconds, and a mistyped command line should be answered before that."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"orthoadapters.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"orthoadapters.{_MODULES[name]}")
    raise AttributeError(f"module 'orthoadapters' has no attribute '{name}'")
