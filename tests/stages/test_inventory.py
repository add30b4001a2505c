"""What a run will read and write is looked for before anything is read or trained: alone, as a plan, and in a sweep."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from orthoadapters.commands import train
from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import Config
from orthoadapters.data.sources import read
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.errors import UserError
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.stages.inventory import Inventory, check_inventory, check_plan
from tests.helpers.short_runs import overrides
from tests.helpers.sweeps import run_sweep
from tests.test_files import PAGE, POINTER

TASK = ("variant=t_noo", "task=udpos", "languages=[ar,tr]")


@pytest.fixture
def data(world: Path, tmp_path: Path) -> Path:
    """A copy of the world, from which things may be taken away."""
    return Path(shutil.copytree(world, tmp_path / "world"))


@pytest.fixture
def command(backbone: Path, data: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Writes the command of a task run on copies of backbone and data."""
    copy = Path(shutil.copytree(backbone, tmp_path / "tiny"))
    return lambda *more: overrides(copy, data, tmp_path / "out", *TASK, *more)


def run_of(arguments: list[str]) -> tuple[Config, RunDirectory, list[str]]:
    config = compose_config(arguments)
    return config, RunDirectory(config), arguments


def problems(arguments: list[str]) -> list[str]:
    inventory = Inventory()
    inventory.add(*run_of(arguments))
    return inventory.problems


def test_all_that_is_missing_is_named_at_once(command: Callable[..., list[str]], data: Path, tmp_path: Path) -> None:
    assert problems(command()) == []
    assert not (tmp_path / "out").exists()
    for name in ("train-en", "test-tr", "dev-ar"):  # a target language may have no development set
        (data / "udpos" / f"{name}.tsv").unlink()
    (tmp_path / "file").touch()
    arguments = command(f"paths.runs={tmp_path}/file/runs", "variant=lort_tnoo")
    sentences = problems(arguments)
    assert [sentence.split(";")[0] for sentence in sentences[:3]] == [
        f"nothing can be written to {tmp_path}/file/runs/{run_of(arguments)[1].name}: {tmp_path}/file is no folder",
        f"there is no {data}/udpos/train-en.tsv",
        f"there is no {data}/udpos/test-tr.tsv",
    ]
    assert sentences[3].startswith("no language adapter for en, ar, tr (ort)")
    assert len(sentences) == 4
    with pytest.raises(UserError) as error:
        check_inventory(*run_of(arguments))
    assert str(error.value) == "\nerror: ".join(sentences)
    with pytest.raises(UserError) as error:  # a plan says itself which adapters it waits for
        check_plan(*run_of([*arguments, "plan=true"]))
    assert str(error.value) == "\nerror: ".join(sentences[:3])


def test_no_adapter_is_trained_before_data_and_text_are_there(
    command: Callable[..., list[str]], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "udpos" / "test-ar.tsv").unlink()
    (data / "text" / "tr.txt").unlink()
    arguments = command("variant=lort_tort", "language_adapters.missing=train")
    with pytest.raises(UserError, match=r"there is no \S+test-ar.tsv; .*\nerror: there is no \S+text/tr.txt"):
        train.run_one(compose_config(arguments), arguments)
    with pytest.raises(UserError, match=r"there is no \S+test-ar.tsv; .*\nerror: there is no \S+text/tr.txt"):
        train.run_one(compose_config([*arguments, "plan=true"]), arguments)
    assert "waits for" in capsys.readouterr().out
    (data / "udpos" / "test-ar.tsv").write_text("a\tNOUNS\n")
    shutil.copy(data / "text" / "ar.txt", data / "text" / "tr.txt")
    with pytest.raises(UserError, match=r"test-ar.tsv, line 1: unknown label 'NOUNS'"):
        train.run_one(compose_config(arguments), arguments)
    assert not (tmp_path / "out").exists()
    shutil.copy(data / "udpos" / "dev-ar.tsv", data / "udpos" / "test-ar.tsv")
    with (data / "text" / "tr.txt").open("ab") as file:
        file.write(b"\xff\n")
    (data / "text" / "ar.txt").write_text("short\n")
    match = r"ar.txt: only [0-9] subwords of text, which make 0 blocks of .*\nerror: \S+tr.txt, line 121: not UTF-8"
    with pytest.raises(UserError, match=match):
        train.run_one(compose_config([*arguments, "trainer.max_iterations=600"]), arguments)
    assert not (tmp_path / "out" / "runs").exists()


