"""The order of the house: who may import whom, which rooms load no PyTorch, and what each room says of itself."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import ROOT, environment

PACKAGE = ROOT / "src" / "orthoadapters"
# From the ground up. A room may import from the floors below it and from itself, never from its own floor or above.
FLOORS = [
    {"errors", "file_formats", "json_text", "loss_precision", "printing", "temporary_names"},
    {"files", "folders", "locks", "examples", "own_process"},
    {"checksums", "exit_codes"},
    {"config"},
    {"hub", "demo", "orthogonality"},
    {"adapters", "orthogonality_losses"},
    {"data", "model", "runs"},
    {"evaluation", "report"},
    {"training", "labelling"},
    {"stages"},
    {"sweep", "fetch", "publish"},
    {"commands"},
]
# These load no PyTorch.
LIGHT = (
    "errors",
    "file_formats",
    "json_text",
    "printing",
    "temporary_names",
    "exit_codes",
    "files",
    "folders",
    "locks",
    "examples",
    "own_process",
    "checksums",
    "config",
    "hub",
    "runs",
    "report",
    "sweep",
)
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
# A room's docstring says in one sentence of this form what it may import. The ground files are those of the first three
# floors.
CLAIM = re.compile(r"It may import ([^.]+?)( and what lies below them)?\.")
GROUND = "the ground files"


def room(module: str) -> str:
    """The room, or the file at the top of the package, that holds a module such as orthoadapters.data.sources.hub."""
    return module.split(".")[1]


def imports(path: Path) -> list[tuple[str, str]]:
    """Every import of the package's own modules in one file, wherever in it: (the file's room, the other room)."""
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    pairs = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > 1:
            raise AssertionError(f"{path}: a relative import may leave the room; write the whole path")
        if isinstance(node, ast.ImportFrom) and node.module == "orthoadapters":
            pairs += [(own, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("orthoadapters."):
            pairs.append((own, room(node.module)))
        elif isinstance(node, ast.Import):
            pairs += [(own, room(a.name)) for a in node.names if a.name.startswith("orthoadapters.")]
    return pairs


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


def below(number: int) -> set[str]:
    """Collects all that stands on the floors below this one."""
    return set().union(*FLOORS[:number])


def claim(own: str) -> set[str]:
    """Reads what a room may import, as the sentence in its docstring says it."""
    text = " ".join((ast.get_docstring(ast.parse((PACKAGE / own / "__init__.py").read_text())) or "").split())
    claims = CLAIM.findall(text)
    assert len(claims) == 1, f"{own}: one sentence must say 'It may import ...': {text}"
    names = set(re.split(", | and ", claims[0][0]))
    if GROUND in names:
        names = names - {GROUND} | below(3)
    unknown = names - below(len(FLOORS))
    assert unknown == set(), f"{own}: the docstring names what is no room"
    lowest = min(number for number, floor in enumerate(FLOORS) if floor & names)
    return names | below(lowest) if claims[0][1] else names


@pytest.mark.parametrize("own", ROOMS)
def test_a_room_may_import_what_its_docstring_says(own: str) -> None:
    number = next(number for number, floor in enumerate(FLOORS) if own in floor)
    assert claim(own) <= below(number), "the docstring allows rooms that do not stand below this one"
    others = {other for path in (PACKAGE / own).rglob("*.py") for _, other in imports(path)} - {own}
    assert others <= claim(own), "the room imports what its docstring does not allow"


def test_light_rooms_load_no_pytorch() -> None:
    code = f"import sys; import {', '.join(modules(LIGHT))}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment()).returncode == 0


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda p: str(p.relative_to(PACKAGE).parent))
def test_every_room_says_what_it_is_for_and_what_it_may_import(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert text.count(".") >= 2, text
    assert "import" in text or path.parent == PACKAGE or path.parent.parent != PACKAGE
