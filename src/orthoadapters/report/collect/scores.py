"""Scores from runs: one language's, the average over target languages, and the oracle's."""

from collections.abc import Sequence
from statistics import fmean

from orthoadapters.report.collect.gather import Group, Run
from orthoadapters.report.collect.paper import AVERAGE, paper
from orthoadapters.report.collect.table import Oracle, Score
from orthoadapters.runs.selection import Point, best_point


def language_score(
    group: Group, variant: str, language: str, candidates: Sequence[Run], selected_runs: Sequence[Run], state: str
) -> Score:
    """Makes the score of a row's selected runs on one language. state: what to call it where no run has a score."""
    metric = group.metric
    runs = [run for run in selected_runs if metric in run.result.test.get(language, {})]
    paper_score = paper().score(group.paper_scores, metric, group.source, variant, language)
    if not runs:
        return Score(variant, language, state, paper=paper_score)
    by_seed = tuple(run.result.test[language][metric] for run in runs)
    seeds = {run.result.seed for run in runs}
    oracle = None if language in group.sources else _oracle(candidates, seeds, language, metric)
    n_sentences = int(runs[0].result.test[language]["n"])
    return Score(variant, language, "scored", tuple(runs), by_seed, n_sentences, paper_score, oracle)


def average(variant: str, scores: Sequence[Score], paper_score: float | None, state: str) -> Score:
    """Makes the score AVGz of the runs that were tested on all target languages.

    scores: a row's, one for each target language; paper_score: the paper's AVGz; state: what to call it where no run has
    a score on any of them.
    """
    runs = [run for run in scores[0].runs if all(run in score.runs for score in scores)] if scores else []
    if not runs:
        partly = any(score.runs for score in scores)
        return Score(variant, AVERAGE, "missing" if partly else state, paper=paper_score)
    by_seed = tuple(fmean(score.by_seed[score.runs.index(run)] for score in scores) for run in runs)
    oracle = _average_oracle(scores) if all(score.runs == tuple(runs) for score in scores) else None
    return Score(variant, AVERAGE, "scored", tuple(runs), by_seed, None, paper_score, oracle)


def _average_oracle(scores: Sequence[Score]) -> Oracle | None:
    """Averages the oracles of all target languages; None where one language has none."""
    oracles = [score.oracle for score in scores if score.oracle is not None]
    if len(oracles) < len(scores):
        return None
    paths = dict.fromkeys(path for oracle in oracles for path in oracle.paths)
    return Oracle(fmean(oracle.value for oracle in oracles), None, tuple(paths))


def _oracle(candidates: Sequence[Run], seeds: set[int], language: str, metric: str) -> Oracle | None:
    """Selects on the target language's development set, over the seeds that the score itself is over.

    Returns None where a grid point lacks one of these seeds, or its score on dev or test.
    """
    points: dict[Point, dict[int, Run]] = {run.point: {} for run in candidates}
    for run in candidates:
        result = run.result
        is_scored = metric in result.target_dev.get(language, {}) and metric in result.test.get(language, {})
        if is_scored and result.seed in seeds:
            points[run.point][result.seed] = run
    if any(runs.keys() != seeds for runs in points.values()):
        return None
    dev = {
        point: {seed: run.result.target_dev[language][metric] for seed, run in runs.items()}
        for point, runs in points.items()
    }
    best = best_point(dev)
    runs = [run for _, run in sorted(points[best].items())]
    value = fmean(run.result.test[language][metric] for run in runs)
    return Oracle(value, best, tuple(run.paths[language] for run in runs))
