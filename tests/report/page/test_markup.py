"""Text is escaped, attributes are left out on demand, and figures on one page do not disturb each other."""

import re
import string
from html import escape

from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from orthoadapters.report.page.markup import inline_svg, join, tag
from orthoadapters.report.pictures.style import svg
from tests.helpers.html import read


@settings(max_examples=50)
@given(st.text(string.printable + "éأ漢😀\0"))
def test_text_comes_back_as_it_was(content: str) -> None:
    html = tag("p", content, title=content)
    assert html == f'<p title="{escape(content)}">{escape(content)}</p>'
    assert join(html, content) == html + escape(content)


def test_attributes_that_are_false_or_none_are_left_out() -> None:
    assert tag("input", checked=True, class_="a", aria_label=None, disabled=False) == '<input checked class="a">'


def test_figures_on_one_page_keep_their_own_clip_paths() -> None:
    figures = []
    for _ in range(2):
        figure = Figure((2, 2))
        figure.subplots().plot([0, 1], [1, 0], marker="o", label="a $x^2$")
        figure.legend()
        figures.append(figure)
    one, two = (
        read(inline_svg(svg(figure), f"{name}-", "caption")) for figure, name in zip(figures, "ab", strict=True)
    )
    ids = [{element.attrib["id"] for element in root.iter() if "id" in element.attrib} for root in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for root, idents in zip((one, two), ids, strict=True):
        references = [
            ident for e in root.iter() for v in e.attrib.values() for ident in re.findall(r"url\(#([^)]+)\)", v)
        ]
        references += [e.attrib["href"][1:] for e in root.iter("use")]
        assert any("clip-path" in e.attrib for e in root.iter())
        assert references
        assert set(references) <= idents
        assert not [e for e in root.iter() if e.tag in ("style", "metadata")]
        assert (root.tag, root.get("role"), root.get("aria-labelledby")) == ("svg", "img", "caption")
