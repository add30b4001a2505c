"""The map of differences shows its numbers, hatches what is not significant, and names what is missing."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from orthoadapters.report.pictures.differences import difference_map
from tests.helpers.figures import figure_of, small_print
from tests.helpers.xnli_runs import WholeReport

NAN = float("nan")
DIFFERENCES = np.array([[0.012, NAN, -0.0004], [NAN, NAN, NAN], [-0.031, 0.002, 0.0]])
SIGNIFICANT = np.array([[True, True, False], [False, True, False], [True, False, False]])


def example_map() -> Figure:
    languages = ["ar", "sw", "tr"]
    return figure_of(
        difference_map(DIFFERENCES, SIGNIFICANT, ["T-NOO", "T-ORT", "FULL-FT"], languages, "F1", "L-NOO+T-NOO")
    )


def test_a_difference_map_draws_the_differences_and_hatches_those_that_are_not_significant() -> None:
    figure = example_map()
    axes, bar = figure.axes
    (cells,) = axes.collections
    np.testing.assert_allclose(cells.get_array().filled(np.nan), 100 * DIFFERENCES)  # type: ignore[union-attr]
    low, high = cells.get_clim()
    assert -low == high == pytest.approx(3.1)  # white is no difference
    assert bar.get_ylabel() == "F1 x 100, difference to L-NOO+T-NOO"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["ar", "sw", "tr"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["T-NOO", "T-ORT", "FULL-FT"]
    hatching = {
        (patch.get_y() + 0.5, patch.get_x() + 0.5)
        for patch in axes.patches
        if isinstance(patch, Rectangle) and patch.get_hatch()
    }
    assert hatching == {(0, 2), (2, 1), (2, 2)}
    texts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert texts == {
        (0, 0): "+1.2",
        (0, 1): "–",
        (0, 2): "0.0",
        (1, 0): "–",
        (1, 1): "–",
        (1, 2): "–",
        (2, 0): "−3.1",
        (2, 1): "+0.2",
        (2, 2): "0.0",
    }


def test_what_a_difference_map_lacks_is_named() -> None:
    assert "–: missing: T-NOO (sw), T-ORT (all)." in small_print(example_map())
    whole = figure_of(difference_map(np.zeros((1, 1)), np.ones((1, 1), bool), ["T-NOO"], ["sw"], "F1", "L-NOO+T-NOO"))
    assert small_print(whole) == ""


def test_without_numbers_there_is_no_map() -> None:
    nothing = np.empty((0, 0))
    assert difference_map(nothing, nothing.astype(bool), [], [], "F1", "L-NOO+T-NOO") is None
    gaps = np.full((1, 2), NAN)
    assert difference_map(gaps, gaps.astype(bool), ["T-NOO"], ["ar", "sw"], "F1", "L-NOO+T-NOO") is None


def test_labels_of_another_number_than_the_differences_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\) differences"):
        difference_map(DIFFERENCES, SIGNIFICANT, ["T-NOO"], ["ar", "sw", "tr"], "F1", "L-NOO+T-NOO")


def test_the_map_shows_the_comparisons_with_mad_x(everything: WholeReport) -> None:
    (analysis,) = everything.analyses
    axes = everything.picture("differences-xnli-tiny").figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["FULL-FT", "T-NOO", "T-ORT", "L-NOO+T-ORT", "L-ORT+T-NOO", "L-ORT+T-ORT"]
    colours = axes.collections[0].get_array().filled(np.nan)  # type: ignore[union-attr]
    columns = analysis.table.columns
    hatching = {(round(p.get_y() + 0.5), round(p.get_x() + 0.5)) for p in axes.patches if isinstance(p, Rectangle)}
    reference = set()
    for row, label in enumerate(labels):
        for column, code in enumerate(columns):
            c = analysis.between(label, "L-NOO+T-NOO", code)
            if c is None:
                assert np.isnan(colours[row, column])
                continue
            assert colours[row, column] == pytest.approx(100 * c.difference)
            if not c.significant:
                reference.add((row, column))
    assert hatching == reference != set()
