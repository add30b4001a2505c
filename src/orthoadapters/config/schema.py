"""The typed configuration: every key and its type, in one file however long, as it is one schema.

`conf/` sets the values, and checks.py refuses what may not be combined. Hydra merges every YAML file and every override
into `Config`, so that a mistyped key or value anywhere fails when the configuration is composed. The comment above or
behind a key says what it does; docs/reference.md is made of these comments.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING


class AdapterKind(Enum):
    """The kinds of an adapter: there is none, it is trained on the main loss alone, or on the orthogonality loss too."""

    none = "none"
    noo = "noo"
    ort = "ort"


class Stage(Enum):
    """The training of a language adapter by masked language modelling, or that of a task with its transfer."""

    mlm = "mlm"
    task = "task"


class TaskKind(Enum):
    """The form of a task's examples.

    Two sentences with one label; a sentence with a label for every word; a sentence with one label; a premise with
    alternatives, one of which is right.
    """

    sentence_pair = "sentence_pair"
    tagging = "tagging"
    sentence = "sentence"
    multiple_choice = "multiple_choice"


class FileFormat(Enum):
    """The format of a task's files: tables with named columns, JSON lines, rows of words and tags, CoNLL-U, Parquet."""

    tsv = "tsv"
    csv = "csv"
    jsonl = "jsonl"
    conll = "conll"
    conllu = "conllu"
    parquet = "parquet"


# The parts of speech of Universal Dependencies (universaldependencies.org/u/pos).
UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()


class Vocabulary(Enum):
    """The subwords that the softmax of L_MLM is over: all of the backbone's, or those of the text that is trained on."""

    backbone = "backbone"
    corpus = "corpus"


class Pair(Enum):
    """The vector that Eq. 2 compares with x_h: the adapter's output x_a (Eq. 1), or x_a without the residual."""

    output = "output"
    update = "update"


class Period(Enum):
    """The clock of gradual unfreezing: epochs of the task's training data, or iterations."""

    epoch = "epoch"
    iteration = "iteration"


class Missing(Enum):
    """The answer to a language adapter that has not been trained yet: stop and name it, or train it first."""

    stop = "stop"
    train = "train"


class Rerun(Enum):
    """The cells of a sweep that are run; without it, all that are not finished."""

    failed = "failed"


class AdapterSource(Enum):
    """The place that a task run's language adapters come from: this project's training, a folder per language, the Hub."""

    trained = "trained"
    local = "local"
    hub = "hub"


class Under(Enum):
    """The language adapter under the task adapter at test: the tested language's own, the source's, none, a weighted mean."""

    target = "target"
    source = "source"
    none = "none"
    mean = "mean"


class TrainUnder(Enum):
    """The language adapters under the task adapter in training.

    The source's alone; the source's and the one target's; the one target's alone; the source's and every target's.
    """

    source = "source"
    bilingual = "bilingual"
    target = "target"
    multi = "multi"


class CorpusSource(Enum):
    """The reader of the text: wikimedia/wikipedia on the Hub, a folder of text files, or the demo world."""

    wikipedia = "wikipedia"
    text = "text"
    demo = "demo"


class WordSplitter(Enum):
    """The rules that cut raw text of a language into words: spaCy's, or jieba's dictionary of Chinese."""

    spacy = "spacy"
    jieba = "jieba"


class LoggerKind(Enum):
    """The places where values are logged, by one word: Weights & Biases and metrics.csv, metrics.csv alone, or none."""

    wandb = "wandb"
    csv = "csv"
    none = "none"


@dataclass
class BackboneConfig:
    """The pretrained multilingual transformer."""

    name: str | None = None  # the name that runs and adapters are filed under; null: the last part of `path`
    path: str = MISSING  # a folder, or a Hub id together with its revision
    revision: str | None = None  # the commit of a Hub id; null for a folder
    # true: pytorch_model.bin is read where there is no model.safetensors; no code in it is run.
    allow_pickle: bool = False


@dataclass
class LanguageConfig:
    """A language: the one that stage=mlm trains an adapter of; task runs read the file of every language they test."""

    code: str = MISSING  # the ISO code, which names its file, its data and its adapters
    name: str = MISSING  # the name in English, for model cards
    wikipedia: str | None = None  # the subset of wikimedia/wikipedia; null: none is known
    hub_adapters: dict[str, str] = field(default_factory=dict)  # backbone.name -> a language adapter's id on the Hub
    word_splitter: WordSplitter = WordSplitter.spacy  # what predict.py cuts raw text into words with


