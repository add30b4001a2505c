"""The report's figures show the numbers that they are given, name what is missing, and can be told apart in grey."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from orthoadapters.errors import UserError
from orthoadapters.report.pictures.curves import read_curves
from orthoadapters.report.pictures.figures import (
    dev_scores,
    difference_map,
    layer_cosines,
    scores_by_text,
    training_losses,
)
from orthoadapters.report.pictures.style import COLOURS, line_style, save
from orthoadapters.report.pictures.text_sizes import WIKIPEDIA_WORDS

NAN = float("nan")
VARIANTS = ["FULL-FT", "T-NOO", "T-ORT", "L-NOO+T-NOO", "L-NOO+T-ORT", "L-ORT+T-NOO", "L-ORT+T-ORT"]
DIFFERENCES = np.array([[0.012, NAN, -0.0004], [NAN, NAN, NAN], [-0.031, 0.002, 0.0]])
SIGNIFICANT = np.array([[True, True, False], [False, True, False], [True, False, False]])


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def small_print(figure: Figure) -> str:
    return figure.get_supxlabel()


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.get_lines()
        if not str(line.get_label()).startswith("_")
    }


def example_map() -> Figure:
    languages = ["ar", "sw", "tr"]
    return drawn(
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
    hatched = {
        (patch.get_y() + 0.5, patch.get_x() + 0.5)
        for patch in axes.patches
        if isinstance(patch, Rectangle) and patch.get_hatch()
    }
    assert hatched == {(0, 2), (2, 1), (2, 2)}
    texts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert texts == {
        (0, 0): "+1.2", (0, 1): "–", (0, 2): "0.0", (1, 0): "–", (1, 1): "–", (1, 2): "–",
        (2, 0): "−3.1", (2, 1): "+0.2", (2, 2): "0.0",
    }  # fmt: skip


def test_what_a_difference_map_lacks_is_named() -> None:
    assert "–: missing: T-NOO (sw), T-ORT (all)." in small_print(example_map())
    whole = drawn(difference_map(np.zeros((1, 1)), np.ones((1, 1), bool), ["T-NOO"], ["sw"], "F1", "L-NOO+T-NOO"))
    assert small_print(whole) == ""


def test_without_numbers_there_is_no_figure() -> None:
    nothing = np.empty((0, 0))
    assert difference_map(nothing, nothing.astype(bool), [], [], "F1", "L-NOO+T-NOO") is None
    gone = np.full((1, 2), NAN)
    assert difference_map(gone, gone.astype(bool), ["T-NOO"], ["ar", "sw"], "F1", "L-NOO+T-NOO") is None
    assert dev_scores({}, "F1") is None
    assert dev_scores({"T-NOO": {"lr 5e-05": []}, "T-ORT": {}}, "F1") is None
    empty = {name: np.empty(0) for name in ("iteration", "loss", "l_ort")}
    assert training_losses({"T-NOO": empty}) is None
    assert training_losses({}) is None
    assert layer_cosines({"task adapters": {"NOO": [{}], "ORT": []}}) is None
    assert scores_by_text({"T-NOO": {"qtu": 0.5}, "T-ORT": {"sw": NAN}}, WIKIPEDIA_WORDS, "F1", "Wikipedia") is None


def test_labels_of_another_number_than_the_differences_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\) differences"):
        difference_map(DIFFERENCES, SIGNIFICANT, ["T-NOO"], ["ar", "sw", "tr"], "F1", "L-NOO+T-NOO")


def test_dev_scores_draw_every_grid_point_and_mark_its_best_epoch() -> None:
    histories = {
        "T-NOO": {"lr 5e-05": [(1, 0.5), (2, 0.75), (3, 0.75)], "lr 1e-04": [(1, 0.25)]},
        "T-ORT": {"lr 1e-04": [(1, 0.5), (2, 0.25)], "lr 2e-04": []},
        "L-NOO+T-NOO": {},
    }
    figure = drawn(dev_scores(histories, "F1"))
    first, second = figure.axes
    assert [axes.get_title("left") for axes in figure.axes] == ["T-NOO", "T-ORT"]
    by_colour = {to_hex(line.get_color()): line for line in first.get_lines()}
    line = by_colour[to_hex(line_style(0).color)]
    assert line.get_xydata().tolist() == [[1, 50], [2, 75], [3, 75]]
    assert line.get_markevery() == [1]  # the first of equal ones
    assert second.get_lines()[0].get_color() == first.get_lines()[1].get_color()  # the same grid point
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["lr 5e-05", "lr 1e-04"]
    assert "Missing: T-ORT (lr 2e-04), L-NOO+T-NOO (all)." in small_print(figure)


def test_losses_are_drawn_over_iterations_and_l_ort_where_there_is_one() -> None:
    iteration = np.array([10.0, 20.0, 30.0])
    plain = {"iteration": iteration, "loss": np.array([3.0, 2.0, 1.0]), "l_ort": np.full(3, NAN)}
    ort = {"iteration": iteration, "loss": np.array([4.0, 3.0, 2.0]), "l_ort": np.array([0.5, NAN, 0.25])}
    figure = drawn(training_losses({"T-NOO": plain, "T-ORT": ort}))
    above, below = figure.axes
    assert lines(above) == {"T-NOO": ([10, 20, 30], [3, 2, 1]), "T-ORT": ([10, 20, 30], [4, 3, 2])}
    assert lines(below) == {"T-ORT": ([10, 30], [0.5, 0.25])}
    assert above.get_lines()[1].get_color() == below.get_lines()[0].get_color()
    assert "No $L_{ORT}$: T-NOO." in small_print(figure)
    assert len(drawn(training_losses({"T-NOO": plain})).axes) == 1


def test_cosines_by_layer_are_means_over_runs_before_and_after_training() -> None:
    runs = [{"before": [0.5, 0.25], "after": [0.0, 0.125]}, {"before": [1.0, 0.75], "after": [0.5, 0.375]}]
    kinds = {"language adapters": {"NOO": runs[:1], "ORT": runs}, "task adapters": {"NOO": [{}], "ORT": [runs[1]]}}
    figure = drawn(layer_cosines(kinds))
    languages, tasks = figure.axes
    assert lines(languages) == {
        "NOO before (n = 1)": ([1, 2], [0.5, 0.25]), "NOO after (n = 1)": ([1, 2], [0.0, 0.125]),
        "ORT before (n = 2)": ([1, 2], [0.75, 0.5]), "ORT after (n = 2)": ([1, 2], [0.25, 0.25]),
    }  # fmt: skip
    assert lines(tasks).keys() == {"ORT before (n = 1)", "ORT after (n = 1)"}
    assert len(languages.collections) == 1  # the range, where there are several runs
    assert len(tasks.collections) == 0
    assert [axes.get_title("left") for axes in figure.axes] == list(kinds)
    assert "Missing: NOO task adapters." in small_print(figure)
    assert languages.get_ylim()[0] == 0
    assert languages.get_ylim()[1] > 1  # the panels share their axis, and the second one reaches higher


def test_scores_are_drawn_against_the_words_of_a_language() -> None:
    scores = {"T-NOO": {"sw": 0.5, "ar": 0.75, "qtu": 0.9}, "T-ORT": {}, "FULL-FT": {"ar": 0.25, "sw": NAN}}
    figure = drawn(scores_by_text(scores, WIKIPEDIA_WORDS, "F1", "Wikipedia"))
    (axes,) = figure.axes
    assert lines(axes) == {
        "T-NOO": ([WIKIPEDIA_WORDS["sw"], WIKIPEDIA_WORDS["ar"]], [50, 75]),
        "FULL-FT": ([WIKIPEDIA_WORDS["ar"]], [25]),
    }
    assert axes.get_xscale() == "log"
    assert {text.get_text() for text in axes.texts} == {"sw", "ar"}
    assert axes.get_lines()[1].get_color() == line_style(2).color  # T-ORT keeps its look for other figures
    assert "Missing: T-ORT (all), FULL-FT (sw)." in small_print(figure)
    assert "Left out, as how much text they have is not known: qtu." in small_print(figure)


def test_the_papers_languages_all_have_a_size() -> None:
    assert WIKIPEDIA_WORDS.keys() == set("en ar et hi ilo mhr qu sw tr zh".split())


def lightness(colour: str) -> float:
    """CIE L* of a colour: what is left of it in grey, 0..100."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    y = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * float(np.cbrt(y)) - 16 if y > 0.008856 else 903.3 * y


