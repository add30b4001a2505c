"""Finished runs of the MLM stage, those of one setting together."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthoadapters.config.choices import ORT_ONLY
from orthoadapters.report.collect.gather import below, canonical, differing
from orthoadapters.runs.results import Result

OF_A_RUN = {"language", "seed", "variant.language_adapter", *ORT_ONLY}  # the rest of a run's choices is the setting


@dataclass(frozen=True)
class TrainedAdapters:
    """Language adapters of one backbone whose choices differ in language, kind, seed and the second step alone.

    name: of files; distinctions: the choices that another setting of this backbone has otherwise; runs: by label, such as
    "sw ORT", in order.
    """

    name: str
    backbone: str
    distinctions: Mapping[str, Any]
    runs: Mapping[str, tuple[Path, Result]]

    @property
    def title(self) -> str:
        """What they are, in words."""
        told = ", ".join(f"{key}={value}" for key, value in self.distinctions.items())
        return f"language adapters, {self.backbone}" + (f" ({told})" if told else "")

    @property
    def kinds(self) -> dict[str, list[Result]]:
        """By the part of the labels that is not the language's, without seeds; NOO first, there or not."""
        found: dict[str, list[Result]] = {"NOO": []}
        for label, (_, result) in self.runs.items():
            kind = label.split(" ", 1)[1].partition(", seed")[0]
            found.setdefault(kind, []).append(result)
        return found


def trained_adapters(runs: Sequence[tuple[Path, Result]]) -> list[TrainedAdapters]:
    """runs: of the MLM stage, of whatever backbones and settings."""
    groups: dict[tuple[str, str], list[tuple[Path, Result]]] = {}
    for path, result in runs:
        groups.setdefault((result.backbone, canonical(_setting(result))), []).append((path, result))
    made = []
    for (backbone, setting), group in sorted(groups.items()):
        alike = [_setting(others[0][1]) for (of, _), others in groups.items() if of == backbone]
        told = {key: _setting(group[0][1]).get(key) for key in differing(alike)}
        name = f"mlm-{backbone}" + (f"-{hashlib.sha256(setting.encode()).hexdigest()[:8]}" if len(alike) > 1 else "")
        made.append(TrainedAdapters(name, backbone, told, _labelled(group)))
    return made


def _setting(result: Result) -> dict[str, Any]:
    chosen = {key: value for key, value in result.choices.items() if not below(key, OF_A_RUN)}
    return chosen | {"layers": len(result.layer_cos2.get("after", []))}


def _labelled(group: Sequence[tuple[Path, Result]]) -> dict[str, tuple[Path, Result]]:
    """Language and kind, and what else tells runs of the group apart."""
    rates = {result.ort_lr for _, result in group if result.ort_lr is not None}
    seeds = {result.seed for _, result in group}
    found: dict[str, tuple[Path, Result]] = {}
    for path, result in sorted(group, key=lambda run: (run[1].ort_lr is not None, str(run[0]))):
        for language, entry in result.adapters.items():
            label = f"{language} {str(entry.get('kind')).upper()}"
            label += f", ort lr {result.ort_lr:g}" if result.ort_lr is not None and len(rates) > 1 else ""
            label += f", seed {result.seed}" if len(seeds) > 1 else ""
            found[label if label not in found else f"{label}, {path.name[-8:]}"] = (path, result)
    return found
