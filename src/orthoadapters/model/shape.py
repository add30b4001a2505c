"""The sizes and names of a backbone that files of adapters and heads depend on, without the backbone itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orthoadapters.files import read_json
from orthoadapters.hub.backbones import positions
from orthoadapters.hub.families import FAMILIES


@dataclass(frozen=True)
class Shape:
    """The shape of a backbone.

    layers: L, with an adapter site in each. hidden_size: H. embedding_size: E, the width of the embeddings, where an
    invertible adapter sits; it is H but for ELECTRA's smaller models. positions: the longest sequence in subwords.
    model_type: a name in FAMILIES. name_or_path: the Hub id or folder that the backbone was loaded from.
    head_dropout: the dropout of a head whose file gives none, as `adapters` finds it.
    """

    layers: int
    hidden_size: int
    embedding_size: int
    positions: int
    model_type: str
    name_or_path: str
    head_dropout: float


class ShapeOwner(Protocol):
    """A model with the shape of its backbone, as `AdaptedEncoder` is."""

    @property
    def shape(self) -> Shape: ...


def shape_of(config: Any) -> Shape:
    """Reads the shape from a backbone's configuration in transformers, whose class depends on the family."""
    first_position = config.pad_token_id + 1 if FAMILIES[config.model_type].positions_after_padding else 0
    return Shape(
        layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        embedding_size=getattr(config, "embedding_size", config.hidden_size),
        positions=config.max_position_embeddings - first_position,
        model_type=config.model_type,
        name_or_path=str(config.name_or_path),
        head_dropout=getattr(config, "classifier_dropout", None) or getattr(config, "hidden_dropout_prob", None) or 0.0,
    )


def shape_in(folder: Path) -> Shape | None:
    """Reads the shape of a backbone from the config.json in its folder; None if a size is left to transformers' defaults."""
    fields = read_json(folder / "config.json")
    hidden = fields.get("hidden_size")
    width = fields.get("embedding_size", None if fields["model_type"] == "electra" else hidden)
    sizes = [
        size for size in (fields.get("num_hidden_layers"), hidden, width, positions(folder)) if isinstance(size, int)
    ]
    if len(sizes) < 4:
        return None
    layers, hidden, width, longest = sizes
    dropout = fields.get("classifier_dropout") or fields.get("hidden_dropout_prob") or 0.0
    return Shape(layers, hidden, width, longest, fields["model_type"], str(folder), dropout)
