"""The order inside the report: each of its rooms imports from those below it alone."""

import ast
from pathlib import Path

from tests.helpers.commands import ROOT

REPORT = ROOT / "src" / "orthoadapters" / "report"
# From the ground up: a module's room, or the module itself where it lies in no room.
STAIRS = ["collect", "statistics", "pictures", "printed", "page", "places", "output", "upload", "xtreme", "tidy"]


def imports(path: Path) -> set[str]:
    """The rooms of the report that one file imports from, wherever in it."""
    modules = [node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {module.split(".")[2] for module in modules if module.startswith("orthoadapters.report.")}


def room(path: Path) -> str:
    return path.relative_to(REPORT).parts[0].removesuffix(".py")


def test_every_module_of_the_report_stands_on_a_step() -> None:
    assert {room(path) for path in REPORT.rglob("*.py")} == {*STAIRS, "__init__"}


def test_rooms_of_the_report_import_from_lower_steps_alone() -> None:
    step = {name: number for number, name in enumerate(STAIRS)}
    wrong = {
        f"{path.relative_to(REPORT)} imports {other}"
        for path in REPORT.rglob("*.py")
        for other in imports(path) - {room(path)}
        if step[other] >= step[room(path)]
    }
    assert wrong == set()
