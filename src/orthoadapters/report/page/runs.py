"""A page's provenance: of each run its directory, code, hardware and adapters, and the command that repeats it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from orthoadapters.config.command import command
from orthoadapters.errors import UserError
from orthoadapters.report.collect.gather import Run
from orthoadapters.report.collect.table import Row, Table
from orthoadapters.report.collect.trained_adapters import TrainedAdapters
from orthoadapters.report.page.markup import Markup, joined, tag
from orthoadapters.runs.results import Result


def provenance(table: Table, out: Path) -> Markup:
    """Of the selected runs, and folded away of the others that they were selected among."""
    runs = [(row, run) for row in table.rows for run in row.candidates]
    chosen = [_run(_label(row, run), _places(run), run.result, out) for row, run in runs if run in row.selected]
    others = [_run(_label(row, run), _places(run), run.result, out) for row, run in runs if run not in row.selected]
    return _folded(
        f"Provenance of the selected runs ({len(chosen)}), and the commands that repeat them", *chosen,
        _folded(f"The other runs of the grids ({len(others)})", *others) if others else None,
    )  # fmt: skip


def adapters_provenance(adapters: TrainedAdapters, out: Path) -> Markup:
    runs = [_run(label, [path], result, out) for label, (path, result) in adapters.runs.items()]
    return _folded(f"Provenance of the {adapters.title} ({len(runs)}), and the commands that repeat them", *runs)


def seed_links(runs: Iterable[Run], out: Path) -> Markup:
    """To the run directories, from the folder `out`."""
    return joined(*_with_commas([_links(_places(run), f"seed {run.result.seed}", out) for run in runs]))


def _folded(summary: str, *content: Markup | None) -> Markup:
    return tag("details", tag("summary", summary), *content, class_="provenance")


def _places(run: Run) -> list[Path]:
    return list(dict.fromkeys(run.paths.values()))


def _label(row: Row, run: Run) -> str:
    result = run.result
    rates = f"lr {result.lr:g}" + ("" if result.ort_lr is None else f", ort lr {result.ort_lr:g}")
    return f"{row.label}, {rates}, seed {result.seed}"


def _links(places: Sequence[Path], text: str, out: Path) -> Markup:
    """Further ones, of a run whose languages were tested in several directories, are numbered."""
    targets = [quote(Path(os.path.relpath(path, out)).as_posix()) + "/" for path in places]
    return joined(
        *_with_commas([tag("a", f"{text} ({n})" if n > 1 else text, href=to) for n, to in enumerate(targets, 1)])
    )


def _with_commas(parts: Sequence[Markup]) -> Iterator[str]:
    for number, part in enumerate(parts):
        yield ", " if number else ""
        yield part


def _run(label: str, places: Sequence[Path], result: Result, out: Path) -> Markup:
    made, chosen = result.provenance, result.selection
    packages = made.get("packages")
    versions = {"python": made.get("python")} | (packages if isinstance(packages, dict) else {})
    dirty = ", with changes that no commit holds" if made.get("git_dirty") else ""
    facts: list[tuple[str, str | None]] = [
        ("directory", joined(*_with_commas([_links([place], str(place), out) for place in places]))),
        ("selected", None if chosen is None else f"epoch {chosen.epoch}: {chosen.metric} {100 * chosen.value:.2f} on "
         f"{chosen.language} {chosen.split}"),
        ("commit", joined(tag("code", str(made.get("git_commit") or "unknown")), dirty)),
        ("packages", ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "unknown"),
        ("hardware", str(made.get("hardware", "unknown"))),
        ("training", f"{made.get('seconds', 'unknown')} s, {made.get('steps', 'unknown')} iterations"),
        *((f"adapter {language}", _adapter(entry)) for language, entry in result.adapters.items()),
        ("command", _command(result)),
    ]  # fmt: skip
    return tag("details", tag("summary", label), definitions(facts), class_="run")


def _command(result: Result) -> str:
    try:
        return tag("code", command(result.provenance.get("overrides"), result.fingerprint))
    except UserError as error:
        return str(error)


def _adapter(entry: dict[str, str]) -> Markup:
    told = ", ".join(str(entry.get(field)) for field in ("kind", "source", "path"))
    return joined(f"{told}, sha256 ", tag("code", str(entry.get("sha256"))))


def definitions(facts: Iterable[tuple[str, str | None]]) -> Markup:
    """A name and a text each; None where there is nothing to say."""
    return tag("dl", *(joined(tag("dt", name), tag("dd", text)) for name, text in facts if text is not None))
