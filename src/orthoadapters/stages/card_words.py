"""The words of a model card that several of its parts share."""

from pathlib import Path

from orthoadapters.config.hub_ids import is_id
from orthoadapters.config.schema import Config


def in_cell(text: str) -> str:
    """Writes a text in a cell of a table: on one line, and without tags of HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")


def on_hub(name: str | None) -> str | None:
    """Returns an id on the Hub; None for a folder, whose path is nobody else's business."""
    return name if name and is_id(name) and not Path(name).is_dir() else None


def rates(config: Config) -> str:
    """Says the learning rates, and how the second loss was taken."""
    main, ort = f"learning rate {config.optim.lr:g}", config.ort
    if not config.is_orthogonal:
        return main
    choices = (f" every {ort.every} iterations" if ort.every > 1 else "") + (
        ", both steps from one forward pass" if ort.share_forward else ""
    )
    return f"{main}, {config.optim.ort_lr:g} on L_ORT{choices}"


def choice(key: str, value: object) -> str:
    """Names a source that this file has no sentence for, as it is chosen: the card is written after all training."""
    return f"{key}={getattr(value, 'value', value)}"


def left_out(config: Config) -> str:
    """Names the layers without adapters, as the end of a row; empty if each layer has them."""
    layers = ", ".join(map(str, config.variant.leave_out))
    return f"; none in the layers {layers}, counted from 0 (leave_out)" if layers else ""
