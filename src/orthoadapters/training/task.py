"""Stage 2 (paper, figure 1b): a task adapter and its head on top of the frozen source-language adapter."""

from torch import Tensor

from orthoadapters.config.schema import OptimConfig, OrtConfig
from orthoadapters.data.batching import Batch
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import TaskHead
from orthoadapters.orthogonality import layers_orthogonality
from orthoadapters.orthogonality_losses import OrthogonalityLoss
from orthoadapters.training.alternating import AlternatingTraining
from orthoadapters.training.record import Recorder
from orthoadapters.training.turns import TrainingStacks


class TaskTraining(AlternatingTraining):
    """Trains the last adapter of the active stack (or, with adapter None, the whole backbone) and the head with L_TASK.

    stacks: says which stack is active for each batch; None: the one that is active now is so for all.
    """

    head: TaskHead

    def __init__(
        self,
        model: AdaptedEncoder,
        head: TaskHead,
        adapter: str | None,
        orthogonal: bool,
        optim: OptimConfig,
        recorder: Recorder,
        layers_loss: OrthogonalityLoss = layers_orthogonality,
        ort: OrtConfig | None = None,
        stacks: TrainingStacks | None = None,
    ) -> None:
        super().__init__(model, adapter, head, orthogonal, optim, recorder, layers_loss, ort)
        self.stacks = stacks

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        if self.stacks is not None:
            self.model.activate(*self.stacks.stack(self.global_step, batch))
        super().training_step(batch, batch_idx)

    def main_loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        return self.head.loss(self.head(hidden), batch["labels"])
