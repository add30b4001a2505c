"""The order of the house: who may import whom, which rooms load no PyTorch, and what each room says of itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import ROOT, environment

PACKAGE = ROOT / "src" / "orthoadapters"
# From the ground up. A room may import from the floors below it and from itself, never from its own floor or above.
FLOORS = [
    {"errors"},
    {"files", "examples"},
    {"config"},
    {"hub", "demo", "orthogonality"},
    {"adapters"},
    {"data", "model", "runs"},
    {"evaluation", "report"},
    {"training", "labelling"},
    {"stages"},
    {"sweep", "fetch", "publish"},
    {"commands"},
]
LIGHT = ("errors", "files", "examples", "config", "hub", "runs", "report", "sweep")  # these load no PyTorch


def room(module: str) -> str:
    """The room, or the file at the top of the package, that holds a module such as orthoadapters.data.sources.hub."""
    return module.split(".")[1]


def imports(path: Path) -> list[tuple[str, str]]:
    """Every import of the package's own modules in one file, wherever in it: (the file's room, the other room)."""
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > 1:
            raise AssertionError(f"{path}: a relative import may leave the room; write the whole path")
        if isinstance(node, ast.ImportFrom) and node.module == "orthoadapters":
            found += [(own, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("orthoadapters."):
            found.append((own, room(node.module)))
        elif isinstance(node, ast.Import):
            found += [(own, room(a.name)) for a in node.names if a.name.startswith("orthoadapters.")]
    return found


def modules(rooms: tuple[str, ...]) -> list[str]:
    paths = [path for path in PACKAGE.rglob("*.py") if path.name not in ("__main__.py", "__init__.py")]
    own = [path for path in paths if path.relative_to(PACKAGE).parts[0].removesuffix(".py") in rooms]
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in sorted(own)]


def test_every_room_stands_on_a_floor() -> None:
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__"} == set().union(*FLOORS)


def test_rooms_import_from_the_floors_below_them_alone() -> None:
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    wrong = {
        f"{path.relative_to(PACKAGE)} imports {other}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "__init__.py"
        for own, other in imports(path)
        if own != other and floor[own] <= floor[other]
    }
    assert wrong == set()


def test_light_rooms_load_no_pytorch() -> None:
    code = f"import sys; import {', '.join(modules(LIGHT))}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment()).returncode == 0


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda p: str(p.relative_to(PACKAGE).parent))
def test_every_room_says_what_it_is_for_and_what_it_may_import(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert said.count(".") >= 2, said
    assert "import" in said or path.parent == PACKAGE or path.parent.parent != PACKAGE
