"""XTREME submissions: predictions that its evaluate.py reads and scores as we do, and the run of each task that is taken."""

import json
import random
import shutil
from pathlib import Path

import pytest
import yaml
from seqeval.metrics import f1_score

from orthoadapters.config.schema import TaskKind
from orthoadapters.errors import UserError
from orthoadapters.evaluation.metrics import score
from orthoadapters.report.xtreme import choose, describe, write_submission
from orthoadapters.runs.predictions import write_predictions
from orthoadapters.runs.results import Result, Selection, read_results, write_result
from tests.helpers.commands import report
from tests.helpers.short_runs import execute, overrides
from tests.helpers.tasks import labels_of

pytestmark = pytest.mark.filterwarnings("ignore:.* seems not to be NE tag")
FOLDERS = {"xnli": "xnli", "wikiann": "panx", "udpos": "udpos"}


# What evaluate.py of XTREME does, in words of our own.


def sentences_of(path: Path) -> list[list[str]]:
    """A line is a tag; an empty line ends a sentence, even an empty one; the last sentence needs no such line."""
    sentences: list[list[str]] = [[]]
    for line in path.read_text().splitlines():
        if tag := line.strip():
            sentences[-1].append(tag)
        else:
            sentences.append([])
    return sentences if sentences[-1] else sentences[:-1]


def xtreme_score(folder: str, guesses: Path, gold: Path) -> float:
    """In percent. Both files must hold as many examples."""
    if folder == "xnli":
        labels, answers = ([line.strip() for line in path.read_text().splitlines()] for path in (gold, guesses))
        assert len(labels) == len(answers)
        return sum(a == b for a, b in zip(labels, answers, strict=True)) / len(answers) * 100
    tags, tags_of_guesses = sentences_of(gold), sentences_of(guesses)
    assert len(tags) == len(tags_of_guesses)
    return float(f1_score(tags, tags_of_guesses)) * 100


@pytest.mark.parametrize("task", FOLDERS)
@pytest.mark.parametrize("blank_at_the_end", [True, False])
def test_any_labels_get_the_same_score_to_the_last_digit(tmp_path: Path, task: str, blank_at_the_end: bool) -> None:
    """Sentences of one word and of none included."""
    rng = random.Random(task)
    tag_set = labels_of(task)
    lengths = [1] * 300 if task == "xnli" else [3, 0, 1, 0, 0, 1, *(rng.randint(1, 9) for _ in range(80))]
    gold = [[rng.choice(tag_set) for _ in range(length)] for length in lengths]
    guesses = [[tag if rng.random() < 0.6 else rng.choice(tag_set) for tag in tags] for tags in gold]
    kind = TaskKind.sentence_pair if task == "xnli" else TaskKind.tagging
    write_predictions(tmp_path / "predicted.tsv", guesses, kind)
    lines = ["".join(f"{label}\n" for label in labels) for labels in gold]
    end = "\n" if blank_at_the_end and task != "xnli" else ""
    (tmp_path / "gold.tsv").write_text(("" if task == "xnli" else "\n").join(lines) + end)
    metric = "accuracy" if task == "xnli" else "f1"
    ours = score([metric], gold, guesses, tag_set)[metric] * 100
    assert xtreme_score(FOLDERS[task], tmp_path / "predicted.tsv", tmp_path / "gold.tsv") == ours
    assert 5 < ours < 95


EDGES = {  # one word; <unk>; an empty word; a word longer than a window; a sentence of several windows
    "udpos": "dog\tNOUN\n\n日本\tPROPN\n\n\tX\n\nabcdefghijklmnopqrstuvwxyz\tX\nsees\tVERB\n\n"
    + "anna\tPROPN\nsees\tVERB\ndog\tNOUN\n" * 4
    + "\n\tX\ndog\tNOUN\n\n",
    "panx": "anna\tB-PER\n\n日本\tB-LOC\n本\tI-LOC\n\n\tO\n\nabcdefghijklmnopqrstuvwxyz\tI-ORG\nsees\tO\n\n"
    + "anna\tB-PER\nberta\tI-PER\nsees\tO\n" * 4
    + "\n\tB-PER\n",
    "xnli": "anna\tno dog\tneutral\n日本\t日\tentailment\n" + "anna sees dog " * 9 + "\tcat\tcontradiction\n",
}


