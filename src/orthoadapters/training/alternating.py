"""The alternating step (paper, section 2 and footnote 5): one Adam on the main loss, a second one on L_ORT."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn

from orthoadapters.adapters import Adapter
from orthoadapters.config.schema import OptimConfig, OrtConfig
from orthoadapters.data.batching import Batch
from orthoadapters.errors import UserError
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.walks import Encoding, second_matrices
from orthoadapters.orthogonality import layers_orthogonality
from orthoadapters.orthogonality_losses import OrthogonalityLoss, WeightsLoss
from orthoadapters.training.distributed import gather_from_processes, process_seed, sum_gradients, sum_over_processes
from orthoadapters.training.record import Recorder


class AlternatingTraining(pl.LightningModule, ABC):
    """Trains one adapter (and a head), or the whole backbone; `MLMTraining` and `TaskTraining` give the main loss.

    adapter: the name of the adapter in the active stack that is trained; None trains the backbone itself.
    head: the prediction head, which the main optimizer alone trains; None if there is none.
    orthogonal: whether the second step is taken as well, on the sum of what `layers_loss` gives for the layers.
    layers_loss: Eq. 2 before its outer sum, or another loss of `orthogonality_losses.LOSSES`.
    ort: when the second step is taken; None: after every main step, from a forward of its own.
    """

    # What a loss of weights needs of the frozen layers, (L, H, H) for W_2's second moments.
    frozen_parts: Tensor

    def __init__(
        self,
        model: AdaptedEncoder,
        adapter: str | None,
        head: nn.Module | None,
        orthogonal: bool,
        optim: OptimConfig,
        recorder: Recorder,
        layers_loss: OrthogonalityLoss = layers_orthogonality,
        ort: OrtConfig | None = None,
    ) -> None:
        super().__init__()
        if orthogonal and adapter is None:
            raise ValueError("L_ORT is defined for an adapter; there is none to train")
        self.automatic_optimization = False
        # A checkpoint holds the trained parameters alone; on_load_checkpoint checks that it holds all of them.
        self.strict_loading = False
        self.model, self.head = model, head
        # The encoder of training batches, which `fit` may have compiled.
        self.encode: Callable[[Batch], Encoding] = model.encode
        self.orthogonal, self.optim, self.recorder = orthogonal, optim, recorder
        self.layers_loss, self.ort = layers_loss, ort or OrtConfig()
        module: nn.Module = model.backbone if adapter is None else model.adapter_modules(adapter)
        self.body = list(module.requires_grad_(True).parameters())
        self.main_parameters = self.body + ([] if head is None else list(head.parameters()))
        if orthogonal and adapter is not None and isinstance(layers_loss, WeightsLoss):
            sites, matrices, layer_numbers = model.sites, second_matrices(model.backbone), model.layers_with(adapter)
            self.up_weights = [cast(Adapter, sites[i].adapters[adapter]).up.weight for i in layer_numbers]
            parts = torch.stack([layers_loss.prepare(matrices[i]) for i in layer_numbers])
            self.register_buffer("frozen_parts", parts, persistent=False)
        # With several processes (trainer=ddp) each one may ask to save a checkpoint and to stop. `requests` are this
        # process's own; `agreed_requests` are their sums over all processes, as of the last backward pass.
        self.requests, self.request_sums = (0.0, 0.0), torch.zeros(2)
        self._rng: dict[str, Any] | None = None

    @abstractmethod
    def main_loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Computes L_MLM or L_TASK of one batch, a scalar, from its hidden vectors, (B, T, H)."""

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        # One kernel takes the whole step, which PyTorch does not choose by itself; on a CPU full_ft gains by it.
        is_fused = True if self.main_parameters[0].device.type in ("cpu", "cuda") else None
        main = torch.optim.Adam(self.main_parameters, lr=self.optim.lr, eps=self.optim.eps, fused=is_fused)
        if not self.orthogonal or self.ort.joint is not None:
            return [main]
        return [main, torch.optim.Adam(self.body, lr=self.optim.ort_lr, eps=self.optim.ort_eps, fused=is_fused)]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Takes one step on the main loss, then one on L_ORT from a second forward through the updated weights."""
        # global_step counts the batches before this one.
        is_due = self.orthogonal and (self.global_step + 1) % self.ort.every == 0
        if is_due and (self.ort.share_forward or self.ort.joint is not None):
            (self._step_simultaneously if self.ort.joint is None else self._step_jointly)(batch)
            return
        main = self._main_optimizer()
        main.zero_grad()
        hidden = self.encode(batch).hidden
        loss = self._backward(self.main_loss(hidden, batch), self.main_parameters, batch.get("main_share"))
        row = {"loss": loss, "grad_norm": self._clip(self.main_parameters)}
        main.step()

        if is_due:
            # This optimizer is taken without Lightning's wrapper, which would count its step: global_step counts batches.
            ort = self.optimizers(use_pl_optimizer=False)[1]  # type: ignore[index]
            ort.zero_grad()
            # L_ORT needs no head. `layers` is (L,); with Eq. 2 its sum is `orthogonality_loss(pairs, mask)`.
            layers = self._layers(batch)
            l_ort = self._backward(layers.sum(), self.body, batch.get("token_share"))
            row |= {"l_ort": l_ort, "ort_grad_norm": self._clip(self.body)}
            ort.step()
            row |= self._layers_row(layers, batch.get("token_share"))
        self.recorder.step(self.global_step, row, batch)

    def _step_simultaneously(self, batch: Batch) -> None:
        """Takes both steps from one forward (ort.share_forward): each gradient is of the weights before either step."""
        main = self._main_optimizer()
        ort = self.optimizers(use_pl_optimizer=False)[1]  # type: ignore[index]
        main.zero_grad()
        encoding, share = self.encode(batch), batch.get("token_share")
        layers = self._layers(batch, encoding)
        l_ort = self._backward(layers.sum(), self.body, share, keep_graph=True)
        row = {"l_ort": l_ort, "ort_grad_norm": self._clip(self.body)}
        # A backward pass adds to the gradients that are there: those of L_ORT wait elsewhere.
        ort_gradients = [parameter.grad for parameter in self.body]
        main.zero_grad()
        loss = self._backward(self.main_loss(encoding.hidden, batch), self.main_parameters, batch.get("main_share"))
        row = {"loss": loss, "grad_norm": self._clip(self.main_parameters)} | row
        main.step()
        for parameter, gradient in zip(self.body, ort_gradients, strict=True):
            parameter.grad = gradient
        ort.step()
        self.recorder.step(self.global_step, row | self._layers_row(layers, share), batch)

    def _step_jointly(self, batch: Batch) -> None:
        """Takes one step of one Adam on L_MAIN + lambda L_ORT (ort.joint; paper, footnote 5), from one forward."""
        assert self.ort.joint is not None
        main = self._main_optimizer()
        main.zero_grad()
        encoding, share = self.encode(batch), batch.get("token_share")
        layers = self._layers(batch, encoding)
        # The two losses have different shares of a batch that several processes have in parts.
        main_part = batch.get("main_share", 1.0) * self.main_loss(encoding.hidden, batch)
        ort_part = batch.get("token_share", 1.0) * layers.sum()
        self.manual_backward(main_part + self.ort.joint * ort_part)
        values = torch.stack([main_part, ort_part]).detach()
        loss, l_ort = values if share is None else self._sum(self.main_parameters, values)
        row = {"loss": loss, "grad_norm": self._clip(self.main_parameters), "l_ort": l_ort}
        main.step()
        self.recorder.step(self.global_step, row | self._layers_row(layers, share), batch)

    def _main_optimizer(self) -> LightningOptimizer:
        optimizers = self.optimizers(use_pl_optimizer=True)
        return optimizers[0] if isinstance(optimizers, list) else optimizers

    def _layers(self, batch: Batch, encoding: Encoding | None = None) -> Tensor:
        """Computes L_ORT of every layer, (L,), from a forward pass of its own unless there is one or weights are enough."""
        if isinstance(self.layers_loss, WeightsLoss):
            return self.layers_loss.layers(torch.stack(self.up_weights), self.frozen_parts)
        encoding = encoding or self.encode(batch)
        return self.layers_loss(encoding.pairs, batch.get("attention_mask"))

    def _backward(
        self, loss: Tensor, parameters: list[nn.Parameter], share: float | None, keep_graph: bool = False
    ) -> Tensor:
        """Leaves the gradient of the whole batch's loss in `parameters`, and returns that loss.

        loss: the loss of this process's part of the batch. share: the fraction of the batch's loss that this part stands
        for (`data.shares`); None where this process has the whole batch. keep_graph: whether a further backward pass comes.
        """
        if share is None:
            self.manual_backward(loss, retain_graph=keep_graph)
            return loss.detach()
        part = share * loss
        self.manual_backward(part, retain_graph=keep_graph)
        return self._sum(parameters, part.detach()[None])[0]

    def _sum(self, parameters: list[nn.Parameter], values: Tensor) -> Tensor:
        """Sums gradients and `values`, (N,), over all processes, and with them the requests of each."""
        requests = [values.new_full((), request) for request in self.requests]
        sums = sum_gradients(parameters, torch.cat([values, torch.stack(requests)]))
        self.request_sums = sums[len(values) :]
        return sums[: len(values)]

    def _layers_row(self, layers: Tensor, share: float | None) -> dict[str, Tensor]:
        """Names the whole batch's L_ORT of each layer, (L,), if the recorder wants them; otherwise it is empty."""
        if not self.recorder.wants_layers(self.global_step, self.ort.every):
            return {}
        layers = layers.detach()
        layers = layers if share is None else sum_over_processes(share * layers)
        return {f"l_ort_layer_{i}": value for i, value in zip(self.model.pair_layers, layers.unbind(), strict=True)}

    def _clip(self, parameters: list[nn.Parameter]) -> Tensor:
        """Clips the gradients, and returns their norm before that, on its device."""
        limit = float("inf") if self.optim.clip_norm is None else self.optim.clip_norm
        return torch.nn.utils.clip_grad_norm_(parameters, limit)

    def trained_state(self) -> dict[str, Tensor]:
        """Returns the trained parameters by name, those of layers whose turn is still to come too: what checkpoints hold."""
        ids = {id(parameter) for parameter in self.main_parameters}
        return {name: parameter.detach() for name, parameter in self.named_parameters() if id(parameter) in ids}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["state_dict"] = self.trained_state()
        checkpoint["recorder"] = self.recorder.state_dict()
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        checkpoint["rng"] = state if self.trainer.world_size == 1 else gather_from_processes(state)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        here, there = (
            {name: one.shape for name, one in state.items()}
            for state in (self.trained_state(), checkpoint["state_dict"])
        )
        if here != there:
            raise UserError(
                f"{self.trainer.ckpt_path} holds other weights than this run trains, as another run's would; bring back "
                "this run's own, or delete it to start the run from its beginning"
            )
        self.recorder.load_state_dict(checkpoint["recorder"])
        states = checkpoint["rng"]
        self._rng = states[self.global_rank] if isinstance(states, list) else states

    def on_train_start(self) -> None:
        self.model.train()
        if self._rng is not None:
            # The generators are set here and not at loading, so that nothing in between draws from them.
            torch.set_rng_state(self._rng["cpu"].cpu())
            if self.device.type == "cuda" and "cuda" in self._rng:
                torch.cuda.set_rng_state(self._rng["cuda"].cpu(), self.device)
            self._rng = None
        elif self.global_rank > 0:
            # The first process keeps the run's seed.
            torch.manual_seed(process_seed(self.global_rank))
        self.recorder.resume_from(self.global_step)