@dataclass
class GridConfig:
    """The learning rates that a sweep tries in the task stage. One run needs none."""

    lr: list[float] = field(default_factory=list)  # the rates of variants without language adapters
    lr_with_language_adapters: list[float] = field(default_factory=list)  # the rates of variants with language adapters
    # The rates of the orthogonality loss, for variants whose task adapter is an orthoadapter.
    ort_lr: list[float] = field(default_factory=list)


@dataclass
class FilesConfig:
    """The files of a task (data=files): where they lie below data.root, and what their columns mean."""

    format: FileFormat | None = None  # the form of the files; null: the task says nothing of files
    # The place below data.root, in which {language} and {split} are filled in; * stands for any characters.
    path: str = "{split}-{language}.tsv"  # ours: as XTREME names its files
    splits: dict[str, str] = field(default_factory=dict)  # train, dev or test -> its name in `path`
    languages: dict[str, str] = field(
        default_factory=dict
    )  # language -> its name in `path`. Without an entry: the code
    # What an example needs -> its column, by name, or by number from 1 on (-1: the last one). sentence_pair: first, second,
    # label; sentence: text, label; multiple_choice: premise, question, alternatives (a list of columns, or a column of
    # lists), label; tagging: word, tag (conll), or words, tags (lists). Without an entry: the column of that name.
    columns: dict[str, Any] = field(default_factory=dict)
    header: bool = True  # tsv and csv: whether the first line names the columns
    separator: str | None = None  # between columns: tab, space or a character; null: tab, of csv a comma
    # tsv and csv: whether a field in double quotes may hold the separator, "" for a quote, and line breaks; null: in csv.
    quotes: bool | None = None
    comment: str | None = None  # conll: the beginning of lines that are left out, such as "# id"; null: there are none


@dataclass
class TaskConfig:
    """The task: its labels, its data and its recipe (stage=task)."""

    name: str = MISSING  # the name that runs are filed under
    kind: TaskKind = MISSING  # the form of its examples
    # Fixed inventory, in the order of the head's outputs; of multiple_choice, the names of the alternatives in their order.
    labels: list[str] = MISSING
    # The first one selects the epoch. tagging: f1, f1_strict, accuracy, macro_f1; sentence and sentence_pair: accuracy,
    # macro_f1; multiple_choice: accuracy.
    metrics: list[str] = MISSING
    languages: list[str] = MISSING  # all that the task has test data for, the source language first
    folder: str = ""  # data=xtreme: the folder of data.root that holds the task's files; empty: the task's name
    hub_id: str | None = None  # data=hub: the data set; null: the Hub has none
    hub_revision: str | None = None  # the commit of that data set; null: the newest
    # Language -> its subset of that data set. Empty: the language's code.
    hub_subsets: dict[str, str] = field(default_factory=dict)
    # The columns of words and tags, or of two sentences and the label. Empty: the usual ones.
    hub_columns: list[str] = field(default_factory=list)
    files: FilesConfig = field(default_factory=FilesConfig)
    # Value in the data -> the label that it stands for, such as "0": different. Without an entry: the value is the label.
    label_names: dict[str, str] = field(default_factory=dict)
    # multiple_choice: value in the data -> the question that it stands for. Without an entry: the value is the question.
    questions: dict[str, str] = field(default_factory=dict)
    character_words: list[str] = field(default_factory=list)  # languages whose words are single characters in the data
    max_length: int = MISSING  # subwords per window, special ones included
    batch_size: int = MISSING  # examples per iteration
    epochs: int = MISSING  # the length of the training, which trainer.max_epochs takes from here
    lr: float = MISSING  # the learning rate of the main loss, which stage=task gives to optim.lr
    ort_lr: float = MISSING  # the learning rate of the orthogonality loss, which stage=task gives to optim.ort_lr
    grid: GridConfig = field(default_factory=GridConfig)
    hub_train: dict[str, int] = field(default_factory=dict)  # source language -> training examples at hub_id, for plans

    @property
    def marks_entities(self) -> bool:
        """Says whether the labels are IOB2: O, and B-TYPE with I-TYPE for every type."""
        types = {label[2:] for label in self.labels if label.startswith("B-")}
        return bool(types) and set(self.labels) == {"O", *(f"{place}-{name}" for place in "BI" for name in types)}

    @property
    def tags_parts_of_speech(self) -> bool:
        """Says whether every part of speech of Universal Dependencies is a label."""
        return self.kind is TaskKind.tagging and set(UPOS) <= set(self.labels)


