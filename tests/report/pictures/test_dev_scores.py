"""The picture of development scores draws every grid point, marks its best epoch, and names what is missing."""

import numpy as np
from matplotlib.colors import to_hex

from orthoadapters.report.pictures.dev_scores import dev_scores
from orthoadapters.report.pictures.style import line_style
from tests.helpers.figures import figure_of, small_print
from tests.helpers.xnli_runs import WholeReport


def test_dev_scores_draw_every_grid_point_and_mark_its_best_epoch() -> None:
    histories = {
        "T-NOO": {"lr 5e-05": [(1, 0.5), (2, 0.75), (3, 0.75)], "lr 1e-04": [(1, 0.25)]},
        "T-ORT": {"lr 1e-04": [(1, 0.5), (2, 0.25)], "lr 2e-04": []},
        "L-NOO+T-NOO": {},
    }
    figure = figure_of(dev_scores(histories, "F1"))
    first, second = figure.axes
    assert [axes.get_title("left") for axes in figure.axes] == ["T-NOO", "T-ORT"]
    by_colour = {to_hex(line.get_color()): line for line in first.get_lines()}
    line = by_colour[to_hex(line_style(0).color)]
    assert np.asarray(line.get_xydata()).tolist() == [[1, 50], [2, 75], [3, 75]]
    assert line.get_markevery() == [1]  # the first of equal ones
    assert second.get_lines()[0].get_color() == first.get_lines()[1].get_color()  # the same grid point
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["lr 5e-05", "lr 1e-04"]
    assert "Missing: T-ORT (lr 2e-04), L-NOO+T-NOO (all)." in small_print(figure)


def test_without_a_history_there_is_no_picture() -> None:
    assert dev_scores({}, "F1") is None
    assert dev_scores({"T-NOO": {"lr 5e-05": []}, "T-ORT": {}}, "F1") is None


def test_the_selected_grid_points_line_is_the_thick_one(everything: WholeReport) -> None:
    drawing = everything.picture("dev-xnli-tiny")
    assert "(n = 8 runs" in drawing.caption
    for axes in drawing.figure.axes:
        thin, thick = axes.get_lines()  # in order of the grid: lr 5e-05 was not selected
        assert thick.get_linewidth() > 2 * thin.get_linewidth()
