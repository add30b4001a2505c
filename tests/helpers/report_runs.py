"""Run directories as finished, failed and interrupted runs leave them, as far as a report reads them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

from orthoadapters.config.choices import ORT_ONLY
from orthoadapters.runs.results import Result, Selection, average_zero_shot, write_result

ORT = {"t_ort", "lnoo_tort", "lort_tort"}
UDPOS = {"en": 0.95, "ar": 0.66, "et": 0.84, "hi": 0.7, "tr": 0.74, "zh": 0.35}


def setting(task: str, backbone: str) -> dict[str, Any]:
    path = "FacebookAI/xlm-roberta-base" if backbone == "tiny" else backbone  # tiny: as if it were the paper's
    return {"stage": "task", "task.name": task, "backbone.path": path, "data.limit_train": None,
            "data.limit_test": None, "trainer.max_epochs": 50, "source_language": "en"}  # fmt: skip


def finished(
    runs: Path, variant: str = "t_noo", test: Mapping[str, float] = UDPOS, *, dev: float = 0.9, lr: float = 1e-4,
    ort_lr: float | None = None, seed: int = 0, task: str = "udpos", backbone: str = "tiny", source: str = "en",
    name: str | None = None, target_dev: Mapping[str, float] | None = None, choices: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None, adapters: Mapping[str, dict[str, str]] | None = None,
    provenance: Mapping[str, Any] | None = None, known: bool = True, n: int = 100, epoch: int = 3,
    history: Sequence[dict[str, float]] = (), layer_cos2: Mapping[str, list[float]] | None = None,
) -> Path:  # fmt: skip
    """choices: what departs from `setting`; inputs: what departs in inputs.json; known: whether choices were recorded."""
    metric = "accuracy" if task == "xnli" else "f1"
    if ort_lr is None and variant in ORT:
        ort_lr = 1e-7
    own: dict[str, Any] = {"variant.task_adapter": "ort" if variant in ORT else "noo", "optim.lr": lr, "seed": seed}
    if ort_lr is not None:
        own |= {"optim.ort_lr": ort_lr} | dict.fromkeys(ORT_ONLY - {"optim.ort_lr"}, "x")
    chosen = setting(task, backbone) | own | {"languages": sorted(test)} | dict(choices or {})
    rates = f"lr{lr:g}" + ("" if ort_lr is None else f"-ort{ort_lr:g}")
    run = name or f"{backbone}/{task}/{variant}/{rates}-seed{seed}-{crc32(str(chosen).encode()):08x}"
    scored = {language: {metric: score, "n": n} for language, score in test.items()}
    result = Result(
        run=run, fingerprint=run, stage="task", task=task, variant=variant, backbone=backbone, seed=seed, lr=lr,
        ort_lr=ort_lr, test=scored, adapters=dict(adapters or {}),
        provenance={"git_commit": "c0ffee00", "git_dirty": False} | dict(provenance or {}),
        selection=Selection(source, "dev", metric, dev, epoch, list(history)), avg_zero_shot=average_zero_shot(scored, source),
        choices=chosen if known else {},
        target_dev={language: {metric: score} for language, score in (target_dev or {}).items()},
        layer_cos2=dict(layer_cos2 or {}),
    )  # fmt: skip
    path = runs / run
    read = {"backbone": "b", "train": "t", "dev": "d"} | {f"test-{language}": f"of {language}" for language in test}
    write_result(path / "result.json", result)
    (path / "inputs.json").write_text(json.dumps(read | dict(inputs or {})))
    (path / "checkpoints").mkdir()
    return path


def attempted(
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
