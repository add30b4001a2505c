"""The list of the report's pictures.

A new picture is one file with a PICTURE in it, and its name in the list below.
"""

from collections.abc import Sequence

from orthoadapters.report.collect.table import Report, table_title
from orthoadapters.report.pictures import cosines, dev_scores, differences, losses, text
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.statistics.analysis import Analysis

# The order in which they are shown.
PICTURES = (differences.PICTURE, dev_scores.PICTURE, losses.PICTURE, cosines.PICTURE, text.PICTURE)


def draw_pictures(report: Report, analyses: Sequence[Analysis]) -> list[Drawing]:
    """Draws every picture of every table, then those of the language adapters, as far as they have data."""
    drawings: list[Drawing] = []
    for analysis in analyses:
        for picture in PICTURES:
            figure, caption = picture.of_table(analysis)
            if figure is not None:
                drawings.append(Drawing(f"{picture.name}-{analysis.table.name}", caption, analysis.table, figure))
    for adapters in report.language_adapters:
        for picture in PICTURES:
            figure, caption = picture.of_adapters(adapters) if picture.of_adapters is not None else (None, "")
            if figure is not None:
                drawings.append(Drawing(f"{picture.name}-{adapters.name}", caption, None, figure))
    return drawings


def list_missing_pictures(report: Report, drawings: Sequence[Drawing]) -> list[str]:
    """Returns a sentence for each picture that a table has no data for."""
    names = {drawing.name for drawing in drawings}
    notes = [
        f"{table_title(table)}: there is no picture of {picture.absence}."
        for table in report.tables
        for picture in PICTURES
        if f"{picture.name}-{table.name}" not in names
    ]
    if not report.language_adapters:
        notes.append("There are no pictures of language adapters, as no run of stage=mlm is finished.")
    return notes
