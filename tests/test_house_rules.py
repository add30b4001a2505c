"""The rules of CONTRIBUTING.md that can be checked by reading the code: sizes, docstrings, the source of each number."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.commands import ROOT

SOURCES = [*sorted((ROOT / "src").rglob("*.py")), *(ROOT / f"{name}.py" for name in ("train", "report", "predict"))]
# A docstring begins with a verb, or with a noun and its article.
FRAGMENT = re.compile(r"(Of|As|What|Which|Likewise|For|Over|With|Or|And|From|Under|Where|Whether)\b")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(path: Path) -> Iterator[Definition]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Definition):
            yield node


def test_no_function_has_more_than_60_lines() -> None:
    sizes = {
        f"{path.name}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in definitions(path)
        if not isinstance(node, ast.ClassDef)
    }
    assert {name: size for name, size in sizes.items() if size > 60} == {}


def test_no_file_has_more_than_250_lines_without_a_reason_in_its_first_line() -> None:
    long = {path for path in SOURCES if len(path.read_text().splitlines()) > 250}
    assert {path.name for path in long if "however long" not in path.read_text().partition("\n")[0]} == set()


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda p: str(p.relative_to(ROOT)))
def test_docstrings_begin_with_a_verb_or_a_noun(folder: Path) -> None:
    wrong = [
        f"{path.name}: {getattr(node, 'name', 'module')}: {text.splitlines()[0]}"
        for path in SOURCES
        if path.parent == folder
        for node in [ast.parse(path.read_text()), *definitions(path)]
        if FRAGMENT.match(text := ast.get_docstring(node) or "")
    ]
    assert wrong == []


def test_the_transfer_and_the_alternating_step_stand_on_one_screen() -> None:
    functions = {
        node.name: node
        for name in ("evaluation/transfer.py", "training/alternating.py", "orthogonality.py", "adapters.py")
        for node in definitions(ROOT / "src" / "orthoadapters" / name)
    }
    sizes = {"transfer": 15, "swap_in": 16, "layer_orthogonality": 15, "orthogonality_loss": 8, "training_step": 31}
    for name, most in sizes.items():
        lines = (functions[name].end_lineno or 0) - functions[name].lineno + 1
        assert lines <= most, f"{name} has {lines} lines"
    assert "paper, figure 1c" in (ast.get_docstring(functions["transfer"]) or "")
