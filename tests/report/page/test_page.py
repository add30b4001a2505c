"""report.html by its source: what tests/browser checks in a browser is not repeated here."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from orthoadapters.report.collect.table import table_title
from orthoadapters.report.page import page as module
from tests.helpers.commands import ROOT
from tests.helpers.html import ShownPage, by_id, of_class, rows, shown_page, text
from tests.helpers.report_runs import write_run
from tests.helpers.whole_report import make_report, write_run_with_counts

HOSTILE = "<script>alert('1')<script>&amp;\""  # a name with a / is no name: it would lead to another folder


def test_ids_are_unique_and_every_reference_has_its_target(whole: ShownPage) -> None:
    root = whole.root
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    references = set[str]()
    for element in root.iter():
        for name, value in element.attrib.items():
            references |= set(re.findall(r"url\(#([^)]+)\)", value))
            if name in ("aria-describedby", "aria-labelledby", "for"):
                references.add(value)
            if name == "href" and value.startswith("#"):
                references.add(value[1:])
    assert len(references) > 100
    assert references <= set(ids)


def test_warnings_stand_first_and_are_counted_and_folded_by_table(whole: ShownPage) -> None:
    report, _, _, root = whole
    (warnings,) = of_class(root, "warnings")
    sentences = [text(item) for item in warnings.iter("li")]
    assert sentences == [*report.problems, *(w for table in report.tables for w in table.warnings)]
    assert any("failed" in sentence for sentence in sentences)
    assert any("different numbers of seeds" in sentence for sentence in sentences)
    assert any("no commit holds" in sentence for sentence in sentences)
    subjects = [("Runs", report.problems), *((table_title(table), table.warnings) for table in report.tables)]
    numbers = [f"{subject}: {len(sentences)} warning" for subject, sentences in subjects if sentences]
    assert len(numbers) > 1
    for part, beginning in zip(warnings[1:], numbers, strict=True):
        assert (part.tag, part.get("open")) == ("details", None)
        assert text(part[0]).startswith(beginning)
    assert by_id(root, "table-1-warnings") in list(warnings.iter("ul"))
    assert "#table-1-warnings" in [link.get("href") for link in by_id(root, "table-1").iter("a")]
    body = next(root.iter("body"))
    assert [child.tag for child in body] == ["header", "section", "nav", "main", "script"]


def test_without_warnings_one_line_says_so(tmp_path: Path) -> None:
    write_run_with_counts(tmp_path, "t_noo", "udpos")
    root = shown_page(*make_report(tmp_path, pictures=False), tmp_path).root
    (warnings,) = of_class(root, "warnings")
    assert text(warnings) == "No warnings: nothing was set apart, and the rows of each table are alike."
    assert len(warnings) == 0


def test_nothing_is_asked_of_a_network(whole: ShownPage) -> None:
    root = whole.root
    for element in root.iter():
        assert element.tag not in ("iframe", "object", "embed", "img", "video", "audio", "base", "form")
        assert "src" not in element.attrib
        # The bar of colours is a picture inside the picture.
        inside = {"href"} if element.tag == "image" else set()
        assert all(element.attrib[name].startswith("data:image/png;base64,") for name in inside)
        assert not [value for name, value in element.attrib.items() if "//" in value and name not in inside]
        if element.tag == "link":
            assert element.attrib == {"rel": "icon", "href": "data:,"}
    for style in [*root.iter("style"), *root.iter("script")]:
        assert not re.search(r"url\(|@import|https?:|fetch|XMLHttpRequest|import\(", text(style))
    (policy,) = (meta.attrib["content"] for meta in root.iter("meta") if "http-equiv" in meta.attrib)
    assert policy.startswith("default-src 'none';")


def test_names_are_never_markup(tmp_path: Path) -> None:
    for variant in ("t_noo", HOSTILE):
        entry = dict.fromkeys(("kind", "source", "path", "sha256"), HOSTILE)
        provenance: dict[str, Any] = {
            "git_commit": HOSTILE,
            "hardware": HOSTILE,
            "packages": {HOSTILE: HOSTILE},
            "seconds": HOSTILE,
        }
        test = {HOSTILE: 0.5, "qtu": 0.7}
        write_run(
            tmp_path,
            variant,
            test,
            source=HOSTILE,
            backbone=HOSTILE,
            adapters={HOSTILE: entry},
            provenance=provenance,
        )
    _, _, html, root = shown_page(*make_report(tmp_path), tmp_path)
    assert html.count("<script") == 1
    assert HOSTILE in [label for label, _ in rows(root, "table-1-scores")]
    assert text(root).count(HOSTILE) > 10


def test_the_same_runs_give_the_same_bytes(runs: Path) -> None:
    """Pictures are left out here: tests/report/test_output.py compares all files of two processes."""
    one, two = (shown_page(*make_report(runs, pictures=False), runs.parent / "report") for _ in range(2))
    assert one.html == two.html


def test_the_pages_files_are_installed_with_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["orthoadapters.report.page"]
    folder = Path(module.__file__).parent
    files = [path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".py"]
    assert {"page.html", "page.css", "page.js"} <= set(files)
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in files)
