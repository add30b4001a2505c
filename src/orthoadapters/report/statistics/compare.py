"""What a difference between two variants' scores is worth: interval, p-value, correction, and the effect in words.

Interval: 95 %, paired bootstrap over sentences, by percentiles (Efron 1979; Koehn 2004). With several seeds a draw is of
seeds and of sentences, crossed (Owen 2007): the same sentences for all, the same seeds for variants that have equally many.

p-value, two-sided, by what is compared (Dror et al. 2018):
- right or wrong per pair, as in XNLI, with one seed: exact McNemar (McNemar 1947), binomial on the discordant pairs;
- else approximate randomisation (Noreen 1989; Yeh 2000): a and b exchange their outputs of a sentence with probability
  1/2, and p is (1 + draws in which the difference is as large as the one observed) / (1 + draws);
- with several seeds all outputs of a sentence are exchanged together, and the difference is that of the mean scores. That
  tests the models at hand: equal variants whose five seeds vary by two points got p < 0.05 in 40 of 100 simulations. So p
  is the largest of that, of the bootstrap's, 2 min(share of draws <= 0, share >= 0), which draws seeds too, and of
  Student's t over the seeds' scores: two or three seeds say little about how much seeds vary, and only t counts that.

Holm (1979) corrects p over the languages of one pair of variants, the source language included.

With several seeds the interval is the wider, at either end, of the bootstrap's and Student's t over the seeds (paired where
both variants have equally many, else Welch's). Simulated (tests/test_statistics.py), with differences between seeds that
outweigh those between sentences: the bootstrap alone covers the truth in about 80 % of cases with 3 seeds, 86 % with 5 and
92 % with 10, both together in 95 % or more with 2, 3 and 5. What that costs: with two seeds nothing but very large
differences is significant. If seeds differ by chance on single sentences alone, the interval is too wide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.statistics.resampling import (
    Counts,
    Floats,
    drawn_seeds,
    exchanged_differences,
    moved_sums,
    of_same_sentences,
    parts,
    ratio,
    resampled_sums,
    stream,
    with_seeds,
)
from orthoadapters.report.statistics.student import LEVEL, TIE, student_t

MCNEMAR = "exact McNemar"
RANDOMISATION = "approximate randomisation"
OVER_SEEDS = "the largest p of approximate randomisation, all seeds of a sentence together, bootstrap and t over seeds"
DRAWS = 10_000  # ours: the smallest p is 0.0001, which ten languages' correction leaves at 0.001
NO_DIFFERENCE = "no difference that these data can show"


@dataclass(frozen=True)
class Comparison:
    """Variant a against b on one language (or AVERAGE); scores and differences are fractions in 0..1."""

    a: str
    b: str
    language: str
    difference: float  # score of a minus score of b, each a mean over seeds
    low: float  # of the 95 % interval of the difference
    high: float
    p: float
    p_holm: float  # corrected over the pair's languages; AVERAGE is one test, corrected for nothing
    n: int  # sentences or pairs; over all target languages for AVERAGE
    seeds: tuple[int, int]  # how many of a, of b
    test: str  # where p is from

    @property
    def significant(self) -> bool:
        """Corrected p below 0.05, and an interval without 0: where the two disagree the data are not enough."""
        return self.p_holm < LEVEL and not self.low <= 0 <= self.high

    @property
    def effect(self) -> str:
        """Such as "lort_tnoo better by 1.4 (0.3 to 2.5)", in points of 0.01."""
        if not self.significant:
            return NO_DIFFERENCE
        near, far = sorted(100 * abs(end) for end in (self.low, self.high))
        digits = 1 if near >= 0.05 else 2  # ours: or a difference would be printed as "from 0.0"
        better = self.a if self.difference > 0 else self.b
        return f"{better} better by {100 * abs(self.difference):.{digits}f} ({near:.{digits}f} to {far:.{digits}f})"

    def reversed(self) -> "Comparison":
        """The same, of b against a."""
        turned = replace(self, a=self.b, b=self.a, seeds=self.seeds[::-1])
        return replace(turned, difference=-self.difference, low=-self.high, high=-self.low)


def compare(
    counts: Mapping[str, Mapping[str, Counts]], source: str, draws: int = DRAWS, seed: int = 0
) -> list[Comparison]:
    """Every pair of variants, in their order: its languages, then AVERAGE over all languages but `source`.

    counts: by variant and language, one metric's per-sentence counts, (n, k) or (seeds, n, k), as predictions.py
    writes them; seeds in the same order for every variant. A pair has the languages that both variants have, and an
    AVERAGE if both have all target languages. The same arguments give the same numbers, and what is drawn for a
    language depends on its name, its number of sentences and `seed` alone.

    Raises ValueError for counts that could not be, and for variants that were not scored on the same sentences.
    """
    if draws < 1:
        raise ValueError(f"{draws} draws are none; give at least 1")
    languages = list(dict.fromkeys(language for of_variant in counts.values() for language in of_variant))
    targets = [language for language in languages if language != source]
    drawn = {language: _draw(counts, language, draws, seed) for language in languages}
    comparisons: list[Comparison] = []
    for pair in combinations(counts, 2):
        of_pair = {language: drawn[language][pair] for language in languages if pair in drawn[language]}
        rows = [_comparison(pair, language, draw) for language, draw in of_pair.items()]
        corrected = holm([row.p for row in rows])
        comparisons += [replace(row, p_holm=p) for row, p in zip(rows, corrected, strict=True)]
        if targets and all(language in of_pair for language in targets):
            comparisons.append(_comparison(pair, AVERAGE, _average([of_pair[language] for language in targets])))
    return comparisons


@dataclass(frozen=True)
class _Draws:
    """What was drawn for one pair: differences after resampling and after exchange, each (draws,)."""

    n: int
    by_seed: tuple[Floats, Floats]  # scores of a's seeds, of b's
    difference: float
    resampled: Floats
    exchanged: Floats
    mcnemar: float | None


def _draw(
    counts: Mapping[str, Mapping[str, Counts]], language: str, draws: int, seed: int
) -> dict[tuple[str, str], _Draws]:
    """By pair of variants that have the language."""
    there = {
        variant: with_seeds(found[language], f"{variant}, {language}")
        for variant, found in counts.items()
        if language in found
    }
    of_same_sentences(there, language)
    of = {variant: parts(found) for variant, found in there.items()}
    resampled = resampled_sums(of, draws, stream(seed, "sentences", language))
    moved = moved_sums(of, draws, stream(seed, "exchange", language))
    sums = {variant: part.sum(axis=1) for variant, part in of.items()}
    by_seed = {variant: ratio(total) for variant, total in sums.items()}
    score = {variant: float(of_seeds.mean()) for variant, of_seeds in by_seed.items()}
    # No language in the name of this stream: a run's seed is the same one in all of its languages.
    chosen = {
        size: drawn_seeds(size, draws, stream(seed, "seeds", str(size))) for size in {len(x) for x in of.values()}
    }
    scores = {variant: (chosen[len(of[variant])] * ratio(total)).sum(axis=1) for variant, total in resampled.items()}
    return {
        (a, b): _Draws(
            n=of[a].shape[1],
            by_seed=(by_seed[a], by_seed[b]),
            difference=score[a] - score[b],
            resampled=scores[a] - scores[b],
            exchanged=exchanged_differences(sums[a], sums[b], moved[a], moved[b]),
            mcnemar=mcnemar(there[a][0, :, 0], there[b][0, :, 0]) if _one_answer_each(there[a], there[b]) else None,
        )
        for a, b in combinations(there, 2)
    }


def _one_answer_each(a: Counts, b: Counts) -> bool:
    return a.shape[-1] == 2 and len(a) == len(b) == 1 and bool((a[..., 1] == 1).all())


def mcnemar(a: Counts, b: Counts) -> float:
    """Exact two-sided p of right (1) or wrong (0) answers to the same questions, each (n,); 1.0 if none is discordant."""
    only_a, only_b = int((a > b).sum()), int((b > a).sum())
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: the i-th smallest of m times m - i, never below a smaller one's (Holm 1979)."""
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted


