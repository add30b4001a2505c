"""The picture of losses draws a line per run, and names files that cannot be read."""

from pathlib import Path

import numpy as np
import pytest

from orthoadapters.report.collect.build import build
from orthoadapters.report.pictures.losses import PICTURE, training_losses
from orthoadapters.report.statistics.analysis import Analysis
from tests.helpers.figures import figure_of, lines_of, small_print
from tests.helpers.xnli_runs import write_adapter_run, write_losses, write_xnli_run

NAN = float("nan")


def test_losses_are_drawn_over_iterations_and_l_ort_where_there_is_one() -> None:
    iteration = np.array([10.0, 20.0, 30.0])
    plain = {"iteration": iteration, "loss": np.array([3.0, 2.0, 1.0]), "l_ort": np.full(3, NAN)}
    ort = {"iteration": iteration, "loss": np.array([4.0, 3.0, 2.0]), "l_ort": np.array([0.5, NAN, 0.25])}
    figure = figure_of(training_losses({"T-NOO": plain, "T-ORT": ort}))
    above, below = figure.axes
    assert lines_of(above) == {"T-NOO": ([10, 20, 30], [3, 2, 1]), "T-ORT": ([10, 20, 30], [4, 3, 2])}
    assert lines_of(below) == {"T-ORT": ([10, 30], [0.5, 0.25])}
    assert above.get_lines()[1].get_color() == below.get_lines()[0].get_color()
    assert "No $L_{ORT}$: T-NOO." in small_print(figure)
    assert len(figure_of(training_losses({"T-NOO": plain})).axes) == 1


def test_without_values_there_is_no_picture() -> None:
    empty = {name: np.empty(0) for name in ("iteration", "loss", "l_ort")}
    assert training_losses({"T-NOO": empty}) is None
    assert training_losses({}) is None


def test_a_damaged_metrics_file_is_named_and_the_others_are_drawn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for variant in ("t_noo", "t_ort"):
        path = write_xnli_run(tmp_path, variant)
        write_losses(path, orthogonal=variant == "t_ort")
    (path / "metrics.csv").write_text("iteration,loss,l_ort\n1,cut")
    (table,) = build(tmp_path).tables
    figure, caption = PICTURE.of_table(Analysis(table, (), ()))
    assert f"Without T-ORT: {path}/metrics.csv is damaged" in caption
    # FULL-FT has no such file, of which its caption tells, and no warning.
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == ["without the curves of T-ORT"]
    assert lines_of(figure_of(figure).axes[0]).keys() == {"T-NOO"}
    assert "No $L_{TASK}$: FULL-FT" in small_print(figure_of(figure))


def test_losses_of_language_adapters_are_drawn_by_their_labels(tmp_path: Path) -> None:
    write_xnli_run(tmp_path, "t_noo")
    for code, kind in (("en", "noo"), ("sw", "ort")):
        write_losses(write_adapter_run(tmp_path, code, kind), orthogonal=kind == "ort")
    (adapters,) = build(tmp_path).language_adapters
    assert PICTURE.of_adapters is not None
    figure, caption = PICTURE.of_adapters(adapters)
    above, below = figure_of(figure).axes
    assert (lines_of(above).keys(), lines_of(below).keys()) == ({"en NOO", "sw ORT"}, {"sw ORT"})
    assert "of 2 language adapters" in caption
