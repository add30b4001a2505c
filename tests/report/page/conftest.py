"""A page with everything that it has to show, made once for all tests that only look at it."""

from pathlib import Path

import pytest

from tests.helpers.html import ShownPage, shown_page
from tests.helpers.whole_report import make_report, write_whole_report


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "runs"
    write_whole_report(folder)
    return folder


@pytest.fixture(scope="session")
def whole(runs: Path) -> ShownPage:
    return shown_page(*make_report(runs), runs.parent / "report")
