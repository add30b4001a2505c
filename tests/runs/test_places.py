"""The places of a finished run, from any directory and after it was moved."""

from contextlib import chdir
from pathlib import Path

import pytest

from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import Config
from orthoadapters.runs.places import find_places
from tests.helpers.report_runs import FinishedRun

NAME = "tiny/xnli/lnoo_tnoo/lr0.0001-seed0-12345678"


def places(project: Path | None, run: Path, *overrides: str) -> Config:
    """Reads where a run's things are. project: the working directory that the run recorded."""
    config = compose_config(["backbone=local", "backbone.path=models/tiny", *overrides])
    result = FinishedRun(name=NAME).result
    if project is not None:
        result.provenance["working_directory"] = str(project)
    find_places(config, run, result)
    return config


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("project/runs/" + NAME, "project/adapters", "project/.cache", "project/models/tiny", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "project"


def test_relative_places_are_found_from_any_directory(project: Path) -> None:
    with chdir(project.parent / "elsewhere"):
        config = places(project, project / "runs" / NAME, "paths.adapters=./adapters")
    assert config.paths.adapters == str(project / "adapters")
    assert config.paths.cache == str(project / ".cache")
    assert config.backbone.path == str(project / "models/tiny")


def test_in_the_directory_that_they_belong_to_places_stay_as_they_were_written(project: Path) -> None:
    with chdir(project):
        config = places(project, Path("runs") / NAME)
    assert (config.paths.adapters, config.backbone.path) == ("adapters", "models/tiny")


def test_what_was_moved_together_is_found_together(project: Path) -> None:
    moved = project.rename(project.with_name("moved"))
    written = [f"paths.runs={project}/runs", f"paths.adapters={project}/adapters"]
    for overrides in ([], written):
        config = places(project, moved / "runs" / NAME, *overrides)
        assert config.paths.adapters == str(moved / "adapters")
        assert config.paths.cache == str(moved / ".cache")


def test_a_run_that_was_moved_alone_finds_what_stayed(project: Path, tmp_path: Path) -> None:
    moved = (project / "runs" / NAME).rename(tmp_path / "elsewhere/run")
    assert places(project, moved).paths.adapters == str(project / "adapters")


def test_a_run_below_a_symbolic_link_finds_what_lies_beside_the_link(project: Path, tmp_path: Path) -> None:
    scratch = (project / "runs").rename(tmp_path / "scratch")
    (project / "runs").symlink_to(scratch)
    assert places(project, project / "runs" / NAME).paths.adapters == str(project / "adapters")
    assert places(project, scratch / NAME).paths.adapters == str(project / "adapters")


def test_what_is_nowhere_is_looked_for_beside_the_run_and_not_here(project: Path, tmp_path: Path) -> None:
    (project / ".cache").rmdir()
    with chdir(tmp_path / "elsewhere"):
        assert places(project, project / "runs" / NAME).paths.cache == str(project / ".cache")


def test_an_earlier_run_names_its_places_as_before(project: Path) -> None:
    config = places(None, project / "runs" / NAME)
    assert (config.paths.adapters, config.paths.cache, config.backbone.path) == ("adapters", ".cache", "models/tiny")


def test_a_data_set_in_a_folder_is_found_too(project: Path) -> None:
    (project / "data").mkdir()
    with chdir(project.parent / "elsewhere"):
        assert places(project, project / "runs" / NAME, "task.hub_id=data").task.hub_id == str(project / "data")
        assert places(project, project / "runs" / NAME, "task.hub_id=a/b").task.hub_id == "a/b"
