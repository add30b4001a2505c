"""What cannot be run, refused before any file is read or weight loaded."""

from pathlib import Path

from orthoadapters.config.hub_ids import DEMO, HUB_ID, is_id
from orthoadapters.config.schema import (
    AdapterKind,
    AdapterSource,
    BackboneConfig,
    Config,
    DataSource,
    Missing,
    Stage,
    TaskKind,
)
from orthoadapters.errors import UserError

PRECISIONS = ("32-true", "bf16-mixed")
METRICS = {TaskKind.sentence_pair: ("accuracy",), TaskKind.tagging: ("f1", "f1_strict", "accuracy")}

TASKS = ("xnli", "wikiann", "udpos")
PAPER_VARIANTS = ("full_ft", "t_noo", "t_ort", "lnoo_tnoo", "lnoo_tort", "lort_tnoo", "lort_tort")


def paper_name(config: Config) -> str:
    """The variant's name as its two enum fields make it: l{kind}_t{kind}, t_{kind} or full_ft."""
    language, task = config.variant.language_adapter, config.variant.task_adapter
    if language is AdapterKind.none:
        return "full_ft" if task is AdapterKind.none else f"t_{task.value}"
    return f"l{language.value}_t{task.value}"


def check_sources(config: Config) -> None:
    """Refuses language adapters from where the run's cannot come from. Raises UserError naming key and fix."""
    adapters, kind = config.language_adapters, config.variant.language_adapter
    if (adapters.root is not None) != (adapters.source is AdapterSource.local):
        raise UserError(
            f"language_adapters.source={adapters.source.value} with language_adapters.root={adapters.root}: a root goes "
            "with source=local, and source=local needs one: language_adapters.root=DIR"
        )
    if adapters.source is AdapterSource.trained:
        return
    if adapters.missing is Missing.train:
        raise UserError(
            f"language_adapters.missing=train with language_adapters.source={adapters.source.value}: only adapters of "
            "source=trained can be trained; leave one of the two out"
        )
    if config.stage is Stage.task and adapters.source is AdapterSource.hub and kind is AdapterKind.ort:
        raise UserError(
            f"variant={config.variant.name} needs language adapters trained with L_ORT, and those on the Hub are not; use "
            "variant=lnoo_tnoo or lnoo_tort, or language_adapters.source=trained"
        )
    for hub_id in adapters.hub.values():
        if not is_id(hub_id):
            raise UserError(f"language_adapters.hub: '{hub_id}' is no id; write OWNER/NAME or OWNER/NAME@REVISION")


