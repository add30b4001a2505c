"""The two stages from start to finish: data -> model -> alternating steps -> scores -> files -> result.json."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl

from orthoadapters.adapters import AdapterConfig
from orthoadapters.config.choices import choices
from orthoadapters.config.compose import language_config
from orthoadapters.config.schema import AdapterKind, Config
from orthoadapters.data.modules import MLMData, TaskData
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.errors import UserError
from orthoadapters.evaluation.scoring import evaluate, reached_orthogonality, swap_language
from orthoadapters.files import new_folder, write_text
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.backbone import backbone_path
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import HEADS
from orthoadapters.model.saved_head import save_head
from orthoadapters.model.sizes import bottleneck, check_lengths
from orthoadapters.orthogonality import named_loss
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.inputs import blocks_sha256, examples_sha256, weights_sha256
from orthoadapters.runs.predictions import write_predictions, write_sentence_counts
from orthoadapters.runs.provenance import commit, provenance
from orthoadapters.runs.results import Result, Selection, average_zero_shot, write_result
from orthoadapters.runs.tracking import Tracker, trackers
from orthoadapters.stages import model_card
from orthoadapters.training.callbacks import SelectOnDev
from orthoadapters.training.fit import device, fit
from orthoadapters.training.mlm import MLMTraining, held_out
from orthoadapters.training.processes import rank
from orthoadapters.training.record import Recorder
from orthoadapters.training.task import TaskTraining

TASK_ADAPTER = "task"  # the task adapter's name in the stack; language adapters go by their language's code


def train_language_adapter(config: Config, run: RunDirectory, overrides: Sequence[str]) -> Result:
    """Stage 1: trains the language adapter of `config.language`, publishes it, writes result.json."""
    language, kind = config.language.code, config.variant.language_adapter
    target = library.language_adapter(config, language)
    library.check_publishable(target, run.fingerprint)
    layers_loss = named_loss(config.orthogonality.loss)
    path, where = backbone_path(config), device(config.trainer)
    tokenizer = load_tokenizer(path, needs_mask=True)
    data = MLMData(
        config.corpus, config.mlm, config.language, tokenizer, Path(config.paths.cache), config.seed,
        iterations=config.trainer.max_iterations,
    )  # fmt: skip
    loader, dev = data.training, data.dev
    model = AdaptedEncoder.from_pretrained(
        path, mlm_head=True, pair=config.orthogonality.pair, allow_pickle=config.backbone.allow_pickle
    ).to(where)
    check_lengths(model, {"mlm.block_length": config.mlm.block_length})
    backbone_sha256 = weights_sha256(model.backbone)
    inputs = {"backbone": backbone_sha256, f"text-{language}": blocks_sha256(loader.blocks)}
    bare, _ = held_out(model, dev, invert=False)
    pl.seed_everything(config.seed, verbose=False)  # here, so that the fresh weights depend on the seed alone
    d_language = bottleneck(model, "variant.language_reduction", config.variant.language_reduction)
    model.add_adapter(language, AdapterConfig(d_language, invertible=True))
    model.activate(language)
    invert = config.language_adapters.invert_before_decoder
    _, before = held_out(
        model, dev, invert, layers_loss
    )  # of the fresh weights, so that a run that goes on has the same
    with _opened(config, run, inputs, len(model.sites)) as opened:
        recorder = _recorder(config, opened)
        module = MLMTraining(model, language, config.is_orthogonal, config.optim, recorder, invert, layers_loss)
        fit(config.trainer, run, module, loader, f"mlm {language} {kind.value}")
        scores, after = held_out(model, dev, invert, layers_loss)
        model.save_adapter(run.path / "adapter", language)
        card = model_card.language_card(config, commit(), model.configs[language].bottleneck, scores)
        write_text(run.path / "adapter" / model_card.FILE, card)
        record = {
            "fingerprint": run.fingerprint, "language": language, "kind": kind.value, "backbone": config.backbone.name,
            "iterations": config.trainer.max_iterations, "batch_size": config.mlm.batch_size,
            "backbone_sha256": backbone_sha256,
        }  # fmt: skip
        library.publish(run.path / "adapter", target, record | scores)
        test = {language: scores | {"mlm_loss_without_adapter": bare["mlm_loss"], "n": len(dev.rows)}}
        result = _result(config, run, overrides, recorder, len(loader), test, {language: target.described()})
        result.counts = {"blocks": len(loader.blocks), "trained_on": len(loader.rows)}
        result.layer_cos2 = {"before": before, "after": after}
        _finish(run, result, opened)
    return result


def train_task(config: Config, run: RunDirectory, overrides: Sequence[str]) -> Result:
    """Stage 2 and the transfer: trains on the source language, selects on its dev set, tests every language."""
    adapters = {adapter.language: adapter for adapter in library.require(config, overrides)}
    layers_loss = named_loss(config.orthogonality.loss)
    source, languages = config.source_language, config.evaluated_languages
    path, where = backbone_path(config), device(config.trainer)
    tokenizer = load_tokenizer(path)
    data = TaskData(
        config.data, config.task, language_config(source), tokenizer, config.seed, config.trainer.max_epochs,
        [language_config(code) for code in languages],
    )  # fmt: skip
    loader, dev = data.training, data.dev
    # All is read before training, so that bad input shows.
    tests, target_devs = data.tests, data.target_devs
    model = AdaptedEncoder.from_pretrained(
        path, pair=config.orthogonality.pair, allow_pickle=config.backbone.allow_pickle
    )
    check_lengths(model, {"task.max_length": config.task.max_length})
    backbone_sha256 = weights_sha256(model.backbone)
    used = {code: adapter.described() for code, adapter in adapters.items()}
    d_language = bottleneck(model, "variant.language_reduction", config.variant.language_reduction) if adapters else 0
    for adapter in adapters.values():  # likewise: every one is read and checked before training
        adapter.load(model, d_language, backbone_sha256)
        if adapter.language != source:
            model.delete_adapter(adapter.language)
    inputs = {
        "backbone": backbone_sha256,
        "train": examples_sha256(data.train_examples),
        "dev": examples_sha256(dev.examples),
    }
    inputs |= {f"test-{code}": examples_sha256(evaluation.examples) for code, evaluation in tests.items()}
    inputs |= {f"dev-{code}": examples_sha256(evaluation.examples) for code, evaluation in target_devs.items()}
    inputs |= {f"adapter-{code}": entry["sha256"] for code, entry in used.items()}
    pl.seed_everything(config.seed, verbose=False)  # here, so that the fresh weights depend on the seed alone
    head = HEADS[config.task.kind](
        model.hidden_size, len(config.task.labels), model.backbone.config.hidden_dropout_prob
    )
    task_adapter = None if config.variant.task_adapter is AdapterKind.none else TASK_ADAPTER
    if task_adapter:
        d_task = bottleneck(model, "variant.task_reduction", config.variant.task_reduction)
        model.add_adapter(task_adapter, AdapterConfig(d_task))
    swap_language(model, source if adapters else None, task_adapter)

    with _opened(config, run, inputs, len(model.sites)) as opened:
        recorder = _recorder(config, opened)
        module = TaskTraining(model, head, task_adapter, config.is_orthogonal, config.optim, recorder, layers_loss).to(
            where
        )
        before = reached_orthogonality(
            model, dev, layers_loss
        )  # of the fresh weights, so that a run that goes on has the same
        select = SelectOnDev(dev, config.task.metrics, data.batches_per_epoch)
        fit(
            config.trainer,
            run,
            module,
            loader,
            f"{config.task.name} {config.variant.name} lr {config.optim.lr:g}",
            [select],
        )
        select.restore(module)

        test: dict[str, dict[str, float]] = {}
        target_dev: dict[str, dict[str, float]] = {}
        for code, evaluation in tests.items():
            if adapters and code != source:
                adapters[code].load(model, d_language, backbone_sha256)
                if adapters[code].described() != used[code]:
                    raise UserError(f"{adapters[code].place} was changed during this run; give the same command again")
            swap_language(model, code if adapters else None, task_adapter)
            scored = evaluate(model, head, evaluation, config.task.metrics)
            if code in target_devs:  # not before: the epoch is chosen without them
                on_dev = evaluate(model, head, target_devs[code], config.task.metrics)
                target_dev[code] = on_dev.scores | {"n": len(target_devs[code].examples)}
            if adapters and code != source:
                model.delete_adapter(code)
            test[code] = scored.scores | {"n": len(evaluation.examples)}
            write_sentence_counts(run.path, code, scored.counts)
            write_predictions(run.path / "predictions" / f"test-{code}.tsv", scored.predictions, config.task.kind)
        swap_language(model, source if adapters else None, task_adapter)
        after = reached_orthogonality(model, dev, layers_loss)
        if task_adapter:
            model.save_adapter(run.path / "adapter", task_adapter)
            head_files.write(run.path / "adapter", model, task_adapter, head, config.task.labels)
            d_task = model.configs[task_adapter].bottleneck
            card = model_card.task_card(config, commit(), task_adapter, d_task, sum(after), len(loader), test)
            write_text(run.path / "adapter" / model_card.FILE, card)
        else:
            with new_folder(run.path / "backbone") as folder:
                model.backbone.save_pretrained(folder)
        save_head(run.path / "head", head, config.task)
        result = _result(config, run, overrides, recorder, len(loader), test, used)
        result.selection = Selection(source, "dev", config.task.metrics[0], select.value, select.epoch, select.history)
        result.avg_zero_shot = average_zero_shot(test, source)
        result.counts = data.counts
        result.target_dev, result.layer_cos2 = target_dev, {"before": before, "after": after} if task_adapter else {}
        _finish(run, result, opened)
    return result


@contextmanager
def _opened(config: Config, run: RunDirectory, inputs: Mapping[str, str], layers: int) -> Iterator[list[Tracker]]:
    """The run's directory and its trackers. Of several processes (trainer=ddp) the first one alone writes anything."""
    if rank(config.trainer) > 0:
        yield []
        return
    columns = ["loss", "grad_norm", "l_ort", "ort_grad_norm", "lr", "ort_lr", "tokens_per_second"]
    columns += [f"dev_{name}" for name in config.task.metrics] + [f"l_ort_layer_{i}" for i in range(layers)]
    with run.open(inputs), trackers(config, run, columns) as opened:
        yield opened


