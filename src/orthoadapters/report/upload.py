"""A report as one W&B run, in the group of the sweep that made its runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orthoadapters.errors import UserError
from orthoadapters.report.collect.attempts import configuration
from orthoadapters.report.collect.settings import value_at
from orthoadapters.report.collect.table import Report
from orthoadapters.report.pictures.picture import Drawing
from orthoadapters.report.pictures.style import png
from orthoadapters.report.printed.records import FIELDS, scores_records
from orthoadapters.report.printed.significance import COMPARISON_FIELDS, significance_records
from orthoadapters.report.printed.tables import printed_selection
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.runs.weights_and_biases import log_report

GROUP = "report"  # ours: the group where the runs are of several sweeps, or of none

Records = tuple[Sequence[str], Sequence[Sequence[object]]]  # a table as W&B takes it: its header and its lines


def upload(report: Report, analyses: Sequence[Analysis], drawings: Sequence[Drawing], out: Path) -> str:
    """Logs the report to W&B, and says in a sentence where.

    Raises UserError if W&B does not take it, or if the runs name no project.
    """
    configs = _configurations(report)
    targets = dict.fromkeys((value_at(c, "logger.project"), value_at(c, "logger.entity")) for c in configs)
    project, entity = next(((p, e) for p, e in targets if p), (None, None))
    if project is None:
        raise UserError(f"no selected run in {report.folder} has a config.yaml with logger.project; bring one back")
    groups = {value_at(c, "logger.group") or value_at(c, "sweep.name") for c in configs}
    group = (groups.pop() if len(groups) == 1 else None) or GROUP
    tables: dict[str, Records] = {}
    for analysis in analyses:
        tables |= _tables(analysis)
    backbones = list(dict.fromkeys(table.backbone for table in report.tables))
    figures = {drawing.name: (png(drawing.figure), drawing.caption) for drawing in drawings}
    log_report(out, project, entity, group, backbones, tables, figures)
    others = f"; other runs name {', '.join(str(p) for p, _ in targets if p != project)}" if len(targets) > 1 else ""
    return f"W&B: one run in group {group} of project {project}{others}"


def _tables(analysis: Analysis) -> dict[str, Records]:
    """Returns a table's scores, selection and comparisons by the names of their files."""
    table = analysis.table
    selection = printed_selection(table)
    return {
        table.name: (FIELDS, scores_records(table)),
        selection.name: (selection.header, [[row.label, *(cell.text for cell in row.cells)] for row in selection.rows]),
        f"significance-{table.name}": (COMPARISON_FIELDS, significance_records(analysis)),
    }


def _configurations(report: Report) -> list[Mapping[str, Any]]:
    """Reads the configuration of one run of each row; to read all of them would take longer than the report."""
    paths = [row.selected_runs[0].path for table in report.tables for row in table.rows if row.selected_runs]
    return [config for path in paths if (config := configuration(path)) is not None]
