"""Weights & Biases: one W&B run for each run, one more for a sweep's table, and one for a report."""

import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from orthoadapters.config.choices import choices
from orthoadapters.config.logger import LONGEST
from orthoadapters.config.schema import Config, Stage
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.wandb_names import LONGEST_ID_WITH_TABLES, safe_id, safe_key, safe_tags, short
from orthoadapters.runs.wandb_session import (
    is_told_offline,
    quiet_settings,
    reason,
    say_if_offline,
    upload_command,
    wandb_folder,
    wandb_mode,
    without_places,
)


def run_tags(config: Config) -> list[str]:
    """Lists what the runs of a dashboard are sorted by, then the user's own tags.

    A language adapter's kind is lnoo or lort, a domain adapter's dnoo or dort.
    """
    variant = config.variant.name
    if config.stage is Stage.mlm:
        below, domain = config.variant.language_adapter.value, config.domain.kind.value
        variant = f"d{domain}" if config.trains_domain else f"l{below}"
    return [
        config.stage.value,
        variant,
        _subject(config),
        str(config.backbone.name),
        f"seed{config.seed}",
        *([f"domain {config.domain.name}"] if config.domain.name else []),
        *(config.logger.tags or []),
    ]


def _subject(config: Config) -> str:
    """Names what a run is about: the language of a language adapter, or the task."""
    return config.language.code if config.stage is Stage.mlm else config.task.name


class WandbTracker:
    """One W&B run for each run. Its id is made of name and fingerprint, so that a resumed run goes on in place."""

    def __init__(self, config: Config, run: RunDirectory) -> None:
        import wandb

        stage, logger = config.stage.value, config.logger
        self.run = wandb.init(
            project=logger.project,
            entity=logger.entity,
            id=safe_id(run.name.replace("/", "-")),
            name=short(logger.name or run.name, LONGEST),
            group=short(logger.group or config.sweep.name or f"{stage}-{_subject(config)}", LONGEST),
            job_type=stage,
            tags=safe_tags(run_tags(config)),
            notes=logger.notes,
            config=without_places(choices(config))
            | {"stage": stage, "variant": config.variant.name, "fingerprint": run.fingerprint},
            dir=str(wandb_folder(run.path).parent),
            mode=wandb_mode(),  # type: ignore[arg-type]
            resume="allow",
            reinit="create_new",
            settings=quiet_settings(),
        )
        # An agent of W&B gives the run another id.
        say_if_offline(upload_command(run.path, self.run.id))
        # The last iteration of each value that W&B has, over all restarts.
        self.file = wandb_folder(run.path) / f"iterations-{self.run.id}.json"
        self.iterations = _read_iterations(self.file)

    def resume_from(self, iteration: int) -> None:
        """Does nothing: `log` leaves out what W&B has already, and both are equal, bit for bit."""

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        new = {name: value for name, value in row.items() if iteration > self.iterations.get(name, 0)}
        self.iterations |= dict.fromkeys(new, iteration)
        if new:
            self.run.log(new, step=iteration)

    def flush(self) -> None:
        # With WANDB_MODE=disabled nothing was logged.
        if not self.run.disabled:
            self.file.write_text(json.dumps(self.iterations), encoding="utf-8")

    def summarise(self, values: Mapping[str, Any]) -> None:
        self.run.summary.update(without_places(values))

    def close(self, exit_code: int) -> None:
        self.run.finish(exit_code=exit_code)


def _read_iterations(file: Path) -> dict[str, int]:
    """Reads what `flush` wrote; nothing if the file is not there, or was cut short when the process was killed."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def log_sweep(config: Config, columns: Sequence[str], rows: Sequence[Sequence[str]], counts: Mapping[str, int]) -> None:
    """Logs the sweep's closing table as one more W&B run of its group, the same run when the sweep is repeated."""
    import wandb

    name, logger = f"sweep-{config.sweep.name}", config.logger
    cells = wandb.Table(columns=list(columns), data=[list(row) for row in rows])
    runs = Path(config.paths.runs) / str(config.backbone.name)
    # This uploads the sweep's table and its cells.
    folder = wandb_folder(runs) if os.environ.get("WANDB_DIR") else runs
    upload = f"find -L {shlex.quote(str(folder))} -name 'offline-run-*' -exec wandb sync {{}} +"
    try:
        with _one_run(
            runs / name,
            upload,
            project=logger.project,
            entity=logger.entity,
            id=safe_id(f"{config.backbone.name}-{name}", LONGEST_ID_WITH_TABLES),
            name=short(f"sweep {config.sweep.name}", LONGEST),
            group=short(logger.group or str(config.sweep.name), LONGEST),
            job_type="sweep",
            tags=safe_tags(logger.tags or []),
            notes=logger.notes,
        ) as run:
            run.log({"cells": cells})
            run.summary.update(dict(counts))
    except Exception as error:
        # W&B raises errors of many types. The cells are finished all the same.
        print(f"W&B did not take the sweep's table: {reason(error)}; the same command logs it again", file=sys.stderr)


def log_report(
    folder: Path,
    project: str,
    entity: str | None,
    group: str,
    backbones: Sequence[str],
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]],
    figures: Mapping[str, tuple[bytes, str]],
) -> None:
    """Logs a report as one W&B run of a group, the same one for the same group and backbones; offline, it lies in `folder`.

    tables: by name, columns and rows; figures: by name, PNG and caption. Raises UserError if W&B does not take it.
    """
    import wandb
    from PIL import Image

    name = "-".join(["report", *backbones, *([group] if group != "report" else [])])
    run_id = safe_id(name, LONGEST_ID_WITH_TABLES)
    try:
        with _one_run(
            folder,
            upload_command(folder, run_id),
            project=project,
            entity=entity,
            id=run_id,
            name=short(name, LONGEST),
            group=short(group, LONGEST),
            job_type="report",
        ) as run:
            values: dict[str, Any] = {
                safe_key(f"tables/{key}", run_id): wandb.Table(columns=list(columns), data=[list(row) for row in rows])
                for key, (columns, rows) in tables.items()
            }
            for key, (png, caption) in figures.items():
                values[safe_key(f"figures/{key}", run_id)] = wandb.Image(Image.open(BytesIO(png)), caption=caption)
            run.log(values)
    except Exception as error:
        # W&B raises errors of many types, and each means the same to the reader.
        how = "" if is_told_offline() else f"; WANDB_MODE=offline keeps it in {folder}"
        raise UserError(f"W&B did not take the report: {reason(error)}{how}") from error


@contextmanager
def _one_run(folder: Path, upload: str, **description: Any) -> Iterator[Any]:
    """Opens a W&B run beside those of training, for the block; one with the same id goes on."""
    import wandb

    place = wandb_folder(folder).parent
    place.mkdir(parents=True, exist_ok=True)
    say_if_offline(upload)
    run = wandb.init(
        dir=str(place),
        mode=wandb_mode(),  # type: ignore[arg-type]
        resume="allow",
        reinit="create_new",
        settings=quiet_settings(),
        **description,
    )
    exit_code = 1
    try:
        yield run
        exit_code = 0
    finally:
        run.finish(exit_code=exit_code)
