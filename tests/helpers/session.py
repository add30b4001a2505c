"""What every test process needs: PyTorch set up for tiny models, and the fixtures of all rooms.

conftest.py loads it, but not in the process that only hands tests to workers, which would import PyTorch before they do.
"""

import gc
import logging
import shutil
from pathlib import Path

import pytest
import wandb.apis.public  # noqa: F401  its data models search all loaded modules, and PyTorch would bring thousands

import torch  # isort: skip
from hypothesis import HealthCheck, settings

from tests.helpers import tiny_world, warm_python

# A busy machine makes no test fail.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
torch.set_num_threads(1)  # the models here are tiny: threads would cost more than they bring
warm_python.start_fork_servers_warm()

ORACLE = Path(__file__).parents[1] / "oracle"


def pytest_collection_finish() -> None:
    """Keeps the garbage collector from looking through all imported modules again and again, a tenth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    gc.freeze()  # pytest collects garbage five times at its end, a minute over all that PyTorch's tests leave


@pytest.fixture(autouse=True)
def _logging_of_commands() -> None:
    """Takes back what commands that earlier tests and fixtures called said to Python's logging, which is the process's own."""
    logging.getLogger("orthoadapters").setLevel(logging.NOTSET)
    logging.root.setLevel(logging.WARNING)  # as Python has it; Hydra's --cfg makes it INFO
    for handler in list(logging.root.handlers):
        if type(handler) is logging.StreamHandler:  # pytest's own are of other types
            logging.root.removeHandler(handler)


@pytest.fixture(scope="session")
def oracle() -> Path:
    return ORACLE


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The oracle's backbone (3 layers, hidden 64, vocabulary 400) with a tokenizer whose ids it has."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    shutil.copytree(ORACLE / "backbone", folder)
    return tiny_world.save_tiny_tokenizer(folder)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with udpos/, panx/, xnli/ and text/ in a few languages."""
    folder = tmp_path_factory.mktemp("world")
    tiny_world.write(folder)
    return folder
