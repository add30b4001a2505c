"""Stage 2 from start to finish: prepare, train (paper, figure 1b), transfer (figure 1c), write result.json."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from orthoadapters.adapters import AdapterConfig
from orthoadapters.config.schema import Config
from orthoadapters.config.train_under import dev_stack_language, has_turns, training_languages
from orthoadapters.data.evaluation_set import Evaluation
from orthoadapters.data.modules import TaskData
from orthoadapters.evaluation.scoring import forward_precision, measure_orthogonality
from orthoadapters.evaluation.transfer import DOMAIN_ADAPTER, Stacks, load_language_adapter, new_stacks
from orthoadapters.files import new_folder, write_text
from orthoadapters.hub.families import FAMILIES
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.backbone import backbone_path
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import HEADS, TaskHead
from orthoadapters.model.saved_head import save_head
from orthoadapters.model.sizes import bottleneck, check_lengths
from orthoadapters.orthogonality_losses import OrthogonalityLoss, named_loss
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.inputs import backbone_files_sha256, examples_sha256, source_set, table_sha256, weights_sha256
from orthoadapters.runs.provenance import commit
from orthoadapters.runs.results import Result, Selection, average_zero_shot, source_name
from orthoadapters.runs.tracking import Tracker
from orthoadapters.stages import model_card
from orthoadapters.stages.backbone_fit import check_left_out
from orthoadapters.stages.frame import (
    TransferOutcome,
    check_loggers,
    finish,
    new_recorder,
    new_result,
    record_run,
    score_languages,
    task_data,
)
from orthoadapters.stages.outcome import warn_of_risen_orthogonality
from orthoadapters.training.callbacks import SelectOnDev
from orthoadapters.training.fit import device, fit
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining
from orthoadapters.training.turns import OwnAdapters, TrainingStacks, Turns
from orthoadapters.training.unfreezing import unfreezing


@dataclass(frozen=True)
class Setup:
    """Everything that a run reads or draws before its first iteration. The source language's stack is active.

    inputs: the SHA-256 of everything that was read, by name.
    """

    data: TaskData
    model: AdaptedEncoder
    head: TaskHead
    stacks: Stacks
    layers_loss: OrthogonalityLoss
    unfreezing: list[Callback]
    inputs: dict[str, str]


@dataclass(frozen=True)
class TrainingOutcome:
    """The training's outcome; the model and the head hold the selected epoch's weights.

    before: L_ORT per layer, fresh. iterations: those that were taken.
    """

    recorder: Recorder
    selection: Selection
    before: list[float]
    iterations: int


def train_task(config: Config, run: RunDirectory, overrides: Sequence[str]) -> Result:
    """Trains on the source language, selects on its development set, and tests every language."""
    check_loggers(config)
    setup = _set_up(config, overrides)
    with record_run(config, run, setup.inputs, len(setup.model.sites)) as run_trackers:
        outcome = _train(config, run, setup, run_trackers)
        with forward_precision(config.trainer.precision, device(config.trainer)):
            scores = score_languages(run.path, setup.model, setup.head, setup.stacks, setup.data)
            after = _measure_orthogonality(config, setup)
        _write_weights(config, run, setup, outcome, scores, after)
        result = new_result(
            config, run, overrides, outcome.recorder, outcome.iterations, scores.test, setup.stacks.entries
        )
        result.selection, result.target_dev = outcome.selection, scores.target_dev
        result.under, result.mean_weights = scores.under, setup.stacks.mean_weights
        result.avg_zero_shot = average_zero_shot(scores.test, config.source_languages)
        result.counts = setup.data.counts
        if config.trainer.patience is not None:
            result.counts |= {"epochs": len(outcome.selection.history)}
        result.layer_cos2 = {"before": outcome.before, "after": after} if setup.stacks.task_adapter else {}
        warn_of_risen_orthogonality(config, result.layer_cos2)
        finish(run, result, run_trackers)
    return result


def read_adapters(config: Config) -> None:
    """Reads the adapters that are there, before the others are trained. Raises UserError for what is wrong in them."""
    adapters = [adapter for adapter in library.needed_adapters(config) if adapter.exists]
    if adapters:
        model = AdaptedEncoder.from_pretrained(backbone_path(config), allow_pickle=config.backbone.allow_pickle)
        stacks = new_stacks(config, model, {}, weights_sha256(model.backbone), adapters)
        _read_all(model, stacks, training_languages(config))


def _set_up(config: Config, overrides: Sequence[str]) -> Setup:
    """Reads data, backbone and language adapters, and draws the fresh task adapter and head."""
    layers_loss = named_loss(config.orthogonality.loss)
    adapters = library.require(config, overrides)
    path = backbone_path(config)
    # This raises UserError where there are fewer GPUs than the run asks for.
    device(config.trainer)
    data = task_data(config, path, config.evaluated_languages)
    # All data are read before training, so that bad input of any language shows now.
    data.read()
    model = AdaptedEncoder.from_pretrained(
        path, pair=config.orthogonality.pair, allow_pickle=config.backbone.allow_pickle
    )
    check_left_out(config.variant, len(model.sites))
    check_lengths(model.shape.positions, {"task.max_length": config.task.max_length})
    languages = config.evaluated_languages
    mixtures = library.mixtures(config, languages, languages)
    stacks = new_stacks(config, model, mixtures, weights_sha256(model.backbone), adapters)
    _read_all(model, stacks, training_languages(config))
    # The seed is set here, so that the fresh weights depend on it alone.
    pl.seed_everything(config.seed, verbose=False)
    # ModernBERT has no such field, and no dropout.
    dropout = getattr(model.backbone.config, "hidden_dropout_prob", 0.0)
    head = HEADS[config.task.kind](model.hidden_size, len(config.task.labels), dropout)
    if stacks.task_adapter:
        d_task = bottleneck(model, "variant.task_reduction", config.variant.task_reduction)
        model.add_adapter(stacks.task_adapter, AdapterConfig(d_task, leave_out=stacks.leave_out))
    model.activate(*stacks.names(dev_stack_language(config, config.source_languages[0])))
    inputs = _inputs(config, data, stacks) | table_sha256(config)
    parts = unfreezing(config.unfreeze, model, stacks.task_adapter, data.iterations, data.batches_per_epoch)
    return Setup(data, model, head, stacks, layers_loss, parts, inputs)


def _devs(config: Config, setup: Setup) -> list[tuple[Sequence[str], Evaluation]]:
    """Lists the source languages' development sets, each with the stack that it is scored with."""
    return [(setup.stacks.names(dev_stack_language(config, code)), dev) for code, dev in setup.data.devs.items()]


