"""Weights & Biases: one W&B run for each run, one more for a sweep's table, and one for a report."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from orthoadapters.config.choices import choices
from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory


def wandb_mode(upload: str) -> str:
    """Returns what WANDB_MODE says; else online with a key and offline without. Prints how to `upload` an offline run."""
    import wandb

    mode = os.environ.get("WANDB_MODE") or ("online" if wandb.api.api_key else "offline")
    if mode == "offline":
        why = "" if "WANDB_MODE" in os.environ else "no key found, "
        print(f"W&B: {why}logging offline; `{upload}` uploads it later", file=sys.stderr)
    return mode


def upload_command(folder: Path) -> str:
    """Writes the command that uploads the offline W&B runs in a folder."""
    return f"wandb sync {shlex.quote(str(folder))}/wandb/offline-run-*"


class WandbTracker:
    """One W&B run for each run. Its id is made of name and fingerprint, so that a resumed run goes on in place."""

    def __init__(self, config: Config, run: RunDirectory) -> None:
        import wandb

        mode = wandb_mode(upload_command(run.path))
        stage = config.stage.value
        subject = config.language.code if stage == "mlm" else config.task.name
        variant = f"l{config.variant.language_adapter.value}" if stage == "mlm" else config.variant.name
        self.run = wandb.init(
            project=config.logger.project,
            entity=config.logger.entity,
            id=run.name.replace("/", "-"),
            name=run.name,
            group=config.sweep.name or f"{stage}-{subject}",
            job_type=stage,
            tags=[stage, variant, subject, str(config.backbone.name), f"seed{config.seed}"],
            config=choices(config) | {"stage": stage, "variant": config.variant.name, "fingerprint": run.fingerprint},
            dir=str(run.path),
            mode=mode,  # type: ignore[arg-type]
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )

    def resume_from(self, iteration: int) -> None:
        """Does nothing: W&B keeps the first value of a step that is logged twice, and both are equal, bit for bit."""

    def log(self, iteration: int, row: Mapping[str, float]) -> None:
        self.run.log(dict(row), step=iteration)

    def summarise(self, values: Mapping[str, Any]) -> None:
        self.run.summary.update(dict(values))

    def close(self, exit_code: int) -> None:
        self.run.finish(exit_code=exit_code)


def log_sweep(config: Config, columns: Sequence[str], rows: Sequence[Sequence[str]], counts: Mapping[str, int]) -> None:
    """Logs the sweep's closing table as one more W&B run of its group, the same run when the sweep is repeated."""
    import wandb

    name = f"sweep-{config.sweep.name}"
    cells = wandb.Table(columns=list(columns), data=[list(row) for row in rows])
    runs = Path(config.paths.runs) / str(config.backbone.name)
    # This uploads the sweep's table and its cells.
    upload = f"find {shlex.quote(str(runs))} -name 'offline-run-*' -exec wandb sync {{}} +"
    try:
        with _one_run(
            runs / name,
            upload,
            project=config.logger.project,
            entity=config.logger.entity,
            id=f"{config.backbone.name}-{name}",
            name=f"sweep {config.sweep.name}",
            group=config.sweep.name,
            job_type="sweep",
        ) as run:
            run.log({"cells": cells})
            run.summary.update(dict(counts))
    except Exception as error:
        # W&B raises errors of many types. The cells are finished all the same.
        print(f"W&B did not take the sweep's table: {error}; the same command logs it again", file=sys.stderr)


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
    try:
        with _one_run(
            folder,
            upload_command(folder),
            project=project,
            entity=entity,
            id=name,
            name=name,
            group=group,
            job_type="report",
        ) as run:
            values: dict[str, Any] = {
                f"tables/{key}": wandb.Table(columns=list(columns), data=[list(row) for row in rows])
                for key, (columns, rows) in tables.items()
            }
            for key, (png, caption) in figures.items():
                values[f"figures/{key}"] = wandb.Image(Image.open(BytesIO(png)), caption=caption)
            run.log(values)
    except Exception as error:
        # W&B raises errors of many types, and each means the same to the reader.
        raise UserError(f"W&B did not take the report: {error}; WANDB_MODE=offline keeps it in {folder}") from error


@contextmanager
def _one_run(folder: Path, upload: str, **description: Any) -> Iterator[Any]:
    """Opens a W&B run beside those of training, for the block; one with the same id goes on."""
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        dir=str(folder),
        mode=wandb_mode(upload),  # type: ignore[arg-type]
        resume="allow",
        reinit="create_new",
        settings=wandb.Settings(silent=True, console="off"),
        **description,
    )
    exit_code = 1
    try:
        yield run
        exit_code = 0
    finally:
        run.finish(exit_code=exit_code)
