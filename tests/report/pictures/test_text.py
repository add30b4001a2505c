"""The picture of scores by text size draws a line per variant, and names languages whose size is not known."""

from orthoadapters.report.pictures.style import line_style
from orthoadapters.report.pictures.text import scores_by_text
from orthoadapters.report.pictures.text_sizes import WIKIPEDIA_WORDS
from tests.helpers.figures import figure_of, lines_of, small_print

NAN = float("nan")


def test_scores_are_drawn_against_the_words_of_a_language() -> None:
    scores = {"T-NOO": {"sw": 0.5, "ar": 0.75, "qtu": 0.9}, "T-ORT": {}, "FULL-FT": {"ar": 0.25, "sw": NAN}}
    figure = figure_of(scores_by_text(scores, WIKIPEDIA_WORDS, "F1", "Wikipedia"))
    (axes,) = figure.axes
    assert lines_of(axes) == {
        "T-NOO": ([WIKIPEDIA_WORDS["sw"], WIKIPEDIA_WORDS["ar"]], [50, 75]),
        "FULL-FT": ([WIKIPEDIA_WORDS["ar"]], [25]),
    }
    assert axes.get_xscale() == "log"
    assert {text.get_text() for text in axes.texts} == {"sw", "ar"}
    assert axes.get_lines()[1].get_color() == line_style(2).color  # T-ORT keeps its look for other figures
    assert "Missing: T-ORT (all), FULL-FT (sw)." in small_print(figure)
    assert "Left out, as how much text they have is not known: qtu." in small_print(figure)


def test_without_a_language_of_known_size_there_is_no_picture() -> None:
    assert scores_by_text({"T-NOO": {"qtu": 0.5}, "T-ORT": {"sw": NAN}}, WIKIPEDIA_WORDS, "F1", "Wikipedia") is None


def test_the_papers_languages_all_have_a_size() -> None:
    assert WIKIPEDIA_WORDS.keys() == set("en ar et hi ilo mhr qu sw tr zh".split())