@dataclass
class DataConfig:
    """The labelled data of a task."""

    source: str = MISSING  # the name of a reader: hub, xtreme, files, conllu, demo (data/sources/read.py)
    root: str | None = MISSING  # the folder of the data; null where the source needs none
    fuse_multiword: bool | None = None  # treebanks alone: multiword tokens as one word, as XTREME has them
    limit_train: int | None = None  # at most this many examples, the first ones; null: all
    limit_dev: int | None = None  # at most this many for development, in each language; null: all
    limit_test: int | None = None  # at most this many test examples, in each language; null: all

    def limit(self, split: str) -> int | None:
        """Returns the limit of train, dev or test; None: all examples."""
        return {"train": self.limit_train, "dev": self.limit_dev, "test": self.limit_test}[split]


@dataclass
class CorpusConfig:
    """The text that language adapters are trained on (stage=mlm)."""

    source: CorpusSource = MISSING  # the reader
    root: str | None = MISSING  # the folder of the text; null where the source needs none


@dataclass
class MlmConfig:
    """The recipe of a language adapter's training (stage=mlm)."""

    lr: float = MISSING  # the learning rate of the main loss, which stage=mlm gives to optim.lr
    ort_lr: float = MISSING  # the learning rate of the orthogonality loss, which stage=mlm gives to optim.ort_lr
    batch_size: int = MISSING  # blocks of text per iteration
    block_length: int = MISSING  # subwords per block of text, special ones included
    mask_probability: float = MISSING  # the share of subwords that are to be predicted
    iterations: int = MISSING  # the length of the training, which trainer.max_iterations takes from here
    dev_blocks: int = MISSING  # blocks of text that are kept from training, for the loss on unseen text
    # The subwords of training's softmax: all of the backbone's, or those that occur in the text that is trained on. The loss
    # on unseen text is over all of them either way.
    vocabulary: Vocabulary = Vocabulary.backbone  # ours: a run without this key had all subwords


@dataclass
class VariantConfig:
    """The variant: two enum fields make it. No adapter at all means that the backbone itself is trained."""

    name: str = MISSING  # the name that runs are filed under and that tables use
    language_adapter: AdapterKind = MISSING  # the kind of the language adapters
    task_adapter: AdapterKind = MISSING  # the kind of the task adapter
    # The bottleneck size of language adapters: the backbone's hidden size divided by this.
    language_reduction: int = MISSING
    # The bottleneck size of the task adapter: the backbone's hidden size divided by this.
    task_reduction: int = MISSING
    # The layers that get no adapter, neither of a language nor of the task, numbered from 0: [11] is the last one of 12, which
    # MAD-X 2.0 leaves out (Pfeiffer et al. 2021, arXiv:2012.15562). The empty list: each layer has its adapters.
    leave_out: list[int] = field(default_factory=list)

    @property
    def has_language_adapter(self) -> bool:
        return self.language_adapter is not AdapterKind.none

    @property
    def has_task_adapter(self) -> bool:
        return self.task_adapter is not AdapterKind.none

    @property
    def paper_name(self) -> str:
        """The name that the two enum fields make: l{kind}_t{kind}, t_{kind} or full_ft."""
        if self.has_language_adapter:
            return f"l{self.language_adapter.value}_t{self.task_adapter.value}"
        return f"t_{self.task_adapter.value}" if self.has_task_adapter else "full_ft"


@dataclass
class DomainConfig:
    """The domain adapter, between the language adapter and the task adapter. It is trained by stage=mlm on text of a domain.

    Without a name there is none, as in the paper.
    """

    # The name of the domain, which its adapter is filed under; null: there is no domain adapter.
    name: str | None = None
    kind: AdapterKind = AdapterKind.noo  # the kind of the domain adapter: noo or ort
    # The bottleneck size of the domain adapter: the backbone's hidden size divided by this.
    reduction: int = 2  # ours: as wide as the paper's language adapters (A.3)
    root: str | None = None  # stage=mlm: the folder of the domain's text, with LANGUAGE.txt, a passage a line


@dataclass
class OptimConfig:
    """The two optimizers, Adam for the main loss and Adam for the orthogonality loss, of whichever stage is run."""

    lr: float = MISSING  # the learning rate of the main loss
    ort_lr: float = MISSING  # the learning rate of the orthogonality loss
    eps: float = MISSING  # Adam's epsilon for the main loss
    ort_eps: float = MISSING  # Adam's epsilon for the orthogonality loss
    clip_norm: float | None = None  # the norm that gradients are clipped to; null: they are not clipped


