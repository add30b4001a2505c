"""The best grid point of a variant on a task, by development scores of the source language alone.

`select` cannot be swayed by a target language: its argument's type holds no score of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from orthoadapters.runs.results import Result

# A point of the grid: lr and, where the variant has one, ort lr.
Point = tuple[float, float | None]


@dataclass(frozen=True)
class Candidate:
    """A run with what it may be selected by. value: the kept epoch's dev score on `language`, the source; a fraction."""

    run: str
    fingerprint: str
    backbone: str
    task: str
    variant: str
    seed: int
    lr: float
    ort_lr: float | None
    language: str
    metric: str
    value: float
    epoch: int

    @property
    def point(self) -> Point:
        return self.lr, self.ort_lr


def candidate(result: Result) -> Candidate:
    """Makes a run's candidate. Raises ValueError for a run that selected nothing, such as one of the MLM stage."""
    if result.task is None or (selection := result.selection) is None:
        raise ValueError(f"{result.run} has no development score to be selected by")
    return Candidate(
        run=result.run,
        fingerprint=result.fingerprint,
        backbone=result.backbone,
        task=result.task,
        variant=result.variant,
        seed=result.seed,
        lr=result.lr,
        ort_lr=result.ort_lr,
        language=selection.language,
        metric=selection.metric,
        value=selection.value,
        epoch=selection.epoch,
    )


def select(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Selects the best grid point of one (backbone, task, variant), and returns all its seeds in order.

    The best point has the highest mean dev score over the seeds that all points have in common, so that a point is not
    preferred for a lucky seed that others have not run; where no seed is common, over all seeds of each. Among equal
    ones the smaller lr is taken, then the smaller ort lr.
    Raises ValueError for no candidates, for several backbones, tasks, variants, source languages or metrics, and
    for a seed that a grid point has twice.
    """
    if not candidates:
        raise ValueError("there is nothing to select from")
    for what in ("backbone", "task", "variant", "language", "metric"):
        if len(names := sorted({str(getattr(c, what)) for c in candidates})) > 1:
            raise ValueError(f"candidates of one selection are of one {what}, not of {', '.join(names)}")
    points: dict[Point, dict[int, Candidate]] = {}
    for c in candidates:
        if (former := points.setdefault(c.point, {}).setdefault(c.seed, c)) is not c:
            raise ValueError(f"{former.run} and {c.run} have the same lr, ort lr and seed")
    best = best_point({point: {seed: c.value for seed, c in seeds.items()} for point, seeds in points.items()})
    return [c for _, c in sorted(points[best].items())]


def best_point(scores: Mapping[Point, Mapping[int, float]]) -> Point:
    """Applies the rule of `select` to dev scores by grid point and seed."""
    common = set.intersection(*(set(seeds) for seeds in scores.values()))

    def mean(seeds: Mapping[int, float]) -> float:
        values = [value for seed, value in seeds.items() if not common or seed in common]
        # fsum gives the same in any order of the runs.
        return fsum(values) / len(values)

    top = max(mean(seeds) for seeds in scores.values())
    return min((point for point, seeds in scores.items() if mean(seeds) == top), key=lambda p: (p[0], p[1] or 0.0))
