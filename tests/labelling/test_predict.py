"""predict.py: the labels of evaluation for the same sentences, streams, both output forms, and what it refuses."""

import errno
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml

import orthoadapters
from orthoadapters import AdaptedEncoder, AdapterConfig, UserError
from orthoadapters.commands import predict
from orthoadapters.config.command import adapter_command
from orthoadapters.config.compose import compose_config, language_config
from orthoadapters.config.recorded import read_config
from orthoadapters.labelling import free_text
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.labelling.free_text import Format, label_text
from orthoadapters.labelling.words import words
from orthoadapters.model.heads import TokenHead
from orthoadapters.model.saved_head import load_head, save_head
from tests.helpers.commands import ROOT, environment
from tests.helpers.short_runs import execute, overrides
from tests.helpers.tasks import task_config
from tests.helpers.tiny_world import NAMES, NOUNS
from tests.helpers.warm_python import launch

SHORT = "task.max_length=16"  # two or three windows per sentence, and pairs that lose subwords
RUNS = {
    "udpos": ("variant=lnoo_tnoo", "task=udpos", "languages=[ar,tr]"),
    "wikiann": ("variant=lnoo_tort", "task=wikiann", "languages=[ar,sw]"),
    "xnli": ("variant=lnoo_tnoo", "task=xnli", "languages=[ar,sw]"),
    "full_ft": ("variant=full_ft", "task=udpos", "languages=[tr]"),
}
FOLDER = {"udpos": "udpos", "wikiann": "panx", "xnli": "xnli", "full_ft": "udpos"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, world: Path) -> Path:
    """The tiny world with pairs that even the tiny backbone can tell apart: a constant label would prove little."""
    folder = tmp_path_factory.mktemp("data") / "world"
    shutil.copytree(world, folder)
    rng = random.Random(0)
    sign = {"entailment": "qqq", "neutral": "zzz", "contradiction": "jjj"}
    for file in ("train-en", "dev-en", "test-en", "test-ar", "test-sw"):
        labels = rng.choices(list(sign), k=40)
        rows = (f"{sign[label]} {rng.choice(NAMES)}\t{rng.choice(NOUNS)} {sign[label]}\t{label}\n" for label in labels)
        (folder / "xnli" / f"{file}.tsv").write_text("".join(rows))
    return folder


@pytest.fixture(scope="module")
def run_folders(tmp_path_factory: pytest.TempPathFactory, backbone: Path, data: Path) -> dict[str, Path]:
    """Run directories by name; the language adapters are random and far apart, so that it shows which one was used."""
    out = tmp_path_factory.mktemp("finished")
    model = AdaptedEncoder.from_pretrained(str(backbone))
    torch.manual_seed(0)
    for language in ("en", "ar", "tr", "sw", "qu"):
        model.add_adapter(language, AdapterConfig(32, invertible=True))
        with torch.no_grad():
            for parameter in model.adapter_modules(language).parameters():
                parameter.normal_(std=0.05)
        model.save_adapter(out / f"adapters/tiny/{language}-noo", language)
    return {
        name: out
        / "runs"
        / execute(overrides(backbone, data, out, SHORT, "optim.lr=5e-3", "trainer.max_epochs=8", *arguments)).run
        for name, arguments in RUNS.items()
    }


def label_lines(
    run: Path, language: str, text: str, form: Format = "tsv", by_spaces: bool = False, batch_size: int | None = None
) -> str:
    predictor = open_run(run).load(language, "cpu", batch_size)
    source = io.BufferedReader(io.BytesIO(text.encode()))
    return "".join(out for _, out in label_text(predictor, source, "text", language, form, by_spaces))


@pytest.fixture
def script() -> ModuleType:
    return predict


