"""Student's t over seeds is scipy's."""

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from orthoadapters.report.statistics.student import student_t


@pytest.mark.parametrize(("many", "few"), [(4, 4), (4, 3), (2, 5)])
def test_student_t_is_scipys(many: int, few: int) -> None:
    rng = np.random.default_rng(13)
    a, b = rng.normal(0.6, 0.1, many), rng.normal(0.5, 0.03, few)
    reference = ttest_rel(a, b) if many == few else ttest_ind(a, b, equal_var=False)
    half_width, p = student_t(a, b)
    low, high = reference.confidence_interval(0.95)
    assert (p, 2 * half_width) == pytest.approx((reference.pvalue, high - low))


def test_a_single_seed_is_taken_to_vary_as_the_others_do() -> None:
    b = np.array([0.5, 0.52, 0.55])
    half_width, p = student_t(np.array([0.6]), b)
    reference = ttest_ind([0.6], b)  # pooled variance, as one value has none of its own
    assert (p, half_width) == pytest.approx(
        (reference.pvalue, (reference.confidence_interval().high - (0.6 - b.mean())))
    )
