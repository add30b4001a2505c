"""The notebooks as they are kept: executed, with small outputs and nothing of the machine. `make test-notebooks` runs them."""

import re
from pathlib import Path

import pytest

from tests.helpers.commands import ROOT
from tests.helpers.notebooks import NOTEBOOKS, code_cells, read, strip

MOST_BYTES = 40_000
# Absolute paths, versions, times of day and of computing, and addresses of objects.
OF_THE_MACHINE = re.compile(
    r"(?<![\w.<])/(?:\w+/)+|\b\d+\.\d+\.\d+\b|\b\d\d:\d\d\b|\b\d+(?:\.\d+)? ?s\b|\b0x[0-9a-f]{6,}"
)
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def texts(path: Path) -> str:
    """What the outputs of a notebook show, in each of their forms."""
    parts = []
    for cell in code_cells(read(path)):
        for output in cell["outputs"]:
            parts += ["".join(text) for text in [output.get("text", []), *output.get("data", {}).values()]]
    return "\n".join(parts)


def test_there_are_notebooks_and_the_documents_lead_to_each() -> None:
    assert len(NOTEBOOKS) == 3
    manual = (ROOT / "docs" / "adapters.md").read_text()
    assert all(f"(notebooks/{path.name})" in manual for path in NOTEBOOKS)


@every_notebook
def test_a_notebook_was_run_from_top_to_bottom_and_ended_well(path: Path) -> None:
    notebook = read(path)
    assert notebook == strip(notebook), "make notebooks runs them and keeps their outputs"
    assert [
        output for cell in code_cells(notebook) for output in cell["outputs"] if output["output_type"] == "error"
    ] == []
    assert len(texts(path)) > 200


@every_notebook
def test_outputs_are_small_and_hold_nothing_of_the_machine(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    assert OF_THE_MACHINE.findall(re.sub(r"<[^>]+>", " ", texts(path))) == []


def test_what_is_of_a_machine_is_noticed() -> None:
    samples = ("in /home/user/x", "torch 2.13.0", "at 12:30", "0.52 s", "3 s", "<Tensor at 0x7f12ab34cd>")
    assert all(OF_THE_MACHINE.search(sample) for sample in samples)
    assert not OF_THE_MACHINE.search(".cache/notebooks/a 0.52 100 (95 %) 1,234 and/or 12")
