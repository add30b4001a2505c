"""The checks: they refuse what cannot be run, before any file is read or weight loaded."""

from pathlib import Path

from orthoadapters.config.domain import check_domain
from orthoadapters.config.file_checks import check_files
from orthoadapters.config.hub_ids import DEMO, HUB_ID, is_id
from orthoadapters.config.kinds import KINDS
from orthoadapters.config.language_checks import check_languages
from orthoadapters.config.list_checks import check_lists
from orthoadapters.config.locations import warn_once
from orthoadapters.config.logger import check_logger
from orthoadapters.config.names import CONTROL, check_names
from orthoadapters.config.number_checks import check_numbers
from orthoadapters.config.schema import (
    AdapterKind,
    AdapterSource,
    BackboneConfig,
    Config,
    Missing,
    Stage,
    TaskConfig,
    TaskKind,
)
from orthoadapters.config.training_checks import check_ort, check_unfreezing
from orthoadapters.config.under import check_transfer
from orthoadapters.errors import UserError
from orthoadapters.folders import absence, exists

ACCELERATORS = ("auto", "cpu", "gpu")
PRECISIONS = ("32-true", "bf16-mixed")
OTHER_PRECISIONS = {
    "16-mixed": "its gradient scaler is updated once per optimizer and the orthogonality step is not unscaled",
    "bf16-true": "steps of 1e-7 are lost in bf16 weights",
}
PAPER_VARIANTS = ("full_ft", "t_noo", "t_ort", "lnoo_tnoo", "lnoo_tort", "lort_tnoo", "lort_tort")


def check(config: Config) -> None:
    """Refuses what cannot be run, before any file is read or weight loaded. Raises UserError naming key and fix."""
    check_names(config)
    check_numbers(config)
    check_device(config)
    check_ort(config)
    check_unfreezing(config)
    check_backbone(config.backbone)
    check_adapters_folders(config)
    check_variant(config)
    check_domain(config)
    check_sources(config)
    check_task(config)
    check_lists(config)
    check_languages(config)
    check_transfer(config)
    check_logger(config.logger)


def check_device(config: Config) -> None:
    """Refuses a precision or a device that training does not have, and more processes than a batch has examples."""
    trainer = config.trainer
    if trainer.precision not in PRECISIONS:
        why = OTHER_PRECISIONS.get(trainer.precision, "it is not supported")
        raise UserError(
            f"trainer.precision={trainer.precision}: {why}; use bf16-mixed on a GPU that has it, or 32-true"
        )
    if trainer.accelerator not in ACCELERATORS:
        raise UserError(f"trainer.accelerator={trainer.accelerator} is not one of {', '.join(ACCELERATORS)}")
    if trainer.compile and (trainer.processes > 1 or (config.is_orthogonal and config.ort.share_forward)):
        other = (
            "several processes" if trainer.processes > 1 else "ort.share_forward=true, which goes through a graph twice"
        )
        raise UserError(f"trainer.compile=true does not go with {other}; leave one of them out")
    key, batch = ("mlm", config.mlm) if config.stage is Stage.mlm else ("task", config.task)
    if batch.batch_size < trainer.processes:
        raise UserError(
            f"{key}.batch_size={batch.batch_size} is shared by trainer.devices x trainer.num_nodes = {trainer.processes} "
            "processes, and some would get nothing; use fewer"
        )


def check_backbone(backbone: BackboneConfig) -> None:
    """Refuses a folder with a revision and a Hub id without: what `backbone.path` means never depends on a network.

    Raises UserError for a folder that does not exist, a Hub id without revision, a revision without Hub id.
    """
    path, folder = backbone.path, Path(backbone.path).expanduser()
    if path == DEMO:
        return
    if backbone.revision is None and not folder.is_dir():
        raise UserError(
            f"{absence(folder, 'folder')}; backbone.path must be a folder with a backbone, or a Hub id such as "
            "FacebookAI/xlm-roberta-base together with the backbone.revision (commit) to use"
        )
    if backbone.revision is not None and (folder.is_dir() or not HUB_ID.fullmatch(path)):
        raise UserError(
            f"backbone.path={path} is no Hub id (owner/name) and backbone.revision={backbone.revision} needs one; "
            "for a folder use backbone=local backbone.path=DIR"
        )


def check_adapters_folders(config: Config) -> None:
    """Refuses something else where folders of language adapters lie, before adapters are said to be missing there."""
    if not config.variant.has_language_adapter and config.domain.name is None:
        return
    is_local = config.stage is Stage.task and config.language_adapters.source is AdapterSource.local
    key, text = (
        ("language_adapters.root", config.language_adapters.root)
        if is_local
        else ("paths.adapters", config.paths.adapters)
    )
    folder = None if text is None else Path(text).expanduser()
    if folder is not None and exists(folder) and not folder.is_dir():
        raise UserError(f"{absence(folder, 'folder')}; name the one that {key}=DIR means")


