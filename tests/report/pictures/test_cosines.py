"""The picture of cosines draws means over runs by layer, apart by what lies below a task adapter."""

from orthoadapters.report.pictures.cosines import Cosines, layer_cosines
from tests.helpers.figures import figure_of, lines_of, small_print
from tests.helpers.xnli_runs import WholeReport


def test_cosines_by_layer_are_means_over_runs_before_and_after_training() -> None:
    runs: list[Cosines] = [
        {"before": [0.5, 0.25], "after": [0.0, 0.125]},
        {"before": [1.0, 0.75], "after": [0.5, 0.375]},
    ]
    by_panel: dict[str, dict[str, list[Cosines]]] = {
        "language adapters": {"NOO": runs[:1], "ORT": runs},
        "task adapters": {"NOO": [{}], "ORT": [runs[1]]},
    }
    figure = figure_of(layer_cosines(by_panel))
    languages, tasks = figure.axes
    assert lines_of(languages) == {
        "NOO before (n = 1)": ([1, 2], [0.5, 0.25]),
        "NOO after (n = 1)": ([1, 2], [0.0, 0.125]),
        "ORT before (n = 2)": ([1, 2], [0.75, 0.5]),
        "ORT after (n = 2)": ([1, 2], [0.25, 0.25]),
    }
    assert lines_of(tasks).keys() == {"ORT before (n = 1)", "ORT after (n = 1)"}
    assert len(languages.collections) == 1  # the range, where there are several runs
    assert len(tasks.collections) == 0
    assert [axes.get_title("left") for axes in figure.axes] == list(by_panel)
    assert "Missing: NOO task adapters." in small_print(figure)
    assert languages.get_ylim()[0] == 0
    assert languages.get_ylim()[1] > 1  # the panels share their axis, and the second one reaches higher


def test_without_cosines_there_is_no_picture() -> None:
    assert layer_cosines({"task adapters": {"NOO": [{}], "ORT": []}}) is None


def test_task_adapters_are_apart_by_the_language_adapter_below_them(everything: WholeReport) -> None:
    alone, on_noo = everything.picture("cos2-xnli-tiny").figure.axes
    assert alone.get_title("left") == "task adapters, alone"
    assert lines_of(alone).keys() == {
        f"{kind} {when} (n = 1)" for kind in ("NOO", "ORT") for when in ("before", "after")
    }
    assert on_noo.get_title("left") == "on NOO language adapters"
    assert lines_of(on_noo) == {"NOO before (n = 1)": ([1, 2], [0.4, 0.3]), "NOO after (n = 1)": ([1, 2], [0.2, 0.1])}


def test_language_adapters_have_a_line_per_kind(everything: WholeReport) -> None:
    (axes,) = everything.picture("cos2-mlm-tiny").figure.axes
    kinds = {"NOO": 2, "ORT": 1}
    assert lines_of(axes).keys() == {
        f"{kind} {when} (n = {n})" for kind, n in kinds.items() for when in ("before", "after")
    }
