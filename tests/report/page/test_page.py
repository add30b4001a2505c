"""report.html by its source: what tests/browser checks in a browser is not repeated here."""

import csv
import io
import json
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element, TreeBuilder

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import compose_config
from orthoadapters.report.collect.table import Report, heading
from orthoadapters.report.output import scores_csv
from orthoadapters.report.page import page as module
from orthoadapters.report.page.markup import VOID, inline_svg, joined, tag
from orthoadapters.report.page.page import page
from orthoadapters.report.printed.tables import MISSING, Extras, printed_scores
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import few_seeds
from tests.helpers.commands import ROOT
from tests.helpers.report_runs import finished
from tests.helpers.whole_report import ADAPTER, complete, counted, reported

HOSTILE = "<script>alert('1')</script>&amp;\""


class Reader(HTMLParser):
    """A tree of what it is fed; what is not closed, or closed twice, fails."""

    def __init__(self) -> None:
        super().__init__()
        self.builder, self.open = TreeBuilder(), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.open.append(tag)
        if tag in VOID:
            self.handle_endtag(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # as SVG has them
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.builder.end(tag)

    def handle_data(self, data: str) -> None:
        self.builder.data(data)


def read(html: str) -> Element:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader.builder.close()


def text(element: Element) -> str:
    return "".join(element.itertext())


def of_class(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def by_id(root: Element, ident: str) -> Element:
    (found,) = (element for element in root.iter() if element.get("id") == ident)
    return found


class Made(NamedTuple):
    report: Report
    analyses: list[Analysis]
    html: str
    root: Element


def made(runs: Path, out: Path) -> Made:
    report, analyses, drawn = reported(runs)
    html = page(report, analyses, drawn, out)
    return Made(report, analyses, html, read(html))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "runs"
    complete(folder)
    return folder


@pytest.fixture(scope="module")
def whole(runs: Path) -> Made:
    return made(runs, runs.parent / "report")


def rows(root: Element, table: str) -> Iterator[tuple[str, list[Element]]]:
    """The first line of each <tbody>: its label and its cells."""
    for body in by_id(root, table).iter("tbody"):
        first = next(iter(body.iter("tr")))
        yield text(first[0]), first[1:]


def number(cell: Element) -> str:
    """What a reader sees in it, without the tooltip and what stands below."""
    inside = next(cell.iter("button"), None)
    return text(cell if inside is None else inside)


def test_ids_are_unique_and_every_reference_has_its_target(whole: Made) -> None:
    root = whole.root
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    referred = set[str]()
    for element in root.iter():
        for name, value in element.attrib.items():
            referred |= set(re.findall(r"url\(#([^)]+)\)", value))
            if name in ("aria-describedby", "aria-labelledby", "for"):
                referred.add(value)
            if name == "href" and value.startswith("#"):
                referred.add(value[1:])
    assert len(referred) > 100
    assert referred <= set(ids)


def test_the_numbers_are_those_of_the_csv(whole: Made) -> None:
    report, _, _, root = whole
    states = set()
    for place, table in enumerate(report.tables, 1):
        shown = {
            (label, column): cell
            for label, cells in rows(root, f"table-{place}-scores")
            for column, cell in zip(table.columns, cells, strict=True)
        }
        records = list(csv.DictReader(io.StringIO(scores_csv(table))))
        assert len(records) == len(shown) == len(table.rows) * len(table.columns)
        for record in records:
            cell = shown[record["row"], record["language"]]
            states.add(record["state"])
            if record["state"] == "scored":
                assert float(cell.attrib["data-value"]) == float(record["score"])
                assert number(cell) == f"{100 * float(record['score']):.2f}"
            else:
                assert cell.attrib["data-value"] == ""
                assert number(cell) == {"missing": MISSING}.get(record["state"], record["state"])
    assert states == {"scored", "missing", "failed"}


def test_the_best_is_bold_and_the_second_underlined_as_in_the_other_formats(whole: Made) -> None:
    report, _, _, root = whole
    marks = {"best": "strong", "second": "u"}
    for place, table in enumerate(report.tables, 1):
        for line, (label, cells) in zip(
            printed_scores(table, Extras()).rows, rows(root, f"table-{place}-scores"), strict=True
        ):
            assert line.label == label
            for entry, cell in zip(line.cells, cells, strict=True):
                button = next(cell.iter("button"), None)
                inside = [] if button is None else [element.tag for element in button]
                assert inside == ([marks[entry.mark]] if entry.mark else [])


def test_headers_are_buttons_and_say_how_the_table_is_sorted(whole: Made) -> None:
    report, _, _, root = whole
    for place, table in enumerate(report.tables, 1):
        heads = list(by_id(root, f"table-{place}-scores").iter("th"))[: len(table.columns) + 1]
        assert [text(head) for head in heads] == ["variant", *map(heading, table.columns)]
        assert [head.get("aria-sort") for head in heads] == ["ascending", *["none"] * len(table.columns)]
        assert all([child.tag for child in head] == ["button"] and head.get("scope") == "col" for head in heads)


def test_a_tooltip_tells_all_that_is_known_of_its_number(whole: Made) -> None:
    report, _, _, root = whole
    xnli = report.tables[0]
    labelled = dict(rows(root, "table-1-scores"))
    cell = labelled["T-NOO"][xnli.columns.index("tr")]
    button, tip = cell[0], by_id(root, cell[0].attrib["aria-describedby"])
    assert (button.tag, button.get("type"), tip.get("role"), "hidden" in tip.attrib) == (
        "button",
        "button",
        "tooltip",
        True,
    )
    facts = dict(zip([text(e) for e in tip.iter("dt")], [text(e) for e in tip.iter("dd")], strict=True))
    source = next(row for row in xnli.rows if row.label == "T-NOO").scores["tr"]
    assert text(tip[0]) == "T-NOO, TR"
    assert facts["accuracy"] == f"{100 * (source.value or 0):.2f}"
    assert facts["seeds"] == f"0, 1, 2: a mean of 3, standard deviation {100 * (source.std or 0):.2f}"
    assert facts["sentences"] == "120 in the test set"
    assert re.fullmatch(r"[+−]\d+\.\d\d \(95 % interval [+−]\S+ to [+−]\S+\); .+", facts["to L-NOO+T-NOO"])
    assert re.fullmatch(r"71.73 \(xlmr_base\); this is [+−]\S+ to it", facts["paper"])
    assert re.fullmatch(r"\d\d\.\d\d, chosen on TR dev: not zero-shot", facts["oracle"])
    assert facts["selected"] == "lr 0.0001"
    assert facts["runs"] == ", ".join(path.name for path in source.paths)
    assert "oracle" not in text(labelled["L-ORT+T-ORT"][0])


def test_warnings_stand_first(whole: Made) -> None:
    report, _, _, root = whole
    (warnings,) = of_class(root, "warnings")
    sentences = [text(item) for item in warnings.iter("li")]
    assert sentences == [*report.problems, *(w for table in report.tables for w in table.warnings)]
    assert any("failed" in sentence for sentence in sentences)
    assert any("different numbers of seeds" in sentence for sentence in sentences)
    assert any("no commit holds" in sentence for sentence in sentences)
    body = next(root.iter("body"))
    assert [child.tag for child in body] == ["header", "section", "nav", "main", "script"]


def test_without_warnings_one_line_says_so(tmp_path: Path) -> None:
    counted(tmp_path, "t_noo", "udpos")
    root = made(tmp_path, tmp_path).root
    (warnings,) = of_class(root, "warnings")
    assert (len(warnings), text(warnings)) == (
        0, "No warnings: nothing was set apart, and the rows of each table are alike."
    )  # fmt: skip
    assert "No two rows could be compared." in text(root)


def test_differences_are_those_of_the_comparisons(whole: Made) -> None:
    root, analysis = whole.root, whole.analyses[0]
    table, baseline = analysis.table, analysis.baselines[0].label
    assert baseline == "L-NOO+T-NOO"
    count = 0
    for label, cells in rows(root, "table-1-differences-1"):
        for column, cell in zip(table.columns, cells, strict=True):
            found = analysis.between(label, baseline, column)
            assert found is not None
            count += 1
            assert float(cell.attrib["data-value"]) == found.difference
            assert number(cell).replace("−", "-") == f"{100 * found.difference:+.2f}"
            assert f"({100 * found.low:+.2f} to {100 * found.high:+.2f})" in text(cell).replace("−", "-")
            assert ("strong" in [e.tag for e in next(cell.iter("button")).iter()]) == found.significant
    assert count == 2 * len(table.columns)
    assert "L-ORT+T-ORT against L-NOO+T-NOO. " in text(root)


def test_links_lead_to_the_run_directories(tmp_path: Path) -> None:
    runs = tmp_path / "of me, #1? 100%"
    path = counted(runs, "t_noo", "udpos")
    out = tmp_path / "elsewhere" / "report"
    root = made(runs, out).root
    links = {link.attrib["href"] for link in root.iter("a") if not link.attrib["href"].startswith("#")}
    assert [(out / unquote(link)).resolve() for link in links] == [path.resolve()]
    assert links.pop().startswith("../../of%20me%2C%20%231%3F%20100%25/tiny/")


def test_provenance_has_what_made_a_run_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    given = ["task=udpos", "variant=lnoo_tnoo", "data.limit_train=7", "seed=3"]
    config = compose_config(given)
    told = {"packages": {"torch": "2.13.0"}, "python": "3.11", "hardware": "a GPU", "seconds": 12.5, "steps": 40,
            "overrides": given}  # fmt: skip
    path = counted(tmp_path, "lnoo_tnoo", "udpos", seed=3, adapters={"sw": ADAPTER | {"kind": "noo"}}, provenance=told)
    result = json.loads((path / "result.json").read_text())
    recorded = {"choices": choices(config), "fingerprint": fingerprint(config)}
    (path / "result.json").write_text(json.dumps(result | recorded))
    counted(tmp_path, "t_noo", "udpos", known=False)
    root = made(tmp_path, tmp_path).root
    facts = {}
    for run in of_class(root, "run"):
        pairs = zip([text(e) for e in run.iter("dt")], [text(e) for e in run.iter("dd")], strict=True)
        facts[text(run[0])] = dict(pairs)
    found = facts["L-NOO+T-NOO, lr 0.0001, seed 3"]
    assert found["command"] == "python train.py task=udpos variant=lnoo_tnoo data.limit_train=7 seed=3"
    assert found["commit"] == "c0ffee00"
    assert found["packages"] == "python 3.11, torch 2.13.0"
    assert (found["hardware"], found["training"]) == ("a GPU", "12.5 s, 40 iterations")
    assert found["adapter sw"] == f"noo, trained, {ADAPTER['path']}, sha256 {ADAPTER['sha256']}"
    assert found["selected"] == "epoch 3: f1 90.00 on en dev"
    assert facts["T-NOO, lr 0.0001, seed 0"]["command"].startswith("This run recorded no command")


def test_nothing_is_asked_of_a_network(whole: Made) -> None:
    root = whole.root
    for element in root.iter():
        assert element.tag not in ("iframe", "object", "embed", "img", "video", "audio", "base", "form")
        assert "src" not in element.attrib
        drawn = {"href"} if element.tag == "image" else set()  # the bar of colours is a picture inside the picture
        assert all(element.attrib[name].startswith("data:image/png;base64,") for name in drawn)
        assert not [value for name, value in element.attrib.items() if "//" in value and name not in drawn]
        if element.tag == "link":
            assert element.attrib == {"rel": "icon", "href": "data:,"}
    for style in [*root.iter("style"), *root.iter("script")]:
        assert not re.search(r"url\(|@import|https?:|fetch|XMLHttpRequest|import\(", text(style))
    (policy,) = (meta.attrib["content"] for meta in root.iter("meta") if "http-equiv" in meta.attrib)
    assert policy.startswith("default-src 'none';")


def test_names_are_never_markup(tmp_path: Path) -> None:
    for variant in ("t_noo", HOSTILE):
        entry = dict.fromkeys(("kind", "source", "path", "sha256"), HOSTILE)
        given: dict[str, Any] = {
            "git_commit": HOSTILE,
            "hardware": HOSTILE,
            "packages": {HOSTILE: HOSTILE},
            "seconds": HOSTILE,
        }
        finished(tmp_path, variant, {HOSTILE: 0.5, "qtu": 0.7}, source=HOSTILE, backbone=HOSTILE,
                 adapters={HOSTILE: entry}, provenance=given)  # fmt: skip
    _, _, html, root = made(tmp_path, tmp_path)
    assert html.count("<script") == 1
    assert HOSTILE in [label for label, _ in rows(root, "table-1-scores")]
    assert text(root).count(HOSTILE) > 10


@settings(max_examples=50)
@given(st.text())
def test_text_comes_back_as_it_was(content: str) -> None:
    html = tag("p", content, title=content)
    assert html == f'<p title="{escape(content)}">{escape(content)}</p>'
    assert joined(html, content) == html + escape(content)


def test_attributes_that_are_false_or_none_are_left_out() -> None:
    assert tag("input", checked=True, class_="a", aria_label=None, disabled=False) == '<input checked class="a">'


def test_the_same_runs_give_the_same_bytes(runs: Path, whole: Made) -> None:
    assert made(runs, runs.parent / "report").html == whole.html


def test_figures_on_one_page_keep_their_own_clip_paths() -> None:
    figures = []
    for _ in range(2):
        figure = Figure((2, 2))
        figure.subplots().plot([0, 1], [1, 0], marker="o", label="a $x^2$")
        figure.legend()
        figures.append(figure)
    one, two = (read(inline_svg(figure, f"{name}-", "caption")) for figure, name in zip(figures, "ab", strict=True))
    ids = [{element.attrib["id"] for element in root.iter() if "id" in element.attrib} for root in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for root, own in zip((one, two), ids, strict=True):
        used = [ident for e in root.iter() for v in e.attrib.values() for ident in re.findall(r"url\(#([^)]+)\)", v)]
        used += [e.attrib["href"][1:] for e in root.iter("use")]
        assert any("clip-path" in e.attrib for e in root.iter())
        assert used
        assert set(used) <= own
        assert not [e for e in root.iter() if e.tag in ("style", "metadata")]
        assert (root.tag, root.get("role"), root.get("aria-labelledby")) == ("svg", "img", "caption")


def test_the_pages_files_are_installed_with_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["orthoadapters.report.page"]
    folder = Path(module.__file__).parent
    files = [path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".py"]
    assert {"page.html", "page.css", "page.js"} <= set(files)
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in files)


def test_the_page_says_what_few_seeds_cannot_tell(whole: Made) -> None:
    (said,) = few_seeds([c for analysis in whole.analyses for c in analysis.comparisons])
    assert said in text(whole.root)
