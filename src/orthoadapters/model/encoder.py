"""The frozen backbone with one adapter site per layer, and the stack that is active in them.

Shapes: B sentences, T subwords, H hidden size, L layers, M masked subwords, V vocabulary.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from orthoadapters.adapters import Adapter, AdapterConfig, InvertibleAdapter, Site
from orthoadapters.config.schema import Pair
from orthoadapters.errors import UserError
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.families import refusal
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.adapterhub import tensors as adapter_files
from orthoadapters.model.heads import MaskedLMHead
from orthoadapters.model.pretrained import read_pretrained
from orthoadapters.model.shape import Shape, shape_of
from orthoadapters.model.sizes import check_layers
from orthoadapters.model.walks import Active, Encoding, check_attention, layers_of, put_sites, walk_of

logger = logging.getLogger(__name__)
INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # parts of a batch, in the order of `forward`


class AdaptedEncoder(nn.Module):
    """A backbone whose layers' outputs are adapter sites. `activate` says which adapters are applied, in which order."""

    def __init__(
        self, backbone: PreTrainedModel, mlm_head: MaskedLMHead | None = None, pair: Pair = Pair.output
    ) -> None:
        super().__init__()
        if sentence := refusal("this backbone", backbone.config.to_dict()):
            raise UserError(sentence)
        check_attention(backbone)
        if getattr(backbone, "pooler", None) is not None:
            backbone.pooler = None  # nothing here reads it
        self.backbone = backbone.requires_grad_(False)
        self.mlm_head = None if mlm_head is None else mlm_head.requires_grad_(False)
        put_sites(self.backbone)
        self.invertible = nn.ModuleDict()
        self.configs: dict[str, AdapterConfig] = {}
        self.stack: tuple[str, ...] = ()
        self.pair = pair

    @classmethod
    def from_pretrained(
        cls,
        path: str,
        *,
        revision: str | None = None,
        mlm_head: bool = False,
        pair: Pair = Pair.output,
        allow_pickle: bool = False,
    ) -> "AdaptedEncoder":
        """Loads a Hugging Face folder or Hub id, frozen and in eval mode; `mlm_head` loads its pretrained MLM head too.

        Weights are read from safetensors, or with `allow_pickle` from a pickle of which no code is run. Raises UserError
        if it cannot be read, is of an unsupported type, or lacks a pretrained weight that is used.
        """
        model = read_pretrained(path, revision, mlm_head=mlm_head, allow_pickle=allow_pickle)
        if not mlm_head:
            return cls(model, pair=pair).eval()
        return cls(model.base_model, MaskedLMHead(model), pair=pair).eval()

    @property
    def sites(self) -> list[Site]:
        return [layer.output for layer in layers_of(self.backbone)]

    @property
    def shape(self) -> Shape:
        """The sizes and names of the backbone, which is all that files of adapters and heads depend on."""
        return shape_of(self.backbone.config)

    @property
    def hidden_size(self) -> int:
        return self.shape.hidden_size

    @property
    def embedding_size(self) -> int:
        return self.shape.embedding_size

    @property
    def first_invertible(self) -> InvertibleAdapter | None:
        """The invertible part of the stack's first adapter, the only one that contributes one."""
        name = self.stack[0] if self.stack else ""
        return cast(InvertibleAdapter, self.invertible[name]) if name in self.invertible else None

    def add_adapter(self, name: str, config: AdapterConfig) -> None:
        """Puts a new adapter with fresh weights at every site but those of `config.leave_out`.

        Raises UserError if the name is taken, d is not below H, or `leave_out` is not of this backbone's layers.
        """
        if name in self.configs:
            raise UserError(
                f"an adapter named '{name}' is there already; delete_adapter('{name}') first or choose another"
            )
        if not 0 < config.bottleneck < self.hidden_size:  # paper: section 2, d < H
            raise UserError(
                f"adapter '{name}': bottleneck {config.bottleneck} is not between 1 and H = {self.hidden_size}"
            )
        check_layers(len(self.sites), config.leave_out)
        device = self.backbone.device
        for layer, site in enumerate(self.sites):
            if layer in config.leave_out:
                continue
            site.adapters[name] = Adapter(self.hidden_size, config.bottleneck).to(device)
        if config.invertible:
            width = config.invertible_width(self.embedding_size)
            self.invertible[name] = InvertibleAdapter(self.embedding_size, width).to(device)
        self.configs[name] = config
        self.adapter_modules(name).requires_grad_(False)

    def delete_adapter(self, name: str) -> None:
        """Takes an adapter out of every site, and out of the stack."""
        self._check_name(name)
        for layer in self.layers_with(name):
            del self.sites[layer].adapters[name]
        if name in self.invertible:
            del self.invertible[name]
        del self.configs[name]
        self.stack = tuple(other for other in self.stack if other != name)

    def layers_with(self, name: str) -> list[int]:
        """Returns the numbers of the layers that have this adapter, from 0."""
        self._check_name(name)
        return [layer for layer in range(len(self.sites)) if layer not in self.configs[name].leave_out]

    @property
    def pair_layers(self) -> list[int]:
        """The numbers of the layers of `Encoding.pairs`: those with the stack's last adapter."""
        return self.layers_with(self.stack[-1]) if self.stack else []

    def adapter_modules(self, name: str) -> nn.ModuleList:
        """Returns all that belongs to one adapter, which is what is trained, counted and saved."""
        self._check_name(name)
        modules = [self.sites[layer].adapters[name] for layer in self.layers_with(name)]
        return nn.ModuleList(modules + ([self.invertible[name]] if name in self.invertible else []))

    def adapter_parameters(self, name: str) -> dict[str, Tensor]:
        """Returns one adapter's parameters by their names in its file.

        The names are `{layer}.down.weight`, ..., and `invertible.F.0.weight`, ....
        """
        self._check_name(name)
        sites = self.sites
        parameters: dict[str, Tensor] = {
            f"{i}.{key}": p for i in self.layers_with(name) for key, p in sites[i].adapters[name].named_parameters()
        }
        if name in self.invertible:
            parameters |= {f"invertible.{key}": p for key, p in self.invertible[name].named_parameters()}
        return parameters

    def load_adapter(
        self, path: str | Path, name: str | None = None, *, revision: str | None = None, with_head: bool = False
    ) -> str:
        """Reads an AdapterHub folder, local or OWNER/NAME on the Hub, and returns the adapter's name in this model.

        name: the one in the file by default. with_head: the caller reads the prediction head; without it a warning says
        that a head in the folder is not loaded. Raises UserError as `adapter_files.read` and `adapter_hub.find` do.
        """
        folder = adapter_hub.find(path, revision)
        name_in_file, config, tensors = adapter_files.read(folder, self.shape)
        name = name or name_in_file
        self.add_adapter(name, config)
        with torch.no_grad():
            for key, parameter in self.adapter_parameters(name).items():
                parameter.copy_(tensors[key])
        if not with_head and head_files.exists(folder):
            logger.warning(
                "adapter %s: its prediction head is not loaded; `from orthoadapters import head_files` and "
                "head_files.read(folder, model) reads it",
                folder,
            )
        return name

    def save_adapter(self, path: str | Path, name: str) -> None:
        """Writes one adapter as an AdapterHub folder, which is there whole or not at all."""
        self._check_name(name)
        adapter_files.write(Path(path), self.shape, name, self.configs[name], self.adapter_parameters(name))

    def activate(self, *names: str) -> None:
        """Sets the stack, language adapter first; no name: the bare backbone. Raises KeyError for an unknown name."""
        for name in names:
            self._check_name(name)
        self.stack = names

    def train_adapter(self, name: str) -> None:
        """Makes this adapter's weights the only trainable ones, in training mode; activates it alone unless it is active."""
        self._check_name(name)
        self.requires_grad_(False).train()
        self.adapter_modules(name).requires_grad_(True)
        if name not in self.stack:
            self.activate(name)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Encoding:
        """Computes the hidden vectors of a batch, and the pairs that Eq. 2 compares.

        input_ids: (B, T). attention_mask: (B, T), 0 or False where padded; None: nothing is padded. token_type_ids: (B, T),
        1 in the second sentence of a pair, for backbones that know the difference (BERT, ELECTRA, some DeBERTas).
        """
        active = Active(self.stack, self.first_invertible, self.pair)
        return walk_of(self.backbone)(self.backbone, input_ids, attention_mask, token_type_ids, active)

    def encode(self, batch: Mapping[str, Any], device: torch.device | None = None) -> Encoding:
        """Calls `forward` on a loader's batch, which is brought to `device` first if one is given."""
        inputs = [batch.get(name) for name in INPUTS]
        if device is not None:
            inputs = [None if tensor is None else tensor.to(device, non_blocking=True) for tensor in inputs]
        return self(*inputs)

    def mlm_logits(self, hidden: Tensor, *, invert: bool = False) -> Tensor:
        """Computes (M, V) logits of (M, H) hidden vectors; `invert` undoes the active invertible adapter first (MAD-X)."""
        vectors, decoder = self.decoder_input(hidden, invert=invert)
        return decoder(vectors)

    def decoder_input(self, hidden: Tensor, *, invert: bool) -> tuple[Tensor, nn.Linear]:
        """Returns the vectors whose logits `mlm_logits` computes by the decoder, and the decoder."""
        if self.mlm_head is None:
            raise UserError("this encoder has no MLM head; from_pretrained(..., mlm_head=True) loads it")
        if invert and (invertible := self.first_invertible) is not None:
            if self.embedding_size != self.hidden_size:
                raise UserError(
                    f"the inverse before the decoder is not defined where embeddings ({self.embedding_size}) are narrower "
                    f"than hidden vectors ({self.hidden_size}); use language_adapters.invert_before_decoder=false"
                )
            hidden = invertible.inverse(hidden)
        return self.mlm_head.parts(hidden), self.mlm_head.decoder

    def _check_name(self, name: str) -> None:
        if name not in self.configs:
            names = ", ".join(sorted(self.configs)) or "none"
            raise KeyError(f"no adapter named '{name}'; adapters of this model: {names}")
