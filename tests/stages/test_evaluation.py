"""Evaluations: a finished run on other languages, data and adapters, and a task adapter from elsewhere, without training."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from itertools import chain
from operator import eq
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder, AdapterConfig
from orthoadapters.commands.evaluate import main
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import Under
from orthoadapters.errors import UserError
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.report.collect.build import build
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.evaluations import EvaluationRecord, read_evaluation
from orthoadapters.runs.predictions import sentence_counts
from orthoadapters.runs.results import read_result
from orthoadapters.stages.finished_run import check_finished_run
from tests.helpers.short_runs import execute, overrides
from tests.test_files import POINTER

LANGUAGES = ("en", "ar", "tr")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, backbone: Path, world: Path) -> Path:
    """A folder with backbone, data, random language adapters and one run, all of which the run names from within it."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(backbone, folder / "tiny")
    shutil.copytree(world, folder / "world")
    model = AdaptedEncoder.from_pretrained(str(backbone))
    torch.manual_seed(0)
    for place in ("adapters", "others"):
        for language in LANGUAGES:
            model.add_adapter(language, AdapterConfig(32, invertible=True))
            with torch.no_grad():
                for parameter in model.adapter_modules(language).parameters():
                    parameter.normal_(std=0.05)
            model.save_adapter(folder / place / "tiny" / f"{language}-noo", language)
            model.delete_adapter(language)
    with chdir(folder):
        execute(overrides(Path("tiny"), Path("world"), Path(), *CHOICES, "languages=[ar]", "optim.lr=2e-3"))
    return folder


CHOICES = ("variant=lnoo_tnoo", "task=udpos")


@pytest.fixture
def run(project: Path) -> Iterator[Path]:
    """The run's directory, without evaluations before and after a test."""
    (result,) = (project / "runs").rglob("result.json")
    content = result.read_bytes()
    yield result.parent
    # No evaluation changes what the run itself left.
    assert result.read_bytes() == content
    shutil.rmtree(result.parent / "evaluations", ignore_errors=True)
    for folder in (project / "runs").rglob("elsewhere-*"):
        shutil.rmtree(folder)


def sentences(path: Path) -> list[str]:
    """The sentences of a file of words and tags."""
    blocks = path.read_text().strip().split("\n\n")
    return [" ".join(line.partition("\t")[0] for line in block.splitlines()) for block in blocks]


