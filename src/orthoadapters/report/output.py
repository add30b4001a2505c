"""A report's files: <name>, selected-<name>, significance-<name> and under-<name> of each table, figures, problems.md,
report.html.

A file that would hold nothing is not written.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from orthoadapters.errors import UserError
from orthoadapters.files import write_files
from orthoadapters.report.collect.table import Report
from orthoadapters.report.page.page import page
from orthoadapters.report.pictures.gallery import list_missing_pictures
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.places import FIGURES, PAGE, PICTURES, PROBLEMS, check_apart
from orthoadapters.report.printed.formats import in_markdown, latex, markdown
from orthoadapters.report.printed.records import FIELDS, csv_text, scores_csv, selection_csv, significance_csv
from orthoadapters.report.printed.significance import COMPARISON_FIELDS, significance_markdown
from orthoadapters.report.printed.tables import Extras, PrintedTable, printed_scores, printed_selection
from orthoadapters.report.printed.under import UNDER_FIELDS, printed_under, under_records
from orthoadapters.report.statistics.analysis import Analysis


def write(
    report: Report, analyses: Sequence[Analysis], drawings: Sequence[Drawing], out: Path, extras: Extras
) -> list[Path]:
    """Writes the tables, the comparisons, the page and the pictures (out/figures, as SVG and PDF), and returns the paths.

    Raises UserError if a file cannot be written, or two would be one, before any takes the place of a former one.
    """
    texts = table_texts(report, extras)
    texts |= {PICTURES: _figures_markdown(report, drawings), PAGE: page(report, analyses, drawings, out)}
    for analysis in analyses:
        texts |= _analysis_texts(analysis)
    contents: dict[Path, str | bytes] = {out / name: text for name, text in texts.items() if text.strip()}
    for drawing in drawings:
        contents |= {out / FIGURES / name: picture for name, picture in drawing.files().items()}
    # What pictures there are is known now, and not before.
    check_apart(contents)
    try:
        write_files(contents)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}; choose another folder with --out DIR") from error
    return list(contents)


def table_texts(report: Report, extras: Extras) -> dict[str, str]:
    """Returns the texts of the tables' files and of the problems, by the files' names."""
    texts = {PROBLEMS: _problems_markdown(report)}
    for table in report.tables:
        texts |= _files_of(printed_scores(table, extras), scores_csv(table))
        if table.rows:
            texts |= _files_of(printed_selection(table), selection_csv(table))
    return texts


def _files_of(table: PrintedTable, content: str) -> dict[str, str]:
    """Returns the texts of a printed table's three files. content: the CSV file's."""
    name = table.name
    return {f"{name}.md": markdown(table), f"{name}.tex": latex(table), f"{name}.csv": content}


def _analysis_texts(analysis: Analysis) -> dict[str, str]:
    """Returns the texts of a table's comparisons, and of what is under its task adapters."""
    name = f"significance-{analysis.table.name}"
    texts = {f"{name}.md": significance_markdown(analysis)}
    if analysis.comparisons:
        texts[f"{name}.csv"] = significance_csv(analysis)
    if analysis.under:
        texts |= _files_of(printed_under(analysis), csv_text(UNDER_FIELDS, under_records(analysis)))
    return texts


def find_leftovers(out: Path, paths: Iterable[Path]) -> list[Path]:
    """Finds the scores, comparisons and pictures in `out` that an earlier report wrote and this one did not."""
    headers = tuple(",".join(fields).encode() for fields in (FIELDS, COMPARISON_FIELDS, UNDER_FIELDS))
    # A pipe would be waited for.
    files = [path for path in {*out.glob("*.csv")} - {*paths} if path.is_file()]
    tables = [path for path in files if path.read_bytes().startswith(headers)]
    return sorted([*tables, *({*(out / FIGURES).glob("*.svg")} - {*paths})])


def _figures_markdown(report: Report, drawings: Sequence[Drawing]) -> str:
    """Shows the pictures with their captions, then says which pictures there are none of."""
    lines = [
        f"![{drawing.name}](figures/{drawing.name}.svg)\n\n{in_markdown(drawing.caption)}\n" for drawing in drawings
    ]
    return "\n".join([*lines, *(f"- {in_markdown(note)}\n" for note in list_missing_pictures(report, drawings))])


def _problems_markdown(report: Report) -> str:
    return "".join(f"- {in_markdown(problem)}\n" for problem in report.problems) or "Nothing was set apart.\n"
