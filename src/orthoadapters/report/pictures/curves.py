"""Columns of a run's metrics.csv, short enough to be drawn."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orthoadapters.errors import UserError

POINTS = 200  # ours: what a line of some centimetres can show, and each the mean of enough batches to lie still


def read_curves(
    path: Path, columns: Sequence[str] = ("loss", "l_ort"), points: int = POINTS
) -> dict[str, NDArray[np.float64]]:
    """`iteration` and each column, (n,) with n <= points: the means of equally long stretches of iterations.

    An iteration counts as the last one of its stretch. A value is NaN where none of its stretch is logged, as L_ORT of a
    run without the second step. Raises UserError if the file is missing, has no such column, or is damaged.
    """
    try:
        table = _read(path, ["iteration", *columns])
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}); bring it back, or leave its run out") from None
    except (ValueError, KeyError):
        raise UserError(f"{path} is damaged, or lacks one of {', '.join(columns)}; leave its run out") from None
    if np.isnan(table[:, 0]).any():
        raise UserError(f"{path} is damaged: a row has no iteration; leave its run out")
    table = table[~np.isnan(table[:, 1:]).all(axis=1)]  # rows that log something else, as scores of development sets
    if not len(table):
        return {name: np.empty(0) for name in ("iteration", *columns)}
    iteration = table[:, 0]
    length = -(-iteration[-1] // points)
    stretch = ((iteration - 1) // length).astype(np.int64)
    count = int(stretch.max()) + 1
    thin = {"iteration": np.minimum((np.arange(count) + 1) * length, iteration[-1])}
    for name, values in zip(columns, table[:, 1:].T, strict=True):
        logged = ~np.isnan(values)
        sums = np.bincount(stretch[logged], values[logged], count)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, which is what is meant
            thin[name] = sums / np.bincount(stretch[logged], minlength=count)
    return thin


def _read(path: Path, columns: Sequence[str]) -> NDArray[np.float64]:
    """(rows, columns), NaN where a cell is empty. Raises ValueError or KeyError for what is no such table."""
    from pyarrow import csv, float64  # in a tenth of Python's time, which is seconds for a paper's runs

    types = csv.ConvertOptions(column_types=dict.fromkeys(columns, float64()), include_columns=list(columns))
    with path.open("rb") as file:
        table = csv.read_csv(file, convert_options=types)
    return np.stack([table[name].to_numpy().astype(np.float64) for name in columns], axis=1)