def test_files_of_one_run_with_the_same_contents_are_named(
    command: Callable[..., list[str]], data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert problems(command()) == []
    assert not caplog.records
    folder = data / "udpos"
    shutil.copy(folder / "train-en.tsv", folder / "test-tr.tsv")
    assert problems(command()) == []
    assert f"{folder}/test-tr.tsv has the same contents as {folder}/train-en.tsv, and both are read" in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["data=conllu", "data.root={root}/nothing"], "there is no folder {root}/nothing; data.root must be"),
        (["data=conllu"], "there is no {code}_*-ud-{split}.conllu in {root}"),
        (
            ["data=files", "task.files.format=conll", "task.files.path='{language}/{split}'"],
            "there is no {root}/{code}/{split}",
        ),
        (
            ["task=wikiann", "data=hub", "data.root=null", "task.hub_id={root}", "languages=[ar]"],
            "could not load {root} (config {code}): ",
        ),
        (["task=wikiann", "data=demo", "data.root=null", "languages=[ar]"], "the demo world has no language"),
    ],
)
def test_every_source_is_looked_at(
    more: list[str], sentence: str, command: Callable[..., list[str]], data: Path
) -> None:
    arguments = command(*(part.replace("{root}", str(data)) for part in more))
    sentences = problems(arguments)
    values = {"root": str(data), "code": "ar", "split": "test"}
    assert any(sentence.format(**values) in one for one in sentences), sentences


def test_without_a_network_a_plan_says_what_is_to_be_fetched_and_a_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    arguments = ["task=xnli", "languages=[sw]", "variant=t_noo", f"paths.runs={tmp_path}/runs"]
    check_plan(*run_of(arguments))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("missing: backbone FacebookAI/xlm-roberta-base at revision ")
    assert (
        line.endswith("with: python -m orthoadapters.fetch " + " ".join(arguments).replace("[sw]", "[sw]"))
        or "'" in line
    )
    with pytest.raises(UserError, match="is not in the local cache, and HF_HUB_OFFLINE is set"):
        check_inventory(*run_of(arguments))


def test_a_tokenizer_with_more_entries_than_embeddings_is_refused(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    path = tmp_path / "tiny" / "config.json"
    rows = json.loads(path.read_text())["vocab_size"]
    tokenizer = tmp_path / "tiny" / "added_tokens.json"
    tokenizer.write_text(json.dumps({"<one>": rows - 1}))
    assert problems(command()) == []
    tokenizer.write_text(json.dumps({"<one>": rows - 1, "<two>": rows}))
    (sentence,) = problems(command())
    assert f"tiny has {rows + 1} entries and the embedding matrix {rows} rows" in sentence
    assert f"model.resize_token_embeddings({rows + 1})" in sentence


@pytest.mark.parametrize(
    ("name", "key", "sentence"),
    [
        ("tokenizer_config.json", "pad_token", "has no pad token, and batches are padded; name it in"),
        ("tokenizer.json", "post_processor", "puts no special tokens such as <s> and </s> around a text"),
    ],
)
def test_a_tokenizer_without_pad_token_or_ends_is_refused(
    name: str, key: str, sentence: str, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    path = tmp_path / "tiny" / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: None}))
    (problem,) = problems(command())
    assert f"the tokenizer in {tmp_path}/tiny {sentence}" in problem
    with pytest.raises(UserError, match=sentence):
        load_tokenizer(str(tmp_path / "tiny"))
    config = tmp_path / "tiny" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"tokenizer_class": "XLMRobertaTokenizer"}))
    assert problems(command()) == []  # the class may have what the files lack


