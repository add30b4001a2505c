"""The same command again: a finished run is compared with the data, the text and the backbone that are there now."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from orthoadapters.commands.train import run_one
from orthoadapters.config.compose import compose_config
from orthoadapters.config.recorded import read_config
from orthoadapters.errors import UserError
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.stages.finished_run import check_finished_run
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import run_sweep

REPEAT = "; move the run away to repeat it, or choose another folder with paths.runs=DIR$"


@pytest.fixture(scope="module")
def copies(backbone: Path, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with copies of backbone and world, and with a finished run of each stage on them."""
    folder = tmp_path_factory.mktemp("copies")
    shutil.copytree(backbone, folder / "tiny")
    shutil.copytree(world, folder / "world")
    for arguments in (task(folder), mlm(folder)):
        execute(arguments)
    return folder


def task(folder: Path) -> list[str]:
    more = ("variant=t_noo", "task=udpos", "languages=[ar,tr]", "trainer.max_epochs=1", "task.batch_size=20")
    return overrides(folder / "tiny", folder / "world", folder, *more)


def mlm(folder: Path) -> list[str]:
    more = ("stage=mlm", "language=tr", "trainer.max_iterations=1")
    return overrides(folder / "tiny", folder / "world", folder, *more)


def check(arguments: list[str]) -> None:
    config = compose_config(arguments)
    check_finished_run(config, RunDirectory(config))


def change(path: Path, former: str, new: str) -> None:
    time.sleep(0.02)  # later than the run, for any clock of a file system
    path.write_text(path.read_text().replace(former, new))


def test_a_run_is_finished_while_nothing_changed_or_the_data_are_gone(copies: Path) -> None:
    check(task(copies))
    check(mlm(copies))
    for name in ("udpos/test-tr.tsv", "text/tr.txt", "../tiny/model.safetensors"):
        path = copies / "world" / name
        os.utime(path)
        check(task(copies))
        check(mlm(copies))
    (copies / "world").rename(copies / "away")
    check(task(copies))
    check(mlm(copies))
    (copies / "away").rename(copies / "world")
    for inputs in copies.rglob("inputs.json"):
        os.utime(inputs)


def test_changed_data_of_any_language_are_named_in_a_run_and_in_a_sweep(
    copies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = {path.parent for path in copies.rglob("runs/tiny/udpos/**/result.json")}
    whole = {path: path.read_text() for path in (copies / "world" / "udpos").iterdir()}
    place = copies / "world" / "udpos" / "test-tr.tsv"
    change(place, "NOUN", "X")
    sentence = rf"^{run} was finished with other contents of test-tr than {place} now holds{REPEAT}"
    for more in ([], ["plan=true"]):
        with pytest.raises(UserError, match=sentence):
            run_one(compose_config([*task(copies), *more]), task(copies))
    assert run_sweep(*task(copies), "seed=0") == 1
    assert f"error: {run} was finished with other contents of test-tr than" in capsys.readouterr().err
    change(copies / "world" / "udpos" / "dev-ar.tsv", "\tNOUN", "")
    with pytest.raises(
        UserError, match=r"contents of dev-ar, test-tr than \S+ar.tsv \(.* line 3: .*\), \S+tr.tsv now hold;"
    ):
        check(task(copies))
    for path, text in whole.items():
        path.write_text(text)
    check(task(copies))


def test_a_record_that_was_changed_is_named_and_earlier_runs_need_no_checksums(copies: Path) -> None:
    (run,) = {path.parent for path in copies.rglob("runs/tiny/udpos/**/result.json")}
    sums = (run / "SHA256SUMS").read_text()
    for name, former, new in (
        ("result.json", '"n": 14', '"n": 15'),
        ("config.yaml", "batch_size: 20", "batch_size: 21"),
        ("inputs.json", '"dev-ar": "', '"dev-ar": "0'),
        ("metrics.csv", "\n1,", "\n1,1"),
    ):
        whole = (run / name).read_text()
        change(run / name, former, new)
        with pytest.raises(
            UserError, match=rf"{run}/{name} is damaged, or was changed since it was written: .*restore it"
        ):
            check(task(copies))
        (run / name).write_text(whole)
    (run / "SHA256SUMS").unlink()
    check(task(copies))
    change(run / "config.yaml", "batch_size: 20", "batch_size: 21")
    with pytest.raises(
        UserError, match=r"config.yaml was changed since it was written: its values are not those of its"
    ):
        read_config(run / "config.yaml")
    change(run / "config.yaml", "batch_size: 21", "batch_size: 20")
    change(run / "config.yaml", "source_language: en", "source_language: 0")
    with pytest.raises(UserError, match=r"config.yaml is not what a run writes; restore it"):
        read_config(run / "config.yaml")
    change(run / "config.yaml", "source_language: 0", "source_language: en")
    (run / "SHA256SUMS").write_text(sums)
    check(task(copies))


def test_another_tokenizer_is_named_unless_the_run_recorded_none(copies: Path) -> None:
    change(copies / "tiny" / "tokenizer_config.json", "{", "{ ")
    for arguments in (task(copies), mlm(copies)):
        with pytest.raises(UserError, match=rf"with other contents of tokenizer than {copies}/tiny now holds{REPEAT}"):
            check(arguments)
    run = RunDirectory(compose_config(task(copies))).path
    with pytest.raises(UserError, match=r"the tokenizer in .*tiny is another one \(.*; --backbone PATH names another"):
        open_run(run).load("tr", "cpu")
    (run / "SHA256SUMS").unlink()
    inputs = json.loads((run / "inputs.json").read_text())
    del inputs["tokenizer"]
    (run / "inputs.json").write_text(json.dumps(inputs))
    check(task(copies))
    change(copies / "tiny" / "tokenizer_config.json", "{ ", "{")
    check(mlm(copies))


def test_another_number_of_heads_is_named_and_another_origin_is_none(copies: Path) -> None:
    """The weights are the same, and all that is computed with them is another thing."""
    path, run = copies / "tiny" / "config.json", RunDirectory(compose_config(task(copies))).path
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"transformers_version": "9.0", "dtype": "float16", "use_cache": False}))
    for arguments in (task(copies), mlm(copies)):
        check(arguments)
    open_run(run).load("tr", "cpu")
    path.write_text(json.dumps(fields | {"num_attention_heads": 2 * fields["num_attention_heads"]}))
    for arguments in (task(copies), mlm(copies)):
        with pytest.raises(
            UserError, match=rf"with other contents of config.json than {copies}/tiny now holds{REPEAT}"
        ):
            check(arguments)
    with pytest.raises(
        UserError, match=r"the config.json in .*tiny is another one \(.*; --backbone PATH names another"
    ):
        open_run(run).load("tr", "cpu")
    path.write_text(json.dumps(fields))