def _recorder(config: Config, opened: Sequence[Tracker]) -> Recorder:
    trainer = config.trainer
    return Recorder(opened, config.optim, config.is_orthogonal, trainer.log_every, trainer.layers_every)


def _result(
    config: Config, run: RunDirectory, overrides: Sequence[str], recorder: Recorder, iterations: int,
    test: dict[str, dict[str, float]], adapters: dict[str, dict[str, str]],
) -> Result:  # fmt: skip
    return Result(
        run=run.name,
        fingerprint=run.fingerprint,
        choices=choices(config),
        stage=config.stage.value,
        task=config.task.name if config.stage.value == "task" else None,
        variant=config.variant.name,
        backbone=str(config.backbone.name),
        seed=config.seed,
        lr=config.optim.lr,
        ort_lr=config.optim.ort_lr if config.is_orthogonal else None,
        test=test,
        adapters=adapters,
        provenance=provenance(
            recorder.seconds,
            recorder.wall_seconds,
            iterations,
            recorder.tokens,
            device(config.trainer),
            config.trainer.processes,
            overrides,
        ),
    )


def _finish(run: RunDirectory, result: Result, opened: Sequence[Tracker]) -> None:
    scores = {f"test_{code}_{name}": value for code, row in result.test.items() for name, value in row.items()}
    scores |= {f"avg_zero_shot_{name}": value for name, value in result.avg_zero_shot.items()}
    if result.selection:
        scores |= {"selected_epoch": result.selection.epoch, "selected_dev": result.selection.value}
    write_result(run.result, result)
    for tracker in opened:
        tracker.summarise(scores | {f"provenance_{key}": value for key, value in result.provenance.items()})