def test_a_vocab_size_that_is_not_that_of_the_weights_is_named(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    path = tmp_path / "tiny" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"vocab_size": 500}))
    (problem,) = problems(command())
    assert "word_embeddings.weight has shape [400, 64], and vocab_size in config.json makes it [500, 64]" in problem


def test_a_padding_id_that_is_not_the_tokenizers_is_named(command: Callable[..., list[str]], tmp_path: Path) -> None:
    path = tmp_path / "tiny" / "config.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"pad_token_id": 5}))
    (problem,) = problems(command())
    sentence = f"{path}: pad_token_id is 5, and must be 1, the tokenizer's padding id, as positions are counted from it"
    assert problem.startswith(sentence)
    with pytest.raises(UserError, match="pad_token_id is 5, and must be 1"):
        load_tokenizer(str(tmp_path / "tiny"))
    path.write_text(json.dumps(fields | {"pad_token_id": 5, "model_type": "bert"}))
    assert problems(command()) == []  # BERT counts positions from 0


def test_an_adapter_that_is_there_is_read_before_others_are_trained(
    command: Callable[..., list[str]], oracle: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "out" / "adapters" / "tiny" / "en-noo"
    shutil.copytree(oracle / "sw_safetensors", adapter)
    tensors = {key: value.clone() for key, value in load_file(adapter / "adapter.safetensors").items()}
    name, tensor = next(iter(tensors.items()))
    save_file(tensors | {name: torch.full_like(tensor, torch.nan)}, adapter / "adapter.safetensors")
    arguments = command("variant=lnoo_tnoo", "language_adapters.missing=train")
    for number, dtype in ((torch.nan, torch.float32), (torch.inf, torch.bfloat16), (-torch.inf, torch.float16)):
        wrong = torch.full_like(tensor, number, dtype=dtype)
        save_file(tensors | {name: wrong}, adapter / "adapter.safetensors")
        (problem,) = problems(arguments)  # in plans and sweeps, too
        assert f"en-noo/adapter.safetensors: tensor {name} has {tensor.numel()} weights that are NaN or inf" in problem
        save_file({key: value.to(dtype) for key, value in tensors.items()}, adapter / "adapter.safetensors")
        assert problems(arguments) == []
    save_file(tensors | {name: torch.full_like(tensor, torch.nan)}, adapter / "adapter.safetensors")
    with pytest.raises(UserError, match=r"en-noo/adapter.safetensors: tensor .* NaN or infinite"):
        train.run_one(compose_config(arguments), arguments)
    assert not (tmp_path / "out" / "runs").exists()
    save_file(tensors | {name: torch.ones_like(tensor, dtype=torch.int32)}, adapter / "adapter.safetensors")
    (problem,) = problems(arguments)
    assert "is of type I32, and weights are floating-point numbers; bring it back" in problem
    misshapen = tensors | {name: torch.cat([tensor, tensor])}
    for changed, sentence in (
        (misshapen, rf"en-noo: \S+ has shape \({2 * len(tensor)}, ?.*\), expected .*; bring it back"),
        ({key: value for key, value in tensors.items() if key != name}, r"does not fit a backbone of 3 layers: lacks "),
        (tensors | {"odd": tensor.clone()}, r"en-noo: tensor odd belongs to no site of this model"),
    ):
        save_file(changed, adapter / "adapter.safetensors")
        (problem,) = problems(arguments)
        assert re.search(sentence, problem)
    save_file(tensors, adapter / "adapter.safetensors")
    (problem,) = problems([*arguments, "variant.language_reduction=4"])
    assert (
        "en-noo has bottleneck 32 and this run's variant.language_reduction makes it 16; train the adapter" in problem
    )
    (adapter / "adapter_config.json").unlink()
    english = [*command("variant=lnoo_tnoo"), "stage=mlm", "language=en"]
    for words in (command("variant=lnoo_tnoo"), arguments, english):  # it is neither trained over
        (problem,) = problems(words)
        assert f"{adapter} has an adapter's weights and no adapter_config.json; bring it back" in problem


def test_a_backbone_that_is_a_link_to_itself_is_a_sentence(command: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UserError, match=r"loop cannot be looked at \(Too many levels of symbolic links\); mend that"):
        check(compose_config(command(f"backbone.path={tmp_path}/loop")))


def test_lengths_beyond_the_backbones_positions_are_seen_before_anything_is_trained(
    command: Callable[..., list[str]],
) -> None:
    more = ("variant=lnoo_tnoo", "language_adapters.missing=train", "mlm.block_length=68")
    assert problems(command(*more, "task.max_length=68")) == []
    (sentence,) = problems(command("variant=madx2", "variant.leave_out=[1]", "language_adapters.missing=train"))
    assert sentence.startswith("variant=madx2 leaves out the last layer, which is number 2 here, ")
    assert sentence.endswith("and variant.leave_out=[1] does not name it; give variant.leave_out=[2]")
    assert problems(command("variant=full_ft", "variant.leave_out=[9]")) == []
    assert problems(command("variant.leave_out=[2,3]")) == [
        "variant.leave_out=[2,3] names a layer that this backbone has not; its layers are 0 to 2"
    ]
    assert problems(command(*more, "task.max_length=69", "mlm.block_length=70")) == [
        "task.max_length=69 is more than the 68 positions of this backbone; lower it",
        "mlm.block_length=70 is more than the 68 positions of this backbone; lower it",
    ]


def test_unfreezing_that_takes_longer_than_the_training_is_seen_before_anything_is_trained(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    by_epoch = ("unfreeze.per=epoch", "variant=lnoo_tnoo", "language_adapters.missing=train")
    assert problems(command(*by_epoch, "trainer.max_epochs=3")) == []
    assert problems(command(*by_epoch, "variant.leave_out=[1]")) == []
    (sentence,) = problems(command(*by_epoch))
    assert sentence.endswith("from epoch 3 on, and the training has 2; take unfreeze.per=iteration, or train longer")
    places = [f"paths.{name}={tmp_path}/demo" for name in ("runs", "adapters", "cache")]
    (sentence,) = problems(["suite=demo", *places, *by_epoch, "unfreeze.every=500"])
    assert "the adapter's 3 layers are all trained from epoch 1001 on" in sentence
    mlm = ("stage=mlm", "variant=lnoo_tnoo", "unfreeze.per=iteration")
    assert problems(command(*mlm, "trainer.max_iterations=4")) == []
    (sentence,) = problems(command(*mlm, "trainer.max_iterations=3"))
    assert "3 layers and the invertible part are all trained from iteration 4 on, and the training has 3;" in sentence
    (tmp_path / "text").mkdir()
    shutil.copy(tmp_path / "world" / "text" / "en.txt", tmp_path / "text")
    domain = ("domain.name=news", f"domain.root={tmp_path}/text", "trainer.max_iterations=3")
    assert not any("unfreeze" in sentence for sentence in problems(command(*mlm, *domain)))
    by_iteration = command(*by_epoch, "unfreeze.per=iteration", "unfreeze.every=500")
    assert problems(by_iteration) == []
    with pytest.raises(UserError, match=r"from iteration 1001 on, .*; lower unfreeze.every, or train longer$"):
        train.run_one(compose_config(by_iteration), by_iteration)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
def test_a_pointer_or_a_page_in_a_backbones_folder_is_named(
    name: str, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    for content, what in ((POINTER, "is a pointer of Git LFS"), (PAGE, "is a web page")):
        (tmp_path / "tiny" / name).write_bytes(content)
        assert f"{tmp_path}/tiny/{name} {what}" in problems(command())[0]


def copy_adapters(oracle: Path, folder: Path) -> list[str]:
    """Copies a language adapter for each language into mine/; returns the overrides that read them."""
    for language in ("en", "ar", "tr"):
        shutil.copytree(oracle / "sw", folder / "mine" / language)
    return ["variant=lnoo_tnoo", "language_adapters.source=local", f"language_adapters.root={folder}/mine"]


@pytest.mark.parametrize("name", ["adapter_config.json", "pytorch_adapter.bin"])
def test_a_pointer_or_a_page_in_an_adapters_folder_is_named(
    name: str, command: Callable[..., list[str]], oracle: Path, tmp_path: Path
) -> None:
    local = copy_adapters(oracle, tmp_path)
    assert problems(command(*local)) == []
    (tmp_path / "mine" / "ar" / name).write_bytes(POINTER)
    (sentence,) = problems(command(*local))
    assert sentence.startswith(f"{tmp_path}/mine/ar/{name} is a pointer of Git LFS")


def test_text_is_asked_for_where_language_adapters_are_trained_first(command: Callable[..., list[str]]) -> None:
    arguments = [text for text in command("variant=lnoo_tnoo") if not text.startswith("corpus.root=")]
    assert problems([*arguments, "variant=full_ft"]) == []
    assert problems(arguments)[0].startswith("no language adapter for en, ar, tr (noo)")
    assert problems([*arguments, "language_adapters.missing=train"]) == [
        "corpus.root has no value here; give it one with corpus.root=..., or write it into the corpus's file"
    ]


@pytest.mark.parametrize("name", ["pytorch_adapter.bin", "pytorch_model_head.bin"])
def test_a_pickle_with_code_or_without_its_end_is_named(
    name: str, command: Callable[..., list[str]], oracle: Path, tmp_path: Path
) -> None:
    local = copy_adapters(oracle, tmp_path)
    path = tmp_path / "mine" / "ar" / name
    torch.save({"a": torch.zeros(9)}, path)
    path.write_bytes(path.read_bytes()[:-9])
    assert problems(command(*local))[0].startswith(
        f"{path} cannot be read, it may be cut off: File is not a zip file; bring"
    )
    torch.save({"a": os.getcwd}, path)
    assert problems(command(*local))[0].startswith(
        f"{path} holds more than tensors (posix.getcwd) and is not loaded, as"
    )


def test_a_sweep_looks_once_for_what_its_cells_share_and_runs_no_cell_without_it(
    command: Callable[..., list[str]],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (data / "udpos" / "test-tr.tsv").unlink()
    paths: list[Path] = []
    monkeypatch.setattr(read, "check_content", paths.append)
    arguments = [*command("languages=[ar],[ar,tr]"), "seed=0,1,2"]
    assert run_sweep(*arguments, "plan=true") == 1
    streams = capsys.readouterr()
    assert streams.out.splitlines()[-1] == "6 cells: 6 to run"
    assert [line.partition(";")[0] for line in streams.err.splitlines()] == [
        f"error: there is no {data}/udpos/test-tr.tsv"
    ]
    names = sorted(path.name for path in paths)
    assert names == ["dev-ar.tsv", "dev-en.tsv", "dev-tr.tsv", "test-ar.tsv", "test-en.tsv", "train-en.tsv"]
    assert run_sweep(*arguments) == 1
    assert not (tmp_path / "out").exists()
    (data / "udpos" / "test-tr.tsv").write_text("a\tNOUNS\n")
    for more in (["variant=lnoo_tnoo", "language_adapters.missing=train"], [], ["plan=true"]):
        assert run_sweep(*arguments, *more) == 1
        streams = capsys.readouterr()
        assert "test-tr.tsv, line 1: unknown label 'NOUNS'" in streams.err
    assert streams.out.splitlines()[-1] == "6 cells: 6 to run"
    assert not (tmp_path / "out").exists()