@pytest.fixture(scope="module")
def task_runs(
    tmp_path_factory: pytest.TempPathFactory, backbone: Path, world: Path
) -> tuple[Path, Path, dict[str, Result]]:
    """Runs of all three tasks over windows of twelve subwords, their data in XTREME's form, and their results."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    shutil.copytree(world, data, dirs_exist_ok=True)
    for folder, rows in EDGES.items():
        for path in (data / folder).glob("*.tsv"):
            path.write_text(rows + path.read_text() + rows)
    return (
        data,
        out / "runs",
        {
            task: execute(
                overrides(
                    backbone,
                    data,
                    out,
                    "variant=t_noo",
                    f"task={task}",
                    "languages=[ar]",
                    "task.max_length=12",
                    "optim.lr=1e-2",
                )
            )
            for task in FOLDERS
        },
    )


def test_a_collected_submission_gets_the_scores_of_its_runs(
    task_runs: tuple[Path, Path, dict[str, Result]], tmp_path: Path
) -> None:
    data, runs, results = task_runs
    process = report(runs, "--xtreme", tmp_path / "submission")
    assert (process.returncode, process.stderr) == (0, "")
    for task, result in results.items():
        folder = FOLDERS[task]
        assert result.counts["cut" if task == "xnli" else "replaced"] > 0
        assert task == "xnli" or result.counts["windows"] > result.counts["train"]
        for language in ("en", "ar"):
            (tmp_path / "gold").write_text(
                "".join(line.split("\t")[-1].strip() + "\n" for line in (data / folder / f"test-{language}.tsv").open())
            )
            guesses = tmp_path / "submission" / folder / f"test-{language}.tsv"
            metric = "accuracy" if task == "xnli" else "f1"
            assert xtreme_score(folder, guesses, tmp_path / "gold") == result.test[language][metric] * 100
        assert 0 < result.test["en"][metric] < 1
        assert guesses.read_bytes() == (runs / result.run / "predictions" / "test-ar.tsv").read_bytes()
        assert f"{folder}: {runs / result.run}\n  the best of 1 by {metric}" in process.stdout
    assert "evaluate.py reads 13 languages more, and stops without them: bg, de" in process.stdout


def write_task_run(runs: Path, name: str, dev: float = 0.5, task: str = "udpos", **changes: object) -> Path:
    """A run as it lies there when it is finished; changes: backbone, target, n, dev_sha, limit_test, language, metric."""
    path = runs / name
    n = changes.get("n", 2)
    metric = str(changes.get("metric", "accuracy" if task == "xnli" else "f1"))
    selection = Selection(str(changes.get("language", "en")), "dev", metric, dev, 1, [])
    kind = "sentence_pair" if task == "xnli" else "tagging"
    write_predictions(path / "predictions" / "test-ar.tsv", [["NOUN"], ["VERB"]], TaskKind(kind))
    config = {"task": {"folder": FOLDERS[task], "kind": kind}, "data": {"limit_test": changes.get("limit_test")}}
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    (path / "inputs.json").write_text(json.dumps({"dev": changes.get("dev_sha", "d")}))
    result = Result(
        run=name,
        fingerprint=name,
        stage="task",
        task=task,
        variant="t_noo",
        backbone=str(changes.get("backbone", "tiny")),
        seed=0,
        lr=1e-4,
        ort_lr=None,
        test={"ar": {metric: changes.get("target", 0.5), "n": n}},  # type: ignore[dict-item]
        adapters={},
        provenance={},
        selection=selection,
    )
    write_result(path / "result.json", result)
    return path


def test_the_best_run_on_source_dev_is_taken_whatever_it_scores_elsewhere(tmp_path: Path) -> None:
    write_task_run(tmp_path, "a", 0.7, target=0.9)
    write_task_run(tmp_path, "b", 0.8, target=0.1)
    write_task_run(tmp_path, "c", 0.8, target=0.3)
    write_task_run(tmp_path, "d", 0.2, task="xnli")
    panx, udpos = write_task_run(tmp_path, "e", 0.1, task="wikiann"), tmp_path / "b"
    choices = choose(tmp_path)
    assert [choice.run.path for choice in choices] == [panx, udpos, tmp_path / "d"]
    assert [(choice.count, choice.ties) for choice in choices] == [(1, 0), (3, 1), (1, 0)]
    assert "best of 3 by f1 0.8000 on en dev; tested on ar\n  1 more with the same score; the first" in describe(
        choices[1]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "other"}, r"holds runs of other, tiny; a submission is of one: add --backbone other"),
        (
            {"dev_sha": "x"},
            r"/a and .*/b were selected by different development sets, so that neither is the better one",
        ),
        ({"language": "tr"}, r"selected by different source languages"),
        ({"metric": "accuracy"}, r"selected by different metrics"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    write_task_run(tmp_path, "a")
    write_task_run(tmp_path, "b", **changes)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        choose(tmp_path)


def test_one_of_several_backbones_can_be_named(tmp_path: Path) -> None:
    write_task_run(tmp_path, "a", 0.9)
    write_task_run(tmp_path, "b", 0.1, backbone="other")
    assert [choice.run.path for choice in choose(tmp_path, "other")] == [tmp_path / "b"]
    with pytest.raises(UserError, match="holds no run of backbone 'third'; it has other, tiny"):
        choose(tmp_path, "third")


def test_a_run_over_a_part_of_the_test_sets_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_task_run(tmp_path, "a", 0.9, limit_test=2)
    write_task_run(tmp_path, "b", 0.1)
    assert [choice.run.path for choice in choose(tmp_path)] == [tmp_path / "b"]
    assert f"{tmp_path}/a is left out: data.limit_test=2, and a submission is of whole test sets" in caplog.text


def test_results_that_are_damaged_or_newer_are_named_and_set_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write_task_run(tmp_path, "whole") / "result.json"
    text = whole.read_text()
    cases = {
        "cut": text[:-20],
        "empty": "",
        "list": "[]",
        "keys": '{"schema_version": 1, "selection": null}',
        "bytes": "\udcff",
        "surplus": text.replace('"seed"', '"sede"'),
    }
    for name, content in cases.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(content, errors="surrogateescape")
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "result.json").write_text('{"schema_version": 2, "other": 0}')
    ((path, result),) = read_results(tmp_path)
    assert path == tmp_path / "whole"
    assert result.selection is not None
    assert (result.run, result.selection.value) == ("whole", 0.5)
    for name in cases:
        assert f"{tmp_path}/{name}/result.json is left out: it is damaged; move" in caplog.text
    assert f"{tmp_path}/newer/result.json is left out: its schema 2 is newer than this project's; update" in caplog.text
    assert len(caplog.records) == 7


@pytest.mark.parametrize("name", ["config.yaml", "inputs.json"])
@pytest.mark.parametrize("content", [None, "", "{cut", "[]", "{}"])
def test_a_finished_run_without_its_records_is_named(tmp_path: Path, name: str, content: str | None) -> None:
    path = write_task_run(tmp_path, "a") / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(UserError, match=rf"cannot read .*/a/{name}, which belongs to a finished run; bring it back"):
        choose(tmp_path)


@pytest.mark.parametrize("task", ["udpos", "xnli"])
def test_predictions_that_are_gone_or_cut_leave_nothing_half_written(tmp_path: Path, task: str) -> None:
    run = write_task_run(tmp_path / "runs", "a", task=task)
    write_task_run(tmp_path / "runs", "b", task="wikiann")
    predictions = run / "predictions" / "test-ar.tsv"
    predictions.write_text(predictions.read_text()[:-5])
    with pytest.raises(UserError, match=r"test-ar.tsv holds 1 predictions where 2 were scored; move .*/a away"):
        write_submission(choose(tmp_path / "runs"), tmp_path / "out")
    predictions.unlink()
    with pytest.raises(UserError, match=r"there is no .*/a/predictions/test-ar.tsv; move .*/a away"):
        write_submission(choose(tmp_path / "runs"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_another_submission_is_not_overwritten(tmp_path: Path) -> None:
    write_task_run(tmp_path / "runs", "a")
    choices = choose(tmp_path / "runs")
    out = tmp_path / "out"
    assert write_submission(choices, out)
    assert not write_submission(choices, out)
    file = out / "udpos" / "test-ar.tsv"
    assert file.read_text() == "NOUN\n\nVERB\n\n"
    for change in (lambda: file.write_text("VERB\n\nVERB\n\n"), lambda: (out / "pawsx").mkdir()):
        change()
        before = file.read_text()
        with pytest.raises(
            UserError, match=r"out is there with other content; choose another folder, or move that one"
        ):
            write_submission(choices, out)
        assert file.read_text() == before
    with pytest.raises(UserError, match=r"test-ar.tsv is there with other content"):
        write_submission(choices, file)
    with pytest.raises(UserError, match=r"cannot write .*test-ar.tsv/x: File exists; choose another folder"):
        write_submission(choices, file / "x")
    (tmp_path / "empty").mkdir()
    assert write_submission(choices, tmp_path / "empty")


def test_mistakes_on_the_command_line_are_one_sentence(tmp_path: Path) -> None:
    for arguments, message in (
        (
            ("nowhere", "--xtreme", "x"),
            "error: there is no folder nowhere; name the one that paths.runs=DIR named when",
        ),
        (
            (".", "--xtreme", "x"),
            "error: . holds no finished run of a task to submit; python train.py task=xnli makes one",
        ),
    ):
        process = report(*arguments, cwd=tmp_path)
        assert process.returncode == 1
        assert process.stderr.startswith(message)
        assert process.stderr.count("\n") == 1
        assert process.stdout == ""
    assert list(tmp_path.iterdir()) == []
