"""The files that an output may not take the place of."""

from pathlib import Path

import pytest

from orthoadapters.runs.records import records_at

FILES = (
    "run/inputs.json",  # as yet without a result
    "run/checkpoints/last.ckpt",
    "run/sentences/test-sw.npz",
    "run/SHA256SUMS",
    "run/.lock",
    "adapter/adapter_config.json",
    "adapter/adapter.safetensors",
    "adapter/SHA256SUMS",
    "backbone/config.json",
    "backbone/model-00001-of-00002.safetensors",
    "backbone/tokenizer.json",
    "cache/text-sw.npy",
)
OWN = ("run/labels.tsv", "adapter/labels.tsv", "backbone/labels.json", "cache/other.npy", "own/labels.tsv")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    for name in (*FILES, *OWN, "cache/text-sw.npy.sha256", "own/SHA256SUMS", "own/result.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_what_commands_read_is_a_record_by_every_name(world: Path, name: str) -> None:
    (world / "link").symlink_to(world / name)
    for path in (world / name, world / "link", world / "own" / ".." / name):
        assert records_at(path) == [(world / name).resolve()]


@pytest.mark.parametrize("name", OWN)
def test_a_file_of_the_users_own_is_none(world: Path, name: str) -> None:
    assert records_at(world / name) == []


def test_a_link_to_itself_is_none(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert records_at(tmp_path / "loop") == []
