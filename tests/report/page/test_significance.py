"""The page's differences are those of the comparisons."""

from dataclasses import replace
from pathlib import Path

from orthoadapters.report.page.significance import comparison_number
from orthoadapters.report.statistics.compare import NOTHING_WOULD_SHOW, few_seeds
from tests.helpers.html import ShownPage, by_id, facts, number, rows, shown_page, text
from tests.helpers.whole_report import make_report, write_run_with_counts


def test_differences_are_those_of_the_comparisons(whole: ShownPage) -> None:
    root, analysis = whole.root, whole.analyses[0]
    table, baseline = analysis.table, analysis.baselines[0].label
    assert baseline == "L-NOO+T-NOO"
    count = 0
    for label, cells in rows(root, "table-1-differences-1"):
        for column, cell in zip(table.columns, cells, strict=True):
            c = analysis.between(label, baseline, column)
            assert c is not None
            count += 1
            assert float(cell.attrib["data-value"]) == c.difference
            assert number(cell).replace("−", "-") == f"{100 * c.difference:+.2f}"
            assert f"({100 * c.low:+.2f} to {100 * c.high:+.2f})" in text(cell).replace("−", "-")
            assert ("strong" in [e.tag for e in next(cell.iter("button")).iter()]) == c.significant
    assert count == 2 * len(table.columns)
    assert "L-ORT+T-ORT against L-NOO+T-NOO. " in text(root)


def test_the_page_says_what_few_seeds_cannot_tell(whole: ShownPage) -> None:
    (caveat,) = few_seeds([c for analysis in whole.analyses for c in analysis.comparisons])
    assert caveat in text(whole.root)


def test_a_tooltip_tells_all_numbers_of_its_comparison(whole: ShownPage) -> None:
    analysis = whole.analyses[0]
    c = analysis.between("T-NOO", "L-NOO+T-NOO", "tr")
    assert c is not None
    numbers = dict(rows(whole.root, "table-1-differences-1"))["T-NOO"]
    button = numbers[analysis.table.columns.index("tr")][0]
    tip = by_id(whole.root, button.attrib["aria-describedby"])
    assert text(tip[0]) == "T-NOO against L-NOO+T-NOO, TR"
    tip_facts = {name: value.replace("−", "-") for name, value in facts(tip).items()}
    assert tip_facts == {
        "difference": f"{100 * c.difference:+.2f}",
        "95 % interval": f"{100 * c.low:+.2f} to {100 * c.high:+.2f}",
        "p": f"{c.p:.2g}; after Holm {c.p_holm:.2g}",
        "test": c.test,
        "n": "120 sentences; seeds: 3 of T-NOO, 1 of L-NOO+T-NOO",
        "in words": c.effect,
        "would show": f"a true difference of {100 * c.detectable:.2f}, in four of five such experiments",
    }


def test_a_tooltip_asks_for_no_difference_that_scores_cannot_have(whole: ShownPage) -> None:
    c = replace(whole.analyses[0].comparisons[0], low=-1.5, high=1.5)
    assert NOTHING_WOULD_SHOW in str(comparison_number(c).tip)


def test_p_stands_below_each_row_and_sizes_in_the_foot(whole: ShownPage) -> None:
    analysis = whole.analyses[0]
    table = by_id(whole.root, "table-1-differences-1")
    for body in table.iter("tbody"):
        comparisons = [analysis.between(text(body[0][0]), "L-NOO+T-NOO", column) for column in analysis.table.columns]
        p = [c.p_holm for c in comparisons if c is not None]
        assert text(body[1][0]) == "p"
        assert [text(cell) for cell in body[1][1:]] == ["< 0.001" if value < 0.001 else f"{value:.3f}" for value in p]
    (foot,) = table.iter("tfoot")
    sizes = {c.language: str(c.n) for c in analysis.comparisons}
    assert [text(cell) for cell in foot[0]] == ["n", *(sizes[column] for column in analysis.table.columns)]


def test_a_single_row_is_compared_with_nothing(tmp_path: Path) -> None:
    write_run_with_counts(tmp_path, "t_noo", "udpos")
    page = shown_page(*make_report(tmp_path, pictures=False), tmp_path)
    assert "No two rows could be compared." in text(page.root)
