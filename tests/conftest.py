"""A tiny backbone with a tokenizer, a folder of labelled data as XTREME makes it, and text: enough for every road."""

import os

import pytest

from tests.helpers import warm_python

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that tests start
os.environ["WANDB_MODE"] = "offline"
os.environ["HF_HUB_OFFLINE"] = "1"
warm_python.share_server()


def pytest_configure(config: pytest.Config) -> None:
    """Loads what tests need, unless this process only hands them to workers (-n 2)."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("tests.helpers.session")
