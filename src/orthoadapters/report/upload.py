"""A report as one W&B run, in the group of the sweep that made its runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orthoadapters.errors import UserError
from orthoadapters.report.collect.attempts import configuration
from orthoadapters.report.collect.settings import value_at
from orthoadapters.report.collect.table import Report
from orthoadapters.report.output import FIELDS, scores_records
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.pictures.style import png
from orthoadapters.report.printed.significance import COMPARED, significance_records
from orthoadapters.report.printed.tables import printed_selection
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.runs.weights_and_biases import log_report

GROUP = "report"  # ours: of runs that no sweep made, or several


def upload(report: Report, analyses: Sequence[Analysis], drawn: Sequence[Drawing], out: Path) -> str:
    """Logs it, and says where, in a sentence. Raises UserError if W&B does not take it, or the runs name no project."""
    configs = _configurations(report)
    places = dict.fromkeys((value_at(c, "logger.project"), value_at(c, "logger.entity")) for c in configs)
    project, entity = next(((p, e) for p, e in places if p), (None, None))
    if project is None:
        raise UserError(f"no selected run in {report.folder} has a config.yaml with logger.project; bring one back")
    names = {value_at(c, "sweep.name") for c in configs}
    (sweep,) = names if len(names) == 1 else {None}
    group = sweep or GROUP
    tables: dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {}
    for analysis in analyses:
        table = analysis.table
        chosen = printed_selection(table)
        tables[table.name] = (FIELDS, scores_records(table))
        tables[chosen.name] = (chosen.header, [[line.label, *(e.text for e in line.cells)] for line in chosen.rows])
        tables[f"significance-{table.name}"] = (COMPARED, significance_records(analysis))
    backbones = list(dict.fromkeys(table.backbone for table in report.tables))
    figures = {drawing.name: (png(drawing.figure), drawing.caption) for drawing in drawn}
    log_report(out, project, entity, group, backbones, tables, figures)
    other = f"; other runs name {', '.join(str(p) for p, _ in places if p != project)}" if len(places) > 1 else ""
    return f"W&B: one run in group {group} of project {project}{other}"


def _configurations(report: Report) -> list[Mapping[str, Any]]:
    """Of one run of each row: reading all would take longer than the report."""
    paths = [row.selected[0].path for table in report.tables for row in table.rows if row.selected]
    return [config for path in paths if (config := configuration(path)) is not None]
