"""The scoring of what is there, from start to finish: read, swap and score every language, write evaluation.json."""

import time

import torch

from orthoadapters.config.choices import choices
from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError
from orthoadapters.evaluation.scoring import forward_precision
from orthoadapters.evaluation.transfer import TASK_ADAPTER, Stacks, new_stacks
from orthoadapters.files import new_folder
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.backbone import backbone_path
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import HEADS, MultipleChoiceHead, TaskHead
from orthoadapters.model.sizes import bottleneck, check_lengths, check_same_layers
from orthoadapters.runs.evaluations import EvaluationRecord, write_evaluation
from orthoadapters.runs.inputs import examples_sha256, weights_sha256
from orthoadapters.runs.provenance import provenance
from orthoadapters.runs.results import source_name
from orthoadapters.stages.frame import TransferOutcome, score_languages, task_data
from orthoadapters.stages.subject import Subject, adapter_name
from orthoadapters.training.fit import device


def evaluate_subject(subject: Subject) -> EvaluationRecord:
    """Scores every language of the subject as a run's own transfer does, and writes the evaluation's folder whole."""
    config, start = subject.config, time.monotonic()
    place = device(config.trainer)
    folder = subject.run.backbone_folder() if subject.run else backbone_path(config)
    data = task_data(config, folder, subject.languages)
    # They are read before the weights, so that bad input of any language shows now.
    _ = data.tests, data.target_devs
    if subject.run is not None:
        (model, head), backbone_sha256 = subject.run.load_model(folder), subject.run.inputs["backbone"]
    else:
        model, head, backbone_sha256 = _load_from_elsewhere(subject, folder)
    check_lengths(model.shape.positions, {"task.max_length": config.task.max_length})
    stacks = new_stacks(config, model, subject.mixtures, backbone_sha256)
    with new_folder(subject.path) as temporary:
        with forward_precision(config.trainer.precision, place):
            scores = score_languages(temporary, model.to(place), head.to(place), stacks, data)
        dev = {f"dev-{code}": examples_sha256(data.target_devs[code].examples) for code in scores.target_dev}
        inputs = {"backbone": backbone_sha256} | subject.inputs | dev
        record = _record(subject, scores, stacks, inputs, time.monotonic() - start, place)
        write_evaluation(temporary, record)
    return record


def _record(
    subject: Subject,
    scores: TransferOutcome,
    stacks: Stacks,
    inputs: dict[str, str],
    seconds: float,
    place: torch.device,
) -> EvaluationRecord:
    config, run = subject.config, subject.run
    elsewhere = None
    if subject.adapter is not None:
        elsewhere = {"name": adapter_name(subject.adapter), "sha256": inputs["task-adapter"]}
    return EvaluationRecord(
        run=run.result.run if run else None,
        fingerprint=run.result.fingerprint if run else "",
        elsewhere=elsewhere,
        task=config.task.name,
        variant=config.variant.name,
        backbone=str(config.backbone.name),
        source=source_name(config.source_languages),
        metric=config.task.metrics[0],
        test=scores.test,
        target_dev=scores.target_dev,
        adapters=stacks.entries,
        inputs=inputs,
        provenance=provenance(seconds, seconds, 0, 0, place, 1, 1, subject.overrides),
        choices={} if run else choices(config) | {"languages": sorted(subject.languages)},
        test_under=stacks.choices[0].value,
        under=scores.under,
        mean_weights=stacks.mean_weights,
    )


def _load_from_elsewhere(subject: Subject, folder: str) -> tuple[AdaptedEncoder, TaskHead, str]:
    """Loads the backbone with the task adapter, and the head with its outputs in the order of task.labels.

    Also returns the SHA-256 of the backbone's weights.

    Raises UserError if adapter or head is not of the size, kind or labels that the configuration says.
    """
    config, adapter = subject.config, subject.adapter
    assert adapter is not None
    model = AdaptedEncoder.from_pretrained(folder, allow_pickle=config.backbone.allow_pickle)
    # Adapters sit in the backbone's layers, so that its own weights are hashed without any.
    sha256 = weights_sha256(model.backbone)
    model.load_adapter(adapter, TASK_ADAPTER, with_head=True)
    size = model.configs[TASK_ADAPTER].bottleneck
    if size != bottleneck(model, "variant.task_reduction", config.variant.task_reduction):
        raise UserError(
            f"{adapter} has bottleneck {size}, and variant.task_reduction={config.variant.task_reduction} makes it another; "
            f"give variant.task_reduction={model.hidden_size // size}"
        )
    check_same_layers(str(adapter), model.configs[TASK_ADAPTER].leave_out, config.variant.leave_out, is_trained=False)
    head, labels = head_files.read(adapter, model)
    if not isinstance(head, HEADS[config.task.kind]):
        raise UserError(
            f"the head in {adapter} is a {type(head).__name__}, and task={config.task.name} ({config.task.kind.value}) needs a "
            f"{HEADS[config.task.kind].__name__}; give the task that it was trained for"
        )
    _order_outputs(head, labels, config, subject)
    return model, head, sha256


def _order_outputs(head: TaskHead, labels: list[str], config: Config, subject: Subject) -> None:
    """Puts the head's outputs into the order of task.labels.

    Raises UserError if the head has other labels. A head without the task's names has them in the order of a task.labels
    that the command gives.
    """
    names = list(config.task.labels)
    if any(text.startswith("task.labels=") for text in subject.overrides) and len(labels) == len(names):
        return
    if sorted(labels) != sorted(names):
        raise UserError(
            f"the head in {subject.adapter} has the labels {', '.join(labels)}, and {config.task.name} has "
            f"{', '.join(names)}; if they mean the same, give task.labels=[...] with the task's names in the head's order"
        )
    if labels == names:
        return
    if isinstance(head, MultipleChoiceHead):
        # Its one output is a score, and what its alternatives are called is not in the weights.
        return
    order = [labels.index(name) for name in names]
    with torch.no_grad():
        head.out.weight.copy_(head.out.weight[order].clone())
        head.out.bias.copy_(head.out.bias[order].clone())
