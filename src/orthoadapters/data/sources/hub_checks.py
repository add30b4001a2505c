"""The checks of a data set before it is loaded, by the names of its subsets, splits, columns and classes.

They are looked up in a local folder, and without a network in the cache of `datasets`. Of a data set that is neither here
nor there nothing is known before it was fetched.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig
from orthoadapters.data.sources.hub import (
    HUB_SPLITS,
    cached_data,
    check_revision,
    class_names,
    columns,
    data_set,
    folder_errors,
    newest,
    own_columns,
    place_of,
    read_hub,
)
from orthoadapters.errors import MissingSplitError
from orthoadapters.examples import Split
from orthoadapters.hub.offline import is_offline


@dataclass(frozen=True)
class _Outline:
    """The names in one subset. splits: None if they are not known; columns: those of the split, with their classes if any."""

    splits: Sequence[str] | None
    columns: Mapping[str, Sequence[str] | None]


def check_hub(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> None:
    """Raises the UserError that `read_hub` would raise for a missing subset, split or column, or for an unknown label.

    The rows are read only if a class has a name that is no label: it may be one that no row has.
    """
    if task.hub_columns:
        own_columns(task)
    hub_id, subset = data_set(task, language)
    place, name = place_of(hub_id, subset, split), HUB_SPLITS[split]
    if Path(hub_id).is_dir():
        outline = _outline_of_folder(hub_id, subset, name)
    elif is_offline():
        outline = _outline_in_cache(hub_id, subset, task.hub_revision, place)
    else:
        return
    if outline.splits is not None and name not in outline.splits:
        raise MissingSplitError(
            f"could not load {place}: there is no split {name}, only {', '.join(outline.splits)}; leave the language out"
        )
    if not outline.columns:
        return
    label = columns(task, outline.columns, place)[-1]
    if not {*task.labels, *task.label_names}.issuperset(outline.columns[label] or ()):
        read_hub(data, task, split, language, data.limit(split))


def _outline_of_folder(folder: str, subset: str, split: str) -> _Outline:
    """Asks `datasets` what a folder holds, which reads its README.md and the names of its files alone."""
    import datasets  # slow to import, and only needed here

    with folder_errors(f"{folder} (config {subset})"), tempfile.TemporaryDirectory() as scratch:
        builder = datasets.load_dataset_builder(folder, subset, cache_dir=scratch)
    files = builder.config.data_files or {}
    features = builder.info.features or _features(builder, [Path(file) for file in files.get(split, [])])
    return _Outline([*files] or None, {name: class_names(feature) for name, feature in features.items()})


def _features(builder: Any, files: Sequence[Path]) -> Mapping[str, Any]:
    """Reads the names of columns from a split's first file; none where that is not seen at its beginning."""
    import datasets
    import pandas
    import pyarrow.parquet

    if not files or not files[0].is_file():
        return {}
    try:
        if builder.name == "parquet":
            return dict(datasets.Features.from_arrow_schema(pyarrow.parquet.read_schema(files[0])))
        if builder.name == "csv":
            options = builder.config.pd_read_csv_kwargs | {"nrows": 0, "chunksize": None}
            return dict.fromkeys(pandas.read_csv(files[0], **options).columns)
    except (OSError, ValueError, pyarrow.ArrowException):
        # Whatever is wrong with the file, its reader says so.
        pass
    return {}


def _outline_in_cache(hub_id: str, subset: str, revision: str | None, place: str) -> _Outline:
    """Reads what `datasets` wrote beside the subset that it would load without a network, which is the newest."""
    folder = newest(cached_data(hub_id, subset))
    check_revision(folder, revision, place)
    try:
        record = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
        classes = {name: _classes(feature) for name, feature in record["features"].items()}
        return _Outline([*record["splits"]] or None, classes)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return _Outline(None, {})


def _classes(feature: Any) -> list[str] | None:
    """Returns the names of the classes of a feature as JSON has it, or of those in its lists; None if it has none."""
    if isinstance(feature, list):
        feature = feature[0]
    names: list[str] | None = feature.get("feature", feature).get("names")
    return names
