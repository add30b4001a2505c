"""Student's t over the scores of seeds: the one test that counts how little two or three seeds tell."""

import numpy as np
from scipy.special import stdtr, stdtrit

from orthoadapters.report.statistics.resampling import Floats

LEVEL = 0.05  # ours: the field's habit; intervals are of 1 - LEVEL
TIE = 1e-12  # ours: two differences that only rounding tells apart count as equal


def student_t(a: Floats, b: Floats) -> tuple[float, float]:
    """Returns half the 95 % interval of mean(a) - mean(b) over seeds, and the two-sided p (Student 1908; Welch 1947).

    a, b: scores by seed, (S_a,) and (S_b,); one of them has several. The test is paired if both have equally many. A single
    seed is assumed to vary as the seeds of the other variant do. Returns (0, 0) if the seeds do not vary: interval and p
    are then those of the sentences alone.
    """
    if len(a) == len(b):
        variance, freedom = float(np.var(a - b, ddof=1)) / len(a), float(len(a) - 1)
    elif 1 in (len(a), len(b)):
        many = a if len(a) > len(b) else b
        variance, freedom = float(np.var(many, ddof=1)) * (1 + 1 / len(many)), float(len(many) - 1)
    else:
        variances = [float(np.var(scores, ddof=1)) / len(scores) for scores in (a, b)]
        variance = sum(variances)
        squares = sum(part**2 / (len(scores) - 1) for part, scores in zip(variances, (a, b), strict=True))
        freedom = variance**2 / squares if squares else 1.0
    error = variance**0.5
    if error < TIE:
        return 0.0, 0.0
    statistic = abs(float(np.mean(a) - np.mean(b))) / error
    return float(stdtrit(freedom, 1 - LEVEL / 2)) * error, float(2 * stdtr(freedom, -statistic))