def _average(languages: Sequence[_Draws]) -> _Draws:
    """Sentences were drawn and exchanged in each language for itself; seeds were drawn for all languages together."""
    return _Draws(
        n=sum(draw.n for draw in languages),
        by_seed=(_common([draw.by_seed[0] for draw in languages]), _common([draw.by_seed[1] for draw in languages])),
        difference=float(np.mean([draw.difference for draw in languages])),
        resampled=np.mean([draw.resampled for draw in languages], axis=0),
        exchanged=np.mean([draw.exchanged for draw in languages], axis=0),
        mcnemar=None,
    )


def _common(by_seed: Sequence[Floats]) -> Floats:
    """Means over languages of the seeds that all of them have."""
    fewest = min(map(len, by_seed))
    return np.asarray(np.mean([scores[:fewest] for scores in by_seed], axis=0))


def _comparison(pair: tuple[str, str], language: str, draw: _Draws) -> Comparison:
    low, high = np.quantile(draw.resampled, (LEVEL / 2, 1 - LEVEL / 2))
    p, test = _share(np.abs(draw.exchanged) >= abs(draw.difference) - TIE), RANDOMISATION
    seeds = (len(draw.by_seed[0]), len(draw.by_seed[1]))
    if seeds != (1, 1):
        tail = min(_share(draw.resampled <= TIE), _share(draw.resampled >= -TIE))
        half_width, p_t = student_t(*draw.by_seed)
        low, high = min(low, draw.difference - half_width), max(high, draw.difference + half_width)
        p, test = max(p, min(1.0, 2 * tail), p_t), OVER_SEEDS
    if draw.mcnemar is not None:
        p, test = draw.mcnemar, MCNEMAR
    return Comparison(*pair, language, draw.difference, float(low), float(high), p, p, draw.n, seeds, test)


def few_seeds(comparisons: Sequence[Comparison]) -> list[str]:
    """What the fewest seeds of these comparisons cannot tell, in a sentence; nothing from ten seeds on."""
    fewest = min((min(c.seeds) for c in comparisons), default=10)
    if fewest == 1:
        return ["One seed: intervals and p are of these trained weights; training again may differ by more."]
    if fewest < 10:  # ours: from there on the bootstrap alone is right in nine cases of ten
        return [f"{fewest} seeds tell little about how much seeds vary, and intervals and p allow for that: only large "
                "differences count."]  # fmt: skip
    return []


def _share(hits: NDArray[np.bool_]) -> float:
    """Counts what was observed as a draw of its own, without which a test would be wrong too often (Noreen 1989)."""
    return float((1 + hits.sum()) / (1 + len(hits)))