def check(config: Config) -> None:
    """Refuses what cannot be run, before any file is read or weight loaded. Raises UserError naming key and fix."""
    if config.trainer.precision not in PRECISIONS:
        why = {
            "16-mixed": "its gradient scaler is updated once per optimizer and the orthogonality step is not unscaled",
            "bf16-true": "steps of 1e-7 are lost in bf16 weights",
        }.get(config.trainer.precision, "it is not supported")
        raise UserError(
            f"trainer.precision={config.trainer.precision}: {why}; use bf16-mixed on a GPU that has it, or 32-true"
        )
    if config.trainer.accelerator not in ("auto", "cpu", "gpu"):
        raise UserError(f"trainer.accelerator={config.trainer.accelerator} is not one of auto, cpu, gpu")
    check_backbone(config.backbone)
    variant, task = config.variant, config.task
    if config.stage is Stage.mlm and variant.language_adapter is AdapterKind.none:
        raise UserError(
            f"variant={variant.name} has no language adapter to train; stage=mlm goes with variant=lnoo_tnoo (NOO) "
            "or variant=lort_tnoo (ORT)"
        )
    if variant.language_adapter is not AdapterKind.none and variant.task_adapter is AdapterKind.none:
        raise UserError(
            f"variant={variant.name}: a language adapter without a task adapter is none of the paper's variants; "
            "set variant.task_adapter=noo or ort"
        )
    check_sources(config)
    if variant.name in PAPER_VARIANTS and variant.name != paper_name(config):
        raise UserError(
            f"variant={variant.name} with variant.language_adapter={variant.language_adapter.value} and "
            f"variant.task_adapter={variant.task_adapter.value} is variant={paper_name(config)}; choose that one"
        )
    if task.name not in TASKS:
        raise UserError(f"task.name={task.name} has no reader; there are {', '.join(TASKS)}")
    treebanks = config.data.source is DataSource.conllu
    if treebanks and config.stage is Stage.task and task.name != "udpos":
        raise UserError(
            f"data=conllu holds part-of-speech tags alone; task={task.name} goes with data=hub or data=xtreme"
        )
    if treebanks and config.data.fuse_multiword is None:
        raise UserError("data.fuse_multiword must be true (words as XTREME makes them) or false (syntactic words)")
    if not treebanks and config.data.fuse_multiword is not None:
        raise UserError("data.fuse_multiword is for data=conllu alone; leave it out, or add data=conllu data.root=DIR")
    if not 0 <= config.seed < 2**32:
        raise UserError(f"seed={config.seed} must lie between 0 and 4294967295")
    if config.source_language not in task.languages:
        raise UserError(
            f"source_language={config.source_language} is no language of {task.name}: {', '.join(task.languages)}"
        )
    for language in config.languages or []:
        if language not in task.languages:
            raise UserError(f"languages: {task.name} has no '{language}'; it has {', '.join(task.languages)}")
    for metric in task.metrics:
        if metric not in METRICS[task.kind]:
            raise UserError(f"task.metrics: '{metric}' is not one of {', '.join(METRICS[task.kind])}")
    if len(set(task.labels)) != len(task.labels) or len(task.labels) < 2:
        raise UserError(f"task.labels of {task.name} must be at least two, each once")
    positive = {
        "optim.lr": config.optim.lr, "optim.ort_lr": config.optim.ort_lr, "optim.eps": config.optim.eps,
        "optim.ort_eps": config.optim.ort_eps, "trainer.max_epochs": config.trainer.max_epochs,
        "trainer.max_iterations": config.trainer.max_iterations, "task.batch_size": task.batch_size,
        "mlm.batch_size": config.mlm.batch_size, "mlm.dev_blocks": config.mlm.dev_blocks,
        "trainer.checkpoint_every": config.trainer.checkpoint_every, "trainer.log_every": config.trainer.log_every,
        "trainer.checkpoint_minutes": config.trainer.checkpoint_minutes,
        "trainer.devices": config.trainer.devices, "trainer.num_nodes": config.trainer.num_nodes,
        "trainer.layers_every": config.trainer.layers_every, "variant.language_reduction": variant.language_reduction,
        "variant.task_reduction": variant.task_reduction, "data.limit_train": config.data.limit_train,
        "data.limit_dev": config.data.limit_dev, "data.limit_test": config.data.limit_test,
        "optim.clip_norm": config.optim.clip_norm,
    }  # fmt: skip
    for key, value in positive.items():
        if value is not None and not value > 0:
            raise UserError(f"{key}={value} must be greater than 0")
    key, batch = ("mlm", config.mlm.batch_size) if config.stage is Stage.mlm else ("task", task.batch_size)
    if batch < config.trainer.processes:
        raise UserError(
            f"{key}.batch_size={batch} is shared by trainer.devices x trainer.num_nodes = {config.trainer.processes} "
            "processes, and some would get nothing; use fewer"
        )
    if not 0 < config.mlm.mask_probability < 1:
        raise UserError(f"mlm.mask_probability={config.mlm.mask_probability} must lie between 0 and 1")
    for key, length in {"mlm.block_length": config.mlm.block_length, "task.max_length": task.max_length}.items():
        if length < 8:  # ours: special tokens and a few words
            raise UserError(f"{key}={length} leaves no room for words; use 8 or more")


def check_backbone(backbone: BackboneConfig) -> None:
    """A folder has no revision, a Hub id has one: what `backbone.path` means never depends on a network.

    Raises UserError for a folder that does not exist, a Hub id without revision, a revision without Hub id.
    """
    path, is_folder = backbone.path, Path(backbone.path).expanduser().is_dir()
    if path == DEMO:
        return
    if backbone.revision is None and not is_folder:
        raise UserError(
            f"there is no folder {path}; backbone.path must be a folder with a backbone, or a Hub id such as "
            "FacebookAI/xlm-roberta-base together with the backbone.revision (commit) to use"
        )
    if backbone.revision is not None and (is_folder or not HUB_ID.fullmatch(path)):
        raise UserError(
            f"backbone.path={path} is no Hub id (owner/name) and backbone.revision={backbone.revision} needs one; "
            "for a folder use backbone=local backbone.path=DIR"
        )
