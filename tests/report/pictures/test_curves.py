"""Columns of metrics.csv are read as they are, or thinned to means; damage is a sentence."""

from pathlib import Path

import numpy as np
import pytest

from orthoadapters.errors import UserError
from orthoadapters.report.pictures.curves import read_curves

NAN = float("nan")


def metrics_file(path: Path, rows: int) -> Path:
    """Loss = iteration, L_ORT = twice that in even iterations; a development score in row 5."""
    header = "iteration,loss,grad_norm,l_ort,dev_f1,l_ort_layer_0\n"
    text = [f"{i},{i},1,{'' if i % 2 else 2 * i},,\n" for i in range(1, rows + 1)]
    text.insert(5, "5,,,,0.5,\n")
    path.write_text(header + "".join(text))
    return path


def test_short_curves_are_read_as_they_are(tmp_path: Path) -> None:
    curves = read_curves(metrics_file(tmp_path / "metrics.csv", 6))
    assert curves["iteration"].tolist() == [1, 2, 3, 4, 5, 6]
    assert curves["loss"].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(curves["l_ort"], [NAN, 4, NAN, 8, NAN, 12])


def test_long_curves_are_thinned_to_means(tmp_path: Path) -> None:
    curves = read_curves(metrics_file(tmp_path / "metrics.csv", 25), points=4)
    assert curves["iteration"].tolist() == [7, 14, 21, 25]
    assert curves["loss"].tolist() == [4, 11, 18, 23.5]
    assert curves["l_ort"].tolist() == [8, 22, 36, 46]
    assert len(read_curves(metrics_file(tmp_path / "metrics.csv", 30_001))["loss"]) <= 200


def test_curves_without_a_step_are_empty(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("iteration,loss,l_ort\n")
    assert {name: values.tolist() for name, values in read_curves(tmp_path / "metrics.csv").items()} == {
        "iteration": [],
        "loss": [],
        "l_ort": [],
    }


@pytest.mark.parametrize(
    "text",
    [
        "iteration,loss\n1,2\n",
        "iteration,loss,l_ort\n1,2,3\n2,1",
        "iteration,loss,l_ort\n1,x,3\n",
        ",,\n",
        "",
        "iteration,loss,l_ort\n,2,3\n",
    ],
)
def test_damaged_curves_are_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(UserError, match=r"metrics.csv is damaged"):
        read_curves(tmp_path / "metrics.csv")
    with pytest.raises(UserError, match=r"cannot read .*gone.csv \(No such file"):
        read_curves(tmp_path / "gone.csv")
