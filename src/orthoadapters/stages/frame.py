"""The frame of the stages: the open run directory with its trackers, the Recorder, the transfer, and result.json at the end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orthoadapters.checksums import write_sums
from orthoadapters.config.choices import choices
from orthoadapters.config.compose import task_language
from orthoadapters.config.schema import Config, Stage
from orthoadapters.data.modules import SCORING_SUBWORDS, TaskData
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.evaluation.transfer import Stacks, transfer
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import TaskHead
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.predictions import write_predictions, write_sentence_counts
from orthoadapters.runs.provenance import provenance
from orthoadapters.runs.results import AVERAGE, Result, result_text, write_result
from orthoadapters.runs.tracking import Tracker, check_trackers, trackers
from orthoadapters.stages.outcome import only_label, warn_of_only_labels
from orthoadapters.training.fit import device
from orthoadapters.training.processes import rank
from orthoadapters.training.record import Recorder, metric_columns

# ours: what widths of batches are multiples of when they are compiled; up to 128 subwords these are four graphs
WIDTH_STEP = 32


def check_loggers(config: Config) -> None:
    """Asks the loggers whether they will start, before data are read. Raises UserError if one will not."""
    if rank(config.trainer) == 0:
        check_trackers(config.logger)


@dataclass(frozen=True)
class TransferOutcome:
    """The scores by language, each with `n`: on the test sets, and on the target languages' development sets.

    under: those on the test sets with something else under the task adapter, by choice.
    """

    test: dict[str, dict[str, float]] = field(default_factory=dict)
    target_dev: dict[str, dict[str, float]] = field(default_factory=dict)
    under: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)


def task_data(config: Config, backbone: str, codes: Sequence[str]) -> TaskData:
    """Makes the task's data, in the subwords of a backbone's folder. codes: the languages to test."""
    sources = [task_language(code, config.paths.config) for code in config.source_languages]
    languages = [task_language(code, config.paths.config) for code in codes]
    tokenizer = load_tokenizer(backbone)
    width_step = WIDTH_STEP if config.trainer.compile else 1
    return TaskData(
        config.data,
        config.task,
        sources,
        tokenizer,
        config.seed,
        config.trainer.max_epochs,
        languages,
        SCORING_SUBWORDS[device(config.trainer).type],
        width_step,
    )


@contextmanager
def record_run(config: Config, run: RunDirectory, inputs: Mapping[str, str], layers: int) -> Iterator[list[Tracker]]:
    """Holds the run's directory and trackers open. With several processes (trainer=ddp) the first one alone writes."""
    if rank(config.trainer) > 0:
        run.inputs = dict(inputs)
        yield []
        return
    with run.open(inputs), trackers(config, run, metric_columns(config.task.metrics, layers)) as run_trackers:
        yield run_trackers


def new_recorder(config: Config, run_trackers: Sequence[Tracker]) -> Recorder:
    """Makes the Recorder that writes to these trackers."""
    trainer = config.trainer
    return Recorder(run_trackers, config.optim, config.has_ort_step, trainer.log_every, trainer.layers_every)


def score_languages(
    folder: Path, model: AdaptedEncoder, head: TaskHead, stacks: Stacks, data: TaskData
) -> TransferOutcome:
    """Tests every language, and writes predictions and counts per sentence into the folder.

    Of what else is to be under the task adapter, the counts alone are written.
    """
    scores, same_labels = TransferOutcome(), dict[str, str]()
    own, *others = stacks.choices
    for under in others:
        rows = scores.under.setdefault(under.value, {})
        for code, on_test, _ in transfer(model, head, stacks, data, under):
            rows[code] = on_test.scores | {"n": len(data.tests[code].examples)}
            write_sentence_counts(folder, code, on_test.counts, under)
    for code, on_test, on_dev in transfer(model, head, stacks, data, own):
        scores.test[code] = on_test.scores | {"n": len(data.tests[code].examples)}
        if on_dev is not None:
            scores.target_dev[code] = on_dev.scores | {"n": len(data.target_devs[code].examples)}
        write_sentence_counts(folder, code, on_test.counts)
        write_predictions(folder / "predictions" / f"test-{code}.tsv", on_test.predictions, data.task.kind)
        if label := only_label(on_test.predictions, data.tests[code].gold):
            same_labels[code] = label
    warn_of_only_labels(same_labels)
    return scores


def new_result(
    config: Config,
    run: RunDirectory,
    overrides: Sequence[str],
    recorder: Recorder,
    iterations: int,
    test: dict[str, dict[str, float]],
    adapters: dict[str, dict[str, str]],
) -> Result:
    """Makes the result with all that both stages record.

    overrides: those of the command. test: language -> scores. adapters: language -> entry.
    """
    machine, processes = device(config.trainer), config.trainer.processes
    return Result(
        run=run.name,
        fingerprint=run.fingerprint,
        choices=choices(config),
        stage=config.stage.value,
        task=config.task.name if config.stage is Stage.task else None,
        variant=config.variant.name,
        backbone=str(config.backbone.name),
        seed=config.seed,
        lr=config.optim.lr,
        ort_lr=config.optim.ort_lr if config.has_ort_step else None,
        test=test,
        adapters=adapters,
        provenance=provenance(
            recorder.seconds,
            recorder.wall_seconds,
            iterations,
            recorder.tokens,
            machine,
            processes,
            config.sweep.cells_per_gpu,
            overrides,
        ),
    )


def finish(run: RunDirectory, result: Result, run_trackers: Sequence[Tracker]) -> None:
    """Writes result.json, which makes the run a finished one, and gives the trackers their summary."""
    scores = {f"test_{code}_{name}": value for code, row in result.test.items() for name, value in row.items()}
    scores |= {f"{AVERAGE}_{name}": value for name, value in result.avg_zero_shot.items()}
    if result.selection:
        scores |= {"selected_epoch": result.selection.epoch, "selected_dev": result.selection.value}
    write_sums(run.path, [*run.weights, *run.records], {run.result.name: result_text(result)})
    write_result(run.result, result)
    # A folder of this machine is of no use to those who read a tracker.
    facts = {f"provenance_{key}": v for key, v in result.provenance.items() if key != "working_directory"}
    for tracker in run_trackers:
        tracker.summarise(scores | facts)
