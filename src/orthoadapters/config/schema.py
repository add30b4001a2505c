"""The typed configuration: every key and its type, in one file however long, as it is one schema. See also checks.py.

`conf/` sets the values, and checks.py refuses what may not be combined. Hydra merges every YAML file and every override
into `Config`, so that a mistyped key or value anywhere fails when the configuration is composed.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING


class AdapterKind(Enum):
    """Whether an adapter exists, and whether it is trained with the orthogonality loss too."""

    none = "none"
    noo = "noo"
    ort = "ort"


class Stage(Enum):
    mlm = "mlm"
    task = "task"


class TaskKind(Enum):
    sentence_pair = "sentence_pair"
    tagging = "tagging"


class Pair(Enum):
    """What Eq. 2 compares with x_h: the adapter's output x_a (Eq. 1), or its update alone (x_a without the residual)."""

    output = "output"
    update = "update"


class Missing(Enum):
    """What to do about a language adapter that has not been trained yet."""

    stop = "stop"
    train = "train"


class Rerun(Enum):
    """Which cells of a sweep are run; without it, all that are not finished."""

    failed = "failed"


class AdapterSource(Enum):
    """Where a task run's language adapters come from: this project's training, a folder per language, or the Hub."""

    trained = "trained"
    local = "local"
    hub = "hub"


class DataSource(Enum):
    hub = "hub"
    xtreme = "xtreme"
    conllu = "conllu"
    demo = "demo"


class CorpusSource(Enum):
    wikipedia = "wikipedia"
    text = "text"
    demo = "demo"


class LoggerKind(Enum):
    wandb = "wandb"
    csv = "csv"
    none = "none"


@dataclass
class BackboneConfig:
    name: str | None = None  # what runs and adapters are filed under; null: the last part of `path`
    path: str = MISSING  # folder, or Hub id
    revision: str | None = None  # commit of a Hub id; null for a folder
    allow_pickle: bool = False  # whether pytorch_model.bin is read where there is no model.safetensors


@dataclass
class LanguageConfig:
    code: str = MISSING
    name: str = MISSING
    wikipedia: str | None = None  # config of wikimedia/wikipedia
    udpos: str | None = None  # config of google/xtreme
    hub_adapters: dict[str, str] = field(default_factory=dict)  # backbone.name -> a language adapter's id on the Hub


@dataclass
class GridConfig:
    """The learning rates that a sweep tries in the task stage."""

    lr: list[float] = MISSING  # of variants without language adapters
    lr_with_language_adapters: list[float] = MISSING
    ort_lr: list[float] = MISSING  # of variants whose task adapter is an orthoadapter


@dataclass
class TaskConfig:
    name: str = MISSING
    kind: TaskKind = MISSING
    labels: list[str] = MISSING  # fixed inventory, in the order of the head's outputs
    metrics: list[str] = MISSING  # the first one selects the epoch
    languages: list[str] = MISSING  # all that the task has test data for, the source language first
    folder: str = MISSING  # XTREME's name for the task
    hub_id: str = MISSING
    hub_revision: str | None = None
    max_length: int = MISSING  # subwords per window, special ones included
    batch_size: int = MISSING
    epochs: int = MISSING
    lr: float = MISSING
    ort_lr: float = MISSING
    grid: GridConfig = field(default_factory=GridConfig)
    hub_train: dict[str, int] = field(default_factory=dict)  # source language -> training examples at hub_id, for plans


@dataclass
class DataConfig:
    source: DataSource = MISSING
    root: str | None = MISSING  # null where the source needs no folder
    fuse_multiword: bool | None = None  # data=conllu alone: multiword tokens as one word, as XTREME has them
    limit_train: int | None = None  # at most this many sentences or pairs, the first ones
    limit_dev: int | None = None
    limit_test: int | None = None


@dataclass
class CorpusConfig:
    source: CorpusSource = MISSING
    root: str | None = MISSING  # null where the source needs no folder


@dataclass
class MlmConfig:
    lr: float = MISSING
    ort_lr: float = MISSING
    batch_size: int = MISSING
    block_length: int = MISSING
    mask_probability: float = MISSING
    iterations: int = MISSING
    dev_blocks: int = MISSING


@dataclass
class VariantConfig:
    """Two enum fields make a variant; no adapter at all means that the backbone itself is trained."""

    name: str = MISSING
    language_adapter: AdapterKind = MISSING
    task_adapter: AdapterKind = MISSING
    language_reduction: int = MISSING  # d = hidden size / reduction
    task_reduction: int = MISSING


@dataclass
class OptimConfig:
    lr: float = MISSING
    ort_lr: float = MISSING
    eps: float = MISSING
    ort_eps: float = MISSING
    clip_norm: float | None = None


@dataclass
class OrthogonalityConfig:
    loss: str = "cosine"  # a name in orthogonality.LOSSES; ours: what a run without this key had, Eq. 2
    pair: Pair = MISSING


@dataclass
class LanguageAdaptersConfig:
    source: AdapterSource = MISSING
    root: str | None = None  # source=local: the folder of folders
    hub: Any = None  # source=hub: language -> OWNER/NAME[@REVISION], before the language's own hub_adapters
    missing: Missing = MISSING
    invert_before_decoder: bool = MISSING


@dataclass
class TrainerConfig:
    accelerator: str = MISSING
    devices: int = 1  # processes per machine, a GPU each where there are GPUs; ours: what a run without this key had
    num_nodes: int = 1  # machines; ours: likewise
    precision: str = MISSING
    max_epochs: int = MISSING
    max_iterations: int = MISSING
    checkpoint_every: int = MISSING
    checkpoint_minutes: float = MISSING
    log_every: int = MISSING
    layers_every: int = MISSING

    @property
    def processes(self) -> int:
        """The processes that train one run together (trainer=ddp)."""
        return self.devices * self.num_nodes


@dataclass
class LoggerConfig:
    kind: LoggerKind = MISSING
    project: str = MISSING
    entity: str | None = None


@dataclass
class SweepConfig:
    """A file of multirun_sweeps/sweep/: the product of its axes, each point with the learning rates of its task's grid."""

    name: str | None = None
    axes: dict[str, Any] = field(default_factory=dict)  # key -> list of values; a key on the command line replaces it
    selected: bool = False  # only the grid point that the development set selects, instead of the whole grid


@dataclass
class PathsConfig:
    runs: str = MISSING
    adapters: str = MISSING
    cache: str = MISSING


@dataclass
class Config:
    stage: Stage = MISSING
    seed: int = MISSING
    plan: bool = MISSING
    rerun: Rerun | None = None
    languages: list[str] | None = None  # target languages; null: all that the task has
    source_language: str = MISSING
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    data: DataConfig = field(default_factory=DataConfig)
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    mlm: MlmConfig = field(default_factory=MlmConfig)
    variant: VariantConfig = field(default_factory=VariantConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    orthogonality: OrthogonalityConfig = field(default_factory=OrthogonalityConfig)
    language_adapters: LanguageAdaptersConfig = field(default_factory=LanguageAdaptersConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)

    @property
    def evaluated_languages(self) -> list[str]:
        """The source language, then the targets."""
        chosen = self.languages if self.languages is not None else self.task.languages
        return list(dict.fromkeys([self.source_language, *chosen]))

    @property
    def is_orthogonal(self) -> bool:
        """Whether this run takes the second step: the adapter that its stage trains is an orthoadapter."""
        trained = self.variant.language_adapter if self.stage is Stage.mlm else self.variant.task_adapter
        return trained is AdapterKind.ort
