"""The columns of a run's metrics.csv, thinned until they can be drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from orthoadapters.checksums import check_sums
from orthoadapters.errors import UserError
from orthoadapters.report.pictures.style import Floats

POINTS = 200  # ours: what a line of some centimetres can show, and each the mean of enough batches to lie still
Curves = Mapping[str, Floats]  # "iteration" and each column, (n,) each


def read_curves(path: Path, columns: Sequence[str] = ("loss", "l_ort"), points: int = POINTS) -> Curves:
    """Reads `iteration` and each column, (n,) with n <= points: the means of equally long stretches of iterations.

    The iteration is the last one of its stretch. A value is NaN where none of its stretch is logged, as L_ORT of a run
    without the second step. Raises UserError if the file is missing, has no such column, or is damaged.
    """
    check_sums(path.parent, "restore it, or leave its run out", (path.name,))
    try:
        table = _read(path, ["iteration", *columns])
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}); bring it back, or leave its run out") from None
    except (ValueError, KeyError):
        raise UserError(f"{path} is damaged, or lacks one of {', '.join(columns)}; leave its run out") from None
    if not (np.isfinite(table[:, 0]) & (table[:, 0] >= 1)).all():
        raise UserError(f"{path} is damaged: a row has no iteration, or none from 1 on; leave its run out")
    # Other rows log something else, such as scores of development sets.
    table = table[~np.isnan(table[:, 1:]).all(axis=1)]
    if not len(table):
        return {name: np.empty(0) for name in ("iteration", *columns)}
    return _thin(table, columns, points)


def _thin(table: Floats, columns: Sequence[str], points: int) -> Curves:
    """Takes means over stretches of iterations. table: (rows, 1 + columns), the iteration first."""
    iteration = table[:, 0]
    length = -(-iteration.max() // points)
    stretch = ((iteration - 1) // length).astype(np.int64)
    count = int(stretch.max()) + 1
    thin = {"iteration": np.minimum((np.arange(count) + 1) * length, iteration.max())}
    for name, values in zip(columns, table[:, 1:].T, strict=True):
        is_logged = ~np.isnan(values)
        sums = np.bincount(stretch[is_logged], values[is_logged], count)
        # 0 / 0 is NaN, which is what an empty stretch should give.
        with np.errstate(invalid="ignore"):
            thin[name] = sums / np.bincount(stretch[is_logged], minlength=count)
    return thin


def _read(path: Path, columns: Sequence[str]) -> Floats:
    """Reads (rows, columns), NaN where a field is empty. Raises ValueError or KeyError for what is no such table."""
    # PyArrow takes a tenth of Python's time, which is seconds for a paper's runs.
    from pyarrow import csv, float64

    types = csv.ConvertOptions(column_types=dict.fromkeys(columns, float64()), include_columns=list(columns))
    with path.open("rb") as file:
        table = csv.read_csv(file, convert_options=types)
    return np.stack([table[name].to_numpy().astype(np.float64) for name in columns], axis=1)
