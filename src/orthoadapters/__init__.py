"""Orthogonal language and task adapters for zero-shot cross-lingual transfer (arXiv:2012.06460)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orthoadapters.adapters import AdapterConfig as AdapterConfig
    from orthoadapters.errors import UserError as UserError
    from orthoadapters.model.encoder import AdaptedEncoder as AdaptedEncoder
    from orthoadapters.orthogonality import orthogonality_loss as orthogonality_loss

_HOMES = {
    "AdaptedEncoder": "model.encoder",
    "AdapterConfig": "adapters",
    "UserError": "errors",
    "orthogonality_loss": "orthogonality",
}
__all__ = ["AdaptedEncoder", "AdapterConfig", "UserError", "orthogonality_loss"]


def __getattr__(name: str) -> Any:
    """Imports on first use: torch takes seconds, and a mistyped command line should be answered before that."""
    if name not in _HOMES:
        raise AttributeError(f"module 'orthoadapters' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"orthoadapters.{_HOMES[name]}"), name)
