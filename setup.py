"""Puts conf/ and multirun_sweeps/, which are at the top of the repository, into the package of a wheel.

Everything else is in pyproject.toml. An editable installation reads the two folders where they are.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = ("conf", "multirun_sweeps")


class BuildWithConfiguration(build_py):
    """Setuptools' build of the Python files, and after it the copy of the YAML files."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name in FOLDERS:
                target = Path(self.build_lib, "orthoadapters", name)
                # An earlier build may have left files that have other names now.
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(name, target)


setup(cmdclass={"build_py": BuildWithConfiguration})
