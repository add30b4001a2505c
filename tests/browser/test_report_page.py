"""The report's page as a reader has it: in a browser, by pointer and keyboard, wide and narrow, light, dark and printed.

Run by `make test-browser`.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from orthoadapters.report.output import write
from orthoadapters.report.printed.tables import Extras
from tests.browser.chromium import Page, browser
from tests.helpers.whole_report import make_report, write_whole_report

pytestmark = pytest.mark.browser

CELLS = """Object.fromEntries([...document.querySelectorAll('#table-%d-scores tbody')].map(body => [
  body.rows[0].cells[0].textContent,
  [...body.rows[0].cells].slice(1).map(cell => [cell.dataset.value, (cell.querySelector('button') ?? cell).textContent])
]))"""
COLUMN = "[...document.querySelectorAll('#table-1-scores tbody')].map(body => body.rows[0].cells[%d].dataset.value)"
WARNINGS = """[...new Set([...document.querySelectorAll('.warnings li')].map(
  line => line.checkVisibility() ? 'shown' : 'hidden'))].join(' ')"""
HEADER = "document.querySelectorAll('#table-1-scores thead th')[%d]"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_whole_report(folder / "runs")
    report, analyses, drawings = make_report(folder / "runs")
    write(report, analyses, drawings, folder / "report", Extras())
    return folder / "report"


@pytest.fixture(scope="module")
def browser_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(browser_page: Page, out: Path) -> Page:
    """A page that has just been loaded, 1280 pixels wide and light."""
    browser_page.events.clear()
    browser_page.emulate()
    browser_page.open((out / "report.html").as_uri())
    return browser_page


def test_it_opens_without_complaints_and_asks_nothing_of_a_network(page: Page, out: Path) -> None:
    assert page.complaints() == []
    requests = page.requests()
    assert requests[0] == (out / "report.html").as_uri()
    assert {url.partition(":")[0] for url in requests[1:]} <= {"data"}
    assert page.evaluate("document.querySelectorAll('svg').length") >= 4


def test_the_checks_notice_errors_and_requests(page: Page) -> None:
    page.evaluate("console.error('mine'), fetch('http://localhost:9/').catch(() => 0)")
    page.evaluate("new Promise(done => setTimeout(() => { done(); throw new Error('thrown'); }, 50))")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert any("mine" in complaint for complaint in page.complaints())
    assert any("thrown" in complaint for complaint in page.complaints())
    assert any("localhost:9" in complaint for complaint in page.complaints())  # refused by the page's own policy


def test_the_numbers_are_those_of_the_csv(page: Page, out: Path) -> None:
    for table, name in enumerate(("xnli-tiny", "udpos-tiny"), 1):
        texts = page.evaluate(CELLS % table)
        with (out / f"{name}.csv").open(newline="") as file:
            records = list(csv.DictReader(file))
        cells = {row: iter(values) for row, values in texts.items()}
        for record in records:
            value, text = next(cells[record["row"]])
            if record["score"]:
                assert float(value) == float(record["score"])
                assert text == f"{100 * float(record['score']):.2f}"
            else:
                assert (value, text) == ("", {"missing": "—"}.get(record["state"], record["state"]))
        assert not [row for row, rest in cells.items() if list(rest)]


def test_a_columns_name_sorts_by_it_both_ways_and_missing_scores_stay_last(page: Page) -> None:
    paper_order = page.evaluate(COLUMN % 0)
    sorts = []
    for _ in range(2):
        page.evaluate((HEADER % 3) + ".querySelector('button').click()")
        sorts.append((page.evaluate((HEADER % 3) + ".ariaSort"), page.evaluate(COLUMN % 3)))
    (first, down), (second, up) = sorts
    scores = sorted(float(value) for value in down if value)
    assert (first, second) == ("descending", "ascending")
    assert [float(value) for value in down if value] == scores[::-1]
    assert [float(value) for value in up if value] == scores
    assert len(scores) == 3
    assert all(value == "" for value in [*down[3:], *up[3:]])
    assert page.evaluate((HEADER % 0) + ".ariaSort") == "none"
    page.evaluate((HEADER % 0) + ".querySelector('button').focus()")
    page.press("Enter")
    # The variants' own column is the paper's order.
    assert page.evaluate(COLUMN % 0) == paper_order
    assert page.complaints() == []


def tip(page: Page) -> str:
    """Returns the text of the tooltips that can be seen."""
    script = "[...document.querySelectorAll('[role=tooltip]')].filter(tip => tip.checkVisibility()).map(tip => tip.textContent)"
    return "|".join(page.evaluate(script))


def test_tooltips_appear_on_focus_and_under_the_pointer_and_go_with_escape(page: Page) -> None:
    assert tip(page) == ""
    page.evaluate("document.querySelector('#table-1-scores thead th:last-child button').focus()")
    page.press("Tab")
    assert page.evaluate("document.activeElement.className") == "number"
    first = tip(page)
    assert "T-NOO, EN" in first
    assert "standard deviation" in first
    page.press("Tab")
    assert "T-NOO, AR" in tip(page)
    assert "T-NOO, EN" not in tip(page)
    page.press("Escape")
    assert tip(page) == ""
    page.evaluate("document.activeElement.blur()")
    at = "(({left, top, width, height}) => [left + width / 2, top + height / 2])(%s.getBoundingClientRect())"
    page.evaluate("document.querySelector('#table-1-scores .number').scrollIntoView({block: 'center'})")
    page.point(*page.evaluate(at % "document.querySelector('#table-1-scores .number')"))
    assert tip(page) == first
    page.point(2, 2)
    page.evaluate("new Promise(done => setTimeout(done, 400))")
    assert tip(page) == ""


@pytest.mark.parametrize("width", [390, 1280])
def test_every_tooltip_is_within_the_window(page: Page, width: int) -> None:
    page.resize(width, 844)
    outside = page.evaluate("""[...document.querySelectorAll('#table-1 .number')].filter(number => {
      number.focus();
      const {left, top, right, bottom} = document.querySelector('[role=tooltip]:not([hidden])').getBoundingClientRect();
      return left < 0 || top < 0 || right > document.documentElement.clientWidth || bottom > innerHeight;
    }).map(number => number.getAttribute('aria-describedby'))""")
    assert outside == []


def test_what_stands_beside_scores_is_shown_on_demand(page: Page) -> None:
    script = "[...document.querySelectorAll('#table-1-scores .%s')].filter(line => line.checkVisibility()).length"
    for name in ("paper", "oracle", "seeds"):
        assert page.evaluate(script % name) == 0
        page.evaluate(f"document.querySelector('#table-1 .show-{name}').click()")
        assert page.evaluate(script % name) > 0
    assert page.evaluate("document.querySelector('#table-2 .show-seeds')") is None  # nothing to show there


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_window_and_wide_tables_scroll_by_themselves(page: Page, width: int) -> None:
    page.resize(width)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth).length"
    )
    assert (wide > 0) == (width == 390)
    assert page.evaluate("[...document.querySelectorAll('svg')].every(svg => svg.getBoundingClientRect().width > 250)")


def test_dark_is_dark(page: Page) -> None:
    brightness = (
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    )
    text = brightness.replace("backgroundColor", "color")
    light = (page.evaluate(brightness), page.evaluate(text))
    page.emulate(scheme="dark")
    dark = (page.evaluate(brightness), page.evaluate(text))
    assert light[0] > 700 > 200 > light[1]
    assert dark[0] < 200 < 600 < dark[1]
    card = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    assert page.evaluate(card) == "rgb(255, 255, 255)"  # figures keep the ground that they were drawn for


def test_nothing_is_cut_in_print_and_warnings_and_captions_stay(page: Page) -> None:
    page.emulate(media="print", scheme="dark")
    page.resize(1031)  # A4 across less its margins, at 96 pixels an inch
    assert page.evaluate("document.documentElement.scrollWidth") == 1031
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for part in (".warnings li", "figcaption", "table"):
        assert page.evaluate(f"[...document.querySelectorAll('main > section > {part}, {part}')].length") > 0
        hidden = f"[...document.querySelectorAll('{part}')].filter(e => !e.closest('details') && !e.checkVisibility()).length"
        assert page.evaluate(hidden) == 0
    assert page.evaluate("document.querySelector('.choices').checkVisibility()") is False
    assert page.evaluate(WARNINGS) == "shown"


def test_warnings_are_folded_and_the_link_of_a_table_unfolds_its_own(page: Page) -> None:
    assert page.evaluate(WARNINGS) == "hidden"
    page.evaluate("document.querySelector('#table-1 a[href=\"#table-1-warnings\"]').click()")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    shown = (
        "[...document.querySelectorAll('.warnings details')].filter(part => part.open).map(part => part.textContent)"
    )
    (own,) = page.evaluate(shown)
    assert own.startswith("xnli, tiny: 3 warnings")
