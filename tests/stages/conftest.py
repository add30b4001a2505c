"""What the tests of both stages share: a folder with trained language adapters."""

from pathlib import Path

import pytest

from tests.helpers.short_runs import execute, overrides


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory, backbone: Path, world: Path) -> Path:
    """A folder in which the language adapters of both kinds are trained."""
    folder = tmp_path_factory.mktemp("out")
    for variant in ("lnoo_tnoo", "lort_tnoo"):
        for language in ("en", "ar", "tr", "sw"):
            execute(overrides(backbone, world, folder, "stage=mlm", f"variant={variant}", f"language={language}"))
    return folder
