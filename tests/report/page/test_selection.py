"""The page's table of what was selected has the rows' numbers, and is sorted by them."""

from orthoadapters.report.printed.numbers import MISSING
from orthoadapters.report.printed.tables import printed_selection
from tests.helpers.html import ShownPage, by_id, rows, text


def test_what_was_selected_is_shown_as_in_the_other_formats_and_sorted_by_its_numbers(whole: ShownPage) -> None:
    for position, table in enumerate(whole.report.tables, 1):
        ident = f"table-{position}-selected"
        table_in_print = printed_selection(table)
        heads = [text(head) for head in next(by_id(whole.root, ident).iter("tr"))]
        assert heads == [*table_in_print.header, "runs"]
        by_label = dict(rows(whole.root, ident))
        assert list(by_label) == [row.label for row in table.rows]
        for row, line in zip(table.rows, table_in_print.rows, strict=True):
            *numbers, links = by_label[row.label]
            assert [text(cell) for cell in numbers] == [cell.text for cell in line.cells]
            assert text(links) == ", ".join(f"seed {seed}" for seed in row.seeds)
            values = [cell.attrib["data-value"] for cell in numbers]
            assert [value == "" for value in values] == [cell.text == MISSING for cell in line.cells]
            if row.point is not None:
                first_epoch, first_seed = row.epochs[0], row.seeds[0]
                assert [float(values[column]) for column in (0, 2, 3, 5)] == [
                    row.point[0],
                    first_epoch,
                    row.dev,
                    first_seed,
                ]
