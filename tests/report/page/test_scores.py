"""The page's scores are those of the CSV, marked as in the other formats, with all that is known of each in its tooltip."""

import csv
import io
import re

from orthoadapters.report.collect.table import heading
from orthoadapters.report.printed.numbers import MISSING
from orthoadapters.report.printed.records import scores_csv
from orthoadapters.report.printed.tables import Extras, printed_scores
from tests.helpers.html import ShownPage, by_id, facts, number, rows, text


def test_the_numbers_are_those_of_the_csv(whole: ShownPage) -> None:
    report, _, _, root = whole
    states = set()
    for place, table in enumerate(report.tables, 1):
        by_place = {
            (label, column): cell
            for label, cells in rows(root, f"table-{place}-scores")
            for column, cell in zip(table.columns, cells, strict=True)
        }
        records = list(csv.DictReader(io.StringIO(scores_csv(table))))
        assert len(records) == len(by_place) == len(table.rows) * len(table.columns)
        for record in records:
            cell = by_place[record["row"], record["language"]]
            states.add(record["state"])
            if record["state"] == "scored":
                assert float(cell.attrib["data-value"]) == float(record["score"])
                assert number(cell) == f"{100 * float(record['score']):.2f}"
            else:
                assert cell.attrib["data-value"] == ""
                assert number(cell) == {"missing": MISSING}.get(record["state"], record["state"])
    assert states == {"scored", "missing", "failed"}


def test_the_best_is_bold_and_the_second_underlined_as_in_the_other_formats(whole: ShownPage) -> None:
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


def test_headers_are_buttons_and_say_how_the_table_is_sorted(whole: ShownPage) -> None:
    report, _, _, root = whole
    for place, table in enumerate(report.tables, 1):
        heads = list(by_id(root, f"table-{place}-scores").iter("th"))[: len(table.columns) + 1]
        assert [text(head) for head in heads] == ["variant", *map(heading, table.columns)]
        assert [head.get("aria-sort") for head in heads] == ["ascending", *["none"] * len(table.columns)]
        assert all([child.tag for child in head] == ["button"] and head.get("scope") == "col" for head in heads)


def test_a_tooltip_tells_all_that_is_known_of_its_number(whole: ShownPage) -> None:
    report, _, _, root = whole
    xnli = report.tables[0]
    by_label = dict(rows(root, "table-1-scores"))
    cell = by_label["T-NOO"][xnli.columns.index("tr")]
    button, tip = cell[0], by_id(root, cell[0].attrib["aria-describedby"])
    assert (button.tag, button.get("type"), tip.get("role"), "hidden" in tip.attrib) == (
        "button",
        "button",
        "tooltip",
        True,
    )
    tip_facts = facts(tip)
    source = next(row for row in xnli.rows if row.label == "T-NOO").scores["tr"]
    assert text(tip[0]) == "T-NOO, TR"
    assert tip_facts["accuracy"] == f"{100 * (source.value or 0):.2f}"
    assert tip_facts["seeds"] == f"0, 1, 2: a mean of 3, standard deviation {100 * (source.std or 0):.2f}"
    assert tip_facts["sentences"] == "120 in the test set"
    assert re.fullmatch(r"[+−]\d+\.\d\d \(95 % interval [+−]\S+ to [+−]\S+\); .+", tip_facts["to L-NOO+T-NOO"])
    assert re.fullmatch(r"71.73 \(xlmr_base\); this is [+−]\S+ to it", tip_facts["paper"])
    assert re.fullmatch(r"\d\d\.\d\d, chosen on TR dev: not zero-shot", tip_facts["oracle"])
    assert tip_facts["selected"] == "lr 0.0001"
    assert tip_facts["runs"] == ", ".join(path.name for path in source.paths)
    assert "oracle" not in text(by_label["L-ORT+T-ORT"][0])


def test_lines_of_the_paper_and_the_oracle_stand_below_their_row(whole: ShownPage) -> None:
    xnli = whole.report.tables[0]
    (row,) = (row for row in xnli.rows if row.label == "T-NOO")
    (body,) = (body for body in by_id(whole.root, "table-1-scores").iter("tbody") if text(body[0][0]) == "T-NOO")
    lines = {text(line[0]): [text(cell) for cell in line[1:]] for line in body[1:]}
    assert [line.attrib["class"] for line in body[1:]] == ["beside paper", "beside difference", "beside oracle"]
    assert lines["paper"] == [f"{100 * (row.scores[column].paper or 0):.2f}" for column in xnli.columns]
    differences = [row.scores[column].difference or 0 for column in xnli.columns]
    assert [value.replace("−", "-") for value in lines["difference"]] == [
        f"{100 * value:+.2f}" for value in differences
    ]
    oracles = [row.scores[column].oracle for column in xnli.columns]
    assert lines["oracle"] == [MISSING if oracle is None else f"{100 * oracle.value:.2f}" for oracle in oracles]
    assert set(lines["oracle"]) != {MISSING}
