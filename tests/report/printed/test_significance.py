"""Comparisons in print: the numbers are those of the comparisons."""

import csv
from dataclasses import replace
from pathlib import Path

from orthoadapters.report.collect.paper import AVERAGE
from orthoadapters.report.printed.records import significance_csv
from orthoadapters.report.printed.significance import COMPARISON_FIELDS, significance_markdown, summary
from orthoadapters.report.statistics.compare import NOTHING_WOULD_SHOW
from tests.helpers.xnli_runs import one_analysis, write_xnli_run


def test_comparisons_in_print(tmp_path: Path) -> None:
    for variant in ("full_ft", "t_noo", "lnoo_tnoo"):
        write_xnli_run(tmp_path, variant)
    analysis = one_analysis(tmp_path)
    text = significance_markdown(analysis)
    first, second = text.split("**xnli, tiny: difference in accuracy x 100 to ")[1:]
    assert first.startswith("L-NOO+T-NOO on test (95 % interval)**")
    assert second.startswith("T-NOO on test (95 % interval)**")
    c = analysis.between("FULL-FT", "L-NOO+T-NOO", "sw")
    assert c is not None
    assert c.significant
    assert f"**{100 * c.difference:+.2f} ({100 * c.low:+.2f} to {100 * c.high:+.2f})**" in first
    mean = analysis.between("T-NOO", "L-NOO+T-NOO", AVERAGE)
    assert mean is not None
    assert f"- AVGz, T-NOO against L-NOO+T-NOO: {mean.effect}." in second
    records = list(csv.DictReader(significance_csv(analysis).splitlines()))
    assert tuple(records[0]) == COMPARISON_FIELDS
    assert len(records) == len(analysis.comparisons) == 12
    for record, c in zip(records, analysis.comparisons, strict=True):
        assert (record["a"], record["b"], record["language"]) == (c.a, c.b, c.language)
        assert float(record["difference_x100"]) == 100 * c.difference
        assert (float(record["p"]), float(record["p_holm"])) == (c.p, c.p_holm)
        assert (record["n_sentences"], record["n_seeds_a"], record["effect"]) == (str(c.n), "1", c.effect)
    better = sum(c.significant for c in analysis.comparisons if c.language != AVERAGE and "L-NOO+T-NOO" in (c.a, c.b))
    assert summary(analysis).endswith(
        f"against L-NOO+T-NOO, 0 of 6 scores are better and {better} worse by more than chance. "
        "One seed: intervals and p are of these trained weights; training again may differ by more."
    )


def test_a_difference_that_no_score_can_have_is_not_asked_for(tmp_path: Path) -> None:
    for variant in ("t_noo", "lnoo_tnoo"):
        write_xnli_run(tmp_path, variant)
    analysis = one_analysis(tmp_path)
    (c,) = (c for c in analysis.comparisons if c.language == AVERAGE)
    sentences = {}
    for half_width in (0.2, 1.5):  # t over two seeds makes such an interval
        wide = replace(c, low=-half_width, high=half_width)
        sentences[half_width] = significance_markdown(replace(analysis, comparisons=(wide,)))
    assert f"A true difference of {100 * 0.2 * 1.4294:.2f} or more would show" in sentences[0.2]
    assert NOTHING_WOULD_SHOW in sentences[1.5]
    assert "or more would show" not in sentences[1.5]