@dataclass
class OrtConfig:
    """The orthogonality step: when it is taken, from which forward pass, and whether it is one step with the main loss."""

    # true: both gradients from one forward pass, so that the two steps are simultaneous instead of alternating.
    share_forward: bool = False  # ours: a run without this key alternated
    every: int = 1  # iterations between two orthogonality steps; ours: a run without this key took one in each
    # lambda: one Adam minimises the main loss + lambda L_ORT in one step, without optim.ort_lr; null: the two losses alternate.
    joint: float | None = None  # ours: a run without this key had two steps


@dataclass
class UnfreezeConfig:
    """Gradual unfreezing: the adapter of the top layer is trained first, then those of further layers from the top down."""

    # epoch or iteration: what `every` counts; null: the adapter's layers are all trained from the beginning.
    per: Period | None = None  # ours: a run without this key trained all layers from the beginning
    every: int = 1  # epochs or iterations after which one more layer is trained; ours: Howard and Ruder 2018, one epoch


@dataclass
class OrthogonalityConfig:
    """The loss of the second step, L_ORT."""

    # The loss, by its name in orthogonality_losses.LOSSES: cosine (Eq. 2), subspace or weights.
    loss: str = "cosine"  # ours: a run without this key had Eq. 2
    pair: Pair = MISSING  # the vector that is compared with x_h: x_a, or x_a without the residual


@dataclass
class LanguageAdaptersConfig:
    """The language adapters of a task run."""

    source: AdapterSource = MISSING  # the place that they come from
    root: str | None = None  # source=local: the folder that holds a folder per language
    # source=hub: language -> OWNER/NAME[@REVISION], in place of the language's own hub_adapters; null: those alone.
    hub: Any = None
    # The answer to one that has not been trained yet: stop and say how to train it, or train it first.
    missing: Missing = MISSING
    # stage=mlm: whether the inverse of the invertible adapter is applied before the decoder.
    invert_before_decoder: bool = MISSING


@dataclass
class TransferConfig:
    """The place under the task adapter, and what is there: at test, and in training."""

    # target: the tested language's own adapter; source: the source language's; none: no language adapter; mean: the mean of
    # other languages' adapters. Of a list, the first makes the run's scores, and the others are scored beside it.
    under: Any = "target"  # ours: a run without this key swapped the language adapter
    # The language adapters under the task adapter in training. source: the source language's own; bilingual, target, multi:
    # also the target's, only the target's, also every target's; or a list of languages. Several take turns, a batch each.
    train_under: Any = "source"  # ours: a run without this key trained on the source language's adapter
    # mean: language -> {language: weight}, or a file of lines LANGUAGE TAB LANGUAGE TAB CLOSENESS; null: equal weights of
    # the run's other languages. Weights are divided by their sum.
    weights: Any = None

    @property
    def choices(self) -> list[Under]:
        """The choices in their order, the run's own first."""
        return [Under(name) for name in (self.under if isinstance(self.under, list) else [self.under])]


@dataclass
class TrainerConfig:
    """The device, the length of the training, and how often it is saved and logged."""

    accelerator: str = MISSING  # auto, cpu or gpu
    # Processes per machine, a GPU each where there are GPUs.
    devices: int = 1  # ours: a run without this key had one process
    # Machines that train one run together.
    num_nodes: int = 1  # ours: a run without this key had one machine
    precision: str = MISSING  # 32-true or bf16-mixed
    # true: training runs the encoder as a compiled graph, in few widths of batches. It pays on a GPU and in long runs.
    compile: bool = False  # ours: a run without this key was not compiled
    max_epochs: int = MISSING  # stage=task: how often the training data are gone through
    # stage=task: epochs without a higher score on the source language's development set after which training ends; null:
    # all epochs are trained.
    patience: int | None = None
    max_iterations: int = MISSING  # stage=mlm: the number of iterations
    checkpoint_every: int = MISSING  # iterations between two checkpoints
    checkpoint_minutes: float = MISSING  # minutes between two checkpoints, if that is sooner
    log_every: int = MISSING  # iterations between two transfers of the logged values from the device
    layers_every: int = MISSING  # iterations between two logs of the orthogonality loss per layer

    @property
    def processes(self) -> int:
        """The processes that train one run together (trainer=ddp)."""
        return self.devices * self.num_nodes


