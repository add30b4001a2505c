"""The report as one HTML file: page.html with page.css and page.js in it, figures inline, and nothing from a network."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

from orthoadapters.report.collect.paper import paper
from orthoadapters.report.collect.table import Report, Row, Table, heading, table_title
from orthoadapters.report.page.markup import Markup, inline_svg, joined, tag
from orthoadapters.report.page.runs import adapters_provenance, provenance, seed_links
from orthoadapters.report.page.tables import scores_table, selected_table, significance_table
from orthoadapters.report.pictures.gallery import undrawn
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.printed.tables import Extras, printed_scores, printed_selection
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import NO_DIFFERENCE, few_seeds

COMPARED = (
    "Difference to {}, below it its 95 % interval, and p after Holm's correction over the languages. Bold: p below 0.05 and "
    f"an interval without 0; otherwise {NO_DIFFERENCE}."
)
READING = (
    "Bold: the best of a column; underlined: the second. A number's tooltip, by pointer or keyboard, has the rest of what "
    "is known of it; a column's name sorts by it."
)


def page(report: Report, analyses: Sequence[Analysis], drawings: Sequence[Drawing], out: Path) -> str:
    """report.html. out: the folder in which it will lie, from which links to runs start."""
    of_table = {analysis.table.name: analysis for analysis in analyses}
    sections = []
    for number, table in enumerate(report.tables, 1):
        mine = [drawing for drawing in drawings if drawing.table is not None and drawing.table.name == table.name]
        sections.append(_section(table, of_table[table.name], mine, out, f"table-{number}"))
    others = [drawing for drawing in drawings if drawing.table is None]
    if report.language_adapters:
        trained = [adapters_provenance(adapters, out) for adapters in report.language_adapters]
        sections.append(
            tag("section", tag("h2", "Language adapters"), _figures(others, "adapters"), *trained, id="adapters")
        )
    if notes := undrawn(report, drawings):
        sections.append(tag("section", tag("h2", "Pictures that there are none of"), _list(notes), class_="quiet"))
    links = [tag("a", table_title(table), href=f"#table-{number}") for number, table in enumerate(report.tables, 1)]
    links += [tag("a", "language adapters", href="#adapters")] if report.language_adapters else []
    title = f"Report on {report.folder}"
    body = joined(
        tag("header", tag("h1", title), tag("p", _size(report), class_="quiet")), _warnings(report), tag("nav", *links),
        tag("main", *sections),
    )  # fmt: skip
    style, script = (_file(f"page.{kind}").strip() for kind in ("css", "js"))
    return Template(_file("page.html")).substitute(title=joined(title), style=style, script=script, body=body)


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _size(report: Report) -> str:
    runs = sum(len(row.candidates) for table in report.tables for row in table.rows)
    tables = f"{len(report.tables)} table{'s' * (len(report.tables) != 1)}"
    return f"{tables} of {runs} finished runs. Scores are x 100, and differences are in points of that."


def _warnings(report: Report) -> Markup:
    found = [("Runs", report.problems), *((table_title(table), table.warnings) for table in report.tables)]
    found = [(of, sentences) for of, sentences in found if sentences]
    if not found:
        return tag("section", "No warnings: nothing was set apart, and the rows of each table are alike.", class_="warnings",
                   id="warnings")  # fmt: skip
    lists = [joined(tag("h3", of), _list(sentences)) for of, sentences in found]
    return tag("section", tag("h2", "Warnings"), *lists, class_="warnings some", id="warnings")


def _list(sentences: Sequence[str]) -> Markup:
    return tag("ul", *(tag("li", sentence) for sentence in sentences))


def _section(table: Table, analysis: Analysis, drawings: Sequence[Drawing], out: Path, ident: str) -> Markup:
    published = paper().tables.get(table.task)
    known = published is not None and any(cell.paper for row in table.rows for cell in row.scores.values())
    warned = f"{len(table.warnings)} warning{'s' * (len(table.warnings) != 1)}"
    cells = [cell for row in table.rows for cell in row.scores.values()]
    choices = {
        "paper": f"the paper's, Table {published.number}" if known and published is not None else None,
        "seeds": "standard deviation (seeds)" if any(cell.std is not None for cell in cells) else None,
        "oracle": "oracle" if any(cell.oracle for cell in cells) else None,
    }
    return tag(
        "section",
        tag("h2", table_title(table)),
        tag("p", tag("a", warned, href="#warnings"), " on top of the page.") if table.warnings else None,
        tag("p", printed_scores(table, Extras()).caption + ".", id=f"{ident}-scores-caption"),
        _choices({name: label for name, label in choices.items() if label is not None}),
        scores_table(table, analysis, f"{ident}-scores"),
        tag("p", READING, class_="quiet"),
        *_significance(analysis, ident),
        tag("h3", "What was selected"),
        tag("p", printed_selection(table).caption + ".", id=f"{ident}-selected-caption"),
        selected_table(table, f"{ident}-selected", [seed_links(row.selected, out) for row in table.rows]),
        tag("h3", "Pictures"),
        _figures(drawings, ident),
        provenance(table, out),
        id=ident,
    )  # fmt: skip


def _choices(choices: dict[str, str]) -> Markup | None:
    boxes = [
        tag("label", tag("input", type="checkbox", class_=f"show-{name}"), label) for name, label in choices.items()
    ]
    return tag("fieldset", tag("legend", "Show as well:"), *boxes, class_="choices") if boxes else None


def _significance(analysis: Analysis, ident: str) -> Iterator[Markup]:
    yield tag("h3", "Differences that these data can show")
    for number, baseline in enumerate(analysis.baselines, 1):
        name = f"{ident}-differences-{number}"
        others = [row for row in analysis.compared if row is not baseline]
        compared = joined(
            tag("p", COMPARED.format(baseline.label), id=f"{name}-caption"),
            significance_table(analysis, baseline, name),
            _list([_in_words(analysis, row, baseline) for row in others]),
        )
        folded = number > 1
        yield tag("details", tag("summary", f"The same against {baseline.label}"), compared) if folded else compared
    if not analysis.baselines:
        yield tag("p", "No two rows could be compared.")
    if notes := [*few_seeds(analysis.comparisons), *analysis.notes]:
        yield _list(notes)


def _in_words(analysis: Analysis, row: Row, baseline: Row) -> str:
    found = [analysis.between(row.label, baseline.label, column) for column in analysis.table.columns]
    there = [c for c in found if c is not None]
    parts = [f"{heading(c.language)}: {c.effect}" for c in there if c.significant]
    if unclear := [heading(c.language) for c in there if not c.significant]:
        parts.append(f"{', '.join(unclear)}: {NO_DIFFERENCE}")
    return f"{row.label} against {baseline.label}. {'; '.join(parts)}."


def _figures(drawings: Sequence[Drawing], ident: str) -> Markup:
    figures = [_figure(drawing, f"{ident}-figure-{number}") for number, drawing in enumerate(drawings, 1)]
    return tag("div", *figures, class_="figures")


def _figure(drawing: Drawing, ident: str) -> Markup:
    svg = inline_svg(drawing.figure, f"{ident}-", f"{ident}-caption")
    return tag("figure", tag("div", svg, class_="card"), tag("figcaption", drawing.caption, id=f"{ident}-caption"))
