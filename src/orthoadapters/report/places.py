"""The places of a report's files, which are looked at before anything is computed."""

from collections.abc import Iterable
from pathlib import Path

from orthoadapters.errors import UserError
from orthoadapters.files import real_path
from orthoadapters.folders import exists
from orthoadapters.report.collect.table import Report

PROBLEMS = "problems.md"
PAGE = "report.html"
PICTURES = "figures.md"
FIGURES = "figures"
# What the files of a table are named after its own name, and how they end.
KINDS = ("", "selected-", "significance-", "under-")
ENDINGS = (".md", ".tex", ".csv")


def check_places(report: Report, out: Path) -> None:
    """Raises UserError if something other than a file lies in the place of a file that the report may write.

    A pipe would be waited for, and a folder would end the command after all else is written. A link that makes two of
    the files one would cost the first of them.
    """
    figures = out / FIGURES
    if exists(figures) and not figures.is_dir():
        raise UserError(f"{figures} is no folder; move it away, or choose another folder with --out DIR")
    names = [f"{kind}{table.name}{ending}" for table in report.tables for kind in KINDS for ending in ENDINGS]
    pictures = [path for path in figures.iterdir() if path.suffix in (".svg", ".pdf")] if figures.is_dir() else []
    texts = [out / name for name in (PROBLEMS, PAGE, PICTURES, *names)]
    for path in [*texts, *pictures]:
        if exists(path) and not path.is_file():
            what = "a folder" if path.is_dir() else "a pipe, socket or device"
            raise UserError(
                f"{path} is {what}, where the report writes a file; move it away, or choose another folder with --out DIR"
            )
    check_apart(texts)


def check_apart(paths: Iterable[Path]) -> None:
    """Raises UserError if a link makes two of these files one, of which the later would take the place of the other."""
    names: dict[Path, Path] = {}
    for path in paths:
        if (other := names.setdefault(real_path(path), path)) != path:
            raise UserError(
                f"{other} and {path} are one file through a link, and the report writes two; remove the link, or choose "
                "another folder with --out DIR"
            )
