"""The notebooks of docs/: run, and kept without what their next run would change: `make notebooks`."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.helpers.commands import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def read(path: Path) -> dict[str, Any]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(notebook, dict)
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def strip(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without times, versions and warnings: sources, outputs and their order are left."""
    cells = [cell | {"metadata": {}} for cell in notebook["cells"]]
    for number, cell in enumerate(code_cells({"cells": cells}), 1):
        cell["execution_count"] = number
        cell["outputs"] = [
            output | ({"execution_count": number} if output["output_type"] == "execute_result" else {})
            for output in cell["outputs"]
            if output.get("name") != "stderr"
        ]
    return {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(json.dumps(strip(read(path)), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
