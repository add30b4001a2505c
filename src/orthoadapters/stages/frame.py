"""The frame of both stages: the open run directory with its trackers, the Recorder, and result.json at the end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from orthoadapters.config.choices import choices
from orthoadapters.config.schema import Config, Stage
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.provenance import provenance
from orthoadapters.runs.results import AVERAGE, Result, write_result
from orthoadapters.runs.tracking import Tracker, check_trackers, trackers
from orthoadapters.training.fit import device
from orthoadapters.training.processes import rank
from orthoadapters.training.record import Recorder, metric_columns


def check_loggers(config: Config) -> None:
    """Asks the loggers whether they will start, before data are read. Raises UserError if one will not."""
    if rank(config.trainer) == 0:
        check_trackers(config.logger)


@contextmanager
def record_run(config: Config, run: RunDirectory, inputs: Mapping[str, str], layers: int) -> Iterator[list[Tracker]]:
    """Holds the run's directory and trackers open. With several processes (trainer=ddp) the first one alone writes."""
    if rank(config.trainer) > 0:
        yield []
        return
    with run.open(inputs), trackers(config, run, metric_columns(config.task.metrics, layers)) as run_trackers:
        yield run_trackers


def new_recorder(config: Config, run_trackers: Sequence[Tracker]) -> Recorder:
    """Makes the Recorder that writes to these trackers."""
    trainer = config.trainer
    return Recorder(run_trackers, config.optim, config.is_orthogonal, trainer.log_every, trainer.layers_every)


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
        ort_lr=config.optim.ort_lr if config.is_orthogonal else None,
        test=test,
        adapters=adapters,
        provenance=provenance(
            recorder.seconds, recorder.wall_seconds, iterations, recorder.tokens, machine, processes, overrides
        ),
    )


def finish(run: RunDirectory, result: Result, run_trackers: Sequence[Tracker]) -> None:
    """Writes result.json, which makes the run a finished one, and gives the trackers their summary."""
    scores = {f"test_{code}_{name}": value for code, row in result.test.items() for name, value in row.items()}
    scores |= {f"{AVERAGE}_{name}": value for name, value in result.avg_zero_shot.items()}
    if result.selection:
        scores |= {"selected_epoch": result.selection.epoch, "selected_dev": result.selection.value}
    write_result(run.result, result)
    for tracker in run_trackers:
        tracker.summarise(scores | {f"provenance_{key}": value for key, value in result.provenance.items()})