def evaluate(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def records(runs: Path) -> list[EvaluationRecord]:
    return [read_evaluation(path.parent) for path in sorted(runs.rglob("evaluation.json"))]


def test_a_run_is_scored_on_further_languages_and_on_its_own_bit_for_bit(
    project: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From another directory, twice; the plan says what will be done and writes nothing."""
    with chdir(tmp_path):
        assert evaluate(run, "languages=[ar,tr]", "plan=true") == 0
        assert ": to run\n" in capsys.readouterr().out
        assert not (run / "evaluations").exists()
        assert evaluate(run, "languages=[ar,tr]") == 0
        assert capsys.readouterr().err == ""
    (folder,) = (run / "evaluations").iterdir()
    record, result = read_evaluation(folder), read_result(run / "result.json")
    assert list(record.test) == ["ar", "tr"]
    assert record.test["ar"] == result.test["ar"]
    assert record.target_dev["ar"] == result.target_dev["ar"]
    predictions = Path("predictions", "test-ar.tsv")
    assert (folder / predictions).read_bytes() == (run / predictions).read_bytes()
    for metric, counts in sentence_counts(run, "ar").items():
        assert (sentence_counts(folder, "ar")[metric] == counts).all()
    assert record.adapters["ar"]["sha256"] == result.adapters["ar"]["sha256"]
    inputs = json.loads((run / "inputs.json").read_text())
    assert {
        name: inputs[name] for name in ("backbone", "test-ar", "dev-ar", "adapter-ar")
    }.items() <= record.inputs.items()
    assert (folder / "predictions" / "test-tr.tsv").exists()
    assert record.test["tr"]["n"] == 14

    (row,) = build(project / "runs").tables[0].evaluations
    assert {code: score.value for code, score in row.scores.items()} == {
        code: scores["f1"] for code, scores in record.test.items()
    }
    before = (folder / "evaluation.json").stat().st_mtime_ns
    assert evaluate(run, "languages=[ar,tr]") == 0
    assert f"finished before: {folder}" in capsys.readouterr().out
    assert (folder / "evaluation.json").stat().st_mtime_ns == before
    assert list((run / "evaluations").iterdir()) == [folder]


def test_other_data_and_other_language_adapters_are_records_of_their_own(
    project: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(project / "world", tmp_path / "world"))
    test = data / "udpos" / "test-ar.tsv"
    assert evaluate(run, "languages=[ar]") == 0
    assert evaluate(run, "languages=[ar]", f"data.root={data}") == 0
    assert "finished before" in capsys.readouterr().out  # the contents are the same
    test.write_text(test.read_text().replace("NOUN", "VERB"))
    assert evaluate(run, "languages=[ar]", f"data.root={data}") == 0
    assert evaluate(run, "languages=[ar]", f"paths.adapters={project / 'others'}") == 0
    assert evaluate(run, "languages=[en]", "data=conllu", f"data.root={data}") == 1
    assert capsys.readouterr().err.startswith("error: ")
    by_inputs = {(one.inputs["test-ar"], one.inputs["adapter-ar"]): one for one in records(run)}
    assert len(by_inputs) == 3
    assert len({json.dumps(one.test) for one in by_inputs.values()}) > 1
    assert sorted(one.changes for one in by_inputs.values()) == [
        [], [f"data.root={data}"], [f"paths.adapters={project / 'others'}"],
    ]  # fmt: skip


def test_what_else_is_under_the_task_adapter_needs_no_training(
    project: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same run, trained with that choice as its own, has these scores; a language without adapter can be tested."""
    choice = "transfer.under=[none,target,source,mean]"
    shutil.copy(project / "world" / "udpos" / "test-tr.tsv", project / "world" / "udpos" / "test-qu.tsv")
    assert evaluate(run, "languages=[ar]", choice) == 0
    (record,) = records(run)
    result = read_result(run / "result.json")
    assert (record.test_under, [*record.under]) == ("none", ["target", "source", "mean"])
    assert record.under["target"]["ar"] == result.test["ar"]
    assert record.mean_weights == {"ar": {"en": 1.0}}
    assert record.under["mean"] == record.under["source"]
    (folder,) = (run / "evaluations").iterdir()
    for under, rows in record.under.items():
        right, total = sentence_counts(folder, "ar", Under(under))["accuracy"].sum(axis=0)
        assert right / total == rows["ar"]["accuracy"], under
    with chdir(project):
        Path("near.tsv").write_text("qu\ten\t0.2\nqu\tar\t0.2\nqu\tsw\t0.9\n")
        common = [*CHOICES, "languages=[ar,qu]", "optim.lr=2e-3", "paths.runs=proxies", "transfer.weights=near.tsv"]
        arguments = overrides(Path("tiny"), Path("world"), Path(), *common, "transfer.under=[none,mean]")
        other, config = execute(arguments), compose_config(arguments)
        check_finished_run(config, RunDirectory(config))
        Path("near.tsv").write_text("qu\ten\t0.1\nqu\tar\t0.2\n")
        with pytest.raises(
            UserError, match=r"finished with other contents of transfer-weights than near.tsv now holds"
        ):
            check_finished_run(config, RunDirectory(config))
    assert other.test["ar"] == record.test["ar"]
    assert other.target_dev["ar"] == record.target_dev["ar"]
    assert other.mean_weights["qu"] == {"en": 0.5, "ar": 0.5}
    assert list(other.adapters) == ["en", "ar"]
    assert other.selection == result.selection
    assert evaluate(run, "languages=[qu]") == 1
    assert "no language adapter for qu (noo) in" in capsys.readouterr().err
    assert evaluate(run, "languages=[qu]", "transfer.under=mean", "transfer.weights={qu:{tr:1,sw:1}}") == 1
    assert "no language adapter for sw (noo) in" in capsys.readouterr().err
    assert evaluate(run, "languages=[qu]", "transfer.under=mean", "transfer.weights={qu:{tr:3,ar:1}}") == 0
    (proxy,) = (one for one in records(run) if "qu" in one.test)
    assert proxy.mean_weights == {"qu": {"tr": 0.75, "ar": 0.25}}
    assert list(proxy.adapters) == ["tr", "ar"]
    # A finished run labels as it was tested, or with another of the choices.
    proxies = next((project / "proxies").rglob("result.json")).parent
    texts = sentences(project / "world" / "udpos" / "test-qu.tsv")
    labels = {
        under: [one["tags"] for one in open_run(proxies, under=under).label(texts, "qu", by_spaces=True)]
        for under in (None, "none", "mean", "source")
    }
    assert labels[None] == labels["none"]
    lines = (proxies / "predictions" / "test-qu.tsv").read_text().split()
    assert [label for sentence in labels[None] for label in sentence] == lines
    right, total = sentence_counts(proxies, "qu", Under.mean)["accuracy"].sum(axis=0)
    assert right / total == other.under["mean"]["qu"]["accuracy"]
    gold = [line.split("\t")[1] for line in (project / "world/udpos/test-qu.tsv").read_text().splitlines() if line]
    assert sum(map(eq, gold, chain.from_iterable(labels["mean"]))) == right


def test_a_copy_of_a_set_that_the_run_read_is_said(
    run: Path, world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = Path(shutil.copytree(world, tmp_path / "world"))
    for source, warning in (
        ("train-en", f"test-tr has the same examples as train, which {run} read: a score on it says nothing of"),
        ("dev-en", f"test-tr has the same examples as dev, which {run} read"),
        ("dev-tr", f"{data}/udpos/dev-tr.tsv has the same contents as {data}/udpos/test-tr.tsv"),
    ):
        shutil.copy(data / "udpos" / f"{source}.tsv", data / "udpos" / "test-tr.tsv")
        assert evaluate(run, f"data.root={data}", "languages=[tr]", "plan=true") == 0
        assert warning in caplog.text


def test_what_is_wrong_is_one_sentence_and_leaves_nothing(
    project: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    headless = Path(shutil.copytree(run / "adapter", tmp_path / "headless"))
    (headless / "head_config.json").unlink()
    unnamed = Path(shutil.copytree(run / "adapter", tmp_path / "unnamed"))
    fields = json.loads((unnamed / "head_config.json").read_text())
    del fields["config"]["label2id"]
    (unnamed / "head_config.json").write_text(json.dumps(fields))
    (tmp_path / "lfs" / "udpos").mkdir(parents=True)
    (tmp_path / "lfs" / "udpos" / "test-ar.tsv").write_bytes(POINTER)
    (tmp_path / "mine" / "language").mkdir(parents=True)
    (tmp_path / "mine" / "language" / "xx.yaml").write_text("code: xx\nname: Exish\n")
    common = overrides(project / "tiny", project / "world", tmp_path, "task=udpos", "languages=[en]")
    common = [one for one in common if not one.startswith("paths.adapters=")] + [f"paths.adapters={project}/adapters"]
    known = [*common, "variant=lnoo_tnoo"]
    cases: list[tuple[list[object], str]] = [
        ([tmp_path / "none"], "there is no folder"),
        ([run, "optim.lr=1"], "'optim.lr=1' cannot be changed here; there are: languages, data,"),
        ([run, "langages=[ar]"], "did you mean 'languages'?"),
        ([run, "languages=[xx]"], "unknown language 'xx'"),
        ([run, "--config-dir", tmp_path / "mine", "languages=[xx]"], "no language adapter for xx (noo) in"),
        ([run, "--config-dir", tmp_path / "no", "languages=[ar]"], "no: there is no such folder"),
        ([run, "languages=[]"], "languages=[] names none"),
        ([run, "languages=[sw]"], "no language adapter for sw (noo) in"),
        ([run, "languages=[ar]", "data=nowhere"], "data has no 'nowhere'"),
        ([run, "languages=[ar]", f"data.root={tmp_path}"], str(tmp_path)),
        ([run, "languages=[ar]", f"data.root={tmp_path}/lfs"], "test-ar.tsv is a pointer of Git LFS and not the file"),
        ([headless, *known], "has no head (head_config.json)"),
        ([headless, "task=udpos"], "say what it is, such as variant=lnoo_tnoo"),
        ([unnamed, *known], "if they mean the same, give task.labels=[...]"),
        ([run / "adapter", *known, "variant.task_reduction=2"], "give variant.task_reduction=16"),
        (
            [run / "adapter", *common, "variant=t_noo", "variant.task_reduction=16", "variant.leave_out=[1]"],
            "adapter has an adapter in every layer, and this run's variant.leave_out is [1]; the adapter goes with runs of "
            "variant.leave_out=[]",
        ),
        ([run / "adapter", *common, "variant=full_ft"], "has no task adapter; choose another"),
    ]
    for arguments, sentence in cases:
        assert evaluate(*arguments) == 1, arguments
        streams = capsys.readouterr()
        assert sentence in streams.err, arguments
        assert streams.err.startswith("error: ")
        assert streams.out == ""
    assert not (run / "evaluations").exists()
    assert not (tmp_path / "runs").exists()


def test_a_disk_for_reading_alone_is_one_sentence_before_anything_is_loaded(
    project: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = overrides(project / "tiny", project / "world", tmp_path, *CHOICES, "languages=[ar]")
    elsewhere.append(f"paths.adapters={project}/adapters")

    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr("orthoadapters.stages.evaluation.evaluate_subject", None)
    why = "cannot be written (Read-only file system)"
    fix = f"mend that, or copy {run} to a disk that can be written and evaluate the copy"
    for more in ([], ["plan=true"]):
        assert evaluate(run, "languages=[ar]", *more) == 1
        assert capsys.readouterr().err == f"error: nothing can be written to {run}/evaluations: {run} {why}; {fix}\n"
        assert evaluate(run / "adapter", *elsewhere, *more) == 1
        assert capsys.readouterr().err.endswith(f": {tmp_path} {why}; choose another folder with paths.runs=DIR\n")
    monkeypatch.undo()
    assert evaluate(run, "languages=[ar]") == 0
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    capsys.readouterr()
    assert evaluate(run, "languages=[ar]") == 0
    assert "finished before: " in capsys.readouterr().out


def test_an_adapter_that_was_trained_anew_is_scored_only_if_it_is_named(
    project: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project / "others", tmp_path / "adapters")
    shutil.copytree(project / "tiny", tmp_path / "tiny")
    shutil.copytree(project / "world", tmp_path / "world")
    moved = tmp_path / run.relative_to(project)
    shutil.copytree(run, moved)
    assert evaluate(moved, "languages=[ar]") == 1
    assert "ar-noo is not the adapter that" in capsys.readouterr().err
    assert evaluate(moved, "languages=[ar]", f"paths.adapters={tmp_path / 'adapters'}", "plan=true") == 0


def test_a_task_adapter_from_elsewhere_has_the_scores_that_it_had_where_it_was_trained(
    project: Path, run: Path, tmp_path: Path
) -> None:
    """Its head has its outputs in another order, as another project would have them."""
    adapter = Path(shutil.copytree(run / "adapter", tmp_path / "ner"))
    fields = json.loads((adapter / "head_config.json").read_text())
    labels = list(fields["config"]["label2id"])
    fields["config"]["label2id"] = {label: number for number, label in enumerate(reversed(labels))}
    (adapter / "head_config.json").write_text(json.dumps(fields))
    tensors = load_file(adapter / "model_head.safetensors")
    save_file({name: value.flip(0).contiguous() for name, value in tensors.items()}, adapter / "model_head.safetensors")
    with chdir(project):
        arguments = overrides(Path("tiny"), Path("world"), Path(), *CHOICES, "languages=[en,ar]")
        assert evaluate(adapter, *arguments) == 0
    (record,) = records(project / "runs")
    result = read_result(run / "result.json")
    assert record.test == result.test
    assert record.run is None
    assert record.elsewhere == {"name": "task", "sha256": record.inputs["task-adapter"]}
    (table,) = build(project / "runs").tables
    (row,) = table.evaluations
    assert {code: score.value for code, score in row.scores.items()} == {
        code: scores[table.metric] for code, scores in result.test.items()
    }


def test_a_run_that_was_moved_with_its_adapters_is_scored_where_it_lies(
    project: Path, run: Path, tmp_path: Path
) -> None:
    """Its backbone, data and adapters are those beside it, and nothing is made below the current directory."""
    moved = tmp_path / "moved"
    shutil.copytree(project, moved)
    here = tmp_path / "here"
    here.mkdir()
    with chdir(here):
        opened = open_run(Path(os.path.relpath(moved / run.relative_to(project))))
        config = opened.config
        places = (config.paths.adapters, config.paths.cache, config.backbone.path, str(config.data.root))
        assert places == tuple(str(moved / name) for name in ("adapters", "cache", "tiny", "world"))
        opened.require("tr")
        assert list(here.iterdir()) == []
