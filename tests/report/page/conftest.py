"""A page with everything that it has to show, made once for all tests that only look at it."""

from pathlib import Path

import pytest

from tests.helpers.html import ShownPage, shown_page
from tests.helpers.whole_report import complete, reported


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "runs"
    complete(folder)
    return folder


@pytest.fixture(scope="session")
def whole(runs: Path) -> ShownPage:
    return shown_page(*reported(runs), runs.parent / "report")
