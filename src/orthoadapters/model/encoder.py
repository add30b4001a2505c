"""The frozen backbone with one adapter site per layer, and the stack that is active in them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForMaskedLM, PreTrainedModel
from transformers.utils import logging as transformers_logging

from orthoadapters.adapters import Adapter, AdapterConfig, AdapterSite, InvertibleAdapter
from orthoadapters.config.schema import Pair
from orthoadapters.errors import UserError, first_line
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.backbones import backbone_folder
from orthoadapters.hub.families import SUPPORTED
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.adapterhub import tensors as adapter_files
from orthoadapters.model.heads import MaskedLMHead

logger = logging.getLogger(__name__)


@dataclass
class Encoded:
    """hidden: (B, T, H). pairs: per layer (x_h, x_a) of the stack's last adapter, (B, T, H) each; empty without one."""

    hidden: Tensor
    pairs: list[tuple[Tensor, Tensor]]


class AdaptedEncoder(nn.Module):
    """A backbone whose layers' outputs are adapter sites. `activate` says which adapters are applied, in which order."""

    def __init__(
        self, backbone: PreTrainedModel, mlm_head: MaskedLMHead | None = None, pair: Pair = Pair.output
    ) -> None:
        super().__init__()
        if backbone.config.model_type not in SUPPORTED:
            raise UserError(
                f"backbone of type '{backbone.config.model_type}' is not supported; adapters are defined for "
                f"post-LayerNorm encoders: {', '.join(SUPPORTED)}"
            )
        if getattr(backbone, "pooler", None) is not None:
            backbone.pooler = None  # nothing here reads it
        self.backbone = backbone.requires_grad_(False)
        self.mlm_head = None if mlm_head is None else mlm_head.requires_grad_(False)
        for layer in self.backbone.encoder.layer:
            layer.output = AdapterSite(layer.output)
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
        folder = backbone_folder(path, revision, allow_pickle)
        auto = AutoModelForMaskedLM if mlm_head else AutoModel
        with _quiet():
            try:
                loaded, info = auto.from_pretrained(
                    folder,
                    local_files_only=True,
                    attn_implementation="sdpa",
                    dtype=torch.float32,
                    use_safetensors=None if allow_pickle else True,
                    weights_only=True,
                    output_loading_info=True,
                )
            except UnpicklingError as error:
                raise UserError(
                    f"the weights of backbone {path} cannot be read: its pickle is damaged, or holds more than tensors, and "
                    "code in it is not run; bring it back whole, or convert it to model.safetensors"
                ) from error
            except (OSError, ValueError, RuntimeError, EOFError, SafetensorError) as error:
                raise UserError(f"the weights of backbone {path} cannot be read: {first_line(error)}") from error
        missing = sorted(key for key in info["missing_keys"] if "pooler" not in key)
        if missing:
            raise UserError(
                f"backbone {path} lacks pretrained weights ({', '.join(missing[:3])}); it cannot be used here"
            )
        if not mlm_head:
            return cls(loaded, pair=pair).eval()
        return cls(loaded.base_model, MaskedLMHead(loaded), pair=pair).eval()

    @property
    def sites(self) -> list[AdapterSite]:
        return [layer.output for layer in self.backbone.encoder.layer]

    @property
    def hidden_size(self) -> int:
        return int(self.backbone.config.hidden_size)

    @property
    def embedding_size(self) -> int:
        """Width of the embeddings, where the invertible part sits: H, but less in ELECTRA's smaller models."""
        return int(getattr(self.backbone.config, "embedding_size", self.hidden_size))

    @property
    def first_invertible(self) -> InvertibleAdapter | None:
        """The invertible part of the stack's first adapter, the only one that contributes one."""
        name = self.stack[0] if self.stack else ""
        return cast(InvertibleAdapter, self.invertible[name]) if name in self.invertible else None

    def add_adapter(self, name: str, config: AdapterConfig) -> None:
        """A new adapter with fresh weights at every site. Raises UserError if the name is taken or d is not below H."""
        if name in self.configs:
            raise UserError(
                f"an adapter named '{name}' is there already; delete_adapter('{name}') first or choose another"
            )
        if not 0 < config.bottleneck < self.hidden_size:  # paper: section 2, d < H
            raise UserError(
                f"adapter '{name}': bottleneck {config.bottleneck} is not between 1 and H = {self.hidden_size}"
            )
        device = self.backbone.device
        for site in self.sites:
            site.adapters[name] = Adapter(self.hidden_size, config.bottleneck).to(device)
        if config.invertible:
            width = config.invertible_bottleneck or self.embedding_size // 4  # ours: AdapterHub's reduction 2 of a half
            self.invertible[name] = InvertibleAdapter(self.embedding_size, width).to(device)
        self.configs[name] = config
        self.adapter_modules(name).requires_grad_(False)

    def delete_adapter(self, name: str) -> None:
        self._known(name)
        for site in self.sites:
            del site.adapters[name]
        if name in self.invertible:
            del self.invertible[name]
        del self.configs[name]
        self.stack = tuple(other for other in self.stack if other != name)

    def adapter_modules(self, name: str) -> nn.ModuleList:
        """Everything that belongs to one adapter: what is trained, counted and saved."""
        self._known(name)
        own = [site.adapters[name] for site in self.sites]
        return nn.ModuleList(own + ([self.invertible[name]] if name in self.invertible else []))

    def adapter_parameters(self, name: str) -> dict[str, Tensor]:
        """One adapter's parameters as `{layer}.down.weight`, ..., `invertible.F.0.weight`, ...: what its file holds."""
        self._known(name)
        own: dict[str, Tensor] = {
            f"{i}.{key}": p for i, site in enumerate(self.sites) for key, p in site.adapters[name].named_parameters()
        }
        if name in self.invertible:
            own |= {f"invertible.{key}": p for key, p in self.invertible[name].named_parameters()}
        return own

    def load_adapter(
        self, path: str | Path, name: str | None = None, *, revision: str | None = None, with_head: bool = False
    ) -> str:
        """Reads an AdapterHub folder, local or OWNER/NAME on the Hub; `name` defaults to the one in the file.

        Raises UserError as `adapter_files.read` and `adapter_hub.find`. A prediction head in the folder is
        not loaded, and a warning says so unless the caller reads it (`with_head`).
        """
        folder = adapter_hub.find(path, revision)
        found, config, tensors = adapter_files.read(folder, self)
        name = name or found
        self.add_adapter(name, config)
        with torch.no_grad():
            for key, parameter in self.adapter_parameters(name).items():
                parameter.copy_(tensors[key])
        if not with_head and head_files.exists(folder):
            logger.warning(
                "adapter %s: its prediction head is not loaded; orthoadapters.model.adapterhub.heads.read reads it",
                folder,
            )
        return name

    def save_adapter(self, path: str | Path, name: str) -> None:
        """Writes one adapter as an AdapterHub folder, atomically."""
        self._known(name)
        adapter_files.write(Path(path), self, name)

    def activate(self, *names: str) -> None:
        """Sets the stack, language adapter first; no name: the bare backbone. Raises KeyError for an unknown name."""
        for name in names:
            self._known(name)
        self.stack = names

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Encoded:
        """input_ids: (B, T). attention_mask: (B, T), 0 or False where padded; None: nothing is padded.

        token_type_ids: (B, T), 1 in the second sentence of a pair, for backbones that know the difference (BERT, ELECTRA).
        """
        hidden = self.backbone.embeddings(input_ids=input_ids, token_type_ids=token_type_ids)
        if (invertible := self.first_invertible) is not None:
            hidden = invertible(hidden)
        if hasattr(self.backbone, "embeddings_project"):  # ELECTRA with narrow embeddings
            hidden = self.backbone.embeddings_project(hidden)
        # The mask is made here: transformers' own helper asks the device whether any token is padded, a synchronisation.
        mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        pairs: list[tuple[Tensor, Tensor]] = []
        for layer in self.backbone.encoder.layer:
            attention_output = layer.attention(hidden, mask)[0]
            hidden, pair = layer.output(layer.intermediate(attention_output), attention_output, self.stack, self.pair)
            if pair is not None:
                pairs.append(pair)
        return Encoded(hidden, pairs)

    def encode(self, batch: Mapping[str, Any], device: torch.device | None = None) -> Encoded:
        """`forward` of a loader's batch, brought to `device` first if one is given."""
        inputs = [batch.get(name) for name in ("input_ids", "attention_mask", "token_type_ids")]
        if device is not None:
            inputs = [None if tensor is None else tensor.to(device, non_blocking=True) for tensor in inputs]
        return self(*inputs)

    def mlm_logits(self, hidden: Tensor, *, invert: bool = False) -> Tensor:
        """(M, H) hidden vectors -> (M, vocabulary); `invert` first undoes the active invertible adapter (MAD-X)."""
        if self.mlm_head is None:
            raise UserError(
                "this encoder was loaded without its MLM head; from_pretrained(..., mlm_head=True) loads it"
            )
        if invert and (invertible := self.first_invertible) is not None:
            if self.embedding_size != self.hidden_size:
                raise UserError(
                    f"the inverse before the decoder is not defined where embeddings ({self.embedding_size}) are narrower "
                    f"than hidden vectors ({self.hidden_size}); use language_adapters.invert_before_decoder=false"
                )
            hidden = invertible.inverse(hidden)
        return self.mlm_head(hidden)

    def _known(self, name: str) -> None:
        if name not in self.configs:
            there: Sequence[str] = sorted(self.configs) or ["none"]
            raise KeyError(f"no adapter named '{name}'; adapters of this model: {', '.join(there)}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers' report on unused heads out of the terminal; missing weights are checked by us, and raise."""
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)
        transformers_logging.enable_progress_bar()
