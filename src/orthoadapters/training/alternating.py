"""The alternating step (paper, section 2 and footnote 5): one Adam on the main loss, a second one on L_ORT."""

from abc import ABC, abstractmethod
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from orthoadapters.config.schema import OptimConfig
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.orthogonality import LayersLoss, layers_orthogonality
from orthoadapters.training.distributed import every_process, own_seed, sum_gradients, sum_over_processes
from orthoadapters.training.record import Recorder


class AlternatingTraining(pl.LightningModule, ABC):
    """Trains one adapter (and a head), or the whole backbone; `MLMTraining` and `TaskTraining` give the main loss.

    adapter: name of the adapter in the active stack that is trained; None trains the backbone itself.
    head: trained by the main optimizer alone; None if there is none. orthogonal: take the second step as well, on the sum
    of what `layers_loss` gives for the layers; the default is Eq. 2.
    """

    def __init__(
        self,
        model: AdaptedEncoder,
        adapter: str | None,
        head: nn.Module | None,
        orthogonal: bool,
        optim: OptimConfig,
        recorder: Recorder,
        layers_loss: LayersLoss = layers_orthogonality,
    ) -> None:
        super().__init__()
        if orthogonal and adapter is None:
            raise ValueError("L_ORT is defined for an adapter; there is none to train")
        self.automatic_optimization = False
        self.strict_loading = (
            False  # a checkpoint holds what is trained, and on_load_checkpoint checks that it holds all
        )
        self.model, self.head = model, head
        self.orthogonal, self.optim, self.recorder = orthogonal, optim, recorder
        self.layers_loss = layers_loss
        trained: nn.Module = model.backbone if adapter is None else model.adapter_modules(adapter)
        self.body = list(trained.requires_grad_(True).parameters())
        self.main_parameters = self.body + ([] if head is None else list(head.parameters()))
        # Of several processes (trainer=ddp): what this one wants, and what all of them together want, as of one iteration.
        self.wishes, self.agreed = (0.0, 0.0), torch.zeros(2)  # to save a checkpoint, to stop
        self._rng: dict[str, Any] | None = None

    @abstractmethod
    def main_loss(self, batch: dict[str, Any]) -> Tensor:
        """L_MLM or L_TASK of one batch, a scalar."""

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        main = torch.optim.Adam(self.main_parameters, lr=self.optim.lr, eps=self.optim.eps)
        if not self.orthogonal:
            return [main]
        return [main, torch.optim.Adam(self.body, lr=self.optim.ort_lr, eps=self.optim.ort_eps)]

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """One step on the main loss, then one on L_ORT from a second forward through the updated weights."""
        optimizers = self.optimizers(use_pl_optimizer=True)
        main = optimizers[0] if isinstance(optimizers, list) else optimizers
        main.zero_grad()
        loss = self._backward(self.main_loss(batch), self.main_parameters, batch.get("main_share"))
        row = {"loss": loss, "grad_norm": self._clip(self.main_parameters)}
        main.step()

        if self.orthogonal:
            ort = self.optimizers(use_pl_optimizer=False)[1]  # type: ignore[index]  # raw: global_step counts batches
            ort.zero_grad()
            mask, share = batch.get("attention_mask"), batch.get("token_share")
            pairs = self.model.encode(batch).pairs  # the head is not needed for L_ORT
            layers = self.layers_loss(pairs, mask)  # (L,); with Eq. 2 their sum is `orthogonality_loss`
            l_ort = self._backward(layers.sum(), self.body, share)
            row |= {"l_ort": l_ort, "ort_grad_norm": self._clip(self.body)}
            ort.step()
            if self.recorder.wants_layers(self.global_step):
                layers = layers.detach()
                layers = layers if share is None else sum_over_processes(share * layers)
                row |= {f"l_ort_layer_{i}": value for i, value in enumerate(layers.unbind())}
        self.recorder.step(self.global_step, row, batch["tokens"])

    def _backward(self, loss: Tensor, parameters: list[nn.Parameter], share: float | None) -> Tensor:
        """Leaves the gradient of the batch's loss in `parameters`, and returns that loss.

        loss: of this process's part of the batch. share: the part of the batch's loss that it stands for (`data.shares`);
        None: this process has the whole batch.
        """
        if share is None:
            self.manual_backward(loss)
            return loss.detach()
        part = share * loss
        self.manual_backward(part)
        values = [part.detach(), *(part.new_full((), wish) for wish in self.wishes)]
        summed = sum_gradients(parameters, torch.stack(values))
        self.agreed = summed[1:]
        return summed[0]

    def _clip(self, parameters: list[nn.Parameter]) -> Tensor:
        """The norm of the gradients before clipping, left on its device."""
        limit = float("inf") if self.optim.clip_norm is None else self.optim.clip_norm
        return torch.nn.utils.clip_grad_norm_(parameters, limit)

    def trained_state(self) -> dict[str, Tensor]:
        """What is trained, by name: the one predicate for what checkpoints hold."""
        return {name: parameter.detach() for name, parameter in self.named_parameters() if parameter.requires_grad}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["state_dict"] = self.trained_state()
        checkpoint["recorder"] = self.recorder.state_dict()
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        checkpoint["rng"] = state if self.trainer.world_size == 1 else every_process(state)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint["state_dict"].keys() != self.trained_state().keys():
            raise ValueError("the checkpoint holds other parameters than this run trains")
        self.recorder.load_state_dict(checkpoint["recorder"])
        states = checkpoint["rng"]
        self._rng = states[self.global_rank] if isinstance(states, list) else states

    def on_train_start(self) -> None:
        self.model.train()
        if self._rng is not None:  # set last, so that nothing between loading and training draws from it
            torch.set_rng_state(self._rng["cpu"].cpu())
            if self.device.type == "cuda" and "cuda" in self._rng:
                torch.cuda.set_rng_state(self._rng["cuda"].cpu(), self.device)
            self._rng = None
        elif self.global_rank > 0:  # the first one's is the run's seed
            torch.manual_seed(own_seed(self.global_rank))
        self.recorder.resume_from(self.global_step)
