"""The report as one HTML file: page.html with page.css and page.js in it, figures inline, and nothing from a network."""

from collections.abc import Sequence
from pathlib import Path
from string import Template

from orthoadapters.report.collect.paper import paper
from orthoadapters.report.collect.table import Report, Table, table_title
from orthoadapters.report.page.markup import Markup, bullets, inline_svg, join, tag
from orthoadapters.report.page.provenance import adapters_provenance, provenance
from orthoadapters.report.page.scores import scores_table
from orthoadapters.report.page.selection import selection_table
from orthoadapters.report.page.significance import significance
from orthoadapters.report.page.under import under_section
from orthoadapters.report.pictures.gallery import list_missing_pictures
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.printed.tables import scores_caption, selection_caption
from orthoadapters.report.statistics.analysis import Analysis

READING = (
    "Bold: the best of a column; underlined: the second. A number's tooltip, by pointer or keyboard, has the rest of what "
    "is known of it; a column's name sorts by it."
)


def page(report: Report, analyses: Sequence[Analysis], drawings: Sequence[Drawing], out: Path) -> str:
    """Makes report.html. out: the folder in which it will lie, from which links to runs start."""
    title = f"Report on {report.folder}"
    body = join(
        tag("header", tag("h1", title), tag("p", _size(report), class_="quiet")),
        _warnings(report),
        _navigation(report),
        tag("main", *_sections(report, analyses, drawings, out)),
    )
    style, script = (_file(f"page.{ending}").strip() for ending in ("css", "js"))
    return Template(_file("page.html")).substitute(title=join(title), style=style, script=script, body=body)


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _size(report: Report) -> str:
    runs = sum(len(row.candidates) for table in report.tables for row in table.rows)
    tables = f"{len(report.tables)} table{'s' * (len(report.tables) != 1)}"
    return f"{tables} of {runs} finished runs. Scores are x 100, and differences are in points of that."


def _warnings(report: Report) -> Markup:
    """Says first how much is wrong with the runs and with each table; the sentences are folded away below each number."""
    subjects = [("Runs", report.problems, "runs")]
    subjects += [(table_title(t), t.warnings, f"table-{number}") for number, t in enumerate(report.tables, 1)]
    parts = [
        tag("details", tag("summary", f"{subject}: {_count(sentences)}"), bullets(sentences, f"{ident}-warnings"))
        for subject, sentences, ident in subjects
        if sentences
    ]
    if not parts:
        none = "No warnings: nothing was set apart, and the rows of each table are alike."
        return tag("section", none, class_="warnings", id="warnings")
    return tag("section", tag("h2", "Warnings"), *parts, class_="warnings some", id="warnings")


def _count(warnings: Sequence[str]) -> str:
    return f"{len(warnings)} warning{'s' * (len(warnings) != 1)}"


def _navigation(report: Report) -> Markup:
    links = [tag("a", table_title(table), href=f"#table-{number}") for number, table in enumerate(report.tables, 1)]
    if report.language_adapters:
        links.append(tag("a", "language adapters", href="#adapters"))
    return tag("nav", *links)


def _sections(report: Report, analyses: Sequence[Analysis], drawings: Sequence[Drawing], out: Path) -> list[Markup]:
    """Makes a section per table, one of the language adapters, and one of the pictures that there are none of."""
    by_table = {analysis.table.name: analysis for analysis in analyses}
    sections = []
    for number, table in enumerate(report.tables, 1):
        of_table = [drawing for drawing in drawings if drawing.table is not None and drawing.table.name == table.name]
        sections.append(_section(table, by_table[table.name], of_table, out, f"table-{number}"))
    if report.language_adapters:
        figures = _figures([drawing for drawing in drawings if drawing.table is None], "adapters")
        runs = [adapters_provenance(adapters, out) for adapters in report.language_adapters]
        sections.append(tag("section", tag("h2", "Language adapters"), figures, *runs, id="adapters"))
    if notes := list_missing_pictures(report, drawings):
        sections.append(tag("section", tag("h2", "Pictures that there are none of"), bullets(notes), class_="quiet"))
    return sections


def _section(table: Table, analysis: Analysis, drawings: Sequence[Drawing], out: Path, ident: str) -> Markup:
    """Makes a table's section: scores, differences, what was selected, pictures, provenance."""
    return tag(
        "section",
        tag("h2", table_title(table)),
        tag("p", _link_to_warnings(table, ident)) if table.warnings else None,
        tag("p", scores_caption(table) + ".", id=f"{ident}-scores-caption"),
        _choices(table),
        scores_table(table, analysis, f"{ident}-scores"),
        tag("p", READING, class_="quiet"),
        bullets(table.evaluation_notes) if table.evaluations else None,
        *significance(analysis, ident),
        *under_section(analysis, ident),
        _selection(table, f"{ident}-selected", out) if table.rows else None,
        tag("h3", "Pictures"),
        _figures(drawings, ident),
        provenance(table, out),
        id=ident,
    )


def _selection(table: Table, ident: str, out: Path) -> Markup:
    caption = tag("p", selection_caption(table) + ".", id=f"{ident}-caption")
    return join(tag("h3", "What was selected"), caption, selection_table(table, ident, out))


def _link_to_warnings(table: Table, ident: str) -> Markup:
    """Links to the list itself: a browser unfolds what a link leads into."""
    return join(tag("a", _count(table.warnings), href=f"#{ident}-warnings"), " on top of the page.")


def _choices(table: Table) -> Markup | None:
    """Offers to show what stands beside the scores, as far as there is any of it."""
    scores = [score for row in table.rows for score in row.scores.values()]
    paper_table = paper().tables.get(table.task)
    labels = {}
    if paper_table is not None and any(score.paper for score in scores):
        labels["paper"] = f"the paper's, Table {paper_table.number}"
    if any(score.std is not None for score in scores):
        labels["seeds"] = "standard deviation (seeds)"
    if any(score.oracle for score in scores):
        labels["oracle"] = "oracle"
    boxes = [tag("label", tag("input", type="checkbox", class_=f"show-{name}"), text) for name, text in labels.items()]
    return tag("fieldset", tag("legend", "Show as well:"), *boxes, class_="choices") if boxes else None


def _figures(drawings: Sequence[Drawing], ident: str) -> Markup:
    figures = [_figure(drawing, f"{ident}-figure-{number}") for number, drawing in enumerate(drawings, 1)]
    return tag("div", *figures, class_="figures")


def _figure(drawing: Drawing, ident: str) -> Markup:
    svg = inline_svg(drawing.svg, f"{ident}-", f"{ident}-caption")
    return tag("figure", tag("div", svg, class_="card"), tag("figcaption", drawing.caption, id=f"{ident}-caption"))