@dataclass
class LoggerConfig:
    """The places where values are logged: logger=tensorboard, or several of them as in logger=[tensorboard,wandb]."""

    csv: bool = False  # metrics.csv in the run's directory, which the report reads
    tensorboard: bool = False  # TensorBoard's event files, in tensorboard/ of the run's directory
    wandb: bool = False  # Weights & Biases
    # In place of the three keys above: wandb (with metrics.csv), csv or none; null: what these say.
    kind: LoggerKind | None = None  # ours: earlier versions had this key alone
    project: str | None = None  # W&B's project; null: that of WANDB_PROJECT, or else orthoadapters
    entity: str | None = None  # W&B's user or team; null: that of WANDB_ENTITY, or else the one who is logged in
    # W&B's group; null: that of WANDB_RUN_GROUP, or else the sweep, or stage with task or language.
    group: str | None = None
    name: str | None = None  # W&B's name of the run; null: that of WANDB_NAME, or else the run's own
    # W&B's tags beside stage, variant, task or language, backbone and seed; null: those of WANDB_TAGS.
    tags: list[str] | None = None
    notes: str | None = None  # W&B's notes on the run; null: those of WANDB_NOTES


@dataclass
class SweepConfig:
    """A file of multirun_sweeps/sweep/: the product of its axes, each point with the learning rates of its task's grid."""

    # The sweep's name; null: an ordinary multirun, to which the grid of learning rates does not belong.
    name: str | None = None
    axes: dict[str, Any] = field(default_factory=dict)  # key -> list of values; a key on the command line replaces it
    selected: bool = False  # true: only the grid point that the development set selects, instead of the whole grid
    # How many cells share a GPU at a time; each may take that part of its memory. They run slower, and together faster.
    cells_per_gpu: int = 1


@dataclass
class PathsConfig:
    """The folders that are written to, and the user's own folder of configuration files."""

    runs: str = MISSING  # the folder of run directories
    adapters: str = MISSING  # the folder that trained language adapters are published to and read from
    # The folder of what can be made again: blocks of text, the demo backbone, Hydra's own records.
    cache: str = MISSING
    # A folder of further files with the layout of conf/ (variant/, language/, sweep/ ...), as --config-dir names it.
    config: str | None = None


@dataclass
class Config:
    """The whole configuration."""

    # mlm: train the language adapter of `language`; task: train on the source language and test every language.
    stage: Stage = MISSING
    seed: int = MISSING  # the seed of fresh weights, dropout, masking and the order of examples
    plan: bool = MISSING  # true: print what would be run, and stop
    # failed: of a sweep, only the cells that failed before; null: all that are not finished.
    rerun: Rerun | None = None
    # The target languages; null: all that the task has. Others may be named that have a file in conf/language/ and data.
    languages: list[str] | None = None
    # The language that is trained on, and whose development set selects the epoch; or a list of them, whose training sets
    # are pooled, and whose mean score on their development sets selects.
    source_language: Any = MISSING
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    data: DataConfig = field(default_factory=DataConfig)
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    mlm: MlmConfig = field(default_factory=MlmConfig)
    variant: VariantConfig = field(default_factory=VariantConfig)
    domain: DomainConfig = field(default_factory=DomainConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    ort: OrtConfig = field(default_factory=OrtConfig)
    orthogonality: OrthogonalityConfig = field(default_factory=OrthogonalityConfig)
    unfreeze: UnfreezeConfig = field(default_factory=UnfreezeConfig)
    language_adapters: LanguageAdaptersConfig = field(default_factory=LanguageAdaptersConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)

    @property
    def source_languages(self) -> list[str]:
        """The languages that are trained on, most often one."""
        return list(self.source_language) if isinstance(self.source_language, list) else [self.source_language]

    @property
    def evaluated_languages(self) -> list[str]:
        """The source languages, then the targets."""
        return [*self.source_languages, *self.target_languages]

    @property
    def target_languages(self) -> list[str]:
        """The languages that are tested, without the source languages."""
        targets = self.languages if self.languages is not None else self.task.languages
        return [code for code in dict.fromkeys(targets) if code not in self.source_languages]

    @property
    def reads_treebanks(self) -> bool:
        """Says whether the labelled data are in CoNLL-U."""
        is_format = self.data.source == "files" and self.task.files.format is FileFormat.conllu
        return self.data.source == "conllu" or is_format

    @property
    def trains_domain(self) -> bool:
        """Says whether the adapter that this run trains is a domain's, on the frozen one of `language`."""
        return self.stage is Stage.mlm and self.domain.name is not None

    @property
    def is_orthogonal(self) -> bool:
        """Says whether this run has L_ORT: the adapter that its stage trains is an orthoadapter."""
        below = self.domain.kind if self.trains_domain else self.variant.language_adapter
        return (below if self.stage is Stage.mlm else self.variant.task_adapter) is AdapterKind.ort

    @property
    def has_ort_step(self) -> bool:
        """Says whether L_ORT has an optimizer of its own, with optim.ort_lr: it is not a part of the main loss (ort.joint)."""
        return self.is_orthogonal and self.ort.joint is None