def test_lines_can_be_told_apart_in_grey() -> None:
    grey = sorted(map(lightness, COLOURS))
    assert min(np.diff(grey)) > 6  # several times what an eye tells apart in one glance
    assert grey[-1] < 75  # on white
    looks = {(line_style(place).color, line_style(place).linestyle) for place in range(20)}
    assert len(looks) == 20
    assert len({line_style(place).marker for place in range(7)}) == 7  # the seven variants


def test_equal_figures_are_equal_files_whatever_a_user_has_set(tmp_path: Path) -> None:
    for path in save(example_map(), tmp_path, "map"):
        first = path.read_bytes()
        with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": "another", "pdf.fonttype": 3}):
            save(example_map(), tmp_path, "map")
        assert path.read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.pdf", "map.svg"]
    there = tmp_path / "there"
    code = "from pathlib import Path; import tests.report.pictures.test_figures as t"
    code += f"; t.save(t.example_map(), Path({str(there)!r}), 'map')"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    for name in ("map.svg", "map.pdf"):
        assert (there / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_figure_is_saved_in_both_forms_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure, written = example_map(), Figure.savefig

    def failing(self: Figure, content: object, **options: object) -> None:
        if options["format"] == "pdf":
            raise OSError("no space left")
        written(self, content, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", failing)
    with pytest.raises(OSError, match="no space left"):
        save(figure, tmp_path / "figures", "map")
    assert not (tmp_path / "figures").exists()


def metrics_file(path: Path, rows: int) -> Path:
    """Loss = iteration, L_ORT = twice that in even iterations; a development score in row 5."""
    header = "iteration,loss,grad_norm,l_ort,dev_f1,l_ort_layer_0\n"
    text = [f"{i},{i},1,{'' if i % 2 else 2 * i},,\n" for i in range(1, rows + 1)]
    text.insert(5, "5,,,,0.5,\n")
    path.write_text(header + "".join(text))
    return path


def test_short_curves_are_read_as_they_are(tmp_path: Path) -> None:
    curves = read_curves(metrics_file(tmp_path / "metrics.csv", 6))
    assert curves["iteration"].tolist() == [1, 2, 3, 4, 5, 6]
    assert curves["loss"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(curves["l_ort"], [NAN, 4, NAN, 8, NAN, 12])


def test_long_curves_are_thinned_to_means(tmp_path: Path) -> None:
    curves = read_curves(metrics_file(tmp_path / "metrics.csv", 25), points=4)
    assert curves["iteration"].tolist() == [7, 14, 21, 25]
    assert curves["loss"].tolist() == [4, 11, 18, 23.5]
    assert curves["l_ort"].tolist() == [8, 22, 36, 46]
    assert len(read_curves(metrics_file(tmp_path / "metrics.csv", 30_001))["loss"]) <= 200


def test_curves_without_a_step_are_empty(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("iteration,loss,l_ort\n")
    assert {name: values.tolist() for name, values in read_curves(tmp_path / "metrics.csv").items()} == {
        "iteration": [], "loss": [], "l_ort": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["iteration,loss\n1,2\n", "iteration,loss,l_ort\n1,2,3\n2,1", "iteration,loss,l_ort\n1,x,3\n", ",,\n", "",
             "iteration,loss,l_ort\n,2,3\n"],
)  # fmt: skip
def test_damaged_curves_are_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(UserError, match=r"metrics.csv is damaged"):
        read_curves(tmp_path / "metrics.csv")
    with pytest.raises(UserError, match=r"cannot read .*gone.csv \(No such file"):
        read_curves(tmp_path / "gone.csv")
