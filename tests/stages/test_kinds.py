"""Tasks of every kind on the whole road: training, scores, records, resuming, labelling, the head's files, the report."""

import io
import json
import random
from collections.abc import Iterator
from operator import eq
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources.read import READERS
from orthoadapters.errors import UserError
from orthoadapters.examples import Choice, Example, Sentence, Split, TaggedSentence
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.labelling.free_text import Format, label_text
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.heads import ClassificationHead, MultipleChoiceHead
from orthoadapters.report.collect.build import build
from orthoadapters.report.statistics.analysis import analyse
from orthoadapters.report.xtreme import choose
from orthoadapters.runs.predictions import sentence_counts
from orthoadapters.runs.results import Result
from tests.helpers.short_runs import execute, numbers, overrides
from tests.helpers.temporary_conf import temporary_conf
from tests.helpers.tiny_world import NAMES, NOUNS
from tests.stages.test_resume import count_steps, interrupt, same_tensors

SIZES = {"train": 48, "dev": 21, "test": 22}
# A word for each label, which even the tiny backbone can tell apart.
SIGNS = ["qqq", "zzz", "jjj"]
PLAIN = ["task=udpos", "task.name=cases", "task.labels=[nom,acc,ins]", "task.metrics=[macro_f1,accuracy]"]
TOPICS = ["task=sib200", "task.labels=[travel,politics,sports]"]
TASKS = {"sentence": TOPICS, "multiple_choice": ["task=xcopa"], "tagging": PLAIN}


