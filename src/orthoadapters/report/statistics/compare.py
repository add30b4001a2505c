"""The worth of a difference between two variants' scores: interval, p-value, correction, and the effect in words.

Interval: 95 %, paired bootstrap over sentences, by percentiles (Efron 1979; Koehn 2004). With several seeds a draw is of
seeds and of sentences, crossed (Owen 2007): the same sentences for all variants, and the same seeds for variants that have
equally many.

p-value, two-sided, by what is compared (Dror et al. 2018):
- right or wrong per pair, as in XNLI, with one seed: exact McNemar (McNemar 1947), binomial on the discordant pairs;
- everything else: approximate randomisation (Noreen 1989; Yeh 2000). a and b exchange their outputs of a sentence with
  probability 1/2, and p is (1 + draws in which the difference is as large as the observed one) / (1 + draws);
- with several seeds all outputs of a sentence are exchanged together, and the difference is that of the mean scores. This
  tests the trained models alone: equal variants whose five seeds vary by two points got p < 0.05 in 40 of 100 simulations.
  So p is the largest of three: this one; the bootstrap's, 2 min(share of draws <= 0, share >= 0), which draws seeds too;
  and that of Student's t over the seeds' scores. Two or three seeds say little about how much seeds vary, and only t
  counts that.

Holm (1979) corrects p over the languages of one pair of variants, the source language included.

With several seeds each end of the interval is the wider one of two: the bootstrap's, and that of Student's t over the
seeds (paired where both variants have equally many, else Welch's). Simulated, with differences between seeds that outweigh
those between sentences (tests/report/statistics/test_simulated.py): the bootstrap alone covers the truth in about 80 % of
cases with 3 seeds, 86 % with 5 and 92 % with 10; both together cover it in 95 % or more with 2, 3 and 5. The price: with
two seeds only very large differences are significant. If seeds differ by chance on single sentences alone, the interval is
too wide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.statistics.exact import holm, mcnemar
from orthoadapters.report.statistics.resampling import (
    Counts,
    Floats,
    check_same_sentences,
    drawn_seeds,
    exchanged_differences,
    moved_sums,
    parts,
    ratio,
    resampled_sums,
    stream,
    with_seeds,
)
from orthoadapters.report.statistics.student import LEVEL, TIE, student_t
from orthoadapters.runs.results import source_codes

MCNEMAR = "exact McNemar"
RANDOMISATION = "approximate randomisation"
OVER_SEEDS = "the largest p of approximate randomisation, all seeds of a sentence together, bootstrap and t over seeds"
DRAWS = 10_000  # ours: the smallest p is then 0.0001, which is 0.001 after the correction over ten languages
ENOUGH_SEEDS = 10  # ours: from there on the bootstrap alone is right in nine cases of ten
POWER = 0.8  # ours: the usual one; a true difference of that size is missed once in five times
NO_DIFFERENCE = "no difference that these data can show"
NOTHING_WOULD_SHOW = "No difference, however large, would show in four of five such experiments: more seeds are needed."


@dataclass(frozen=True)
class Comparison:
    """The comparison of variant a with variant b on one language, or on AVERAGE; scores and differences are fractions in 0..1.

    difference: the score of a minus the score of b, each a mean over seeds; low, high: its 95 % interval; p_holm: p after
    the correction over the pair's languages, where AVERAGE is one test and is not corrected; n: the number of sentences or
    pairs, for AVERAGE of all target languages; seeds: the numbers of seeds of a and of b; test: what p is from.
    """

    a: str
    b: str
    language: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int
    seeds: tuple[int, int]
    test: str

    @property
    def significant(self) -> bool:
        """Says whether the corrected p is below 0.05 and the interval is without 0; if they disagree, the data are too few."""
        return self.p_holm < LEVEL and not self.low <= 0 <= self.high

    @property
    def effect(self) -> str:
        """The difference in words, in points of 0.01, such as "lort_tnoo better by 1.4 (0.3 to 2.5)"."""
        if not self.significant:
            return NO_DIFFERENCE
        near, far = sorted(100 * abs(end) for end in (self.low, self.high))
        # ours: with one digit, smaller ends would be printed as 0.0
        digits = 1 if near >= 0.05 else 2
        better = self.a if self.difference > 0 else self.b
        return f"{better} better by {100 * abs(self.difference):.{digits}f} ({near:.{digits}f} to {far:.{digits}f})"

    @property
    def detectable(self) -> float:
        """The smallest true difference that data like these would show with probability POWER, before Holm's correction.

        From half the interval's width, which is z(1 - LEVEL / 2) standard errors: z(1 - LEVEL / 2) + z(POWER) of them
        (Card et al. 2020, arXiv:2010.06595). A difference d that is smaller takes (detectable / d)^2 times the data. Where
        the interval is that of t over few seeds, this is rough.
        """
        return float((self.high - self.low) / 2 * (1 + ndtri(POWER) / ndtri(1 - LEVEL / 2)))

    def reverse(self) -> "Comparison":
        """Returns the same comparison as b against a."""
        mirror = replace(self, a=self.b, b=self.a, seeds=self.seeds[::-1])
        return replace(mirror, difference=-self.difference, low=-self.high, high=-self.low)


def compare(
    counts: Mapping[str, Mapping[str, Counts]], source: str, draws: int = DRAWS, seed: int = 0
) -> list[Comparison]:
    """Compares every pair of variants, in their order, on its languages, then on AVERAGE, which leaves out `source`.

    counts: by variant and language, one metric's counts by sentence, (n, k) or (seeds, n, k), as predictions.py writes
    them; the seeds are in the same order for every variant. A pair is compared on the languages that both variants have,
    and on AVERAGE if both have all target languages. The same arguments give the same numbers. The random numbers of a
    language depend on its name, its number of sentences and `seed` alone.

    Raises ValueError for impossible counts, and for variants that were not scored on the same sentences.
    """
    if draws < 1:
        raise ValueError(f"{draws} draws are none; give at least 1")
    languages = list(dict.fromkeys(language for of_variant in counts.values() for language in of_variant))
    targets = [language for language in languages if language not in source_codes(source)]
    by_language = {language: _draw(counts, language, draws, seed) for language in languages}
    comparisons: list[Comparison] = []
    for pair in combinations(counts, 2):
        of_pair = {language: of_language[pair] for language, of_language in by_language.items() if pair in of_language}
        of_languages = [_comparison(pair, language, draw) for language, draw in of_pair.items()]
        p_values = holm([comparison.p for comparison in of_languages])
        comparisons += [replace(one, p_holm=p) for one, p in zip(of_languages, p_values, strict=True)]
        if targets and all(language in of_pair for language in targets):
            comparisons.append(_comparison(pair, AVERAGE, _average([of_pair[language] for language in targets])))
    return comparisons


@dataclass(frozen=True)
class _Draws:
    """The draws for one pair on one language.

    by_seed: the scores of a's seeds and of b's; bootstrap, exchange: (draws,) differences after each; mcnemar: the exact
    p, where that test fits.
    """

    n: int
    by_seed: tuple[Floats, Floats]
    difference: float
    bootstrap: Floats
    exchange: Floats
    mcnemar: float | None


def _draw(
    counts: Mapping[str, Mapping[str, Counts]], language: str, draws: int, seed: int
) -> dict[tuple[str, str], _Draws]:
    """Draws for one language, and returns the draws of each pair of variants that have it."""
    seed_counts = {
        variant: with_seeds(by_language[language], f"{variant}, {language}")
        for variant, by_language in counts.items()
        if language in by_language
    }
    check_same_sentences(seed_counts, language)
    fractions = {variant: parts(of_variant) for variant, of_variant in seed_counts.items()}
    bootstrap_sums = resampled_sums(fractions, draws, stream(seed, "sentences", language))
    moves = moved_sums(fractions, draws, stream(seed, "exchange", language))
    sums = {variant: fraction.sum(axis=1) for variant, fraction in fractions.items()}
    by_seed = {variant: ratio(total) for variant, total in sums.items()}
    score = {variant: float(scores.mean()) for variant, scores in by_seed.items()}
    # The name of this stream holds no language: a run's seed is the same one in all of its languages.
    sizes = {len(scores) for scores in by_seed.values()}
    weights = {size: drawn_seeds(size, draws, stream(seed, "seeds", str(size))) for size in sizes}
    drawn_scores = {
        variant: (weights[len(by_seed[variant])] * ratio(total)).sum(axis=1)
        for variant, total in bootstrap_sums.items()
    }
    return {
        (a, b): _Draws(
            n=fractions[a].shape[1],
            by_seed=(by_seed[a], by_seed[b]),
            difference=score[a] - score[b],
            bootstrap=drawn_scores[a] - drawn_scores[b],
            exchange=exchanged_differences(sums[a], sums[b], moves[a], moves[b]),
            mcnemar=_mcnemar(seed_counts[a], seed_counts[b]),
        )
        for a, b in combinations(seed_counts, 2)
    }


def _mcnemar(a: Counts, b: Counts) -> float | None:
    """Returns the exact p of one seed's single answers, (1, n, 2) counts each; None for other counts."""
    is_one_answer = a.shape[-1] == 2 and len(a) == len(b) == 1 and bool((a[..., 1] == 1).all())
    return mcnemar(a[0, :, 0], b[0, :, 0]) if is_one_answer else None


