"""Student's t over the scores of seeds, which alone counts how little two or three of them tell."""

import numpy as np
from scipy.stats import t

from orthoadapters.report.statistics.resampling import Floats

LEVEL = 0.05  # ours: the field's habit, for p-values and (1 - LEVEL) for intervals
TIE = 1e-12  # ours: equal differences that were rounded differently count as equal


def student_t(a: Floats, b: Floats) -> tuple[float, float]:
    """Half the 95 % interval of mean(a) - mean(b) over seeds, and two-sided p (Student 1908; Welch 1947).

    a, b: scores by seed, (S_a,) and (S_b,), not one each. Paired if there are equally many. A single seed is taken to vary
    as those of the other variant do. (0, 0) if nothing varies, which leaves all to the sentences.
    """
    if len(a) == len(b):
        variance, freedom = float(np.var(a - b, ddof=1)) / len(a), float(len(a) - 1)
    elif 1 in (len(a), len(b)):
        many = a if len(a) > len(b) else b
        variance, freedom = float(np.var(many, ddof=1)) * (1 + 1 / len(many)), float(len(many) - 1)
    else:
        parts_of = [float(np.var(one, ddof=1)) / len(one) for one in (a, b)]
        variance = sum(parts_of)
        each = sum(part**2 / (len(one) - 1) for part, one in zip(parts_of, (a, b), strict=True))
        freedom = variance**2 / each if each else 1.0
    error = variance**0.5
    if error < TIE:
        return 0.0, 0.0
    statistic = abs(float(np.mean(a) - np.mean(b))) / error
    return float(t.ppf(1 - LEVEL / 2, freedom)) * error, float(2 * t.sf(statistic, freedom))