def read_signs(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Makes examples of the task's kind, whose labels the signs in them show. All sets begin with the same ones."""
    rng = random.Random(0)
    make = {TaskKind.sentence: _sentence, TaskKind.multiple_choice: _choice, TaskKind.tagging: _tagged}[task.kind]
    examples = [make(task.labels, rng) for _ in range(SIZES[split])]
    return examples[:limit], f"signs of {language.code} ({split})"


def _sentence(labels: list[str], rng: random.Random) -> Example:
    label = rng.randrange(len(labels))
    return Sentence(f"{rng.choice(NAMES)} {SIGNS[label]} {rng.choice(NOUNS)}", labels[label])


def _choice(labels: list[str], rng: random.Random) -> Example:
    right = rng.randrange(len(labels))
    alternatives = (f"{SIGNS[n != right]} {rng.choice(NOUNS)}" + " dog" * rng.randrange(3) for n in range(len(labels)))
    return Choice(f"{rng.choice(NAMES)} sees", rng.choice(["why?", ""]), tuple(alternatives), labels[right])


def _tagged(labels: list[str], rng: random.Random) -> Example:
    places = [rng.randrange(len(labels)) for _ in range(rng.randint(1, 4))]
    return TaggedSentence(tuple(SIGNS[place] for place in places), tuple(labels[place] for place in places))


Run = tuple[Result, Path, list[str]]


@pytest.fixture(scope="module", autouse=True)
def _signs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        conf = temporary_conf(tmp_path_factory.mktemp("signs"), patch)
        (conf / "data" / "signs.yaml").write_text("source: signs\nroot: null\n")
        patch.setitem(READERS, "signs", read_signs)
        yield


def command_of(kind: str, backbone: Path, out: Path, *more: str, variant: str = "t_ort") -> list[str]:
    short = [
        f"variant={variant}",
        "languages=[tr]",
        "data=signs",
        "data.root=null",
        "optim.lr=1e-2",
        "optim.ort_lr=1e-5",
    ]
    return overrides(backbone, out, out, *TASKS[kind], *short, *more)


@pytest.fixture(scope="module")
def runs(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """One run of each kind: its result, its directory and its command."""
    out = tmp_path_factory.mktemp("kinds")
    by_kind: dict[str, Run] = {}
    for kind in TASKS:
        command = command_of(
            kind, backbone, out, "trainer.max_epochs=16", variant="t_ort" if kind == "tagging" else "t_noo"
        )
        result = execute(command)
        by_kind[kind] = result, out / "runs" / result.run, command
    return by_kind


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_of_each_kind_is_learned_scored_and_recorded(kind: str, runs: dict[str, Run]) -> None:
    result, run, command = runs[kind]
    task = compose_config(command).task
    assert result.selection is not None
    assert result.selection.metric == task.metrics[0]
    assert len(result.selection.history) == 16
    for language in ("en", "tr"):
        scores = result.test[language]
        assert scores.keys() == {*task.metrics, "n"}
        assert scores["n"] == SIZES["test"]
        assert scores["accuracy"] > 2 / 3, scores  # with three labels or two, of which each is as frequent
        counts = sentence_counts(run, language)
        columns = {"accuracy": 2, "macro_f1": 3 * len(task.labels)}
        assert {name: rows.shape for name, rows in counts.items()} == {m: (22, columns[m]) for m in task.metrics}
    card = (run / "adapter/README.md").read_text()
    plural = "questions" if kind == "multiple_choice" else "sentences"
    assert f"iterations of 8 {plural}, " in card
    assert ("(questions * alternatives, T)" in card) == (kind == "multiple_choice")


def lines_and_gold(kind: str, task: TaskConfig) -> tuple[list[str], list[str]]:
    examples, _ = read_signs(DataConfig(), task, "test", LanguageConfig("tr", "Turkish"), None)
    lines = []
    for example in examples:
        if isinstance(example, TaggedSentence):
            lines.append(" ".join(example.words))
        elif isinstance(example, Choice):
            lines.append("\t".join([example.premise, example.question, *example.alternatives]))
        elif isinstance(example, Sentence):
            lines.append(example.text)
    return lines, [label for example in examples for label in example.labels]


@pytest.mark.parametrize("batch_size", [None, 1, 5])
@pytest.mark.parametrize("kind", TASKS)
def test_text_gets_the_labels_of_evaluation(kind: str, batch_size: int | None, runs: dict[str, Run]) -> None:
    _, run, command = runs[kind]
    task = compose_config(command).task
    lines, gold = lines_and_gold(kind, task)
    predictor = open_run(run).load("tr", "cpu", batch_size)
    source = "".join(f"{line}\n" for line in lines).encode()

    def label_lines(form: Format) -> list[str]:
        pieces = label_text(predictor, io.BytesIO(source), "text", "tr", form, by_spaces=kind == "tagging")
        return "".join(text for _, text in pieces).splitlines()

    evaluation = (run / "predictions/test-tr.tsv").read_text().splitlines()
    labels = [row.rpartition("\t")[2] for row in label_lines("tsv")]
    assert labels == evaluation
    assert len(set(labels)) > 1
    # The lines stand in the order of the test set.
    assert sum(map(eq, filter(None, evaluation), gold)) > 2 / 3 * len(gold)
    if kind == "tagging":
        return
    assert [row.rpartition("\t")[0] for row in label_lines("tsv")] == lines
    for line, row, label in zip(lines, label_lines("jsonl"), labels, strict=True):
        record = json.loads(row)
        probabilities = record.pop("probabilities")
        assert list(probabilities) == task.labels
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert record.pop("label") == label == max(probabilities, key=probabilities.__getitem__)
        first, *rest = line.split("\t")
        expected = {"premise": first, "question": rest[0], "alternatives": rest[1:]} if rest else {"text": first}
        assert record == expected


@pytest.mark.parametrize(
    ("kind", "line", "sentence"),
    [
        ("sentence", "", r"text, line 1: empty, but sib200 wants `text`; take that line out"),
        ("sentence", "one\ttwo", r"text, line 1: 2 columns instead of `text`"),
        (
            "multiple_choice",
            "a\tb\tc",
            r"3 columns instead of `premise TAB question TAB alternative TAB alternative` in",
        ),
    ],
)
def test_a_line_that_is_no_example_is_a_sentence(kind: str, line: str, sentence: str, runs: dict[str, Run]) -> None:
    predictor = open_run(runs[kind][1]).load("tr", "cpu")
    with pytest.raises(UserError, match=sentence):
        list(label_text(predictor, io.BytesIO(f"{line}\n".encode()), "text", "tr", "tsv"))


@pytest.mark.parametrize("kind", ["sentence", "multiple_choice"])
def test_a_resumed_run_is_the_undisturbed_one(
    kind: str, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ["trainer.checkpoint_every=2", "data.limit_test=5", "data.limit_dev=5"]
    undisturbed = execute(command_of(kind, backbone, tmp_path / "whole", *common))
    again = command_of(kind, backbone, tmp_path / "stopped", *common)
    interrupt(monkeypatch, 7, again)
    resumed, steps = count_steps(monkeypatch, again)
    assert steps == 6  # 12 iterations, of which a checkpoint holds 6
    assert numbers(resumed) == numbers(undisturbed)
    whole, stopped = (tmp_path / name / "runs" / resumed.run for name in ("whole", "stopped"))
    for part in ("adapter/adapter.safetensors", "head/head.safetensors"):
        assert same_tensors(whole / part, stopped / part)


@pytest.mark.parametrize(
    ("kind", "head_class"), [("sentence", ClassificationHead), ("multiple_choice", MultipleChoiceHead)]
)
def test_the_adapters_folder_has_the_head(
    kind: str, head_class: type[ClassificationHead], runs: dict[str, Run], backbone: Path
) -> None:
    _, run, command = runs[kind]
    head, labels = head_files.read(run / "adapter", AdaptedEncoder.from_pretrained(str(backbone)))
    assert type(head) is head_class
    assert labels == compose_config(command).task.labels
    own = load_file(run / "head/head.safetensors")
    assert all(torch.equal(tensor, own[name]) for name, tensor in head.state_dict().items())


def test_the_report_has_a_table_of_each_kind_and_compares_macro_f1(
    runs: dict[str, Run], backbone: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = runs["tagging"][1].parents[3]
    more = ["optim.lr=1e-5", "trainer.max_epochs=16"]
    worse = execute(command_of("tagging", backbone, folder.parent, *more, variant="t_noo"))
    tables = {table.task: table for table in build(folder).tables}
    variants = {name: [row.variant for row in table.rows if row.selected_runs] for name, table in tables.items()}
    assert variants == {"sib200": ["t_noo"], "xcopa": ["t_noo"], "cases": ["t_noo", "t_ort"]}
    assert {name: table.metric for name, table in tables.items()} == {
        "sib200": "accuracy", "xcopa": "accuracy", "cases": "macro_f1",
    }  # fmt: skip
    comparison = analyse(tables["cases"], resamples=100).between("T-ORT", "T-NOO", "tr")
    assert comparison is not None
    expected = runs["tagging"][0].test["tr"]["macro_f1"] - worse.test["tr"]["macro_f1"]
    assert comparison.difference == pytest.approx(expected)
    assert expected > 0
    assert comparison.low < comparison.difference < comparison.high
    (choice,) = choose(folder)  # the tagging task has udpos' folder
    assert choice.run.folder == "udpos"
    assert "task.folder=xcopa is none of XTREME's, which are panx" in caplog.text.replace("pawsx, xnli, ", "")
