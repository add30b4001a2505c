"""Local Hub caches as the Hugging Face libraries leave them after a download, made without one."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import datasets
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

REVISION = "0123456789abcdef0123456789abcdef01234567"
LABELS = ["entailment", "neutral", "contradiction"]


def add_backbone(cache: Path, hub_id: str, folder: Path, revision: str = REVISION) -> Path:
    """Puts a folder's files into `cache`/hub as snapshot `revision` of `hub_id`; the snapshot's folder."""
    repository = cache / "hub" / f"models--{hub_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / revision
    (repository / "blobs").mkdir(parents=True, exist_ok=True)
    snapshot.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        shutil.copy(file, repository / "blobs" / file.name)
        (snapshot / file.name).symlink_to(repository / "blobs" / file.name)
    return snapshot


def add_xnli(
    cache: Path, hub_id: str, codes: Sequence[str], sizes: Mapping[str, int], revision: str = REVISION, step: int = 1
) -> None:
    """Puts a sentence-pair data set into `cache`/datasets, in the place where `datasets` keeps a revision of `hub_id`.

    step: that from one row's label to the next one's; with -1, the second row's label is -1, which stands for none.
    """
    names = {"premise": Value("string"), "hypothesis": Value("string"), "label": ClassLabel(names=LABELS)}
    for code in codes:
        splits = DatasetDict()
        for split, size in sizes.items():
            rows = {
                "premise": ["a dog"] * size,
                "hypothesis": ["the dog"] * size,
                "label": [step * (i % 3) if i < 2 else i % 3 for i in range(size)],
            }
            splits[split] = Dataset.from_dict(rows, Features(names))
        parquet = cache / "parquet" / code
        for split, rows in splits.items():
            rows.to_parquet(parquet / f"{split}.parquet")
        folder = cache / "made" / code
        files = {split: str(parquet / f"{split}.parquet") for split in splits}
        datasets.load_dataset("parquet", code, data_files=files, cache_dir=str(folder))
        (arrow,) = {path.parent for path in folder.rglob("*.arrow")}
        place = cache / "datasets" / hub_id.replace("/", "___") / code / "0.0.0" / revision
        shutil.copytree(arrow, place)
        name = hub_id.partition("/")[2]
        for path in place.glob("*.arrow"):
            path.rename(path.with_name(path.name.replace("parquet", name, 1)))
        info = place / "dataset_info.json"
        info.write_text(info.read_text().replace('"dataset_name": "parquet"', f'"dataset_name": "{name}"'))
    shutil.rmtree(cache / "made")
    shutil.rmtree(cache / "parquet")
