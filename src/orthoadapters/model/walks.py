"""One walk for each layout of backbones: the forward pass over its embeddings and its layers, with a site in each.

The attention masks are made here: transformers' own helpers ask the device whether any token is padded, a synchronisation.

Shapes: B sentences, T subwords, H hidden size, L layers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from orthoadapters.adapters import AdapterSite, InvertibleAdapter, PreNormSite
from orthoadapters.config.schema import Pair
from orthoadapters.errors import UserError
from orthoadapters.hub.families import FAMILIES, Layout


@dataclass
class Encoding:
    """The output of the encoder.

    hidden: (B, T, H). pairs: (x_h, x_a) of the stack's last adapter, (B, T, H) each, for each layer that it is in; empty
    without an adapter.
    """

    hidden: Tensor
    pairs: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def take(self, output: tuple[Tensor, tuple[Tensor, Tensor] | None]) -> None:
        """Takes what a site returned."""
        self.hidden, pair = output
        if pair is not None:
            self.pairs.append(pair)


@dataclass(frozen=True)
class Active:
    """The adapters that are active in a pass: the stack, the first one's invertible part, and the pair that Eq. 2 compares."""

    stack: tuple[str, ...]
    invertible: InvertibleAdapter | None
    pair: Pair

    def enter(self, embeddings: Tensor) -> Tensor:
        """Applies the invertible part, if there is one, to the embeddings, (B, T, E)."""
        return embeddings if self.invertible is None else self.invertible(embeddings)


Walk = Callable[[Any, Tensor, Tensor | None, Tensor | None, Active], Encoding]


def walk_bert(
    backbone: Any, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None, active: Active
) -> Encoding:
    """Walks through XLM-R, RoBERTa, BERT and ELECTRA."""
    hidden = active.enter(backbone.embeddings(input_ids=input_ids, token_type_ids=token_type_ids))
    # ELECTRA with narrow embeddings has this projection.
    if hasattr(backbone, "embeddings_project"):
        hidden = backbone.embeddings_project(hidden)
    mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
    encoding = Encoding(hidden)
    for layer in backbone.encoder.layer:
        attention_output = layer.attention(encoding.hidden, mask)[0]
        encoding.take(layer.output(layer.intermediate(attention_output), attention_output, active.stack, active.pair))
    return encoding


def walk_deberta(
    backbone: Any, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None, active: Active
) -> Encoding:
    """Walks through DeBERTa-v2 and v3. Embeddings of padding are zero, and padding attends to nothing, as in transformers."""
    encoder, mask = backbone.encoder, None if attention_mask is None else attention_mask.bool()
    embeddings = backbone.embeddings(input_ids=input_ids, token_type_ids=token_type_ids, mask=mask)
    encoding = Encoding(active.enter(embeddings))
    # Its attention always wants a mask.
    mask = torch.ones_like(input_ids[:1, :1], dtype=torch.bool) if mask is None else mask
    mask = mask[:, None, None, :] & mask[:, None, :, None]
    positions = None
    if encoder.relative_attention:
        buckets, longest = encoder.position_buckets, encoder.max_relative_positions
        positions = relative_positions(input_ids.shape[1], buckets, longest, input_ids.device)
    embeddings_of_positions = encoder.get_rel_embedding()
    for layer in encoder.layer:
        attention_output = layer.attention(
            encoding.hidden, mask, relative_pos=positions, rel_embeddings=embeddings_of_positions
        )[0]
        encoding.take(layer.output(layer.intermediate(attention_output), attention_output, active.stack, active.pair))
    return encoding


def relative_positions(length: int, buckets: int, longest: int, device: torch.device) -> Tensor:
    """Computes DeBERTa's relative position of every two subwords, (1, T, T) int64; those far apart share a bucket.

    buckets, longest: of the backbone; without buckets a position is a difference. The numbers are those of transformers'
    `build_relative_position`, which copies one from the host.
    """
    places = torch.arange(length, device=device)
    differences = places[:, None] - places[None, :]
    if buckets <= 0 or longest <= 0:
        return differences[None]
    middle = buckets // 2
    distances = differences.abs().clamp(min=middle - 1)
    # The logarithm is in fp32, as where the buckets' embeddings were trained.
    scale = torch.log(torch.tensor((longest - 1) / middle))
    far = torch.ceil(torch.log(distances / middle) / scale * (middle - 1)) + middle
    return torch.where(distances <= middle, differences, far * differences.sign()).long()[None]


def walk_modernbert(
    backbone: Any, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None, active: Active
) -> Encoding:
    """Walks through ModernBERT, whose input has no segments. Some layers attend to `config.sliding_window` neighbours alone."""
    encoding = Encoding(active.enter(backbone.embeddings(input_ids=input_ids)))
    places = torch.arange(input_ids.shape[1], device=input_ids.device)
    mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
    near = ((places[:, None] - places[None, :]).abs() <= backbone.config.sliding_window)[None, None]
    masks = {"full_attention": mask, "sliding_attention": near if mask is None else near & mask}
    kinds = dict.fromkeys(backbone.config.layer_types)
    rotations = {kind: backbone.rotary_emb(encoding.hidden, places[None], kind) for kind in kinds}
    for layer in backbone.layers:
        kind, stream = layer.attention_type, encoding.hidden
        stream = stream + layer.attn(layer.attn_norm(stream), rotations[kind], masks[kind])[0]
        encoding.take(layer.output(layer.mlp(layer.mlp_norm(stream)), stream, active.stack, active.pair))
    encoding.hidden = backbone.final_norm(encoding.hidden)
    return encoding


WALKS: dict[Layout, Walk] = {
    Layout.bert: walk_bert,
    Layout.deberta: walk_deberta,
    Layout.modernbert: walk_modernbert,
}


def check_attention(backbone: Any) -> None:
    """Raises UserError for an attention that reads other masks than those of the walks, which are True where a subword counts.

    DeBERTa's own attention reads them, whatever implementation its configuration names.
    """
    # transformers has no public name for the choice.
    attention = backbone.config._attn_implementation
    if _layout(backbone) is not Layout.deberta and attention != "sdpa":
        raise UserError(
            f"this backbone has attn_implementation='{attention}', which reads other masks than the ones that it gets here; "
            'load it with from_pretrained(..., attn_implementation="sdpa")'
        )


def walk_of(backbone: Any) -> Walk:
    """Returns the walk through this backbone."""
    return WALKS[_layout(backbone)]


def layers_of(backbone: Any) -> list[Any]:
    """Returns the layers of a backbone in order."""
    return list(backbone.layers if _layout(backbone) is Layout.modernbert else backbone.encoder.layer)


def second_matrices(backbone: Any) -> list[Tensor]:
    """Returns W_2, the second feed-forward matrix of each layer, (H, F)."""
    is_modernbert = _layout(backbone) is Layout.modernbert
    return [(layer.mlp.Wo if is_modernbert else layer.output.dense).weight for layer in layers_of(backbone)]


def put_sites(backbone: Any) -> None:
    """Puts a site into each layer, called `output`. Where the layer has a module of that name, the site takes its place."""
    for layer in layers_of(backbone):
        layer.output = PreNormSite() if _layout(backbone) is Layout.modernbert else AdapterSite(layer.output)


def _layout(backbone: Any) -> Layout:
    return FAMILIES[backbone.config.model_type].layout
