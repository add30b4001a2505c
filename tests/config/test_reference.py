"""docs/reference.md: it is what the schema and conf/ say today, explains every key, and its defaults are those of a run."""

import dataclasses
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml

from orthoadapters.config.comments import Lines, default_lines, file_lines, schema_comments
from orthoadapters.config.compose import CONF, compose_config
from orthoadapters.config.reference import reference
from orthoadapters.config.schema import Config
from tests.helpers.commands import ROOT


def keys(schema: type, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every key with the class and the field that define it."""
    for name, hint in typing.get_type_hints(schema).items():
        if dataclasses.is_dataclass(hint):
            yield from keys(typing.cast(type, hint), f"{prefix}{name}.")
        else:
            yield prefix + name, schema.__name__, name


def test_the_page_is_made_of_todays_schema_and_files() -> None:
    command = "python -m orthoadapters.config.reference > docs/reference.md"
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == reference(), f"make it anew with: {command}"


def test_every_key_has_a_row_that_says_what_it_does() -> None:
    tables = [
        part for part in reference().split("\n\n") if part.startswith("| Key | Type | Default | Source | Effect |")
    ]
    rows = [row.strip("| ").split(" | ") for table in tables for row in table.splitlines()[2:]]
    assert [row[0] for row in rows] == [f"`{key}`" for key, _, _ in sorted(keys(Config), key=lambda key: "." in key[0])]
    for key, schema, field in keys(Config):
        assert schema_comments().get((schema, field)), f"schema.py: {key} has no comment"


def test_every_file_of_every_group_and_every_sweep_is_named() -> None:
    page = reference()
    for path in CONF.rglob("*.yaml"):
        if path.parent != CONF:
            assert f"`{path.parent.relative_to(CONF)}={path.stem}`" in page
    for path in (ROOT / "multirun_sweeps" / "sweep").glob("*.yaml"):
        assert f"- `python train.py sweep={path.stem}`: " in page


def test_the_defaults_are_those_that_a_run_has() -> None:
    config, lines = compose_config([]), default_lines()
    for key, line in lines.items():
        value: Any = config
        for name in key.split("."):
            value = value.get(name) if isinstance(value, dict) else getattr(value, name)
        text = lines[line.value[2:-1]].value if line.value.startswith("${") else line.value
        default = yaml.safe_load(text)
        if isinstance(default, str) and isinstance(value, float):
            default = float(default)  # YAML 1.1 reads 1e-4 as text, OmegaConf as a number
        if isinstance(default, list) and isinstance(value[0], float):
            default = [float(rate) for rate in default]
        if key != "language_adapters.hub":  # null means the ids that the languages' own files have
            assert (value.value if isinstance(value, Enum) else value) == default, key


def test_comments_and_values_of_a_file_are_read_as_they_stand_there(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("a: 1  # paper: A.1\nb:\n  c: [x, y]\n  d: null  # a word; ours: why\n")
    (tmp_path / "more.yaml").write_text("defaults:\n  - base\n  - override /data: demo\nb:\n  c: [z]\ne: ???\n")
    lines = file_lines(tmp_path / "more.yaml")
    assert {key: line.value for key, line in lines.items()} == {
        "a": "1",
        "b.c": "[z]",
        "b.d": "null",
        "e": "???",
        "data": "demo",
    }
    assert [lines[key].source for key in ("a", "b.c", "b.d")] == ["paper: A.1", "", "ours: why"]


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_value_of_a_file_is_read(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    compare({key: value for key, value in values.items() if key not in ("defaults", "hydra")}, file_lines(path))


def compare(values: dict[str, Any], lines: Lines, prefix: str = "") -> None:
    for key, value in values.items():
        has_keys = any(name.startswith(f"{prefix}{key}.") for name in lines)
        if (line := lines.get(prefix + key)) and not has_keys:
            assert yaml.safe_load(line.value) == value
        else:
            assert isinstance(value, dict), f"{prefix}{key} is not read"
            compare(value, lines, f"{prefix}{key}.")
