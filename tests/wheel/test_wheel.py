"""The wheel, as a stranger installs and uses it: `make test-wheel`.

The environment is empty but for a .pth file that lends it the dependencies of the one that runs the tests, so that nothing is
downloaded. Commands run in a folder of their own, where the repository's files are not found.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.helpers.commands import ROOT

pytestmark = pytest.mark.wheel
SOURCES = ("src", "conf", "multirun_sweeps", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
SCRIPTS = ("train.py", "report.py", "predict.py", "evaluate.py", "CHANGELOG.md", "CITATION.cff")
OTHER_PROGRAM = """
import hydra
from hydra.core.hydra_config import HydraConfig

@hydra.main(config_path=".", config_name="other", version_base="1.3")
def main(config):
    print([source.provider for source in HydraConfig.get().runtime.config_sources])

main()
"""


def run(command: list[str | Path], folder: Path) -> str:
    """Runs a command to its end, which must be a good one. Returns what it printed to standard output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it. The wheel is built from the source distribution, so that both are complete."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (*SOURCES, *SCRIPTS):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    build = "from setuptools import build_meta; print(build_meta.build_sdist('..'))"
    archive = run([sys.executable, "-c", build], source).splitlines()[-1]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", archive], folder)
    (wheel,) = folder.glob("*.whl")
    run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], folder)
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run([*pip, "--python", folder / "venv/bin/python", "install", "--no-deps", "--no-index", wheel], folder)
    return folder / "venv" / "bin"


def test_the_installed_command_trains_labels_reports_and_sweeps(environment: Path, tmp_path: Path) -> None:
    command = environment / "orthoadapters"
    limits = [f"data.limit_{split}={count}" for split, count in (("train", 32), ("dev", 8), ("test", 8))]
    overrides = ["suite=demo", "task=udpos", "languages=[qtu]", "logger=csv", "trainer.max_epochs=1", *limits]
    # The demo backbone is pretrained once for all that need it, which takes minutes.
    overrides += [f"paths.cache={ROOT / '.cache'}"]
    assert "avg_zero_shot" in run([command, "train", "variant=t_noo", *overrides], tmp_path)
    (result,) = tmp_path.rglob("runs/**/result.json")
    (tmp_path / "text.txt").write_text("dorat velun .\n")
    labels = run([command, "predict", result.parent, "--language", "qtu", "--pretokenized", "text.txt"], tmp_path)
    assert [line.split("\t")[0] for line in labels.split("\n\n")[0].splitlines()] == ["dorat", "velun", "."]
    assert "T-NOO" in run([command, "report", "runs"], tmp_path)
    assert list((tmp_path / "report").glob("*.html"))

    mine = tmp_path / "mine"
    (mine / "variant").mkdir(parents=True)
    (mine / "variant/t_mine.yaml").write_text(
        "name: t_mine\nlanguage_adapter: none\ntask_adapter: ort\nlanguage_reduction: 2\ntask_reduction: 32\n"
    )
    printed = run([command, "train", "-m", "--config-dir", "mine", "variant=t_noo,t_mine", *overrides], tmp_path)
    assert "2 cells: 2 finished" in printed
    assert len(list(tmp_path.rglob("runs/**/result.json"))) == 2


def test_the_configuration_and_the_mark_of_types_are_in_the_package(environment: Path, tmp_path: Path) -> None:
    code = (
        "from importlib.resources import files; p = files('orthoadapters'); from orthoadapters.config.compose import CONF; "
        "print(p, CONF, (p / 'py.typed').is_file(), (p / 'multirun_sweeps/sweep/xnli.yaml').is_file())"
    )
    package, conf, *present = run([environment / "python", "-c", code], tmp_path).split()
    assert Path(package).is_relative_to(environment.parent)
    assert conf == f"{package}/conf"
    assert present == ["True", "True"]


def test_sentences_name_the_installed_command(environment: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [
        environment / "orthoadapters",
        "train",
        "variant=lort_tnoo",
        "suite=demo",
        "task=udpos",
        "plan=true",
    ]
    assert ": orthoadapters train stage=mlm variant=lort_tnoo " in run(command, tmp_path)


def test_another_program_of_hydras_in_the_environment_is_left_alone(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(OTHER_PROGRAM)
    (tmp_path / "other.yaml").write_text("a: 1\n")
    printed = run([environment / "python", "other.py", "hydra.output_subdir=null", "hydra.run.dir=."], tmp_path)
    assert printed.splitlines()[-1] == "['hydra', 'main', 'schema']"