def command(script: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["predict.py", *map(str, arguments)])
    code = script.main()
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize("batch_size", [None, 1, 5])
@pytest.mark.parametrize(
    ("name", "language"), [("udpos", "tr"), ("wikiann", "sw"), ("wikiann", "en"), ("xnli", "ar"), ("full_ft", "tr")]
)
def test_the_test_sentences_get_the_labels_that_they_got_in_evaluation(
    run_folders: dict[str, Path], data: Path, name: str, language: str, batch_size: int | None
) -> None:
    run = run_folders[name]
    rows = (data / FOLDER[name] / f"test-{language}.tsv").read_text()
    if name == "xnli":
        text = "".join(line.rpartition("\t")[0] + "\n" for line in rows.splitlines())
        ours = [line.split("\t")[2] for line in label_lines(run, language, text, batch_size=batch_size).splitlines()]
        assert len(set(ours)) > 1
        assert ours == (run / "predictions" / f"test-{language}.tsv").read_text().splitlines()
        return
    sentences = rows.strip().split("\n\n")
    text = "".join(" ".join(line.split("\t")[0] for line in block.split("\n")) + "\n" for block in sentences)
    out = label_lines(run, language, text, by_spaces=True, batch_size=batch_size)
    blocks = [[line.split("\t") for line in block.split("\n")] for block in out.strip().split("\n\n")]
    assert [" ".join(word for word, _ in block) for block in blocks] == text.splitlines()
    assert len({tag for block in blocks for _, tag in block}) > 1
    reference = (run / "predictions" / f"test-{language}.tsv").read_text().strip().split("\n\n")
    assert ["\n".join(tag for _, tag in block) for block in blocks] == reference
    data_of_run = open_run(run).load(language, "cpu").data
    assert len(data_of_run.evaluation("test", language_config(language)).windows) > len(blocks)


def test_another_language_is_predicted_with_its_own_adapter(run_folders: dict[str, Path]) -> None:
    text = "anna sees dog\tno dog\n"
    objects = {code: label_lines(run_folders["xnli"], code, text, "jsonl") for code in ("en", "ar", "qu")}
    assert len(set(objects.values())) == 3
    assert all("probabilities" in line for line in objects.values())


def test_a_long_sentence_keeps_every_word_and_an_empty_line_its_place(run_folders: dict[str, Path]) -> None:
    text = "anna sees dog\n\n" + "anna sees dog " * 300 + "\n  \nberta"
    objects = [json.loads(line) for line in label_lines(run_folders["udpos"], "tr", text, "jsonl").splitlines()]
    assert [len(record["words"]) for record in objects] == [3, 0, 900, 0, 1]
    assert [len(record["tags"]) for record in objects] == [3, 0, 900, 0, 1]
    assert objects[1] == {"words": [], "tags": []}
    blocks = label_lines(run_folders["udpos"], "tr", text).split("\n")
    assert blocks[3:5] == ["", ""]
    assert blocks[-2:] == ["", ""]
    assert label_lines(run_folders["udpos"], "tr", "") == ""


