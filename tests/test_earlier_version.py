"""Run directories of an earlier version: found finished, reported, and gone on with to the same numbers."""

import csv
import json
import shutil
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from orthoadapters.config.compose import compose_config
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.labelling.free_text import label_text
from orthoadapters.report.output import write
from orthoadapters.report.printed.tables import Extras
from orthoadapters.runs import adapter_library as language_adapters
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.results import find_results
from tests.helpers.short_runs import execute, numbers
from tests.helpers.whole_report import make_report

EARLIER = Path(__file__).parent / "golden" / "earlier_version"
COMMANDS: dict[str, list[list[str]]] = json.loads((EARLIER / "commands.json").read_text())
NAMES: list[dict[str, Any]] = json.loads((EARLIER / "run_names.json").read_text())


@pytest.fixture
def folder(backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the earlier runs, beside the backbone and the data that they name, as the working directory."""
    for name in ("runs", "adapters"):
        shutil.copytree(EARLIER / name, tmp_path / name)
    (tmp_path / "tiny").symlink_to(backbone)
    (tmp_path / "world").symlink_to(world)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_command_lines_mean_the_runs_that_they_meant() -> None:
    for entry in NAMES:
        run = RunDirectory(compose_config(entry["overrides"]))
        assert (run.name, run.fingerprint) == (entry["name"], entry["fingerprint"]), entry["overrides"]


@pytest.mark.parametrize("arguments", COMMANDS["finished"], ids=["mlm-en", "mlm-tr", "task"])
def test_a_finished_run_is_found_finished(arguments: list[str], folder: Path) -> None:
    config = compose_config(arguments)
    run = RunDirectory(config)
    assert run.is_finished
    language_adapters.check_run(config, run)
    assert run.path in [path for path, _ in find_results(Path("runs"))[0]]


@pytest.mark.parametrize("arguments", COMMANDS["stopped"], ids=["task", "mlm"])
def test_a_stopped_run_goes_on_to_the_same_numbers(arguments: list[str], folder: Path) -> None:
    run = RunDirectory(compose_config(arguments))
    assert run.checkpoint.exists()
    reference = EARLIER / "expected" / run.name
    result = numbers(execute(arguments))
    exact = json.loads((EARLIER / "machine.json").read_text()) == machine()
    theirs, ours = read_log(reference), read_log(run.path)
    if not exact:  # other processors add in another order
        assert [row.keys() for row in ours] == [row.keys() for row in theirs]
        # The rows of development scores have no loss.
        losses, expectation = ([float(row["loss"]) for row in rows if row["loss"]] for rows in (ours, theirs))
        assert losses == pytest.approx(expectation, rel=1e-3)
        return
    assert ours == theirs
    expectation = json.loads((reference / "result.json").read_text())
    for key in ("test", "target_dev", "selection", "layer_cos2", "choices", "counts", "avg_zero_shot", "fingerprint"):
        assert result[key] == expectation[key], key
    for path in sorted(reference.rglob("*.safetensors")):
        weights, own_weights = load_file(path), load_file(run.path / path.relative_to(reference))
        assert weights.keys() == own_weights.keys()
        assert all(torch.equal(weights[name], own_weights[name]) for name in weights), path
    for path in sorted(reference.rglob("test-*")):
        assert (run.path / path.relative_to(reference)).read_bytes() == path.read_bytes(), path


def test_an_earlier_run_labels_text_as_it_did(folder: Path) -> None:
    run = RunDirectory(compose_config(COMMANDS["finished"][-1]))
    sentences = Path("world/udpos/test-tr.tsv").read_text().strip().split("\n\n")
    words = [" ".join(line.split("\t")[0] for line in sentence.splitlines()) for sentence in sentences]
    source = BufferedReader(BytesIO("\n".join(words).encode()))
    predictor = open_run(run.path).load("tr", "cpu")
    texts = [text for _, text in label_text(predictor, source, "text", "tr", "tsv", by_spaces=True)]
    labels = "".join(line.rpartition("\t")[2] + "\n" for line in "".join(texts).splitlines())
    assert labels == (run.path / "predictions/test-tr.tsv").read_text()


def test_earlier_runs_are_reported_in_the_same_tables(folder: Path) -> None:
    extras = Extras(paper=True, seeds=True, oracle=True, sizes=True)
    write(*make_report(Path("runs"), pictures=False), Path("report"), extras)
    for path in (EARLIER / "report").iterdir():
        assert Path("report", path.name).read_bytes() == path.read_bytes(), path.name


def machine() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"processor": model, "torch": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()}


def read_log(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "tokens_per_second"} for row in csv.DictReader(file)]
