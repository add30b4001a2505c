"""Every picture that has data is drawn; the others are named; a new one is one file."""

import importlib.util
import re
from pathlib import Path

import pytest

from orthoadapters.report.output import write
from orthoadapters.report.pictures import gallery
from orthoadapters.report.pictures.gallery import list_missing_pictures
from orthoadapters.report.printed.tables import Extras
from tests.helpers.commands import ROOT
from tests.helpers.xnli_runs import FEW_DRAWS, WholeReport, analyse_runs, answers, write_xnli_run

# The new file of the recipe in docs/extending.md.
NEW_FILE = re.compile(r"New file `src/orthoadapters/report/pictures/sizes\.py`:\n\n```python\n(.*?)```", re.DOTALL)


def test_everything_that_has_data_is_drawn(everything: WholeReport) -> None:
    names = ["differences", "dev", "losses", "cos2", "text"]
    assert [drawing.name for drawing in everything.drawings] == [
        *(f"{name}-xnli-tiny" for name in names),
        "losses-mlm-tiny",
        "cos2-mlm-tiny",
    ]
    assert [drawing.table for drawing in everything.drawings] == [everything.report.tables[0]] * 5 + [None] * 2
    assert list_missing_pictures(everything.report, everything.drawings) == []
    for drawing in everything.drawings:
        assert drawing.caption.startswith(("xnli, tiny: ", "language adapters, tiny: "))
        assert drawing.caption.endswith(".")


def test_what_has_no_data_is_not_drawn_and_named(tmp_path: Path) -> None:
    codes = {"en": "en", "sw": "qaa", "tr": "qab"}  # of the last two nobody counted the words
    write_xnli_run(tmp_path, "t_noo", {codes[code]: rows for code, rows in answers("t_noo").items()})
    report, _, drawings = analyse_runs(tmp_path, FEW_DRAWS)
    assert drawings == []
    notes = list_missing_pictures(report, drawings)
    assert len(notes) == 6
    assert all(note.startswith(("xnli, tiny: there is no picture of ", "There are no pictures of")) for note in notes)


def test_a_new_picture_is_one_file_and_its_name_in_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = NEW_FILE.search((ROOT / "docs" / "extending.md").read_text())
    assert recipe is not None
    path = tmp_path / "sizes.py"
    path.write_text(recipe[1])
    spec = importlib.util.spec_from_file_location("sizes", path)
    assert spec is not None
    assert spec.loader is not None
    sizes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sizes)
    monkeypatch.setattr(gallery, "PICTURES", (*gallery.PICTURES, sizes.PICTURE))

    write_xnli_run(tmp_path / "runs", "t_noo")
    report, analyses, drawings = analyse_runs(tmp_path / "runs", FEW_DRAWS)
    out = tmp_path / "report"
    write(report, analyses, drawings, out, Extras())
    caption = "xnli, tiny: sentences of the test sets."
    assert [drawing.name for drawing in drawings] == ["text-xnli-tiny", "sizes-xnli-tiny"]
    assert f"![sizes-xnli-tiny](figures/sizes-xnli-tiny.svg)\n\n{caption}" in (out / "figures.md").read_text()
    assert f">{caption}</figcaption>" in (out / "report.html").read_text()
    assert {path.name for path in (out / "figures").glob("sizes-*")} == {"sizes-xnli-tiny.svg", "sizes-xnli-tiny.pdf"}
    assert "xnli, tiny: there is no picture of test set sizes, as no run was tested." in list_missing_pictures(
        report, []
    )
