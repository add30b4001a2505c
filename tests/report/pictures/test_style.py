"""Lines can be told apart in grey, and equal figures are equal files."""

import matplotlib
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.pictures.style import COLOURS, in_style, line_style, note, panels


@in_style
def example() -> Figure:
    """A figure with all that a file could be unequal in: lines, marks, hatches, clipped parts, formulas."""
    figure, (axes,) = panels(1, 1, 2.0)
    axes.plot([1, 2, 3], [1, 4, 9], **line_style(1)._asdict(), label="$x^2$")
    axes.bar([1, 2], [3, 4], hatch="////")
    axes.legend()
    note(figure, ["A note."])
    return figure


def drawing() -> Drawing:
    return Drawing("map", "", None, example())


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
    looks = {(line_style(number).color, line_style(number).linestyle) for number in range(20)}
    assert len(looks) == 20
    assert len({line_style(number).marker for number in range(7)}) == 7  # the seven variants


def test_equal_figures_are_equal_files_whatever_a_user_has_set() -> None:
    first = drawing().files()
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": "another", "pdf.fonttype": 3}):
        assert drawing().files() == first
    assert sorted(first) == ["map.pdf", "map.svg"]