def test_a_run_that_recorded_no_tokenizer_goes_on_and_records_it(tmp_path: Path) -> None:
    config = compose_config([f"paths.runs={tmp_path}", "task=udpos", "variant=t_noo"])
    for inputs in ({"backbone": "a"}, {"backbone": "a", "tokenizer": "b"}, {"backbone": "a", "tokenizer": "b"}):
        with RunDirectory(config).open(inputs):
            pass
    with (
        pytest.raises(UserError, match="with other contents of tokenizer; bring"),
        RunDirectory(config).open({"backbone": "a", "tokenizer": "c"}),
    ):
        pass


def test_changed_text_and_another_backbone_are_named(copies: Path) -> None:
    text = copies / "world" / "text" / "tr.txt"
    whole = text.read_text()
    change(text, "dog", "cat")
    with pytest.raises(UserError, match=rf"with other contents of text-tr than {text} now holds{REPEAT}"):
        check(mlm(copies))
    text.write_text(whole)
    check(mlm(copies))
    weights = copies / "tiny" / "model.safetensors"
    tensors = load_file(weights)
    name = next(name for name in tensors if name.endswith("0.output.dense.weight"))
    tensors[name] *= 2
    time.sleep(0.02)
    save_file(tensors, weights, {"format": "pt"})
    for arguments in (task(copies), mlm(copies)):
        with pytest.raises(UserError, match=rf"with other contents of backbone than {copies}/tiny now holds{REPEAT}"):
            check(arguments)


def test_another_subset_on_the_hub_is_named(tmp_path: Path) -> None:
    arguments = ["task=udpos", "variant=t_noo", "languages=[tr]", f"paths.runs={tmp_path}"]
    config = compose_config(arguments)
    with RunDirectory(config).open({}):
        pass
    other = compose_config([*arguments, "task.hub_subsets.tr=udpos.Arabic"])
    assert RunDirectory(other).path == RunDirectory(config).path
    with pytest.raises(UserError, match=r"contents of test-tr than task.hub_subsets.tr=udpos.Arabic now holds"):
        check_finished_run(other, RunDirectory(other))


def test_the_result_of_another_configuration_is_none_of_the_run(backbone: Path, world: Path, tmp_path: Path) -> None:
    more = ("variant=t_noo", "task=udpos", "languages=[tr]", "trainer.max_epochs=1", "task.batch_size=20")
    arguments = overrides(backbone, world, tmp_path, *more)
    execute(arguments)
    run = RunDirectory(compose_config(arguments))
    (run.path / "SHA256SUMS").unlink()
    check(arguments)
    change(run.result, run.fingerprint, "0" * 64)
    sentence = (
        f"{run.result} is the result of another configuration .fingerprint 00000000, this run's is {run.fingerprint[:8]}.; "
        "bring the run's own back, or delete it and give the run's command again$"
    )
    for read in (lambda: check(arguments), lambda: open_run(run.path)):
        with pytest.raises(UserError, match=sentence):
            read()
