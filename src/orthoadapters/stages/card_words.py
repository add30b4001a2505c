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
    """Says the learning rates, how the second loss was taken, and in which order layers were trained."""
    unfreeze = config.unfreeze
    order = f", one more layer from the top every {unfreeze.every} {unfreeze.per.value}(s)" if unfreeze.per else ""
    return _rates(config) + order


def _rates(config: Config) -> str:
    main, ort = f"learning rate {config.optim.lr:g}", config.ort
    if not config.is_orthogonal:
        return main
    # Of a card, L_ORT without a further word is Eq. 2.
    loss = "L_ORT" if config.orthogonality.loss == "cosine" else f"L_ORT (orthogonality={config.orthogonality.loss})"
    if ort.joint is not None:
        return f"{main} on the main loss + {ort.joint:g} {loss}"
    choices = (f" every {ort.every} iterations" if ort.every > 1 else "") + (
        ", both steps from one forward pass" if ort.share_forward else ""
    )
    return f"{main}, {config.optim.ort_lr:g} on {loss}{choices}"


def choice(key: str, value: object) -> str:
    """Names a source that this file has no sentence for, as it is chosen: the card is written after all training."""
    return f"{key}={getattr(value, 'value', value)}"


def left_out(config: Config) -> str:
    """Names the layers without adapters, as the end of a row; empty if each layer has them."""
    layers = ", ".join(map(str, config.variant.leave_out))
    return f"; none in the layers {layers}, counted from 0 (leave_out)" if layers else ""
