"""What a result says about the code: its commit, without a trace in the repository."""

import os
import subprocess
from pathlib import Path

import pytest

from orthoadapters.runs import provenance


def test_asking_for_the_commit_leaves_the_repository_unlocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code.py").write_text("pass\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    # git's index has another time for this file now, which `git status` would write down under a lock.
    os.utime(tmp_path / "code.py", (1, 1))
    index = (tmp_path / ".git" / "index").read_bytes()
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    provenance._git.cache_clear()
    assert len(provenance.commit()) == 40
    assert (tmp_path / ".git" / "index").read_bytes() == index
    provenance._git.cache_clear()
