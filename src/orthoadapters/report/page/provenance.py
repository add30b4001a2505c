"""The page's provenance: each run's directory, code, hardware and adapters, and the command that repeats it."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from orthoadapters.config.command import command
from orthoadapters.errors import UserError
from orthoadapters.report.collect.gather import Run
from orthoadapters.report.collect.table import Row, Table, point_label
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.report.page.markup import Markup, comma_list, definitions, join, tag
from orthoadapters.report.printed.numbers import percent
from orthoadapters.runs.results import Result, Selection


def provenance(table: Table, out: Path) -> Markup:
    """Lists the selected runs, and, folded away, the other candidates. out: the folder of the page."""
    runs = [(row, run) for row in table.rows for run in row.candidates]
    selected_runs = [_task_run(row, run, out) for row, run in runs if run in row.selected_runs]
    others = [_task_run(row, run, out) for row, run in runs if run not in row.selected_runs]
    return _fold(
        f"Provenance of the selected runs ({len(selected_runs)}), and the commands that repeat them",
        *selected_runs,
        _fold(f"The other runs of the grids ({len(others)})", *others) if others else None,
    )


def adapters_provenance(adapters: TrainedAdapters, out: Path) -> Markup:
    """Lists the runs that trained language adapters. out: the folder of the page."""
    runs = [_run(label, [path], result, out) for label, (path, result) in adapters.runs.items()]
    return _fold(f"Provenance of the {adapters.title} ({len(runs)}), and the commands that repeat them", *runs)


def seed_links(runs: Iterable[Run], out: Path) -> Markup:
    """Links to the directories of runs by their seeds. out: the folder of the page."""
    return comma_list(_links(_folders(run), f"seed {run.result.seed}", out) for run in runs)


def _fold(summary: str, *content: Markup | None) -> Markup:
    return tag("details", tag("summary", summary), *content, class_="provenance")


def _folders(run: Run) -> list[Path]:
    """Returns the run's directory; several where its languages were tested in several."""
    return list(dict.fromkeys(run.paths.values()))


def _links(folders: Sequence[Path], text: str, out: Path) -> Markup:
    """Links to directories by one text; those after the first are numbered."""
    targets = [quote(Path(os.path.relpath(folder, out)).as_posix()) + "/" for folder in folders]
    return comma_list(
        tag("a", text if number == 1 else f"{text} ({number})", href=target) for number, target in enumerate(targets, 1)
    )


def _task_run(row: Row, run: Run, out: Path) -> Markup:
    label = f"{row.label}, {point_label(run.point)}, seed {run.result.seed}"
    return _run(label, _folders(run), run.result, out)


def _run(label: str, folders: Sequence[Path], result: Result, out: Path) -> Markup:
    """Lists what made a run, folded away below its label."""
    record = result.provenance
    dirty = ", with changes that no commit holds" if record.get("git_dirty") else ""
    duration = f"{record.get('seconds', 'unknown')} s, {record.get('steps', 'unknown')} iterations"
    facts: list[tuple[str, str | None]] = [
        ("directory", comma_list(_links([folder], str(folder), out) for folder in folders)),
        ("selected", None if result.selection is None else _selection(result.selection)),
        ("commit", join(tag("code", str(record.get("git_commit") or "unknown")), dirty)),
        ("packages", _packages(result)),
        ("hardware", str(record.get("hardware", "unknown"))),
        ("training", duration),
        *((f"adapter {language}", _adapter(entry)) for language, entry in result.adapters.items()),
        ("command", _command(result)),
    ]
    return tag("details", tag("summary", label), definitions(facts), class_="run")


def _selection(selection: Selection) -> str:
    score = f"{selection.metric} {percent(selection.value)} on {selection.language} {selection.split}"
    return f"epoch {selection.epoch}: {score}"


def _packages(result: Result) -> str:
    """Lists Python and the packages with their versions."""
    packages = result.provenance.get("packages")
    versions = {"python": result.provenance.get("python")} | (packages if isinstance(packages, dict) else {})
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "unknown"


def _adapter(entry: dict[str, str]) -> Markup:
    origin = ", ".join(str(entry.get(key)) for key in ("kind", "source", "path"))
    return join(f"{origin}, sha256 ", tag("code", str(entry.get("sha256"))))


def _command(result: Result) -> str:
    """Returns the command that repeats the run, or says why there is none."""
    try:
        return tag("code", command(result.provenance.get("overrides"), result.fingerprint))
    except UserError as error:
        return str(error)