def test_entities_are_given_by_word_and_as_they_stand_in_the_line(
    run_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = ["B-PER", "I-PER", "O", "B-LOC", "O"]
    monkeypatch.setattr(free_text, "join_all_windows", lambda windows, rows: [tags])
    record = json.loads(label_lines(run_folders["wikiann"], "sw", "Anna  Berta sees\u00a0Dar.\n", "jsonl"))
    assert record["words"] == ["Anna", "Berta", "sees", "Dar", "."]
    assert record["entities"] == [
        {"type": "PER", "start": 0, "end": 2, "text": "Anna  Berta"},
        {"type": "LOC", "start": 3, "end": 4, "text": "Dar"},
    ]


def test_pairs_have_probabilities_of_their_own_whose_largest_is_the_label(run_folders: dict[str, Path]) -> None:
    pairs = [("anna sees a dog", "no dog qqq"), ("b", "zzz"), ("carl", "qqq")]  # the longest first, so that order shows
    together = label_lines(run_folders["xnli"], "sw", "".join(f"{p}\t {h}\r\n" for p, h in pairs), "jsonl").splitlines()
    alone = [json.loads(label_lines(run_folders["xnli"], "sw", f"{p}\t{h}", "jsonl")) for p, h in pairs]
    assert len({record["probabilities"]["neutral"] for record in alone}) == 3
    for line, expectation in zip(together, alone, strict=True):
        record = json.loads(line)
        assert (record["premise"], record["hypothesis"]) == (expectation["premise"], expectation["hypothesis"])
        assert list(record["probabilities"]) == ["entailment", "neutral", "contradiction"]
        assert record["probabilities"] == pytest.approx(expectation["probabilities"], abs=1e-5)
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert record["label"] == max(record["probabilities"], key=record["probabilities"].__getitem__)


class Blocks(io.BufferedIOBase):
    """A stream whose reads end where these blocks end."""

    def __init__(self, *blocks: bytes) -> None:
        self.blocks = list(blocks)

    def read1(self, size: int = -1, /) -> bytes:
        return self.blocks.pop(0) if self.blocks else b""


def test_lines_are_whole_wherever_reads_end(run_folders: dict[str, Path]) -> None:
    predictor = open_run(run_folders["udpos"]).load("tr", "cpu")
    source = Blocks("anna ş".encode()[:-1], "ş".encode()[-1:], b"x", b" dog\nberta\n", b"tr", b"ee\n", b"carl")
    results = list(label_text(predictor, source, "text", "tr", "jsonl"))
    assert [count for count, _ in results] == [2, 1, 1]
    sentences = [json.loads(line)["words"] for _, text in results for line in text.splitlines()]
    assert sentences == [["anna", "şx", "dog"], ["berta"], ["tree"], ["carl"]]


def test_a_pipe_is_answered_line_by_line(run_folders: dict[str, Path]) -> None:
    predictor = open_run(run_folders["udpos"]).load("tr", "cpu")
    reading, writing = os.pipe()
    with open(reading, "rb") as source:  # noqa: PTH123  # a file descriptor
        results = label_text(predictor, source, "text", "tr", "tsv")
        for words in (["anna"], ["dog", "takes"]):
            os.write(writing, " ".join(words).encode() + b"\n")
            count, text = next(results)  # would wait for ever if it wanted more than was written
            assert count == 1
            assert [line.split("\t")[0] for line in text.split()[::2]] == words
        os.write(writing, b"begun ")
        os.write(writing, b"and ended")
        os.close(writing)
        assert [text.split()[::2] for _, text in results] == [["begun", "and", "ended"]]


def test_a_bad_line_stops_after_those_before_it(run_folders: dict[str, Path]) -> None:
    predictor = open_run(run_folders["xnli"]).load("sw", "cpu")
    for bad, sentence in [
        (b"\n", r"text, line 2: empty, but xnli wants `premise TAB hypothesis`; take that line out"),
        (b"one\n", r"text, line 2: 1 columns instead of `premise TAB hypothesis` in 'one'"),
        (b"a\tb\tneutral\n", r"text, line 2: 3 columns"),
        (b"\xff\tb\n", r"text, line 2: not UTF-8"),
    ]:
        results = label_text(predictor, io.BytesIO(b"anna\tdog\n" + bad + b"anna\tdog\n"), "text", "sw", "tsv")
        count, text = next(results)
        assert count == 1
        assert text.startswith("anna\tdog\t")
        with pytest.raises(UserError, match=sentence):
            next(results)


def test_the_command_writes_a_file_whole_or_not_at_all(
    run_folders: dict[str, Path],
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "out" / "labels.tsv"
    text.write_text("\ufeffanna sees dog\n")
    run = run_folders["wikiann"]
    assert command(script, monkeypatch, run, "--language", "sw", "--output", out, text) == 0
    assert [line.split("\t")[0] for line in out.read_text().splitlines()] == ["anna", "sees", "dog", ""]
    labels, link, pipe = out.read_bytes(), tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(out)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    for output in (link, pipe, Path("/dev/null")):
        mode = output.lstat().st_mode
        assert command(script, monkeypatch, run, "--language", "sw", "--output", output, text) == 0
        assert output.lstat().st_mode == mode
    assert out.read_bytes() == labels == os.read(reader, 4096)
    os.close(reader)
    capsys.readouterr()
    assert command(script, monkeypatch, run, "--language", "sw", "--output", "/dev/stdout", text) == 0
    assert capsys.readouterr().out.encode() == labels
    out.unlink()
    text.write_bytes(b"anna sees dog\n\xff\n")
    assert command(script, monkeypatch, run, text, "--language", "sw", "--output", out) == 1
    assert list(out.parent.iterdir()) == []
    streams = capsys.readouterr()
    assert streams.err == f"error: {text}, line 2: not UTF-8; convert the file to UTF-8\n"
    assert streams.out == ""


def test_sigterm_ends_the_command_without_a_file(
    run_folders: dict[str, Path], script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> Iterator[tuple[int, str]]:
        yield 1, "anna\tB-PER\n"
        os.kill(os.getpid(), signal.SIGTERM)
        yield 1, "anna\tB-PER\n"

    monkeypatch.setattr(free_text, "label_text", stop)
    (tmp_path / "out").mkdir()
    (tmp_path / "text").write_text("anna\nanna\n")
    arguments = ("--language", "sw", "--output", tmp_path / "out" / "labels", tmp_path / "text")
    with pytest.raises(SystemExit, match="143"):
        command(script, monkeypatch, run_folders["wikiann"], *arguments)
    assert list((tmp_path / "out").iterdir()) == []


def test_standard_input_that_is_closed_is_a_sentence(
    run_folders: dict[str, Path],
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert command(script, monkeypatch, run_folders["wikiann"], "--language", "sw") == 1
    assert capsys.readouterr().err == "error: standard input is closed; give the FILE to label\n"


def test_the_list_shows_what_was_evaluated_and_what_else_has_an_adapter(
    run_folders: dict[str, Path],
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(script, monkeypatch, run_folders["wikiann"], "--list") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    result = json.loads((run_folders["wikiann"] / "result.json").read_text())
    assert [line[0] for line in lines] == ["en", "ar", "sw", "qu", "tr"]
    assert lines[2][1] == f"f1 {100 * result['test']['sw']['f1']:.2f} (n = 14)"
    assert lines[3][1] == "not evaluated"
    assert command(script, monkeypatch, run_folders["full_ft"], "--list") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("any other\tvariant=full_ft has no language adapter")


def flip(content: bytes) -> bytes:
    """Changes one bit of the last weight, as a disk does."""
    return content[:-1] + bytes([content[-1] ^ 1])


def test_a_run_of_an_earlier_version_has_no_checksums_and_labels_as_before(
    run_folders: dict[str, Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(run_folders["wikiann"], tmp_path / "run"))
    (copy / "SHA256SUMS").unlink()
    assert label_lines(copy, "sw", "anna sees\n") == label_lines(run_folders["wikiann"], "sw", "anna sees\n")


def test_what_is_wrong_is_one_sentence(
    run_folders: dict[str, Path],
    data: Path,
    script: ModuleType,
    tmp_path: Path,
    backbone: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_folders["wikiann"]
    adapters = run.parents[4] / "adapters"
    elsewhere = tmp_path / "moved"
    shutil.copytree(adapters, elsewhere)
    (elsewhere / "tiny/sw-noo/adapter.safetensors").write_bytes(
        (elsewhere / "tiny/en-noo/adapter.safetensors").read_bytes()
    )  # another adapter than was evaluated
    other = tmp_path / "other"
    shutil.copytree(backbone, other)
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-4:] = b"\0\0\0\0"
    (other / "model.safetensors").write_bytes(weights)

    def break_file(name: str, content: bytes | None) -> Path:
        copy = tmp_path / f"broken{len(list(tmp_path.iterdir()))}"
        shutil.copytree(run, copy)
        if content is None:
            (copy / name).unlink()
        else:
            (copy / name).write_bytes(content)
        return copy

    head = (run / "head/head.safetensors").read_bytes()
    adapter = (run / "adapter/adapter.safetensors").read_bytes()
    labels = (run / "head/head.json").read_bytes()
    config = (run / "config.yaml").read_bytes()
    mlm = tmp_path / "mlm"
    mlm.mkdir()
    result = json.loads((run / "result.json").read_text())
    (mlm / "result.json").write_text(json.dumps(result | {"stage": "mlm", "task": None, "selection": None}))
    (mlm / "inputs.json").write_text("{}")
    cases: list[tuple[list[object], str]] = [
        ([run, "--language", "xx"], "no language adapter for 'xx' (noo) in"),
        (
            [run, "--language", "xx"],
            "there: ar, en, qu, sw, tr; --adapters DIR names another place, and this trains one: ",
        ),
        ([run, "--language", "xx"], "python train.py stage=mlm backbone=local backbone.path="),
        ([run], "--language CODE is missing"),
        (
            [run_folders["full_ft"], "--language", ".."],
            "--language '..' leads to another folder; codes are such as sw, and --list shows the run's",
        ),
        ([run, "--language", "sw", "--batch-size", 0], "--batch-size 0 must be at least 1"),
        ([run, tmp_path / "none.txt", "--language", "sw"], "none.txt cannot be read (No such file or directory)"),
        ([run, tmp_path, "--language", "sw"], "cannot be read (Is a directory)"),
        ([run, run / "result.json", "--language", "sw", "--output", tmp_path], "is a folder; name a file"),
        ([run, mlm / "inputs.json", "--language", "sw", "--output", mlm / "inputs.json"], "is read, and would be lost"),
        *(
            (
                [run, mlm / "inputs.json", "--language", "sw", "--output", place],
                "is a file that is read, and would be lost",
            )
            for place in (
                run / "head" / "head.json",
                run / "SHA256SUMS",
                next((run / "sentences").iterdir()),
                adapters / "tiny/sw-noo/adapter.safetensors",
                backbone / "config.json",
                next(backbone.glob("*.safetensors")),
                data / "panx" / "train-en.tsv",  # which nothing here reads
            )
        ),
        ([run, "--language", ""], "--language CODE is missing"),
        ([run_folders["xnli"], "--language", "sw", "--pretokenized"], "xnli reads whole sentences"),
        ([run, "--language", "sw", "--adapters", elsewhere], "sw-noo is not the adapter that"),
        ([run, "--language", "sw", "--backbone", other], "--backbone PATH names another place"),
        ([tmp_path / "none", "--language", "sw"], "there is no folder"),
        ([mlm, "--language", "sw"], "trained a language adapter"),
        ([break_file("result.json", None), "--language", "sw"], "has no result.json, so it is no finished run"),
        ([break_file("result.json", b"{"), "--language", "sw"], "result.json: it is damaged; move its folder away"),
        ([break_file("inputs.json", b"[]"), "--language", "sw"], "inputs.json is not JSON with fields; restore it"),
        (
            [break_file("result.json", b"[" * 100_000), "--language", "sw"],
            "result.json: it is damaged; move its folder",
        ),
        (
            [break_file("inputs.json", b'{"backbone": 7}'), "--language", "sw"],
            "its field 'backbone' is no text; restore",
        ),
        ([break_file("inputs.json", b"{}"), "--language", "sw"], "inputs.json is damaged, or was changed"),
        ([break_file("inputs.json", b"\0" * 9), "--language", "sw"], "inputs.json is not JSON"),
        ([break_file("config.yaml", b"\0" * 9), "--language", "sw"], "config.yaml cannot be read"),
        ([break_file("config.yaml", b"\xff\xfe"), "--language", "sw"], "config.yaml cannot be read"),
        ([break_file("config.yaml", b"seed: 2021-13-45"), "--language", "sw"], "config.yaml cannot be read"),
        ([break_file("config.yaml", b"a: ["), "--language", "sw"], "config.yaml cannot be read"),
        ([break_file("config.yaml", b"[]"), "--language", "sw"], "config.yaml is not what a run writes"),
        ([break_file("config.yaml", config + b"sead: 0\n"), "--language", "sw"], "config.yaml cannot be read"),
        ([break_file("config.yaml", b"fingerprint: a\nseed: 0"), "--language", "sw"], "config.yaml cannot be read"),
        ([break_file("head/head.safetensors", head[:-9]), "--language", "sw"], "/head.safetensors cannot be read"),
        ([break_file("head/head.safetensors", None), "--language", "sw"], "/head cannot be read"),
        (
            [break_file("head/head.safetensors", flip(head)), "--language", "sw"],
            "safetensors is damaged, or was changed",
        ),
        (
            [break_file("adapter/adapter.safetensors", flip(adapter)), "--language", "sw"],
            "SHA256SUMS has another SHA-256",
        ),
        ([break_file("SHA256SUMS", b"\0"), "--language", "sw"], "SHA256SUMS is damaged"),
        (
            [break_file("head/head.json", labels.replace(b"B-PER", b"B-LOC")), "--language", "sw"],
            "labels of config.yaml",
        ),
        ([break_file("adapter/adapter_config.json", b"{"), "--language", "sw"], "adapter_config.json"),
    ]
    for arguments, sentence in cases:
        assert command(script, monkeypatch, *arguments) == 1, arguments
        streams = capsys.readouterr()
        assert sentence in streams.err
        assert streams.err.startswith("error: ")
        assert streams.err.count("\n") == 1
        assert streams.out == ""


def test_a_moved_run_is_read_with_its_adapters_and_backbone_elsewhere(
    run_folders: dict[str, Path], backbone: Path, tmp_path: Path
) -> None:
    shutil.copytree(run_folders["udpos"], tmp_path / "run")
    shutil.copytree(run_folders["udpos"].parents[4] / "adapters", tmp_path / "adapters")
    shutil.copytree(backbone, tmp_path / "backbone")
    copy = open_run(tmp_path / "run", str(tmp_path / "adapters"), str(tmp_path / "backbone"))
    source = io.BytesIO(b"anna sees dog\n")
    ((_, text),) = label_text(copy.load("tr", "cpu"), source, "text", "tr", "tsv")
    assert text == label_lines(run_folders["udpos"], "tr", "anna sees dog\n")


def test_in_python_texts_get_the_records_of_the_command_and_the_language_is_swapped(
    run_folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    texts = ["anna sees dog.", "", "berta takes\u2028the  tree", "carl likes cat"]
    pairs = [("anna sees a dog", "no dog qqq"), "b\tzzz", ("carl", "qqq " * 30)]
    for name, inputs, languages in (("wikiann", texts, ("sw", "en", "sw")), ("xnli", pairs, ("ar", "en", "ar"))):
        lines = "".join(f"{text if isinstance(text, str) else chr(9).join(text)}\n" for text in inputs)
        run = orthoadapters.open_run(str(run_folders[name]))
        records = [run.label(inputs, language=language, device="cpu") for language in languages]
        for language, of_language in zip(languages, records, strict=True):
            text = label_lines(run_folders[name], language, lines, "jsonl")
            assert of_language == [json.loads(line) for line in text.split("\n") if line]
        assert records[0] != records[1]
        assert len(run.predictors) == 1
        (predictor,) = run.predictors.values()
        assert set(predictor.model.configs) == {"task", *languages}
    assert [record.message for record in caplog.records] == ["2 pairs were cut to 16 subwords"] * 3
    (words,) = orthoadapters.open_run(run_folders["udpos"]).label(["dog ."], "tr", by_spaces=True)
    assert (words["words"], len(words["tags"])) == (["dog", "."], 2)


def test_in_python_what_is_no_text_is_a_sentence_and_changes_nothing(run_folders: dict[str, Path]) -> None:
    run = orthoadapters.open_run(run_folders["xnli"])
    records = run.label([("anna", "dog")], "sw", device="cpu")
    for texts, message in (
        ("anna sees dog", r'label takes a list of texts; write label\(\["..."\], ...\) for a single one'),
        ([("a", "b"), ("a\n", "b")], "text 2 holds a line break, or a tab in one of its parts"),
        ([("a", "b\tc")], "text 1 holds a line break, or a tab in one of its parts"),
        ([float("nan")], "text 1 is no text: nan; give a string, or a tuple of them for a pair"),
        ([("a", None)], "text 1 is no text"),
        ([()], "text 1 is no text"),
        (["a"], "text 1: 1 columns instead of `premise TAB hypothesis` in 'a'; mend that text"),
        (["a\tb", " "], "text 2: empty, but xnli wants `premise TAB hypothesis`; take that text out"),
        (["a\tb", "\ud800\tb"], "text 2 holds half of a character; write the character itself"),
    ):
        with pytest.raises(UserError, match=message):
            run.label(texts, "sw", device="cpu")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no language adapter for 'xx'"):
        run.label([("anna", "dog")], "xx", device="cpu")
    assert run.label([("anna", "dog")], "sw", device="cpu") == records
    assert run.label([], "sw", device="cpu") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, "sw", "cpu"), "texts=None is no list of texts; write label"),
        ((5, "sw", "cpu"), "texts=5 is no list of texts"),
        ((b"a", "sw", "cpu"), "label takes a list of texts"),
        ((["a\tb"], "../sw", "cpu"), "language='../sw' has a / in it; give one code, such as 'sw'"),
        ((["a\tb"], "", "cpu"), "language='' is empty; give one code"),
        ((["a\tb"], "s\n", "cpu"), "language='s\\n' has a character that cannot be printed"),
        ((["a\tb"], None, "cpu"), "language=None is no text"),
        ((["a\tb"], ["sw"], "cpu"), "language=['sw'] is no text"),
        ((["a\tb"], "sw", "tpu"), "device='tpu' is none that a run can be loaded to; there are auto, cpu, cuda"),
        ((["a\tb"], "sw", None), "device=None is none that a run can be loaded to"),
        ((["a\tb"], "sw", ["cpu"]), "device=['cpu'] is none that a run can be loaded to"),
    ],
)
def test_in_python_what_is_asked_is_checked_before_anything_is_loaded(
    run_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, arguments: tuple[Any, str, str], message: str
) -> None:
    monkeypatch.setattr("orthoadapters.labelling.finished_run.FinishedRun.load_model", None)
    texts, language, device = arguments
    run = open_run(run_folders["xnli"])
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        run.label(texts, language, device=device)
    if texts == ["a\tb"]:
        with pytest.raises(UserError, match=f"^{re.escape(message)}"):
            run.load(language, device)


def test_in_python_an_empty_place_is_named(run_folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"^backbone is empty, as it becomes where a shell's variable has no value"):
        open_run(run_folders["xnli"], backbone="")
    with pytest.raises(UserError, match=r"^adapters is empty"):
        open_run(run_folders["xnli"], adapters="")


def test_an_endless_input_and_a_reader_that_has_enough_end_quietly(
    run_folders: dict[str, Path], tmp_path: Path
) -> None:
    """The script stands for a shell: yes anna sees dog | predict.py RUN --language tr | head -n 4."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, runpy, sys\nfrom subprocess import PIPE, Popen\n"
        "yes = Popen(['yes', 'anna sees dog'], stdout=PIPE)\nhead = Popen(['head', '-n', '4'], stdin=PIPE)\n"
        "os.dup2(yes.stdout.fileno(), 0)\nyes.stdout.close()\nos.dup2(head.stdin.fileno(), 1)\nhead.stdin.close()\n"
        "before, sys.stdin, sys.stdout = (sys.stdin, sys.stdout), open(0), open(1, 'w')\n"
        f"sys.argv[0] = {str(ROOT / 'predict.py')!r}\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    arguments = [str(run_folders["udpos"]), "--language", "tr", "--batch-size", "512"]
    out, err = launch(script, arguments, environment() | {"LC_ALL": "C"}, ROOT).communicate(timeout=120)
    assert err == ""
    assert [row.split("\t")[0] for row in out.splitlines()] == ["anna", "sees", "dog", ""]


def test_help_and_a_mistyped_language_do_not_wait_for_torch(run_folders: dict[str, Path]) -> None:
    program = (
        "import sys; from orthoadapters.commands import predict; predict.arguments().format_help(); code = predict.main(); "
        "print(code, 'torch' in sys.modules, 'spacy' in sys.modules)"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program, str(run_folders["udpos"]), "--language", "xx"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outcome.stdout == "1 False False\n", outcome.stderr


@pytest.mark.parametrize(
    ("text", "language", "task", "expectation"),
    [
        ("I don't know, U.S. law.", "en", "udpos", "I|do|n't|know|,|U.S.|law|."),
        ("Habari  ya asubuhi, Bwana Nyerere!", "sw", "wikiann", "Habari|ya|asubuhi|,|Bwana|Nyerere|!"),
        ("Ankara'da 3.5 km.", "tr", "udpos", "Ankara'da|3.5|km|."),
        ("यह है।", "hi", "udpos", "यह|है|।"),
        ("我来到北京清华大学, 1998年", "zh", "udpos", "我|来到|北京|清华大学|,|1998|年"),
        ("我来到 IBM", "zh", "wikiann", "我|来|到|I|B|M"),
        ("dorat velun, miska.", "qsa", "udpos", "dorat|velun|,|miska|."),
        ("\u3000 ", "sw", "udpos", ""),
    ],
)
def test_raw_text_is_split_into_words(text: str, language: str, task: str, expectation: str) -> None:
    by_character = language in task_config(task).character_words
    assert words(text, language, by_character) == [word for word in expectation.split("|") if word]


def test_runs_of_earlier_versions_still_know_the_words_of_their_task(
    run_folders: dict[str, Path], tmp_path: Path
) -> None:
    record = yaml.safe_load((run_folders["wikiann"] / "config.yaml").read_text())
    record["language"]["udpos"] = None
    for key in ("hub_subsets", "hub_columns", "character_words"):
        del record["task"][key]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(record))
    assert read_config(tmp_path / "config.yaml").task.character_words == ["zh"]
    record = yaml.safe_load((run_folders["udpos"] / "config.yaml").read_text())
    del record["task"]["character_words"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(record))
    assert read_config(tmp_path / "config.yaml").task.character_words == []


def test_a_language_whose_tokenizer_is_a_further_package_is_refused() -> None:
    with pytest.raises(UserError, match=r"spaCy's tokenizer for th needs another package .*--pretokenized"):
        words("a b", "th")


def test_a_head_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    task = compose_config(["task=wikiann"]).task
    head = TokenHead(8, 7, 0.1)
    save_head(tmp_path / "head", head, task)
    copy = load_head(tmp_path / "head", task, 8)
    hidden = torch.randn(2, 3, 8)
    assert torch.equal(copy(hidden), head.eval()(hidden))
    with pytest.raises(UserError, match="has tensors"):
        load_head(tmp_path / "head", task, 9)


def test_a_full_disk_is_one_sentence(
    run_folders: dict[str, Path],
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("anna sees dog\n")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    monkeypatch.setattr(script, "discard_rest", lambda: None)  # which is for the process's own standard output
    out = tmp_path / "out" / "labels.tsv"
    assert command(script, monkeypatch, run_folders["wikiann"], text, "--language", "sw", "--output", out) == 1
    assert capsys.readouterr().err == (
        "error: the labels cannot be written (No space left on device); make room, or write elsewhere\n"
    )
    assert list(out.parent.iterdir()) == []


def test_a_language_that_only_decides_how_words_are_split_is_named_if_it_is_unknown(
    run_folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    run = open_run(run_folders["full_ft"])
    run.require("tr")
    assert caplog.text == ""
    run.require("trk")
    assert "conf/language/ has no 'trk'" in caplog.text


def test_a_folder_of_ones_own_says_how_words_are_split_and_is_missed_where_it_is_gone(
    run_folders: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "mine" / "language"
    folder.mkdir(parents=True)
    (folder / "qu2.yaml").write_text("code: qu2\nname: Q\nword_splitter: jieba\n")
    run = open_run(run_folders["wikiann"], config_dir=str(folder.parent))
    assert run.config.paths.config == str(folder.parent)
    assert f"paths.config={folder.parent}" in adapter_command(run.config, "qu2")
    with pytest.raises(UserError, match="language=qu2"):
        run.require("qu2")
    run.require("qu")
    assert caplog.text == ""
    folder.parent.rename(tmp_path / "gone")
    with pytest.raises(UserError, match=r"language=qu2 language\.name=qu2"):
        run.require("qu2")
    assert f"the run's folder of your own files, {folder.parent}, is not there" in caplog.text
    assert "paths.config" not in adapter_command(run.config, "qu2")
    with pytest.raises(UserError, match="there is no such folder"):
        open_run(run_folders["wikiann"], config_dir=str(folder.parent))