def _average(languages: Sequence[_Draws]) -> _Draws:
    """Averages the draws of several languages, each of which drew its own sentences and the same seeds."""
    return _Draws(
        n=sum(draw.n for draw in languages),
        by_seed=(_common([draw.by_seed[0] for draw in languages]), _common([draw.by_seed[1] for draw in languages])),
        difference=float(np.mean([draw.difference for draw in languages])),
        bootstrap=np.mean([draw.bootstrap for draw in languages], axis=0),
        exchange=np.mean([draw.exchange for draw in languages], axis=0),
        mcnemar=None,
    )


def _common(by_seed: Sequence[Floats]) -> Floats:
    """Averages over languages the scores of the seeds that all of them have."""
    fewest = min(map(len, by_seed))
    return np.asarray(np.mean([scores[:fewest] for scores in by_seed], axis=0))


def _comparison(pair: tuple[str, str], language: str, draw: _Draws) -> Comparison:
    low, high = np.quantile(draw.bootstrap, (LEVEL / 2, 1 - LEVEL / 2))
    p, test = _share(np.abs(draw.exchange) >= abs(draw.difference) - TIE), RANDOMISATION
    seeds = (len(draw.by_seed[0]), len(draw.by_seed[1]))
    if seeds != (1, 1):
        tail = min(_share(draw.bootstrap <= TIE), _share(draw.bootstrap >= -TIE))
        half_width, p_t = student_t(*draw.by_seed)
        low, high = min(low, draw.difference - half_width), max(high, draw.difference + half_width)
        p, test = max(p, min(1.0, 2 * tail), p_t), OVER_SEEDS
    if draw.mcnemar is not None:
        p, test = draw.mcnemar, MCNEMAR
    return Comparison(*pair, language, draw.difference, float(low), float(high), p, p, draw.n, seeds, test)


def few_seeds(comparisons: Sequence[Comparison]) -> list[str]:
    """Says in a sentence what so few seeds cannot show; returns nothing from ENOUGH_SEEDS on."""
    fewest = min((min(c.seeds) for c in comparisons), default=ENOUGH_SEEDS)
    if fewest == 1:
        return ["One seed: intervals and p are of these trained weights; training again may differ by more."]
    if fewest < ENOUGH_SEEDS:
        return [
            f"{fewest} seeds tell little about how much seeds vary, and intervals and p allow for that: only large "
            "differences count."
        ]
    return []


def _share(hits: NDArray[np.bool_]) -> float:
    """Returns the share of draws that hit. The observation counts as a draw, or p would be too small (Noreen 1989)."""
    return float((1 + hits.sum()) / (1 + len(hits)))