def _measure_orthogonality(config: Config, setup: Setup) -> list[float]:
    """Computes the task adapter's L_ORT per layer on the development set; of several, the mean of the sets' values."""
    rows = []
    for stack, dev in _devs(config, setup):
        setup.model.activate(*stack)
        rows.append(measure_orthogonality(setup.model, dev))
    return [fmean(values) for values in zip(*rows, strict=True)]


def _read_all(model: AdaptedEncoder, stacks: Stacks, languages: Sequence[str]) -> None:
    """Loads every adapter once before training, so that a bad file shows now.

    Of language adapters only those of `languages` stay: training needs them.
    """
    for code, adapter in stacks.adapters.items():
        load_language_adapter(model, adapter, stacks, code)
        if code not in languages:
            model.delete_adapter(code)
    if stacks.domain:
        load_language_adapter(model, stacks.domain, stacks, DOMAIN_ADAPTER)


def _inputs(config: Config, data: TaskData, stacks: Stacks) -> dict[str, str]:
    """Hashes everything that a run reads, by name."""
    inputs = {
        "backbone": stacks.backbone_sha256,
    }
    sources = config.source_languages
    inputs |= {source_set("train", code, sources): examples_sha256(part) for code, part in data.train_sets.items()}
    inputs |= {source_set("dev", code, sources): examples_sha256(dev.examples) for code, dev in data.devs.items()}
    inputs |= {f"test-{code}": examples_sha256(evaluation.examples) for code, evaluation in data.tests.items()}
    inputs |= backbone_files_sha256(config.backbone)
    inputs |= {f"dev-{code}": examples_sha256(evaluation.examples) for code, evaluation in data.target_devs.items()}
    return inputs | {f"adapter-{code}": entry["sha256"] for code, entry in stacks.entries.items()}


def _train(config: Config, run: RunDirectory, setup: Setup, run_trackers: Sequence[Tracker]) -> TrainingOutcome:
    """Trains the task adapter and the head, and puts the best epoch's weights back."""
    data, model, metrics = setup.data, setup.model, config.task.metrics
    recorder = new_recorder(config, run_trackers)
    module = TaskTraining(
        model,
        setup.head,
        setup.stacks.task_adapter,
        config.is_orthogonal,
        config.optim,
        recorder,
        setup.layers_loss,
        config.ort,
        _training_stacks(config, setup.stacks),
    ).to(device(config.trainer))
    # This is measured on the fresh weights, so that a resumed run records the same number.
    with forward_precision(config.trainer.precision, device(config.trainer)):
        before = _measure_orthogonality(config, setup)
    patience = config.trainer.patience
    select = SelectOnDev(_devs(config, setup), metrics, data.batches_per_epoch, patience)
    title = f"{config.task.name} {config.variant.name} lr {config.optim.lr:g}" + (", at most" if patience else "")
    fit(config.trainer, run, module, data, title, [select, *setup.unfreezing])
    select.restore(module)
    selection = Selection(
        source_name(config.source_languages), "dev", metrics[0], select.value, select.epoch, select.history
    )
    return TrainingOutcome(recorder, selection, before, len(select.history) * data.batches_per_epoch)


def _training_stacks(config: Config, stacks: Stacks) -> TrainingStacks | None:
    """Returns the rule of which stack is active for a training batch; None where one is so for all."""
    by_language = {code: stacks.names(code) for code in training_languages(config)}
    if len(by_language) < 2:
        return None
    return Turns([*by_language.values()], config.seed) if has_turns(config) else OwnAdapters(by_language)


def _write_weights(
    config: Config,
    run: RunDirectory,
    setup: Setup,
    outcome: TrainingOutcome,
    scores: TransferOutcome,
    after: list[float],
) -> None:
    """Saves the trained adapter with its head and card (or the trained backbone), and the head in the project's form."""
    model, head, name, folder = setup.model, setup.head, setup.stacks.task_adapter, run.path / "adapter"
    if name:
        model.save_adapter(folder, name)
        head_files.write(folder, model, name, head, config.task.labels)
        d_task, epochs = model.configs[name].bottleneck, len(outcome.selection.history)
        is_in_library = FAMILIES[model.shape.model_type].is_in_library
        counts = (d_task, sum(after), outcome.iterations, epochs)
        card = model_card.task_card(config, commit(), name, *counts, scores.test, is_in_library)
        write_text(folder / model_card.FILE, card)
    else:
        with new_folder(run.path / "backbone") as backbone:
            model.backbone.save_pretrained(backbone)
    save_head(run.path / "head", head, config.task)
