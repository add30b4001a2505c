"""The rules of CONTRIBUTING.md that can be checked by reading the code: sizes, docstrings, the source of each number."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.commands import ROOT

SOURCES = [
    *sorted((ROOT / "src").rglob("*.py")),
    *(ROOT / f"{name}.py" for name in ("train", "report", "predict", "evaluate")),
]
# A docstring begins with a verb, or with a noun and its article.
FRAGMENT = re.compile(r"(Of|As|What|Which|Likewise|For|Over|With|Or|And|From|Under|Where|Whether)\b")
# Words that are their own participle (read, run, split, set) are not among these: they may be the verb, or a noun.
IRREGULAR = set(
    "awoken begun bent bitten born bound bought broken brought built burnt caught chosen cut done dealt drawn driven eaten "
    "fallen found felt flown forgiven forgotten fought frozen given gone got grown heard held hidden kept known laid led "
    "left lent lost made meant met paid risen said seen sent shaken shown sold sought spent spoken spun stolen stood "
    "stuck struck sung sunk sworn swept taken taught thought thrown told torn understood undone unseen unwritten "
    "woken won worn wound woven written wrung".split()
)
# Words that look like participles, or that have to be one, each with its reason.
NO_PARTICIPLES = {
    "seed": "a noun",
    "feed": "a verb and a noun",
    "need": "a verb and a noun",
    "speed": "a noun",
    "hidden": "hidden states, the field's term",
    "pretrained": "Hugging Face's term, as in from_pretrained",
}
# These names are files', users' or the field's, each in one file.
FIXED_NAMES = {
    "schema.py: failed": "rerun=failed, as users write it",
    "schema.py: selected": "sweep.selected, a key of conf/",
    "schema.py: trained": "language_adapters.source=trained, as users write it",
    "cells.py: failed": "a cell's state, as a sweep prints it",
    "cells.py: finished": "a cell's state, as a sweep prints it",
    "orthogonality.py: squared_BT": "cos squared, as in Eq. 2",
}
# `is_split` is a predicate, and not data that were split.
PREDICATE = re.compile(r"_*(is|are|was|has|have|can|needs)_")
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


def bound_names(path: Path) -> Iterator[str]:
    """Yields the names that a module defines: functions, classes, arguments, variables and attributes."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name


def is_participle(name: str) -> bool:
    """Says whether a name ends in a participle: `rows_given`, `given_BT` with its axes, `RowsGiven`."""
    if PREDICATE.match(name):
        return False
    words = re.findall(
        r"[a-z0-9]+|[A-Z]+(?![a-z])|[A-Z][a-z0-9]+", name if name.isupper() else re.sub(r"_[A-Z]+$", "", name)
    )
    word = words[-1].lower() if words else ""
    return word not in NO_PARTICIPLES and (word in IRREGULAR or word.endswith("ed"))


def test_a_participle_is_told_from_nouns_verbs_and_predicates() -> None:
    names = ("found", "_joined", "rows_kept", "drawn_BT", "UNTAGGED", "Scored", "left_", "RunsFound", "FILES_READ_MADE")
    assert [name for name in names if not is_participle(name)] == []
    names = ("seed", "by_seed", "hidden_BTH", "is_masked", "_is_drawn", "read", "split", "kept_rows", "SEEN_LANGUAGES")
    assert [name for name in names if is_participle(name)] == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda p: str(p.relative_to(ROOT)))
def test_names_are_nouns_and_verbs_and_no_participles(folder: Path) -> None:
    paths = [path for path in SOURCES if path.parent == folder]
    names = {f"{path.name}: {name}" for path in paths for name in bound_names(path) if is_participle(name)}
    assert names - FIXED_NAMES.keys() == set()


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


def test_no_file_has_the_marks_of_a_merge() -> None:
    names = ("*.py", "*.md", "*.yaml", "*.toml", "*.txt", "Makefile", ".ci/run")
    folders = [ROOT / name for name in ("src", "tests", "conf", "docs", "benchmarks", "experiments", "multirun_sweeps")]
    files = [*ROOT.glob("*"), ROOT / ".ci" / "run", *(path for folder in folders for path in folder.rglob("*"))]
    marked = [
        path.relative_to(ROOT)
        for path in files
        if path.is_file() and any(path.match(name) for name in names)
        if re.search(r"^(<{7}|>{7})", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert marked == []