def check_variant(config: Config) -> None:
    """Refuses adapters that the stage cannot train, and a name of the paper's on another variant."""
    variant = config.variant
    if config.stage is Stage.mlm and not variant.has_language_adapter:
        raise UserError(
            f"variant={variant.name} has no language adapter to train; stage=mlm goes with variant=lnoo_tnoo (NOO) "
            "or variant=lort_tnoo (ORT)"
        )
    if variant.has_language_adapter and not variant.has_task_adapter:
        raise UserError(
            f"variant={variant.name}: a language adapter without a task adapter is none of the paper's variants; "
            "set variant.task_adapter=noo or ort"
        )
    if variant.name in PAPER_VARIANTS and variant.name != variant.paper_name:
        raise UserError(
            f"variant={variant.name} with variant.language_adapter={variant.language_adapter.value} and "
            f"variant.task_adapter={variant.task_adapter.value} is variant={variant.paper_name}; choose that one"
        )


def check_sources(config: Config) -> None:
    """Refuses language adapters from a source that cannot have them."""
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


def check_task(config: Config) -> None:
    """Refuses metrics and labels that the task's kind does not have, and data of another task."""
    task, data = config.task, config.data
    check_metrics(task)
    check_labels(task)
    is_task = config.stage is Stage.task
    if is_task:
        check_files(config)
    if is_task and data.source == "xtreme" and task.kind not in (TaskKind.tagging, TaskKind.sentence_pair):
        raise UserError(
            f"data=xtreme holds words with tags, and pairs of sentences; task={task.name} is of kind={task.kind.value}: "
            "choose another data=..."
        )
    if data.source == "conllu" and is_task and not task.tags_parts_of_speech:
        raise UserError(
            f"data=conllu holds part-of-speech tags alone; task={task.name} goes with data=hub or data=xtreme"
        )
    if config.reads_treebanks and data.fuse_multiword is None:
        raise UserError("data.fuse_multiword must be true (words as XTREME makes them) or false (syntactic words)")
    if not config.reads_treebanks and data.fuse_multiword is not None:
        raise UserError("data.fuse_multiword is for data=conllu alone; leave it out, or add data=conllu data.root=DIR")


def check_metrics(task: TaskConfig) -> None:
    """Refuses an empty list of metrics, and metrics that have no meaning for the task's kind or labels."""
    names = ", ".join(KINDS[task.kind].metrics)
    if not task.metrics:
        raise UserError(
            f"task.metrics of {task.name} is empty, and the first metric selects the epoch; name at least one of {names}"
        )
    for metric in task.metrics:
        if metric not in KINDS[task.kind].metrics:
            raise UserError(
                f"task.metrics: '{metric}' is not one of {names}, which are those of kind={task.kind.value}; take it out"
            )
    if "f1_strict" in task.metrics:
        for label in task.labels:
            if label != "O" and label[:2] not in ("B-", "I-"):
                raise UserError(
                    f"task.metrics: f1_strict is for labels O, B-TYPE and I-TYPE, and {task.name} has '{label}'; use "
                    "accuracy, macro_f1 or f1"
                )


def check_labels(task: TaskConfig) -> None:
    """Refuses labels that are fewer than two, empty, there twice, or that would end a cell or a line of the predictions."""
    twice = sorted({label for label in task.labels if task.labels.count(label) > 1})
    if len(task.labels) < 2 or twice or "" in task.labels:
        problem = f"has '{twice[0]}' twice" if twice else f"is [{', '.join(task.labels)}]"
        raise UserError(
            f"task.labels of {task.name} {problem}; they must be at least two, each once and none of them empty"
        )
    for label in task.labels:
        if CONTROL.search(label):
            raise UserError(
                f"task.labels of {task.name} has {label!r}, in which a character is a tab, a line's end or a control; "
                "predictions are a label a line, so write it without"
            )
    if task.kind is TaskKind.tagging:
        _check_types(task)


def _check_types(task: TaskConfig) -> None:
    """Refuses an I-TYPE without B-TYPE beside a B-TYPE without I-TYPE, of which one is mistyped; warns of one alone.

    Data whose B- stands only between two entities of a type may have no B-TYPE, and entities of one word no I-TYPE.
    """
    begin, inside = ({label[2:] for label in task.labels if label.startswith(place)} for place in ("B-", "I-"))
    alone, others = sorted(inside - begin), sorted(begin - inside)
    if not alone or not begin:
        return
    problem = f"task.labels of {task.name} has I-{alone[0]} and no B-{alone[0]}"
    if others:
        raise UserError(f"{problem}, but B-{others[0]} and no I-{others[0]}; mend the name of one, or add B-{alone[0]}")
    warn_once(f"{problem}; add it, unless the data have none")
