"""Run directories as finished, failed and interrupted runs leave them, as far as a report reads them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

from orthoadapters.config.choices import ORT_ONLY
from orthoadapters.report.collect.build import build
from orthoadapters.report.collect.table import Row, Table
from orthoadapters.runs.results import Result, Selection, average_zero_shot, write_result

ORT = {"t_ort", "lnoo_tort", "lort_tort"}
UDPOS = {"en": 0.95, "ar": 0.66, "et": 0.84, "hi": 0.7, "tr": 0.74, "zh": 0.35}


def setting(task: str, backbone: str) -> dict[str, Any]:
    # The backbone "tiny" passes for the paper's.
    path = "FacebookAI/xlm-roberta-base" if backbone == "tiny" else backbone
    return {
        "stage": "task",
        "task.name": task,
        "backbone.path": path,
        "data.limit_train": None,
        "data.limit_test": None,
        "trainer.max_epochs": 50,
        "source_language": "en",
    }


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A finished run of the task stage.

    choices, inputs: what departs from `setting` and from the usual inputs.json; known: whether it recorded its choices.
    """

    variant: str = "t_noo"
    test: Mapping[str, float] = field(default_factory=lambda: UDPOS)
    dev: float = 0.9
    lr: float = 1e-4
    ort_lr: float | None = None
    seed: int = 0
    task: str = "udpos"
    backbone: str = "tiny"
    source: str = "en"
    name: str | None = None
    target_dev: Mapping[str, float] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    adapters: Mapping[str, dict[str, str]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    known: bool = True
    n: int = 100
    epoch: int = 3
    history: Sequence[dict[str, float]] = ()
    layer_cos2: Mapping[str, list[float]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    under: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    mean_weights: Mapping[str, dict[str, float]] = field(default_factory=dict)

    @property
    def used_ort_lr(self) -> float | None:
        return 1e-7 if self.ort_lr is None and self.variant in ORT else self.ort_lr

    @property
    def all_choices(self) -> dict[str, Any]:
        kind, ort_lr = "ort" if self.variant in ORT else "noo", self.used_ort_lr
        grid: dict[str, Any] = {"variant.task_adapter": kind, "optim.lr": self.lr, "seed": self.seed}
        if ort_lr is not None:
            grid |= {"optim.ort_lr": ort_lr} | dict.fromkeys(sorted(ORT_ONLY - {"optim.ort_lr"}), 1e-8)
        return setting(self.task, self.backbone) | grid | {"languages": sorted(self.test)} | dict(self.choices)

    @property
    def run(self) -> str:
        rates = f"lr{self.lr:g}" + ("" if self.used_ort_lr is None else f"-ort{self.used_ort_lr:g}")
        digest = f"{crc32(str(self.all_choices).encode()):08x}"
        return self.name or f"{self.backbone}/{self.task}/{self.variant}/{rates}-seed{self.seed}-{digest}"

    @property
    def result(self) -> Result:
        metric = "accuracy" if self.task == "xnli" else "f1"
        test = {language: {metric: score, "n": self.n} for language, score in self.test.items()}
        return Result(
            run=self.run,
            fingerprint=self.run,
            stage="task",
            task=self.task,
            variant=self.variant,
            backbone=self.backbone,
            seed=self.seed,
            lr=self.lr,
            ort_lr=self.used_ort_lr,
            test=test,
            adapters=dict(self.adapters),
            provenance={"git_commit": "c0ffee00", "git_dirty": False} | dict(self.provenance),
            selection=Selection(self.source, "dev", metric, self.dev, self.epoch, list(self.history)),
            avg_zero_shot=average_zero_shot(test, self.source),
            choices=self.all_choices if self.known else {},
            target_dev={language: {metric: score} for language, score in self.target_dev.items()},
            layer_cos2=dict(self.layer_cos2),
            counts=dict(self.counts),
            under={
                name: {code: {metric: score, "n": self.n} for code, score in rows.items()}
                for name, rows in self.under.items()
            },
            mean_weights=dict(self.mean_weights),
        )

    def write(self, runs: Path) -> Path:
        path = runs / self.run
        inputs = {"backbone": "b", "train": "t", "dev": "d"} | {f"test-{code}": f"of {code}" for code in self.test}
        write_result(path / "result.json", self.result)
        (path / "inputs.json").write_text(json.dumps(inputs | dict(self.inputs)))
        (path / "checkpoints").mkdir()
        return path


def write_run(runs: Path, variant: str = "t_noo", test: Mapping[str, float] = UDPOS, **fields: Any) -> Path:
    """Writes a `FinishedRun` below `runs`."""
    return FinishedRun(variant=variant, test=test, **fields).write(runs)


def write_attempt(
    runs: Path, variant: str, failed: bool, seed: int = 0, task: str = "udpos", config: Mapping[str, Any] | None = None
) -> Path:
    """A run directory without a result; config: its config.yaml, nested."""
    path = runs / f"tiny/{task}/{variant}/lr0.0001-seed{seed}-0123abcd"
    (path / "checkpoints").mkdir(parents=True)
    if failed:
        (path / "failed.txt").write_text("Traceback: out of memory\n")
    if config is not None:
        (path / "config.yaml").write_text(yaml.safe_dump(config))
    return path


def only_table(runs: Path) -> Table:
    (table,) = build(runs).tables
    return table


def row_of(table: Table, label: str) -> Row:
    (row,) = (row for row in table.rows if row.label == label)
    return row


def states(row: Row) -> set[str]:
    return {score.state for score in row.scores.values()}
