"""A report with every picture, which is drawn once for all tests that only look at it."""

from pathlib import Path

import pytest

from tests.helpers.xnli_runs import WholeReport, analyse_runs, write_everything


@pytest.fixture(scope="session")
def everything_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everything") / "runs"
    write_everything(folder)
    return folder


@pytest.fixture(scope="session")
def everything(everything_runs: Path) -> WholeReport:
    return analyse_runs(everything_runs)
