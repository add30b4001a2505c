"""Searches through folders: links, loops, what cannot be read; and whether a folder can be written."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from orthoadapters import UserError
from orthoadapters.folders import absence, check_new_file, check_writable, exists, find, last_change, names_in, search


def files(folder: Path, problems: list[str] | None = None) -> list[str]:
    """Searches for files named x, and returns their paths below the folder."""
    paths = search(folder, lambda name: name == "x", [] if problems is None else problems)
    return [str(path.relative_to(folder)) for path in paths]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder `runs` with a file x in each of b and c, and a further one on another disk."""
    for name in ("runs/b", "runs/c", "scratch/d"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x").touch()
    return tmp_path / "runs"


def test_links_to_folders_are_followed_and_loops_end(tree: Path) -> None:
    (tree / "b" / "scratch").symlink_to(tree.parent / "scratch")
    (tree / "c" / "up").symlink_to(tree)
    (tree / "c" / "itself").symlink_to("itself")
    problems: list[str] = []
    assert files(tree, problems) == ["b/scratch/d/x", "b/x", "c/x"]
    (problem,) = problems
    assert problem == f"{tree}/c/itself is a link to itself, which cannot be reached: it is left out"


def test_a_folder_that_two_names_lead_to_is_searched_once_by_its_own(tree: Path) -> None:
    (tree / "a").symlink_to(tree / "b")
    assert files(tree) == ["b/x", "c/x"]
    assert files(tree / "a") == ["x"]


def test_what_cannot_be_read_is_named_and_what_vanished_is_not(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir
    errors: dict[str, OSError] = {
        "b": PermissionError(13, "Permission denied", str(tree / "b")),
        "c": FileNotFoundError(2, "No such file or directory", str(tree / "c")),
    }

    def fail(path: Any = ".") -> Any:
        if error := errors.get(Path(path).name):
            raise error
        return scandir(path)

    monkeypatch.setattr(os, "scandir", fail)
    problems: list[str] = []
    assert files(tree, problems) == []
    assert problems == [f"{tree}/b cannot be read (Permission denied): what is in it is left out"]


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("*/x", ["b/x", "c/x"]),
        ("b/*", ["b/x"]),
        ("[b]/?", ["b/x"]),
        ("**/x", ["b/x", "c/x", "link/d/x"]),
        ("link/**/x", ["link/d/x"]),
        ("*/**/x", ["b/x", "c/x", "link/d/x"]),
        ("./b/x", ["b/x"]),
        ("*/y", []),
        ("b/x/*", []),
    ],
)
def test_a_pattern_means_what_pathlib_makes_of_it_and_follows_links(tree: Path, pattern: str, paths: list[str]) -> None:
    (tree / "link").symlink_to(tree.parent / "scratch")
    (tree / "readme").touch()
    problems: list[str] = []
    assert sorted(str(path.relative_to(tree)) for path in find(tree, pattern, problems)) == paths
    assert problems == []


def test_there_is_nothing_whose_name_has_a_nul() -> None:
    assert not exists(Path("a\0b"))


@pytest.mark.parametrize("pattern", ["*/x", "**/x", "b/*"])
def test_what_a_pattern_cannot_look_into_is_named(tree: Path, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def fail(path: Any = ".") -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", fail)
    problems: list[str] = []
    find(tree, pattern, problems)
    assert problems == (
        [] if pattern == "*/x" else [f"{tree}/b cannot be read (Permission denied): what is in it is left out"]
    )


def test_a_link_that_leads_nowhere_is_named_but_for_those_of_wandb(tree: Path) -> None:
    (tree / "b" / "run").symlink_to(tree / "gone")
    (tree / "c" / "wandb").mkdir()
    (tree / "c" / "wandb" / "latest-run").symlink_to("run-1")
    problems: list[str] = []
    assert files(tree, problems) == ["b/x", "c/x"]
    assert problems == [f"{tree}/b/run is a link to {tree}/gone, which cannot be reached: it is left out"]


def test_to_be_there_and_to_be_out_of_sight_are_two_things(tree: Path) -> None:
    assert exists(tree)
    assert not exists(tree / "b" / "x" / "below a file")
    assert names_in(tree / "nothing") == []
    with pytest.raises(UserError, match=r"cannot be looked at \(File name too long\)"):
        exists(tree / ("a" * 300))


def test_what_is_missing_and_what_lies_in_its_place_are_two_things(tree: Path) -> None:
    assert absence(tree / "no") == f"there is no {tree}/no"
    assert absence(tree / "no", "folder") == f"there is no folder {tree}/no"
    assert absence(tree / "b") == f"{tree}/b is a folder and no file"
    assert absence(tree / "b" / "x", "folder") == f"{tree}/b/x is a file and no folder"


def test_a_new_file_needs_a_folder_and_a_name_of_its_own(tree: Path) -> None:
    check_new_file(tree / "new" / "newer", "--output")
    with pytest.raises(UserError, match=rf"--output {tree}/b is a folder; name a file"):
        check_new_file(tree / "b", "--output")
    with pytest.raises(
        UserError, match=rf"--output .*/y cannot be written: {tree}/b/x is no folder; name another file"
    ):
        check_new_file(tree / "b" / "x" / "y", "--output")


def test_a_new_file_takes_the_place_of_none_that_is_read(tree: Path) -> None:
    file, other = tree / "b" / "x", tree / "c" / "x"
    (tree / "soft").symlink_to(file)
    (tree / "hard").hardlink_to(file)
    (tree / "itself").symlink_to("itself")
    check_new_file(other, "--output", [file, tree / "none"])
    with file.open() as stream:
        for name in (file, tree / "soft", tree / "hard"):
            for source in (file, stream.fileno()):
                with pytest.raises(
                    UserError, match=f"--output {name} is a file that is read, and would be lost; name an"
                ):
                    check_new_file(name, "--output", [other, source])
    with pytest.raises(UserError, match="itself is a link to itself, which cannot be reached; name another file"):
        check_new_file(tree / "itself", "--output", [file])


def test_a_folder_that_can_be_written_is_left_as_it_is(tree: Path) -> None:
    before = sorted(tree.rglob("*")), tree.stat().st_mtime_ns
    check_writable(tree / "new" / "newer", "paths.runs")
    assert (sorted(tree.rglob("*")), tree.stat().st_mtime_ns) == before


def test_a_folder_that_cannot_be_written_is_one_sentence(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=rf"{tree}/b/x is no folder; choose another folder with paths.runs=DIR"):
        check_writable(tree / "b" / "x" / "runs", "paths.runs")
    (tree / "scratch").symlink_to("/nowhere")
    with pytest.raises(UserError, match=r"scratch is a link to /nowhere, which cannot be reached"):
        check_writable(tree / "scratch" / "runs", "paths.runs")

    def refuse(**_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(UserError, match=rf"written to {tree}/new: {tree} cannot be written \(Read-only file system\)"):
        check_writable(tree / "new", "paths.cache")


def test_a_changed_file_a_new_one_and_a_link_set_elsewhere_are_later_changes(tree: Path) -> None:
    (tree / "now").symlink_to(tree / "b")
    os.utime(tree / "b" / "x", (0, 0))
    first = last_change(tree / "now")
    assert first > 1e9  # when a file was put there, and not when its copy says that it was written
    (tree / "now").unlink()
    (tree / "now").symlink_to(tree / "c")
    assert last_change(tree / "now") >= (tree / "now").lstat().st_ctime >= first
