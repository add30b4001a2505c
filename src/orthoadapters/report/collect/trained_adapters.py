"""Finished runs of the MLM stage: language adapters, or a domain's, that were trained in one setting stand together."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthoadapters.config.choices import ORT_ONLY
from orthoadapters.config.names import file_name
from orthoadapters.report.collect.settings import canonical, differing_keys, is_within
from orthoadapters.runs.results import Result

# These choices tell one adapter of a setting from another. The rest of a run's choices is the setting.
ADAPTER_KEYS = {"language", "seed", "variant.language_adapter", "domain.kind", *ORT_ONLY}


@dataclass(frozen=True)
class TrainedAdapters:
    """The language adapters of one backbone whose choices differ in language, kind, seed and the second step alone.

    name: the stem of their files' names; distinctions: the choices whose value is another one in a further setting of
    this backbone; runs: directory and result by label, such as "sw ORT", in order.
    """

    name: str
    backbone: str
    distinctions: Mapping[str, Any]
    runs: Mapping[str, tuple[Path, Result]]

    @property
    def title(self) -> str:
        """A name for them, in words."""
        distinctions = ", ".join(f"{key}={value}" for key, value in self.distinctions.items())
        return f"language adapters, {self.backbone}" + (f" ({distinctions})" if distinctions else "")

    @property
    def kinds(self) -> dict[str, list[Result]]:
        """The results by kind of adapter, with choices of L_ORT where several were tried. NOO is first, and may be empty."""
        results: dict[str, list[Result]] = {"NOO": []}
        for label, (_, result) in self.runs.items():
            kind = label.split(" ", 1)[1].partition(", seed")[0]
            results.setdefault(kind, []).append(result)
        return results


def trained_adapters(runs: Sequence[tuple[Path, Result]]) -> list[TrainedAdapters]:
    """Groups runs of the MLM stage by backbone and setting."""
    groups: dict[tuple[str, str], list[tuple[Path, Result]]] = {}
    for path, result in runs:
        groups.setdefault((result.backbone, canonical(_setting(result))), []).append((path, result))
    adapters = []
    for (backbone, setting), group in sorted(groups.items()):
        settings = [_setting(others[0][1]) for (other, _), others in groups.items() if other == backbone]
        distinctions = {key: _setting(group[0][1]).get(key) for key in differing_keys(settings)}
        name = file_name(f"mlm-{backbone}")
        if len(settings) > 1:
            name += f"-{hashlib.sha256(setting.encode()).hexdigest()[:8]}"
        adapters.append(TrainedAdapters(name, backbone, distinctions, _label(group)))
    return adapters


def _setting(result: Result) -> dict[str, Any]:
    setting = {key: value for key, value in result.choices.items() if not is_within(key, ADAPTER_KEYS)}
    return setting | {"layers": len(result.layer_cos2.get("after", []))}


def _label(group: Sequence[tuple[Path, Result]]) -> dict[str, tuple[Path, Result]]:
    """Labels each run by language and kind, and by what else tells it from others of the group."""
    rates = {result.ort_lr for _, result in group if result.ort_lr is not None}
    seeds = {result.seed for _, result in group}
    kinds = {path: r.choices.get("domain.kind", r.choices.get("variant.language_adapter")) for path, r in group}
    ort_choices = [r.choices for path, r in group if kinds[path] == "ort"]
    ort_keys = [key for key in differing_keys(ort_choices) if is_within(key, ORT_ONLY) and key != "optim.ort_lr"]
    runs: dict[str, tuple[Path, Result]] = {}
    for path, result in sorted(group, key=lambda run: (run[1].ort_lr is not None, str(run[0]))):
        for language, entry in zip(result.test, result.adapters.values(), strict=False):
            label = f"{language} {str(entry.get('kind')).upper()}"
            if "domain.name" in result.choices:
                label += f" on {str(result.choices.get('variant.language_adapter')).upper()}"
            label += f", ort lr {result.ort_lr:g}" if result.ort_lr is not None and len(rates) > 1 else ""
            label += "".join(f", {key}={result.choices[key]}" for key in ort_keys if key in result.choices)
            label += f", seed {result.seed}" if len(seeds) > 1 else ""
            runs[label if label not in runs else f"{label}, {path.name[-8:]}"] = (path, result)
    return runs
